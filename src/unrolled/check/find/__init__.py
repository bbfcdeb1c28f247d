"""A learner's file to the functions in it, by syntax tree alone: nothing of the learner's is run here."""

from unrolled.check.find.mapping import Mapping, read_mapping
from unrolled.check.find.recognise import Argument, Found, find_functions
from unrolled.check.find.sources import Source, read_source

__all__ = ["Argument", "Found", "Mapping", "Source", "find_functions", "read_mapping", "read_source"]

"""Whether learners' functions are right: called on random arrays in their own convention, held against the truth."""

from unrolled.check.judge.file import check_source

__all__ = ["check_source"]

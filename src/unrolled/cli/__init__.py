"""The command `unrolled`: arguments in, words out; every job is done by another module, imported when it is asked for."""

from unrolled.cli.app import main

__all__ = ["main"]

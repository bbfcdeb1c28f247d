"""Why a function's numbers are wrong, by value alone: which equation, which line, which mistake; no code is run."""

from unrolled.check.explain.findings import explain

__all__ = ["explain"]

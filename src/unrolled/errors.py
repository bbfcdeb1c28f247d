"""Every exception that this package raises on purpose; nothing that computes."""

__all__ = [
    "CheckpointError",
    "DataError",
    "DivergenceError",
    "MissingExtraError",
    "ParameterError",
    "ShapeError",
    "UnrolledError",
    "WeightFormatError",
]


class UnrolledError(Exception):
    """The base of all errors below: `except UnrolledError` catches what this package raises on purpose."""


class ShapeError(UnrolledError, ValueError):
    """An array's shape does not fit; the message names it, the expected and the actual shape, and a remedy."""


class ParameterError(UnrolledError, ValueError):
    """An argument or a named parameter is missing, unknown, of the wrong dtype or out of its range."""


class DataError(UnrolledError, ValueError):
    """A file or text that was given as data cannot be used; the message says where and why."""


class WeightFormatError(UnrolledError, ValueError):
    """Saved weights do not have the names, shapes or dtypes that the model expects."""


class CheckpointError(UnrolledError, ValueError):
    """A run folder or checkpoint is missing, truncated, altered, or of another kind."""


class DivergenceError(UnrolledError, ArithmeticError):
    """Training produced a loss that is not a finite number; the last good checkpoint is kept."""


class MissingExtraError(UnrolledError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""

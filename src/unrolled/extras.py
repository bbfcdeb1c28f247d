"""Optional dependencies, imported where they are used; nothing that uses them."""

from importlib import import_module
from typing import Any

from unrolled.errors import MissingExtraError

__all__ = ["import_extra"]


def import_extra(module: str, purpose: str, extra: str) -> Any:
    """A module that an extra brings.

    Args:
        module: its name, `"matplotlib.pyplot"`.
        purpose: what it is wanted for, as the message says it.
        extra: of this package.

    Raises:
        MissingExtraError: it is not installed.

    >>> import_extra("no_such_module", "a plot", "plot")
    Traceback (most recent call last):
        ...
    unrolled.errors.MissingExtraError: no_such_module is not installed, expected for a plot; install it with: pip install 'unrolled[plot]'
    """  # noqa: E501
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(
            f"{module.partition('.')[0]} is not installed, expected for {purpose}; "
            f"install it with: pip install 'unrolled[{extra}]'"
        ) from None

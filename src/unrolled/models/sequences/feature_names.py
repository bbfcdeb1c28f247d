"""The names that the columns of data frames give features, compared as scikit-learn does; it reorders nothing."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, cast

from unrolled.errors import ParameterError

__all__ = ["check_names", "names_of"]

SHOWN = 5  # names in a list of them, as scikit-learn shows


def names_of(name: str, X: Any) -> list[str] | None:
    """The names of the features of a data frame, or of a list of them, one for each sequence.

    Args:
        name: the argument's name in messages.
        X: sequences as a caller has them.

    Returns:
        The columns' names; `None` where there are none, or they are no text.

    Raises:
        ParameterError: the frames of a list have other columns, or some of a frame's names are no text.
    """
    if not isinstance(X, list | tuple):
        return _columns(name, X)
    frames = [_columns(f"{name}[{row}]", each) for row, each in enumerate(cast("Sequence[Any]", X))]
    if not frames or None in frames:
        return None
    for row, columns in enumerate(frames):
        if columns != frames[0]:
            raise ParameterError(
                f"`{name}[{row}]` has the columns {_shown(columns)}, expected {_shown(frames[0])}, as `{name}[0]` has "
                "them; give every sequence the same columns, in the same order"
            )
    return frames[0]


def check_names(name: str, given: list[str] | None, own: list[str] | None, model: str) -> None:
    """Raises `ParameterError` where the names are not those of `fit`; warns where either are missing.

    Args:
        name: the argument's name in messages.
        given: its names.
        own: those of `fit`.
        model: who says so.
    """
    if given == own:
        return
    if given is None or own is None:
        which = "does not have valid feature names" if given is None else "has feature names"
        fitted = "with" if given is None else "without"
        warnings.warn(f"{name} {which}, but {model} was fitted {fitted} feature names", UserWarning, stacklevel=5)
        return
    text = "The feature names should match those that were passed during fit.\n"
    unseen, missing = sorted({*given} - {*own}), sorted({*own} - {*given})
    if unseen:
        text += f"Feature names unseen at fit time:\n{_listed(unseen)}"
    if missing:
        text += f"Feature names seen at fit time, yet now missing:\n{_listed(missing)}"
    if not unseen and not missing:
        text += "Feature names must be in the same order as they were in fit.\n"
    raise ParameterError(
        f"{text}`{name}` has the columns {_shown(given)}, expected {_shown(own)}; frame[model.feature_names_in_] has "
        "them in that order"
    )


def _columns(name: str, frame: Any) -> list[str] | None:
    if not (hasattr(frame, "columns") and hasattr(frame, "shape")):
        return None
    columns: list[Any] = list(frame.columns)
    text = [isinstance(column, str) for column in columns]
    if any(text) and not all(text):
        raise ParameterError(
            f"`{name}` has the columns {_shown(columns)}, some of whose names are text and some not. Feature names are "
            "only supported if all input features have string names, expected such; rename them by "
            "frame.columns.astype(str)"
        )
    return columns if any(text) else None


def _listed(names: Sequence[str]) -> str:
    shown = [f"- {each}\n" for each in names[:SHOWN]]
    return "".join(shown) + ("- ...\n" if len(names) > SHOWN else "")


def _shown(names: Sequence[Any] | None) -> str:
    names = names or []
    return ", ".join(map(repr, names[: 2 * SHOWN])) + (", ..." if len(names) > 2 * SHOWN else "")

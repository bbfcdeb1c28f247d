"""What scikit-learn asks of any estimator, without needing it: parameters by name, tags, kinds of error; no model.

`clone`, pipelines, grid search and `check_estimator` want these methods, not its base class; so the models work where
scikit-learn is not installed, and `import unrolled` does not load it.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Mapping
from numbers import Integral
from typing import Any, Self, cast

import numpy as np

from unrolled.errors import ParameterError

__all__ = [
    "Parametrised",
    "not_fitted",
    "params_from_record",
    "params_to_record",
    "seed_of",
    "sklearn_class",
    "sklearn_tags",
]


def sklearn_class(name: str, otherwise: type[Any]) -> type[Any]:
    """A class of `sklearn.exceptions`, for whoever has loaded it and may be waiting for one; else `otherwise`."""
    return getattr(sys.modules.get("sklearn.exceptions"), name, otherwise)


def not_fitted(estimator: object) -> Exception:
    """The error of one that is used before `fit`: scikit-learn's `NotFittedError` where that is in use."""
    name = type(estimator).__name__
    return sklearn_class("NotFittedError", ParameterError)(
        f"This {name} is not fitted yet, expected a fitted one; call `fit` with what to learn from, or load a saved "
        f"one with {name}.load(folder)"
    )


def sklearn_tags(kind: str | None, *, allow_nan: bool, multi_output: bool) -> Any:
    """The tags of a `"classifier"`, a `"regressor"` or, where `None`, of neither; only scikit-learn asks for them."""
    utils: Any = importlib.import_module("sklearn.utils")
    return utils.Tags(
        estimator_type=kind,
        target_tags=utils.TargetTags(required=True, multi_output=multi_output),
        classifier_tags=utils.ClassifierTags() if kind == "classifier" else None,
        regressor_tags=utils.RegressorTags() if kind == "regressor" else None,
        input_tags=utils.InputTags(three_d_array=True, allow_nan=allow_nan),
    )


def seed_of(random_state: Any) -> int | None:
    """The seed that a `random_state` means; one drawn from it, where it is a `RandomState`; `None` for none.

    Raises:
        ParameterError: it is something else.
    """
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if random_state is None:
        return None
    if not isinstance(random_state, Integral) or random_state < 0:
        raise ParameterError(
            f"`random_state` is {random_state!r}, expected a whole number of at least 0, a RandomState or None; "
            "None differs each time"
        )
    return int(random_state)


class Parametrised:
    """The arguments of `__init__`, kept as they came, to be read and set by name.

    >>> class Model(Parametrised):
    ...     def __init__(self, *, size=3):
    ...         self.size = size
    >>> Model().set_params(size=4)
    Model(size=4)
    """

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        return {name: each.default for name, each in inspect.signature(cls).parameters.items()}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All parameters by name; `deep` changes nothing, as none of them is an estimator."""
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self, **params: Any) -> Self:
        """Sets parameters by name; the next `fit` uses them.

        Raises:
            ParameterError: there is no parameter of that name.
        """
        known = self._defaults()
        for name in params:
            if name not in known:
                raise ParameterError(
                    f"`{name}` is no parameter of {type(self).__name__}, expected one of {', '.join(known)}; "
                    "check the spelling"
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, default in self._defaults().items()
            if repr(getattr(self, name)) != repr(default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")


def params_to_record(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as plain values for JSON, which knows neither NumPy's numbers nor a dict with keys but text.

    A `RandomState` is left out: what was drawn from it is saved as the seed.

    >>> params_from_record(params_to_record({"hidden_size": np.int64(8), "class_weight": {1: 2.0}}))
    {'hidden_size': 8, 'class_weight': {1: 2.0}}
    """
    return {name: _plain(value) for name, value in params.items()}


def params_from_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Takes back what `params_to_record` gave."""
    return {name: _from_plain(value) for name, value in record.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {"pairs": [[_plain(key), _plain(entry)] for key, entry in cast(Mapping[Any, Any], value).items()]}
    if isinstance(value, np.random.RandomState):
        return None
    return cast(Any, value).item() if isinstance(value, np.generic) else value


def _from_plain(value: Any) -> Any:
    return dict(cast(Any, value)["pairs"]) if isinstance(value, Mapping) else value

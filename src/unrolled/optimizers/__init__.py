"""How parameters are changed by their gradients; what a gradient is worth is the losses' matter."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from unrolled.errors import ParameterError
from unrolled.optimizers.adam import Adam, AdamW
from unrolled.optimizers.average import WeightAverage
from unrolled.optimizers.base import Editable, Optimizer
from unrolled.optimizers.clipping import clip_by_global_norm, clip_by_value
from unrolled.optimizers.rmsprop import RMSprop
from unrolled.optimizers.sgd import SGD

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "AdamW",
    "Editable",
    "Optimizer",
    "RMSprop",
    "WeightAverage",
    "clip_by_global_norm",
    "clip_by_value",
    "create_optimizer",
]

OPTIMIZERS: Mapping[str, Callable[..., Optimizer]] = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam, "adamw": AdamW}


def create_optimizer(name: str, learning_rate: float, **settings: Any) -> Optimizer:
    """An optimizer by its name, for whoever reads it from a file or a command line.

    Args:
        name: one of `OPTIMIZERS`.
        learning_rate: the step length.
        settings: what else its class takes, `momentum=0.9` for `"sgd"`, say; its defaults stand for the others.

    Returns:
        A fresh optimizer, which has taken no step.

    Raises:
        ParameterError: there is no optimizer of that name, it has no such setting, or a value is out of its range.

    >>> create_optimizer("sgd", 0.1, momentum=0.9).momentum
    0.9
    """
    if name not in OPTIMIZERS:
        raise ParameterError(f"`name` is {name!r}, expected one of {', '.join(OPTIMIZERS)}; check the spelling")
    known = list(inspect.signature(OPTIMIZERS[name]).parameters)
    for setting in settings:
        if setting not in known:
            raise ParameterError(
                f"`{setting}` is no setting of {name!r}, expected one of {', '.join(known)}; "
                "leave it out or choose another optimizer"
            )
    return OPTIMIZERS[name](learning_rate, **settings)

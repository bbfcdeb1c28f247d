"""The settings of `FitSettings` by name and type, for functions that take them as arguments of their own; no checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

__all__ = ["FitOptions"]


class FitOptions(TypedDict, total=False):
    """Arguments for `FitSettings(**options)`, which says what each is."""

    epochs: float | None
    steps: int | None
    minutes: float | None
    optimizer: str
    learning_rate: float
    weight_decay: float
    schedule: str
    warmup: int
    final_rate: float
    clip: float | None
    clip_value: float | None
    ema: float | None
    patience: int | None
    monitor: str
    seed: int
    optimizer_options: Mapping[str, Any]
    schedule_options: Mapping[str, Any]

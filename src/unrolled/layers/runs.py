"""What the recurrent layers' passes keep and hand back; nothing that computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from unrolled.engine import recurrent as engine
from unrolled.errors import ParameterError
from unrolled.layers.chain import ChainRun
from unrolled.shapes import Array

__all__ = ["KEEP", "Memory", "RecurrentGradients", "RecurrentRun", "State", "Trace", "check_memory"]

State = TypeVar("State")  # a pair for an LSTM, else an array (L D, N, H)
Trace = TypeVar("Trace")

# What a forward pass keeps for `backward`. The gradients are the same, bit for bit.
Memory = Literal["full", "low", "sqrt"]
KEEP: dict[Memory, engine.Keep] = {"full": "gates", "low": "cells", "sqrt": "checkpoints"}


def check_memory(memory: str, *, trace: bool) -> None:
    """Raises unless `memory` is one of `Memory`, and keeps what a trace needs where there is to be one."""
    if memory not in KEEP:
        raise ParameterError(f"`memory` is {memory!r}, expected 'full', 'low' or 'sqrt'; see this method's docstring")
    if trace and memory != "full":
        raise ParameterError(
            f"`memory` is {memory!r} with `trace=True`, expected 'full'; a trace is every gate that was kept"
        )


@dataclass
class RecurrentRun(Generic[State, Trace]):
    """What a forward pass computed, and what `backward` needs of it."""

    output: Array  # (T, N, D H), or (T, N, H) where the directions are merged
    state: State  # after each sequence's last step
    trace: tuple[Trace, ...] | None  # one for each layer and direction, where asked for
    kept: engine.Forward | ChainRun | None  # for `backward`
    layer: object  # that made it
    version: int  # of the parameters it was made with
    learned_state: bool  # whether it began with the learned state


@dataclass
class RecurrentGradients(Generic[State]):
    """Gradients of J, summed over time and batch."""

    parameters: dict[str, Array]
    x: Array | None  # (T, N, I)
    state: State  # of the initial state
    embedding: Array | None = None  # (V, I), where the input was tokens

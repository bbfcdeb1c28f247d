"""Writing sequences token by token, keeping the few likeliest beginnings; knows no model but by one step of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.models.text.sampling import log_softmax
from unrolled.shapes import Array, real_number, whole_number

__all__ = ["Hypothesis", "Step", "beam_search", "checked_penalty"]

# One step: tokens (R,) and what the model remembers of each row, to logits (R, V) and what it remembers then.
Step = Callable[[NDArray[np.int32], Any], tuple[Array, Any]]


class Hypothesis(NamedTuple):
    """A sequence that a model holds for possible."""

    tokens: list[int]  # without the start, and without the end
    log_probability: float  # of all its tokens and the end, in nats
    score: float  # log_probability / length ** length_penalty; the end counts as one


def beam_search(
    step: Step,
    take: Callable[[Any, NDArray[np.intp]], Any],
    memory: Any,
    N: int,
    *,
    start: int,
    end: int,
    width: int = 1,
    max_length: int = 100,
    length_penalty: float = 1.0,
) -> list[list[Hypothesis]]:
    r"""Finds likely sequences for each of N inputs, side by side.

    From every kept beginning each next token is tried; of all these, the likeliest are kept, as many as `width` less
    those of the input that have come to their end. With width 1 this is greedy decoding: the likeliest token each time.

    Args:
        step: of the model.
        take: rows of what the model remembers, in another order.
        memory: what it remembers before the first step, of N rows.
        N: how many inputs.
        start: the token that goes before the first; it and those below are never written.
        end: the token that ends a sequence.
        width: how many beginnings are kept.
        max_length: of a sequence, without its end: behind so many tokens only the end may come.
        length_penalty: 0 compares probabilities, which favours short sequences; 1 the mean per token.

    Returns:
        For each input its hypotheses, at the most `width`, the best score first.

    Raises:
        ParameterError: the width or the length is not positive, or the penalty is not a finite number of at least 0.

    Source: Graves 2012, section 2.3, and Sutskever, Vinyals & Le 2014, section 3.2; the score of Boulanger-Lewandowski,
        Bengio & Vincent 2013, length-normalised as in Bahdanau, Cho & Bengio 2015.
    """
    width = whole_number("width", width, remedy="1 is greedy")
    max_length = whole_number("max_length", max_length, remedy="100 is usual")
    length_penalty = checked_penalty(length_penalty)
    finished: list[list[Hypothesis]] = [[] for _ in range(N)]
    memory = take(memory, np.repeat(np.arange(N), width))
    tokens = np.full(N * width, start, np.int32)
    written = np.empty((N, width, 0), np.int32)
    total = np.full((N, width), -np.inf)  # log p of each beginning
    total[:, 0] = 0  # all are the same at first: one is enough

    for length in range(1, max_length + 2):
        logits, memory = step(tokens, memory)
        log_p = log_softmax(logits).reshape(N, width, -1)
        log_p[..., : start + 1] = -np.inf
        if length > max_length:
            log_p[..., np.arange(log_p.shape[-1]) != end] = -np.inf
        V = log_p.shape[-1]
        tried = (total[..., None] + log_p).reshape(N, width * V)
        order = np.argsort(-tried, axis=1, kind="stable")[:, :width]
        total = np.take_along_axis(tried, order, 1)
        room = width - np.array([len(hypotheses) for hypotheses in finished])
        total[np.arange(width) >= room[:, None]] = -np.inf
        beams, chosen = order // V, (order % V).astype(np.int32)
        ended: list[list[int]] = np.argwhere((chosen == end) & np.isfinite(total)).tolist()
        for n, b in ended:
            log_probability = float(total[n, b])
            sequence: list[int] = written[n, beams[n, b]].tolist()
            finished[n].append(Hypothesis(sequence, log_probability, log_probability / length**length_penalty))
            total[n, b] = -np.inf
        written = np.concatenate([np.take_along_axis(written, beams[..., None], 1), chosen[..., None]], 2)
        if not np.isfinite(total).any():
            break
        memory = take(memory, (np.arange(N)[:, None] * width + beams).reshape(-1))
        tokens = chosen.reshape(-1)
    return [sorted(hypotheses, key=lambda hypothesis: -hypothesis.score) for hypotheses in finished]


def checked_penalty(length_penalty: float) -> float:
    """A caller's `length_penalty`; raises `ParameterError` unless it is a finite number of at least 0."""
    return real_number("length_penalty", length_penalty, at_least=0, remedy="1 compares means per token")

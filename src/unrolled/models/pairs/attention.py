"""Attention of a decoder's states to an encoder's, forward and backward; no parameters, and no loop over time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.shapes import Array

__all__ = ["AttentionRun", "attend", "attend_backward"]


class AttentionRun(NamedTuple):
    """What `attend_backward` needs of the forward pass."""

    context: Array  # (T, N, H)
    weights: Array  # (N, T, S), each row summing to 1: how much each step looks at each place of the source
    states: Array  # (T, N, H)
    encoded: Array  # (S, N, H)


def attend(states: Array, encoded: Array, present: NDArray[np.bool_] | None) -> AttentionRun:
    """Looks at the encoder's states, as much at each as it is like the decoder's.

    Equations:
        (1) e_ts = s_t . h_s
        (2) a_t = softmax over the source of e_t
        (3) context_t = sum_s a_ts h_s

    Args:
        states: the decoder's, s, `(T, N, H)`.
        encoded: the encoder's, h, `(S, N, H)`.
        present: `(S, N)`, `True` where a source has a step, `False` in padding; `None`: all have S steps.

    Returns:
        A run with `context` `(T, N, H)` and `weights` `(N, T, S)`, which are 0 in padding.

    Source: Luong, Pham & Manning 2015, equations 7 and 8, the score "dot".

    >>> run = attend(np.ones((1, 1, 2)), np.array([[[1.0, 0.0]], [[3.0, 2.0]]]), np.array([[True], [False]]))
    >>> run.weights.tolist(), run.context.tolist()
    ([[[1.0, 0.0]]], [[[1.0, 0.0]]])
    """
    e = states.transpose(1, 0, 2) @ encoded.transpose(1, 2, 0)  # (N, T, S)
    if present is not None:
        e = np.where(present.T[:, None], e, -np.inf)
    a = np.exp(e - e.max(-1, keepdims=True))
    a /= a.sum(-1, keepdims=True)
    context = np.ascontiguousarray((a @ encoded.transpose(1, 0, 2)).transpose(1, 0, 2))
    return AttentionRun(context, a, states, encoded)


def attend_backward(run: AttentionRun, dcontext: Array) -> tuple[Array, Array]:
    """Carries `dJ/dcontext` `(T, N, H)` back: the gradients of `states` `(T, N, H)` and of `encoded` `(S, N, H)`."""
    a, h, s = run.weights, run.encoded.transpose(1, 0, 2), run.states.transpose(1, 0, 2)  # h: (N, S, H), s: (N, T, H)
    dc = dcontext.transpose(1, 0, 2)
    # forward (3): context = a h
    da = dc @ h.transpose(0, 2, 1)
    dh = a.transpose(0, 2, 1) @ dc
    # forward (2): a = softmax(e)
    de = a * (da - (a * da).sum(-1, keepdims=True))
    # forward (1): e = s h^T
    ds = de @ h
    dh = dh + de.transpose(0, 2, 1) @ s
    return np.ascontiguousarray(ds.transpose(1, 0, 2)), np.ascontiguousarray(dh.transpose(1, 0, 2))

"""A short program that proves one build of the engine: exits 0 where all results are right, else names a wrong one.

Run as `python -m engine.small_check`, with the names of the checks that come first, where a wrong result is expected
there. Each instruction set and each mutant of the kernels is a process of its own.
"""
# ruff: noqa: E741 - an axis is I, as in the equations

import sys
from collections.abc import Collection, Iterator

import numpy as np

from engine import variant_reference as variants
from engine.accuracy import FUNCTIONS, float32_patterns, float64_samples, worst_error
from engine.against_steps import LAYERS, by_engine, cases, difference, differences, numbers
from unrolled import engine
from unrolled.engine import _native
from unrolled.engine.recurrent import CELLS
from unrolled.layers import Embedding, Stack

# Small sizes first, and of every kind: full and partial vectors, one panel and several, rows shared by threads and
# units shared, the tile's full height and less, one chunk of steps and several, sums deeper than one slice.
CASES = [
    *cases((3, 2, 5, 7), (1, 1, 1, 1), (4, 3, 16, 16), (7, 13, 6, 17), (2, 5, 65, 40), (2, 2, 16, 80)),
    *cases((5, 3, 4, 9), num_layers=2),
    *cases((5, 4, 3, 9), (48, 14, 9, 40), padded=True, bidirectional=True),
    *cases((90, 13, 6, 20), (530, 1, 3, 11), (24, 3, 24, 130), (3, 4, 300, 20)),
]


def recurrent_errors() -> Iterator[tuple[str, float]]:
    for case in CASES:
        for name, error in differences(case).items():
            yield f"{case} {name}", error / case.tolerance


# Each option alone and all together, with masks of zoneout and with rates, partial vectors, unequal lengths both ways;
# several tiles, chunks of steps, and slices of sums.
VARIANTS = [
    *variants.every_option((4, 3, 5, 9)),
    *variants.every_option((4, 4, 3, 6), reverse=True, padded=True),
    *variants.in_float32([variants.everything(cell, 3, 14, 4, 20) for cell in CELLS]),
    *(
        variants.everything(cell, *size)
        for cell in ("lstm", "gru_before")
        for size in ((24, 50, 2, 20), (2, 2, 260, 257))
    ),
]


def variant_errors() -> Iterator[tuple[str, float]]:
    for case in VARIANTS:
        given = variants.numbers(case)
        found, _ = variants.by_engine(case, given)
        reference = variants.by_reference(case, given)
        allowed = 1e-12 if case.dtype == "float64" else 2e-5
        for name, array in found.items():
            yield f"{case} {name}", difference(array, reference[name.removeprefix("inference ")]) / allowed
        allowed = 1e-7 if case.dtype == "float64" else 1e-3
        for name, (slope, numeric) in variants.slopes(case, given).items():
            yield f"{case} d{name}", abs(slope - numeric) / max(1, abs(numeric)) / allowed


def token_errors() -> Iterator[tuple[str, float]]:
    """Tokens through `Stack` against the same layers one after the other; 30 classes, several steps of each."""
    rng = np.random.default_rng(0)
    for name, kind in LAYERS.items():
        embedding, recurrent = Embedding(30, 12, dtype="float64", seed=1), kind(12, 21, dtype="float64", seed=2)
        model, tokens = Stack(embedding=embedding, recurrent=recurrent), rng.integers(30, size=(70, 9))
        run, alone = model.forward(tokens), recurrent.forward(embedding(tokens)[0])
        dy = rng.normal(size=run.output.shape)
        grads, expected = model.backward(run, dy), recurrent.backward(alone, dy)
        pairs = {f"recurrent.{of}": value for of, value in expected.parameters.items()}
        pairs["embedding.weight"] = np.zeros((30, 12))
        np.add.at(pairs["embedding.weight"], tokens, expected.x)
        yield f"tokens {name} output", np.abs(run.output - alone.output).max() / 1e-13
        for of, value in pairs.items():
            error = np.abs(grads.parameters[of] - value).max() / np.abs(value).max()
            yield f"tokens {name} d{of}", error / 1e-12


def dense_errors() -> Iterator[tuple[str, float]]:
    rng = np.random.default_rng(1)
    for M, I, K in ((3, 5, 7), (1100, 60, 70), (12, 600, 500)):
        x, weight, bias, dy = (rng.normal(size=shape) for shape in ((M, I), (K, I), (K,), (M, K)))
        dx, dweight, dbias = engine.dense_backward(x, weight, dy)
        pairs = {"y": (engine.dense_forward(x, weight, bias), x @ weight.T + bias), "dx": (dx, dy @ weight)}
        pairs |= {"dweight": (dweight, dy.T @ x), "dbias": (dbias, dy.sum(0))}
        for name, (found, expected) in pairs.items():
            yield f"dense {M}x{I}x{K} {name}", np.abs(found - expected).max() / 1e-11


def softmax_errors() -> Iterator[tuple[str, float]]:
    rng = np.random.default_rng(2)
    logits, targets = rng.normal(scale=5, size=(11, 37)), rng.integers(37, size=11)
    logits[3] += 1000
    logits[4] *= 300  # no float64 can hold their exponentials
    losses, dlogits = engine.softmax_cross_entropy(logits, targets)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    yield "losses", np.abs(losses + log_softmax[np.arange(11), targets]).max() / 1e-12
    yield "dlogits", np.abs(dlogits - np.exp(log_softmax) + np.eye(37)[targets]).max() / 1e-12


def activation_errors() -> Iterator[tuple[str, float]]:
    for name in FUNCTIONS:
        yield f"{name} float32", max(worst_error(name, x) for x in float32_patterns(stride=29989)) / 3
        yield f"{name} float64", worst_error(name, float64_samples(20_000)) / 3


def same_bits_errors() -> Iterator[tuple[str, float]]:
    """Threads, and gates computed again: the difference in bits must be none, so any at all is infinitely too much."""
    made = cases((20, 3, 24, 130), (30, 13, 5, 21), cells=("lstm", "gru", "gru_before"), padded=True)
    made += cases(
        (130, 13, 3, 9), cells=("lstm",), padded=True
    )  # more than two chunks, and so a checkpoint in the middle
    for case in made:
        given = numbers(case)
        with engine.threads(1):
            expected = by_engine(case, given)
        with engine.threads(3):
            others = {"three threads": by_engine(case, given)}
        others |= {memory: by_engine(case, given, memory) for memory in ("low", "sqrt")}
        for what, found in others.items():
            same = all(np.array_equal(array, expected[name]) for name, array in found.items())
            yield f"{case} {what}", 0.0 if same else np.inf
    for cell in CELLS:
        variant = variants.everything(cell, 40, 14, 24, 130)
        made_of = variants.numbers(variant)
        with engine.threads(1):
            one = variants.by_engine(variant, made_of)
        with engine.threads(3):
            three = variants.by_engine(variant, made_of)
        same = all(np.array_equal(a[name], b[name]) for a, b in zip(one, three, strict=True) for name in a)
        yield f"{variant} three threads", 0.0 if same else np.inf


CHECKS = (
    activation_errors,
    recurrent_errors,
    variant_errors,
    dense_errors,
    softmax_errors,
    token_errors,
    same_bits_errors,
)


def wrong_results(first: Collection[str] = (), *, stop_at_first: bool = False) -> list[str]:
    """Every result that is further off than its tolerance, or NaN; the checks named `first` begin."""
    wrong = []
    with np.errstate(all="ignore"):
        for check in sorted(CHECKS, key=lambda check: check.__name__ not in first):
            for name, error in check():
                if not error <= 1:
                    wrong.append(f"{name}: {error:.3g} times its tolerance")
                    if stop_at_first:
                        return wrong
    return wrong


if __name__ == "__main__":
    _native.notice_crowds(False)  # teams stay together, whatever else runs
    found = wrong_results(sys.argv[1:], stop_at_first=True)
    print(f"{engine.info()['instruction_set']}: " + (", ".join(found) or "all results are right"))
    sys.exit(bool(found))

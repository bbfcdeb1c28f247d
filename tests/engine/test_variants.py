"""The compiled variants equal their equations in plain NumPy, and every gradient matches central differences."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from engine.processes import PACKAGE
from engine.variant_reference import (
    Case,
    backward,
    by_engine,
    by_reference,
    every_option,
    forward,
    in_float32,
    numbers,
    variant_of,
)
from helpers import tolerance
from unrolled.engine import threads
from unrolled.engine.variants import Options, Variant
from unrolled.errors import ParameterError
from unrolled.steps import gradient_check

ALL = Case(
    "lstm",
    5,
    4,
    3,
    7,
    P=4,
    layer_norm=True,
    peepholes=True,
    mask=True,
    zoneout_h="masks",
    zoneout_c="masks",
    padded=True,
)


def allowed(case: Case) -> float:
    """As engine and steps of the plain cells: float32's roundings grow like the roots of the sums' lengths.

    A norm divides by a deviation below one and multiplies rounding by it: eight times as much is allowed.
    """
    of_table = tolerance("engine and steps", case.dtype)["rtol"]
    if case.dtype == "float64":
        return of_table
    return of_table * (np.sqrt(case.I + case.H) + np.sqrt(case.T)) * (8 if case.layer_norm else 1)


def assert_equal_to_reference(case: Case):
    given = numbers(case)
    found, gradients = by_engine(case, given)
    expected = by_reference(case, given)
    for name, array in found.items():
        of = expected[name.removeprefix("inference ")]
        assert array.shape == of.shape, name
        np.testing.assert_allclose(
            array, of, rtol=0, atol=allowed(case) * max(1, np.abs(of).max(initial=0)), err_msg=name
        )
    assert all(np.isfinite(gradient).all() for gradient in gradients.values())


@pytest.mark.parametrize("case", every_option((1, 2, 3, 5), (3, 1, 1, 1), (7, 3, 5, 19), (4, 13, 40, 33)), ids=str)
def test_every_option_alone_and_all_together_equal_the_equations(case: Case):
    assert_equal_to_reference(case)
    assert_equal_to_reference(replace(case, dtype="float32"))


@pytest.mark.parametrize("reverse", [False, True])
def test_with_unequal_lengths_and_both_directions_the_variants_equal_the_equations(reverse: bool):
    for case in every_option((6, 5, 3, 9), (40, 9, 4, 17), reverse=reverse, padded=True):
        assert_equal_to_reference(case)


def test_long_sequences_of_several_chunks_equal_the_equations():
    for case in (
        Case("gru_after", 600, 1, 2, 3, layer_norm=True),
        replace(ALL, T=150, N=7),
        replace(ALL, T=150, N=8, padded=False),
    ):
        assert_equal_to_reference(case)


def test_matrices_deeper_than_one_slice_equal_the_equations():
    cases = every_option((2, 7, 300, 270))
    for case in [*cases, *in_float32(cases)]:
        assert_equal_to_reference(case)


def check_gradients(case: Case, distort=lambda gradients: gradients):
    given = numbers(case)
    inputs = {"x": np.nan_to_num(given.inputs["x"]), "h0": given.inputs["h0"]}
    if case.cell == "lstm":
        inputs["c0"] = given.inputs["c0"]

    def run_forward(x, h0, c0=None, **weights):
        given.weights = weights
        variant = variant_of(case, given)
        run = forward(case, given, variant, {"x": x, "h0": h0, "c0": c0})
        return {"y": run.y, "h": run.h_n} | ({} if run.c_n is None else {"c": run.c_n}), (variant, run)

    def run_backward(upstream, cache):
        grads = backward(case, *cache, {"c": None, **upstream})
        state = {"dh0": grads.dh0} | ({} if grads.dc0 is None else {"dc0": grads.dc0})
        return distort({"dx": grads.dx, **state, **{f"d{name}": value for name, value in grads.parameters.items()}})

    # a norm of few units of like size bends so much that the differences' own error is up to ten times the table's
    allowed = tolerance("central differences")["atol"] * (10 if case.layer_norm else 1)
    return gradient_check(run_forward, run_backward, {**inputs, **given.weights}, tolerance=allowed)


@pytest.mark.parametrize("case", every_option((1, 2, 2, 3), (3, 2, 3, 5)), ids=str)
def test_every_gradient_of_every_option_matches_central_differences(case: Case):
    check_gradients(case).raise_if_wrong()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("case", every_option((7, 3, 2, 3), padded=True), ids=str)
def test_every_gradient_with_lengths_and_both_directions_matches_central_differences(case: Case, reverse: bool):
    check_gradients(replace(case, reverse=reverse)).raise_if_wrong()


def test_a_gradient_one_part_in_a_million_off_is_noticed_whichever_it_is():
    case = replace(ALL, T=3, N=2, I=2, H=3, P=2, padded=False)
    names = [entry.name for entry in check_gradients(case).worst_of_each]
    assert len(names) == 3 + len(case.options.parameters("lstm")) == 12
    for name in names:
        report = check_gradients(case, lambda gradients, name=name: gradients | {name: gradients[name] * (1 + 1e-6)})
        assert not report.ok
        assert report.worst.name == name


@pytest.mark.parametrize(
    "case", [replace(ALL, T=90, N=9), Case("gru_before", 90, 9, 5, 6, mask=True, padded=True)], ids=str
)
def test_gradients_over_several_chunks_are_the_sums_of_those_over_time(case: Case):
    """A long batch in one call, and one call for each half, the state and its gradient handed on between them."""
    given = numbers(replace(case, padded=False))
    variant, half = variant_of(case, given), 45
    whole = forward(case, given, variant, given.inputs)
    expected = backward(case, variant, whole, given.upstream)

    def part(first: int, inputs):
        cut = slice(first, first + half)
        own = replace(given, inputs=inputs | {"x": given.inputs["x"][cut]})
        own.zoneout_h, own.zoneout_c = (
            z[cut] if isinstance(z, np.ndarray) else z for z in (given.zoneout_h, given.zoneout_c)
        )
        return forward(case, own, variant, own.inputs)

    one = part(0, given.inputs)
    two = part(half, {"h0": one.h_n, "c0": one.c_n})
    back_two = backward(case, variant, two, given.upstream | {"y": given.upstream["y"][half:]})
    back_one = backward(case, variant, one, {"y": given.upstream["y"][:half], "h": back_two.dh0, "c": back_two.dc0})
    close = {"rtol": 0, "atol": 1e-10}
    np.testing.assert_allclose(np.concatenate([back_one.dx, back_two.dx]), expected.dx, **close)
    np.testing.assert_allclose(back_one.dh0, expected.dh0, **close)
    for name, gradient in expected.parameters.items():
        np.testing.assert_allclose(
            back_one.parameters[name] + back_two.parameters[name], gradient, **close, err_msg=name
        )


BITS = [
    *every_option((40, 24, 20, 48)),
    *in_float32([replace(ALL, T=60, N=22, H=60, P=30), Case("gru_after", 90, 7, 33, 90, layer_norm=True, padded=True)]),
    replace(ALL, T=60, N=22, H=60, P=30, reverse=True),
]


@pytest.mark.parametrize("case", BITS, ids=str)
def test_the_bits_are_the_same_for_any_number_of_threads(case: Case):
    given = numbers(case)
    with threads(1):
        one = by_engine(case, given)
    for count in (2, 3, 7):
        with threads(count):
            for expected, found in zip(one, by_engine(case, given), strict=True):
                for name, array in expected.items():
                    assert array.tobytes() == found[name].tobytes(), (count, name)


def test_padding_is_never_read_and_its_gradient_is_exactly_zero():
    given = numbers(ALL)
    outside = np.arange(ALL.T)[:, np.newaxis] >= given.lengths
    assert np.isnan(given.inputs["x"][outside]).all()
    assert outside.any()
    _, gradients = by_engine(ALL, given)
    for masks in (given.zoneout_h, given.zoneout_c):
        masks[outside] = np.nan
    results, again = by_engine(ALL, given)
    assert not results["y"][outside].any()
    assert not gradients["dx"][outside].any()
    for name, gradient in gradients.items():
        assert np.array_equal(gradient, again[name]), name


def test_a_batch_without_steps_or_sequences_gives_its_states_back_and_gradients_of_zero():
    for case in (replace(ALL, T=0, padded=False), replace(ALL, N=0, padded=False), Case("gru_before", 0, 2, 3, 4)):
        given = numbers(case)
        results, gradients = by_engine(case, given)
        assert np.array_equal(results["h_n"], given.inputs["h0"])
        assert np.array_equal(gradients["dh0"], given.upstream["h"])
        assert not any(gradients[name].any() for name in given.weights)


def test_no_upstream_gradient_is_a_gradient_of_zero_and_dx_is_left_out_where_nobody_asks():
    given = numbers(ALL)
    variant = variant_of(ALL, given)
    run = forward(ALL, given, variant, given.inputs)
    zero = {name: np.zeros_like(np.nan_to_num(array)) for name, array in given.upstream.items()}
    expected, found = backward(ALL, variant, run, zero), variant.backward(run, None, None, need_dx=False)
    assert found.dx is None
    assert np.array_equal(found.dh0, expected.dh0)
    only_c = variant.backward(run, None, None, given.upstream["c"]).parameters
    assert only_c["peephole"].any()


def test_packed_weights_are_used_again_for_the_same_version_only():
    given = numbers(ALL)
    variant = variant_of(ALL, given)
    x, h0, c0 = (np.nan_to_num(given.inputs[name]) for name in ("x", "h0", "c0"))
    packings = []
    for version in (1, 1, 2, None, None):
        variant.forward(x, h0, c0, keep=False, version=version)
        packings.append(variant.native.packings)
    assert packings == [1, 1, 2, 3, 4]
    before = variant.forward(x, h0, c0, version=2).y
    variant.weights["bias"][:] += 1
    assert np.array_equal(variant.forward(x, h0, c0, version=2).y, before) is False
    variant.weights["weight_hh"][:] += 1
    stale = variant.forward(x, h0, c0, version=2).y
    assert not np.array_equal(variant.forward(x, h0, c0, version=3).y, stale)


@pytest.mark.parametrize(
    ("cell", "options", "words"),
    [
        (
            "rnn_tanh",
            {"layer_norm": True},
            "`layer_norm` is for lstm and gru_after, and the cell is rnn_tanh; leave it out",
        ),
        ("gru_before", {"layer_norm": True}, "`layer_norm` is for lstm and gru_after, and the cell is gru_before"),
        ("gru_after", {"peepholes": True}, "`peepholes` is for lstm, and the cell is gru_after"),
        ("rnn_relu", {"projection": True}, "`projection` is for lstm, and the cell is rnn_relu"),
    ],
)
def test_an_option_that_a_cell_does_not_have_is_refused(cell, options, words):
    with pytest.raises(ParameterError, match=words):
        Variant(cell, Options(**options), {})


def test_weights_that_do_not_fit_the_options_are_refused():
    given = numbers(ALL)
    with pytest.raises(
        ParameterError, match=r"`weights` has bias, gain_c.*expected weight_ih, weight_hh, bias; do the options"
    ):
        Variant("lstm", Options(), given.weights)


def test_a_run_that_kept_nothing_has_no_trace():
    given = numbers(ALL)
    run = forward(ALL, given, variant_of(ALL, given), given.inputs, keep=False)
    with pytest.raises(ParameterError, match="`run` kept nothing to trace; run forward with keep=True"):
        run.trace()


# One native call of several seconds where nobody interrupts it.
LONG_CALL = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit it ignored
import numpy as np
from unrolled.engine import threads
from unrolled.engine.variants import Options, Variant
direction, N, H = sys.argv[1], 2, 400
T = {"forward": 40_000, "backward": 5_000}[direction]
threads(2)
shapes = {"weight_ih": (4 * H, 1), "weight_hh": (4 * H, H), "bias": (4 * H,), "peephole": (3, H)}
weights = {name: np.random.default_rng(0).normal(scale=0.02, size=shape) for name, shape in shapes.items()}
variant, x, state = Variant("lstm", Options(peepholes=True), weights), np.zeros((T, N, 1)), np.zeros((N, H))
small = variant.forward(x[:50], state, state, keep=False).y.tobytes()
if direction == "backward":
    run = variant.forward(x, state, state)
print("calling", flush=True)
try:
    if direction == "forward":
        variant.forward(x, state, state, keep=False)
    else:
        variant.backward(run, None, state)
    print("finished", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
print("and works" if variant.forward(x[:50], state, state, keep=False).y.tobytes() == small else "and is broken")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a Windows console has no SIGINT for one process")
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_ctrl_c_ends_a_long_call_within_a_second_and_the_variants_work_on(direction: str):
    with subprocess.Popen(
        [sys.executable, "-c", LONG_CALL, direction],
        env=os.environ | {"PYTHONPATH": str(PACKAGE)},
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout
        try:
            assert child.stdout.readline() == "calling\n"
            time.sleep(0.3)
            start = time.monotonic()
            child.send_signal(signal.SIGINT)
            assert child.stdout.readline() == "interrupted\n"
            assert time.monotonic() - start < 1
            assert child.stdout.readline() == "and works\n"
        finally:
            child.kill()

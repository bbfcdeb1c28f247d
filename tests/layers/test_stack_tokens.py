"""Stack's tokens: a table only where it pays, the same results with it and without, and none read in padding."""

import re

import numpy as np
import pytest

from helpers import rng, tolerance
from layers.gradients import as_arrays, numeric, some_state
from unrolled.errors import ParameterError, ShapeError
from unrolled.layers import GRU, LSTM, RNN, Dense, Dropout, Embedding, Stack, stack
from unrolled.layers.recurrent import Recurrent

T, N, E, H = 6, 4, 5, 7
FEW, MANY = 18, 19  # what T N = 24 tokens are looked up in a table of, and what they are not
LENGTHS = [6, 0, 3, 5]
of = {"dtype": "float64"}
WAYS = ({"trace": True}, {"memory": "low"}, {"memory": "sqrt"})
LAYERS = {
    "lstm": (LSTM, {"num_layers": 2, "initial_state": "learned"}),
    "gru": (GRU, {"bidirectional": True}),
    "gru, reset before": (GRU, {"reset": "before"}),
    "rnn": (RNN, {"nonlinearity": "relu"}),
    "dropout between": (LSTM, {"num_layers": 2, "dropout": 0.3, "bidirectional": True, "merge": "mul"}),
    "varied": (LSTM, {"peepholes": True, "proj_size": 3, "recurrent_dropout": 0.3, "zoneout": (0.1, 0.2)}),
}


def reading(V: int, kind=LSTM, **options) -> Stack:
    """Every parameter at random: no bias of 0 can hide a mistake."""
    recurrent = kind(E, H, **options, **of, seed=2)
    embedding, dense = Embedding(V, E, **of, seed=1), Dense(recurrent.output_size, 3, **of, seed=3)
    model = Stack(embedding=embedding, recurrent=recurrent, dropout=Dropout(0.3, seed=4), dense=dense)
    generator = rng(5)
    model.set({name: array + 0.3 * generator.normal(size=array.shape) for name, array in model.parameters.items()})
    return model


def some_tokens(V: int) -> np.ndarray:
    """Some of them many times, some never."""
    return rng(0).integers(0, V - 2, (T, N))


@pytest.fixture
def looked_up(monkeypatch) -> list[int]:
    """The rows of each table that is made, as they are made."""
    rows: list[int] = []
    own = Recurrent.forward_tokens

    def noted(self, tokens, embedding, *given, **more):
        rows.append(len(embedding))
        return own(self, tokens, embedding, *given, **more)

    monkeypatch.setattr(Recurrent, "forward_tokens", noted)
    return rows


def test_no_table_is_made_of_a_vocabulary_larger_than_three_quarters_of_the_tokens(looked_up):
    model = reading(MANY)
    run = model.forward(some_tokens(MANY), lengths=LENGTHS)
    model.backward(run, np.zeros_like(run.output))
    model(some_tokens(MANY))
    assert looked_up == []
    model = reading(FEW)
    model.forward(some_tokens(FEW), lengths=LENGTHS)
    model(some_tokens(FEW))
    assert looked_up == [FEW, FEW]
    model(some_tokens(FEW)[1:])  # fewer tokens
    assert looked_up == [FEW, FEW]


def everything(model: Stack, tokens: np.ndarray, *, given: bool, **options) -> dict[str, np.ndarray]:
    """All that a pass forward and one back give, and inference."""
    recurrent = model.layers["recurrent"]
    state = {"recurrent": some_state(recurrent, N, 6)} if given else None
    run = model.forward(tokens, state, lengths=LENGTHS, **options)
    dy = rng(7).normal(size=run.output.shape) * (np.arange(T)[:, None] < LENGTHS)[..., None]
    grads = model.backward(run, dy, {"recurrent": some_state(recurrent, N, 8)})
    assert grads.x is None
    assert list(grads.parameters) == list(model.parameters)
    output, last = model(tokens, state, lengths=LENGTHS)
    lists = {"state": run.state["recurrent"], "dstate": grads.state["recurrent"], "last": last["recurrent"]}
    found = {f"{name} {k}": array for name, state in lists.items() for k, array in enumerate(as_arrays(state))}
    for k, trace in enumerate((run.trace or {}).get("recurrent", ())):
        found |= {f"trace {k} {name}": array for name, array in trace._asdict().items()}
    return found | dict(grads.parameters) | {"output": run.output, "inference": output}


@pytest.mark.parametrize("given", [False, True], ids=["no state", "a state"])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("name", "how"), [(name, how) for name in LAYERS for how in WAYS[: 1 if name == "varied" else None]], ids=str
)
def test_with_a_table_and_without_everything_is_the_same(name, how, training, given, monkeypatch, looked_up):
    kind, options = LAYERS[name]
    model, tokens = reading(FEW, kind, **options), some_tokens(FEW)
    masks = model.random_state
    expected = everything(model, tokens, given=given, training=training, **how)
    assert looked_up == [FEW, FEW]
    monkeypatch.setattr(stack, "_TABLE_ROWS", 0)
    model.random_state = masks
    found = everything(model, tokens, given=given, training=training, **how)
    assert looked_up == [FEW, FEW]
    assert found.keys() == expected.keys()
    for part, array in expected.items():
        assert array.any() or (given and part.startswith(("recurrent.h0", "recurrent.c0"))), part
        np.testing.assert_allclose(found[part], array, **tolerance("engine and steps"), err_msg=part)


@pytest.mark.parametrize("V", [FEW, MANY])
@pytest.mark.parametrize("kind", [LSTM, GRU, RNN])
def test_every_gradient_matches_central_differences(kind, V, looked_up):
    model, tokens = reading(V, kind, bidirectional=True), some_tokens(V)
    recurrent, masks = model.layers["recurrent"], model.random_state
    state, dstate = some_state(recurrent, N, 6), some_state(recurrent, N, 7)
    dy = rng(8).normal(size=(T, N, 3)) * (np.arange(T)[:, None] < LENGTHS)[..., None]

    def forward():
        model.random_state = masks
        return model.forward(tokens, {"recurrent": state}, lengths=LENGTHS)

    def objective() -> float:
        model.set({})  # the arrays were changed in place: a new version
        run = forward()
        pairs = zip(as_arrays(dstate), as_arrays(run.state["recurrent"]), strict=True)
        return float((dy * run.output).sum() + sum((d * h).sum() for d, h in pairs))

    grads = model.backward(forward(), dy, {"recurrent": dstate})
    expected = dict(grads.parameters) | dict(enumerate(as_arrays(grads.state["recurrent"])))
    with model.edit() as own:
        for name, array in (dict(own) | dict(enumerate(as_arrays(state)))).items():
            slope = numeric(objective, array, curved=False)
            np.testing.assert_allclose(expected[name], slope, **tolerance("central differences"), err_msg=str(name))
    assert bool(looked_up) == (V == FEW)


@pytest.mark.parametrize("V", [FEW, MANY])
def test_single_steps_give_what_the_whole_sequence_gives(V):
    model, tokens = reading(V, num_layers=2), some_tokens(V)
    whole, last = model(tokens)
    state, outputs = None, []
    for step in tokens:
        y_t, state = model.step(step, state)
        outputs.append(y_t)
    np.testing.assert_allclose(np.stack(outputs), whole, **tolerance("engine and steps"))
    np.testing.assert_allclose(state["recurrent"], last["recurrent"], **tolerance("engine and steps"))


# Padding


def apart(V: int) -> Stack:
    """A Dropout between the Embedding and the recurrent layer."""
    embedding, dropout = Embedding(V, E, **of, seed=1), Dropout(0.3, seed=4)
    return Stack(embedding=embedding, dropout=dropout, recurrent=GRU(E, H, bidirectional=True, **of, seed=2))


READING = {"a table": (reading, FEW), "no table": (reading, MANY), "a layer between": (apart, FEW)}


@pytest.mark.parametrize("wrong", [-1, 10**6, 2**62])
@pytest.mark.parametrize(("make", "V"), READING.values(), ids=READING)
def test_tokens_in_padding_may_be_any_integers_and_change_nothing(make, V, wrong):
    model, tokens = make(V), some_tokens(V)
    masks = model.random_state
    padded = np.where(np.arange(T)[:, None] < LENGTHS, tokens, wrong)
    given = padded.copy()
    results = []
    for read in (tokens, padded):
        model.random_state = masks
        run = model.forward(read, lengths=LENGTHS)
        dy = np.cos(run.output) * (np.arange(T)[:, None] < LENGTHS)[..., None]
        grads, (output, last) = model.backward(run, dy), model(read, lengths=LENGTHS)
        inside = (np.arange(T)[:, None] < LENGTHS)[..., None]
        results.append(
            [run.output * inside, output * inside, *as_arrays(last["recurrent"]), *grads.parameters.values()]
        )
    for expected, found in zip(*results, strict=True):
        assert found.tobytes() == expected.tobytes()
    np.testing.assert_array_equal(padded, given)


@pytest.mark.parametrize(("make", "V"), READING.values(), ids=READING)
def test_a_wrong_token_before_a_sequences_end_is_refused_whatever_the_padding_holds(make, V):
    model, tokens = make(V), some_tokens(V)
    tokens[5, 0] = -1  # the last step of the longest
    words = rf"` holds -1, expected integers from 0 to {V - 1}; was another vocabulary used\?"
    for call in (model, model.forward):
        with pytest.raises(ParameterError, match=words):
            call(tokens, lengths=LENGTHS)
        with pytest.raises(ParameterError, match=words):
            call(tokens, lengths=[T] * N)
        call(tokens, lengths=[5, 0, 3, 5])


def test_with_lengths_what_is_no_matrix_of_integers_is_named_as_without():
    model = reading(FEW)
    for dtype in ("float64", "datetime64[D]"):
        with pytest.raises(ParameterError, match=rf"`x` has dtype {re.escape(dtype)}, expected integers"):
            model(np.zeros((T, N), dtype), lengths=LENGTHS)
    with pytest.raises(ShapeError, match=r"`x` has shape \(6, 4, 1\), expected \(T, N\); did you pass one-hot rows"):
        model(np.zeros((T, N, 1), int), lengths=LENGTHS)
    with pytest.raises(ShapeError, match=r"`x` is ragged, expected \(T, N\); pad short sequences with zeros"):
        model([[1, 2], [3]], lengths=[2, 1])
    with pytest.raises(ParameterError, match="`lengths` holds 7, expected integers from 0 to 6"):
        model(some_tokens(FEW), lengths=[7, 0, 3, 5])

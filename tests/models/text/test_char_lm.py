"""The character model: gradients, evaluation, sampling, and what comes back from disk."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

import unrolled.models.text.char_lm as module
from unrolled.data.text import UNKNOWN, Batch, Vocabulary
from unrolled.errors import CheckpointError, DataError, ParameterError, WeightFormatError
from unrolled.models import CharLM, load
from unrolled.storage import Unit, read_unit, write_unit

TEXT = "the quick brown fox\njumps over the lazy dog\n" * 3


FORMS = {
    "gru before": ("gru", {"reset": "before"}),
    "gru learned": ("gru", {"layer_options": {"initial_state": "learned", "recurrent_init": "glorot_normal"}}),
    "lstm varied": (
        "lstm",
        {"layer_norm": True, "layer_options": {"peepholes": True, "proj_size": np.int64(7), "forget_bias": 2.0}},
    ),
}


def make(cell="lstm", layers=1, seed=0, **of_cell):
    sizes = {"hidden_size": 12, "num_layers": layers, "embedding_size": 5}
    if cell in FORMS:
        cell, of_cell = FORMS[cell]
    return CharLM(Vocabulary.of(TEXT), cell=cell, **sizes, **of_cell, seed=seed)


def batch_of(model, T=9, N=4):
    rng = np.random.default_rng(0)
    tokens = rng.integers(len(model.vocabulary), size=(T + 1, N)).astype(np.int32)
    return Batch(tokens[:-1], tokens[1:], first=True)


cells = pytest.mark.parametrize(
    ("cell", "layers"),
    [("lstm", 1), ("lstm", 2), ("gru", 1), ("gru before", 1), ("rnn", 1), ("lstm varied", 2), ("gru learned", 1)],
)


@cells
def test_the_gradients_predict_how_the_loss_changes(cell, layers):
    model = make(cell, layers)
    batch = batch_of(model)
    _, _, state = model.loss_and_gradients(batch, None)
    state = None if cell == "gru learned" else state  # what is carried on stands in place of what is learned
    _, gradients, _ = model.loss_and_gradients(batch, state)
    assert gradients.keys() == model.parameters.keys()
    rng = np.random.default_rng(1)
    for name, gradient in gradients.items():
        # along a direction that is random but leans uphill, so that the slope is far above float32's rounding
        direction = gradient / np.linalg.norm(gradient) + 0.3 * rng.normal(size=gradient.shape) / np.sqrt(gradient.size)
        losses = []
        for sign in (1, -1, -1, 1):
            with model.edit() as own:
                own[name][...] += (sign * 5e-3 * direction).astype("float32")
            losses.append(model.loss_and_gradients(batch, state)[0])
        slope = (losses[0] - losses[2]) / 1e-2  # after +, +-, +--, +--+
        # the loss is near 3, with float32's 2e-7 of error: about 1e-4 in the slope; curvature about 1e-4
        assert slope == pytest.approx(float((gradient * direction).sum()), rel=1e-2, abs=3e-4)


def gradients_with(model, batch, state=None):
    model.random_state = state or model.random_state
    before = model.random_state
    loss, gradients, _ = model.loss_and_gradients(batch, None)
    return loss, gradients, before


@pytest.mark.parametrize("layers", [1, 2])
def test_dropout_changes_training_alone_and_its_masks_are_repeated_from_their_place(layers):
    plain, model = make(layers=layers), make(layers=layers, dropout=0.5)
    assert all((plain.parameters[name] == array).all() for name, array in model.parameters.items())
    assert model.evaluate(TEXT) == plain.evaluate(TEXT)
    assert sample(model, "the ", 30, seed=1) == sample(plain, "the ", 30, seed=1)
    batch = batch_of(model)
    loss, gradients, before = gradients_with(model, batch)
    assert loss != gradients_with(plain, batch)[0]
    assert gradients_with(model, batch)[0] != loss
    again, gradients_again, _ = gradients_with(model, batch, json.loads(json.dumps(before)))
    assert again == loss
    assert all((gradients_again[name] == gradient).all() for name, gradient in gradients.items())
    assert plain.random_state is None
    assert model.random_state.keys() == ({"dropout"} if layers == 1 else {"recurrent", "dropout"})  # between layers too
    # the mean over many masks is near what is without
    losses = [gradients_with(model, batch)[0] for _ in range(200)]
    assert np.mean(losses) == pytest.approx(gradients_with(plain, batch)[0], abs=0.1)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_model_with_dropout_is_saved_with_it(tmp_path, layers):
    model = make(layers=layers, dropout=0.25)
    model.save(tmp_path)
    again = load(tmp_path)
    assert again.settings == model.settings
    assert again.stack.layers["dropout"].rate == 0.25
    assert again.evaluate(TEXT) == model.evaluate(TEXT)
    assert "dropout" not in make().settings  # so that a model without is saved as it was before there was any
    for rate in (1, -0.1):
        with pytest.raises(ParameterError, match=r"`dropout` is .*, expected a number from 0 to below 1; it is a prob"):
            make(layers=layers, dropout=rate)


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("lstm", {"recurrent_dropout": 0.3}),
        ("lstm", {"zoneout": (0.2, 0.4)}),
        ("gru", {"zoneout": 0.3, "layer_norm": True, "dropout": 0.2}),
        ("lstm", {"layer_norm": True}),
        ("rnn", {"recurrent_dropout": 0.3, "zoneout": 0.2}),
    ],
)
def test_the_layers_options_reach_the_layer_and_are_saved(tmp_path, cell, options):
    model = make(cell, **options)
    assert model.settings.items() >= {name: value for name, value in options.items() if name != "zoneout"}.items()
    model.save(tmp_path)
    again = load(tmp_path)
    assert again.settings == model.settings
    assert again.evaluate(TEXT) == model.evaluate(TEXT)
    batch = batch_of(model)
    losses = {gradients_with(model, batch)[0] for _ in range(3)}
    assert gradients_with(make(cell), batch)[0] not in losses
    assert len(losses) == (1 if options == {"layer_norm": True} else 3)
    stream = model.stream()
    np.testing.assert_allclose(
        np.concatenate([stream.read(TEXT[:50]).nats, stream.read(TEXT[50:]).nats]), by_steps(model, TEXT), atol=1e-5
    )


def test_an_option_that_the_cell_has_not_is_named():
    with pytest.raises(
        ParameterError, match="`layer_norm` is True for 'rnn', expected False; the LSTM and the GRU have"
    ):
        make("rnn", layer_norm=True)
    with pytest.raises(ParameterError, match="`recurrent_dropout` is 1, expected a number from 0 to below 1"):
        make(recurrent_dropout=1)
    with pytest.raises(ParameterError, match="`zoneout"):
        make("gru", zoneout=(0.1, 0.2))
    for name, remedy in (
        ("peepholes", "check the spelling"),
        ("dtype", "the model sets it by itself"),
        ("seed", "it is a parameter of the model itself"),
    ):
        with pytest.raises(
            ParameterError,
            match=f"`layer_options` has '{name}', expected of 'gru' initial_state, weight_init, .*_init; {remedy}",
        ):
            make("gru", layer_options={name: True})
    for name in ("bidirectional", "merge", "reset"):
        with pytest.raises(
            ParameterError,
            match=f"`layer_options` has '{name}', expected none of bidirectional, merge, reset; a text is",
        ):
            make("gru", layer_options={name: True})


def test_the_layer_has_its_options_and_a_model_without_them_is_saved_as_before_there_were_any(tmp_path):
    make("lstm varied").save(tmp_path)
    layer = load(tmp_path).stack.layers["recurrent"]
    assert (layer.options.peepholes, layer.options.proj_size, layer.options.layer_norm) == (True, 7, True)
    assert make("lstm").settings.keys() == {"cell", "hidden_size", "num_layers", "embedding_size"}
    assert np.mean(make("lstm varied").parameters["recurrent.bias_l0"][12:24]) == 2.0


@cells
def test_a_carried_state_makes_two_windows_one(cell, layers):
    model = make(cell, layers)
    batch = batch_of(model, T=8)
    whole, _, end = model.loss_and_gradients(batch, None)
    halves = [Batch(a, b, True) for a, b in zip(np.split(batch.inputs, 2), np.split(batch.targets, 2), strict=True)]
    first, _, state = model.loss_and_gradients(halves[0], None)
    second, _, state = model.loss_and_gradients(halves[1], state)
    assert (first + second) / 2 == pytest.approx(whole, abs=1e-6)
    for a, b in zip(model.state_to_arrays(state).values(), model.state_to_arrays(end).values(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@cells
def test_a_state_comes_back_from_its_arrays(cell, layers):
    model = make(cell, layers)
    batch = batch_of(model)
    _, _, state = model.loss_and_gradients(batch, None)
    again = model.state_from_arrays({name: array.copy() for name, array in model.state_to_arrays(state).items()})
    assert model.loss_and_gradients(batch, again)[0] == model.loss_and_gradients(batch, state)[0]
    assert model.loss_and_gradients(batch, again)[0] != model.loss_and_gradients(batch, None)[0]


def by_steps(model, text):
    """The loss of each character but the first, from the streaming interface, one character at a time."""
    tokens, state, losses = model.vocabulary.encode(text), None, []
    for now, after in itertools.pairwise(tokens):
        logits, state = model.stack.step(np.array([now]), state)
        logits = logits[0].astype(np.float64)
        losses.append(np.log(np.exp(logits).sum()) - logits[after])
    return losses


@cells
def test_evaluation_predicts_every_character_from_all_before_it(cell, layers):
    model = make(cell, layers)
    text = TEXT + "Z?" + TEXT
    result = model.evaluate(text)
    assert result.characters == len(text) - 1
    assert result.unknown == 2
    assert result.loss == pytest.approx(np.mean(by_steps(model, text)), abs=1e-5)  # float32, values near 3


@cells
def test_the_scores_are_those_of_single_steps_and_their_mean_is_the_evaluation(cell, layers):
    model = make(cell, layers)
    text = TEXT + "Z?" + TEXT
    scores = model.score(text)
    assert scores.positions.tolist() == list(range(1, len(text)))
    np.testing.assert_allclose(scores.nats, by_steps(model, text), atol=1e-5)  # float32, values near 3
    assert scores.nats.mean() == pytest.approx(model.evaluate(text).loss, abs=1e-6)
    assert model.score("x").nats.size == 0


@pytest.mark.parametrize("at_once", [1, 7, 10_000])
def test_the_state_is_carried_over_the_parts_of_an_evaluation(monkeypatch, at_once):
    model = make()
    want = np.mean(by_steps(model, TEXT))
    monkeypatch.setattr(module, "EVALUATED_AT_ONCE", at_once)
    assert model.evaluate(TEXT).loss == pytest.approx(want, abs=1e-5)


def test_several_streams_each_begin_anew():
    model = make()
    text = TEXT[:31]
    result = model.evaluate(text, streams=3)
    parts = [text[start : start + 11] for start in (0, 10, 20)]
    assert result.characters == 30
    assert result.loss == pytest.approx(np.mean([by_steps(model, part) for part in parts]), abs=1e-5)


def test_a_limit_samples_the_beginning_of_each_stream():
    model = make()
    text = TEXT[:31]
    result = model.evaluate(text, streams=3, limit=4)
    parts = [text[start : start + 5] for start in (0, 10, 20)]
    assert result.characters == 12
    assert result.loss == pytest.approx(np.mean([by_steps(model, part) for part in parts]), abs=1e-5)


@pytest.mark.parametrize(("text", "streams"), [("a", 1), ("", 1), ("abc", 3)])
def test_a_text_too_short_to_evaluate_is_an_error(text, streams):
    with pytest.raises(DataError, match=f"has {len(text)} characters, expected at least {streams + 1}; the first has"):
        make().evaluate(text, streams)


def sample(model, *arguments, **named):
    return "".join(model.sample(*arguments, **named))


def test_a_sample_has_its_length_and_follows_its_seed():
    model = make()
    first = sample(model, "the ", 50, seed=1)
    assert len(first) == 50
    assert first == sample(model, "the ", 50, seed=1)
    assert first != sample(model, "the ", 50, seed=2)
    assert sample(model, "the ", 50) != sample(model, "the ", 50)


def test_a_sample_comes_one_character_at_a_time():
    stream = make().sample("the ", 10**9)
    assert [len(c) for c in itertools.islice(stream, 3)] == [1, 1, 1]


def test_the_prompt_is_read_to_its_end():
    """Each greedy character is the likeliest after the whole text so far."""
    model = make()
    text = "the quick"
    for c in model.sample(text, 20, temperature=0):
        state, logits = None, None
        for token in model.vocabulary.encode(text):
            logits, state = model.stack.step(np.array([token]), state)
        assert logits is not None
        assert c == model.vocabulary.decode(np.array([logits[0, 1:].argmax() + 1]))
        text += c


def test_a_tight_nucleus_writes_what_the_likeliest_writes():
    model = make()
    assert sample(model, "the", 20, top_p=1e-9, seed=0) == sample(model, "the", 20, temperature=0)
    assert sample(model, "the", 20, top_k=1, seed=0) == sample(model, "the", 20, temperature=0)


def test_without_a_prompt_it_begins_as_after_a_line_end():
    model = make()
    assert sample(model, length=30, seed=3) == sample(model, "\n", 30, seed=3)
    no_lines = CharLM(Vocabulary("xyz"), hidden_size=4, seed=0)
    assert sample(no_lines, length=30, seed=3) == sample(no_lines, "x", 30, seed=3)


def test_the_unknown_symbol_is_never_written():
    model = make()
    with model.edit() as own:
        own["dense.bias"][0] = 1e4
    assert UNKNOWN not in sample(model, length=200, seed=0)
    assert UNKNOWN not in sample(model, length=20, temperature=0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"prompt": "Hé!"}, DataError, r"3 characters that .* not know: 'H' \(U\+0048\), '\\xe9' \(U\+00E9\), '!'"),
        (
            {"prompt": "the ?"},
            DataError,
            r"has a character that the model does not know: '\?' \(U\+003F\); write it with",
        ),
        ({"prompt": ""}, DataError, "the prompt is empty, expected at least one character; leave it out"),
        ({"length": -1}, ParameterError, "`length` is -1, expected a whole number of at least 0"),
        ({"temperature": -0.5}, ParameterError, "`temperature` is -0.5, expected a finite number of at least 0"),
        ({"temperature": np.nan}, ParameterError, "`temperature` is nan, expected a finite number"),
        ({"top_p": 0}, ParameterError, "`top_p` is 0, expected a number above 0 and at most 1; leave it out"),
        ({"top_k": 0}, ParameterError, "`top_k` is 0, expected a whole number of at least 1; leave it out"),
        ({"top_k": 2.5}, ParameterError, "`top_k` is 2.5, expected a whole number of at least 1; leave it out"),
        ({"temperature": "1"}, ParameterError, "`temperature` is '1', expected a finite number of at least 0"),
        ({"top_p": "x"}, ParameterError, "`top_p` is 'x', expected a number above 0 and at most 1"),
        ({"length": 2.5}, ParameterError, "`length` is 2.5, expected a whole number of at least 0"),
        ({"prompt": 5}, ParameterError, "`prompt` is a int, expected a str"),
        ({"seed": "x"}, ParameterError, "`seed` is 'x', expected a whole number of at least 0"),
    ],
)
def test_wrong_wishes_are_named_before_the_first_character(arguments, error, message):
    with pytest.raises(error, match=message):
        make().sample(**arguments)


@cells
def test_a_saved_model_comes_back_with_the_same_bits(tmp_path, cell, layers):
    model = make(cell, layers)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.settings == model.settings
    assert again.vocabulary.characters == model.vocabulary.characters
    for name, array in model.parameters.items():
        assert again.parameters[name].tobytes() == array.tobytes()
    assert again.evaluate(TEXT) == model.evaluate(TEXT)


def test_a_saved_gru_says_which_form_it_is_and_one_that_does_not_has_its_reset_after(tmp_path):
    for reset in ("after", "before"):
        model = make("gru", reset=reset)
        model.save(tmp_path / reset)
        unit = read_unit(tmp_path / reset)
        assert unit.documents["config"]["model"]["reset"] == reset
        assert load(tmp_path / reset).stack.layers["recurrent"].reset == reset
    model = make("gru", reset="after")
    old = model.documents(model={k: v for k, v in model.settings.items() if k != "reset"})
    write_unit(tmp_path / "old", Unit({"kind": "char_lm"}, old, {"weights": dict(model.parameters)}))
    assert load(tmp_path / "old").evaluate(TEXT) == model.evaluate(TEXT)
    assert "reset" not in make("lstm").settings


def test_a_form_that_a_cell_has_not_is_named():
    with pytest.raises(ParameterError, match="`reset` is 'never', expected 'after' or 'before'; the GRU has these two"):
        make("gru", reset="never")
    for cell in ("lstm", "rnn"):
        with pytest.raises(ParameterError, match=f"`reset` is 'before' for '{cell}', which has no reset gate; leave"):
            make(cell, reset="before")


def test_the_seed_decides_the_first_weights():
    assert make(seed=1).evaluate(TEXT) == make(seed=1).evaluate(TEXT)
    assert make(seed=1).evaluate(TEXT) != make(seed=2).evaluate(TEXT)
    assert make(seed=None).evaluate(TEXT) != make(seed=None).evaluate(TEXT)


def test_a_folder_with_another_kind_of_model_is_named(tmp_path):
    write_unit(tmp_path, Unit({"kind": "oracle"}, {}, {"weights": {}}))
    with pytest.raises(CheckpointError, match="holds a model of kind 'oracle', expected one of char_lm"):
        load(tmp_path)


@pytest.mark.parametrize(
    "documents",
    [
        {},
        {"vocabulary": {"characters": "ab"}, "config": {}},
        {"vocabulary": {"characters": "ab"}, "config": {"model": {"depth": 3}}},
        {"vocabulary": {"characters": "aa"}, "config": {"model": {}}},
        {"vocabulary": {"characters": "ab"}, "config": {"model": {"hidden_size": 0}}},
    ],
)
def test_settings_that_make_no_model_are_an_error(tmp_path, documents):
    write_unit(tmp_path, Unit({"kind": "char_lm"}, documents, {"weights": {}}))
    with pytest.raises(
        CheckpointError, match=r"the saved model cannot be built \(.*\); was it saved by another version"
    ):
        load(tmp_path)


def test_weights_of_another_model_are_named():
    weights = dict(make().parameters)
    with pytest.raises(WeightFormatError, match=r"`dense.bias` is missing, expected the weights embedding.weight, rec"):
        make().set({name: array for name, array in weights.items() if name != "dense.bias"})
    with pytest.raises(WeightFormatError, match=r"`dense.scale` is unknown, expected the weights"):
        make().set(weights | {"dense.scale": np.ones(1)})
    with pytest.raises(WeightFormatError, match="belong to a model of another size: `bias` has shape"):
        make().set(weights | {"dense.bias": np.ones(3, "float32")})


def test_another_cell_is_named():
    with pytest.raises(ParameterError, match="`cell` is 'gru2', expected one of lstm, gru, rnn"):
        make(cell="gru2")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocabulary": "abc"}, "`vocabulary` is a str, expected a Vocabulary; Vocabulary.of"),
        ({"num_layers": "2"}, "`num_layers` is '2', expected a whole number of at least 1"),
        ({"hidden_size": 2.5}, "`hidden_size` is 2.5, expected a whole number of at least 1"),
        ({"embedding_size": 0}, "`embedding_size` is 0, expected a whole number of at least 1"),
        ({"seed": "x"}, "`seed` is 'x', expected a whole number of at least 0; None differs"),
    ],
)
def test_what_makes_no_model_is_named(arguments, message):
    with pytest.raises(ParameterError, match=message):
        CharLM(**{"vocabulary": Vocabulary("ab")} | arguments)


def test_numpys_numbers_make_a_model_that_can_be_saved(tmp_path):
    made = CharLM(Vocabulary("ab"), hidden_size=np.int64(3), num_layers=np.int32(2), seed=np.int64(1))
    made.save(tmp_path)
    assert repr(load(tmp_path)) == repr(made)
    assert repr(made).startswith("CharLM(<Vocabulary of 2 characters>, cell='lstm', hidden_size=3, num_layers=2, ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"streams": 0}, "`streams` is 0, expected a whole number of at least 1"),
        ({"streams": 2.5}, "`streams` is 2.5, expected a whole number of at least 1"),
        ({"limit": 0}, "`limit` is 0, expected a whole number of at least 1; None predicts all"),
        ({"text": None}, "`text` is a NoneType, expected a str"),
    ],
)
def test_an_evaluation_of_nothing_is_named(arguments, message):
    with pytest.raises(ParameterError, match=message):
        make().evaluate(**{"text": "the cat"} | arguments)


def test_a_score_of_no_text_is_named():
    with pytest.raises(ParameterError, match=r"`text` is a \w+Path, expected a str; .* Path.read_text\("):
        make().score(Path("text.txt"))

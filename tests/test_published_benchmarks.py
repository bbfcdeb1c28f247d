"""The scripts beside published figures: what they make, count and write down; what they reach is in the results."""

import importlib
import json
import math
import statistics
from pathlib import Path

import numpy as np
import pytest

from unrolled.data.music import piano_roll
from unrolled.losses import mean_squared_error
from unrolled.models.sequences.network import SequenceNetwork
from unrolled.models.sequences.tagger import SequenceTagger

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
RECORDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in BENCHMARKS.glob("results/*.json")}
PUBLISHED = {name: record for name, record in RECORDS.items() if "target_seconds" in record}


@pytest.fixture
def script(monkeypatch):
    """Imports a script as Python runs it: with its neighbours."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


# What they share.


def summary(script, *, larger=False, target=1.0, seconds=60.0, figures=(0.5, 1.0, 1.5)):
    published = script("published")
    task = published.Task("task", "figure", {"figure": target}, 1, {"others": {"figure": 2.0}}, larger)
    runs = [{"seed": seed, "figure": figure, "seconds": seconds} for seed, figure in enumerate(figures)]
    return published.summary(task, {"hidden": 3}, runs, {"nothing": {"figure": 9.0}}, b"data", {"cores": "2"})


def test_a_record_has_the_mean_and_the_deviation_over_seeds_and_the_hash_of_the_data(script):
    record = summary(script)
    assert record["mean"] == {"figure": 1.0}
    assert record["standard_deviation"] == {"figure": 0.5}
    assert record["data_sha256"] == "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"
    assert record["machine"].keys() == {"cores", "threads"}
    assert summary(script, figures=(0.5,))["standard_deviation"] == {"figure": None}


@pytest.mark.parametrize(
    ("changed", "reached"),
    [
        ({}, True),
        ({"target": 0.99}, False),
        ({"target": 1.01}, True),
        ({"larger": True}, True),
        ({"larger": True, "target": 1.01}, False),
        ({"seconds": 60.1}, False),
    ],
)
def test_a_target_is_reached_by_the_mean_and_in_time(script, changed, reached):
    assert summary(script, **changed)["reached"] is reached


def test_a_table_has_ours_the_target_what_was_published_and_what_was_measured_beside_it(script, tmp_path, capsys):
    record = summary(script, target=0.9)
    script("published").write(record, tmp_path / "new" / "task.json")
    assert capsys.readouterr().out.splitlines() == [
        "| task | figure |",
        "|---|---|",
        "| unrolled, 3 seeds, 60 s each | **1** ± 0.5 |",
        "| target (missed) | 0.9 |",
        "| others | 2 |",
        "| nothing (measured) | 9 |",
    ]
    assert json.loads((tmp_path / "new" / "task.json").read_text(encoding="utf-8")) == record


def test_seeds_are_run_in_turn_and_each_says_how_long_it_took(script, capsys):
    published = script("published")
    options = published.parser_of("", "x.txt").parse_args(["--seeds", "4,2"])
    assert options.data.name == "x.txt"
    runs = published.measure(options.seeds, lambda seed: {"figure": seed / 2})
    assert [(run["seed"], run["figure"]) for run in runs] == [(4, 2.0), (2, 1.0)]
    assert all(run["seconds"] >= 0 for run in runs)
    assert json.loads(capsys.readouterr().err.splitlines()[0]) == runs[0]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_result_kept_is_of_several_seeds_and_is_what_its_runs_say(name):
    record = PUBLISHED[name]
    assert len({run["seed"] for run in record["runs"]}) >= 3
    assert record["baselines"]
    assert record["published"] or "SVM" in record["baselines"]  # what it is to be compared with
    assert {"processor", "cores", "threads", "date"} <= record["machine"].keys()
    for figure in record["target"]:
        of_seeds = [run[figure] for run in record["runs"]]
        assert record["mean"][figure] == pytest.approx(statistics.fmean(of_seeds))
        if "standard_deviation" in record:
            assert record["standard_deviation"][figure] == pytest.approx(statistics.stdev(of_seeds))
    assert "(tuning)" not in record["benchmark"]


# The adding problem.


def test_an_adding_sequence_has_a_mark_in_each_half_and_the_sum_of_the_marked_numbers(script):
    adding = script("adding")
    x, sums = adding.sequences(50, np.random.default_rng(0))
    assert x.shape == (600, 50, 2)
    for n in range(50):
        first, second = np.flatnonzero(x[:, n, 1])
        assert first < 300 <= second
        assert set(x[:, n, 1].tolist()) == {0.0, 1.0}
        assert sums[n, 0] == x[first, n, 0] + x[second, n, 0]
    assert 0 <= x[..., 0].min() < 0.01 < 0.99 < x[..., 0].max() < 1


def test_the_thousand_of_the_test_are_always_the_same_and_no_others(script):
    adding = script("adding")
    test = adding.fixed(adding.TEST)[0]
    assert np.array_equal(test, adding.fixed(adding.TEST)[0])
    assert not np.array_equal(test, adding.fixed(adding.TUNING)[0])
    assert not np.array_equal(test[:, :4], adding.Endless(4, adding.TEST).next().x)


def test_endless_batches_go_on_from_a_position(script):
    batches = script("adding").Endless(2, 0)
    batches.next()
    place = json.loads(json.dumps(batches.position))
    coming = batches.next().x
    batches.go_to(place)
    assert np.array_equal(batches.next().x, coming)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_chrono_biases_keep_the_old_state_for_one_to_all_steps(script, cell):
    network = SequenceNetwork(2, 1, mean_squared_error, cell=cell, hidden_size=40, seed=0)
    before = network.recurrent.parameters["bias_l0"].copy()
    script("adding").chrono(network, seed=0)
    i, f, *rest = np.split(network.recurrent.parameters["bias_l0"], 4 if cell == "lstm" else 3)
    keep = f  # the second gate of both: f of i, f, g, o; z of r, z, n
    memory = np.exp(keep)
    assert 1 <= memory.min() < 100 < 500 < memory.max() <= 599
    assert np.array_equal(i, -keep if cell == "lstm" else before[:40])
    assert np.array_equal(np.concatenate(rest), before[80:])


# The chorales.


def test_the_likelihood_of_a_frame_is_the_product_over_its_keys(script):
    negative_log_likelihood = script("chorales").negative_log_likelihood
    frames = [piano_roll([[21], []]), piano_roll([[21, 22]])]
    p = [np.full(roll.shape, 0.5) for roll in frames]
    assert negative_log_likelihood(p, frames) == pytest.approx(88 * math.log(2))
    p[1][0, :2] = (0.25, 0.125)  # of two that sound
    expected = (3 * 88 - 2) * math.log(2) + math.log(4) + math.log(8)
    assert negative_log_likelihood(p, frames) == pytest.approx(expected / 3)


def test_the_taggers_loss_is_that_likelihood(script):
    rng = np.random.default_rng(0)
    frames = [(rng.random((T, 88)) < 0.05).astype("float32") for T in (3, 5, 4)]
    tagger = SequenceTagger(targets="multilabel", hidden_size=4, epochs=1, standardize=False, random_state=0)
    tagger.fit(frames, frames)
    assert tagger.evaluate(frames, frames)["loss"] == pytest.approx(
        script("chorales").negative_log_likelihood(tagger.predict_proba(frames), frames), rel=1e-5
    )


def test_transposed_music_is_moved_by_keys_and_leaves_the_piano_at_its_ends(script):
    roll = piano_roll([[21, 60], [108]])
    transposed = script("chorales").transposed
    assert np.array_equal(transposed(roll, 0), roll)
    assert np.array_equal(transposed(roll, 2), piano_roll([[23, 62], []]))
    assert np.array_equal(transposed(roll, -3), piano_roll([[57], [105]]))


class Echo:
    """A tagger that expects every key that it has heard, with 0.75."""

    def predict_proba(self, rolls):
        return [0.75 * roll for roll in rolls]


def test_what_is_predicted_of_transposed_music_is_transposed_back(script):
    chorales = script("chorales")
    roll = piano_roll([[40, 60], [108]])
    same, higher = (chorales.predicted(Echo(), [roll], semitones) for semitones in (0, 1))
    assert np.array_equal(same[0], 0.75 * roll)
    assert np.array_equal(higher[0], 0.75 * piano_roll([[40, 60], []]))  # the last key was moved off the piano
    (mean,) = chorales.averaged([same, higher])
    assert mean[0, 60 - 21] == pytest.approx(0.75)
    assert mean[1, 87] == pytest.approx(0.375)
    assert 0 < mean.min() < 1e-6
    (certain,) = chorales.averaged([[roll]])
    assert 1 - 1e-6 < certain.max() < 1


def test_counted_probabilities_are_those_of_the_frames_after_the_first(script):
    chorales = script("chorales")
    train = [piano_roll([[21], [21], [], [21]]), piano_roll([[21], [22]])]
    assert chorales.frequencies(train)[:3] == pytest.approx([3 / 6, 2 / 6, 1 / 6])
    begins, goes_on = chorales.repeating(train)
    assert begins[:3] == pytest.approx([2 / 3, 2 / 6, 1 / 6])  # key 0 was silent once and sounded then
    assert goes_on[:3] == pytest.approx([2 / 5, 1 / 2, 1 / 2])  # it sounded three times, and went on once


# n-grams.


@pytest.mark.parametrize("context", ["ab", "ra", "zz", "xa"])
def test_the_probabilities_of_all_next_characters_sum_to_one(script, context):
    model = script("ngrams").NGrams("abracadabra", 3)
    every = [model.probabilities(context + w, 0.7)[0] for w in model.vocabulary.characters + "?"]
    assert sum(every) == pytest.approx(1)
    assert min(every) > 0


def test_an_n_gram_is_discounted_and_shares_what_is_left_by_the_shorter_one(script):
    model, D = script("ngrams").NGrams("abab", 2), 0.5
    p_0 = 1 / 3  # of a, b and the unknown one
    p_a, p_b = ((2 - D) / 4 + D * 2 / 4 * p_0 for _ in "ab")
    assert model.probabilities("ba", D).tolist() == pytest.approx([(1 - D) / 1 + D / 1 * p_a])
    assert model.probabilities("abb", D).tolist() == pytest.approx([(2 - D) / 2 + D / 2 * p_b, D / 1 * p_b])
    assert model.probabilities("?b", D).tolist() == pytest.approx([p_b])  # nothing was seen behind it
    assert model.evaluate("abb", D) == pytest.approx(-math.log(((2 - D) / 2 + D / 2 * p_b) * D * p_b) / 2)


def test_an_order_whose_codes_do_not_fit_is_refused(script):
    with pytest.raises(ValueError, match=r"`order` is 40, expected less: 5 characters"):
        script("ngrams").NGrams("abcdab", 40)


def test_the_order_and_the_discount_that_predict_best_are_chosen(script):
    ngrams, rng = script("ngrams"), np.random.default_rng(0)
    assert ngrams.choose("abcdefgh" * 30, "abcdefgh" * 3) == (max(ngrams.ORDERS), min(ngrams.DISCOUNTS))
    noise = "".join(rng.choice(list("abcdefgh"), 300))
    assert ngrams.choose(noise[:200], noise[200:]) == (min(ngrams.ORDERS), max(ngrams.DISCOUNTS))


# Shakespeare.


def test_a_setting_is_a_name_and_a_value(script):
    setting = script("shakespeare").setting
    assert [setting(text) for text in ("hidden=512", "ema=None", "cell=gru")] == [
        ("hidden", 512), ("ema", None), ("cell", "gru")
    ]  # fmt: skip


def test_tuning_never_sees_the_test_part_and_the_result_is_measured_on_it_all(script, tmp_path, monkeypatch, capsys):
    shakespeare = script("shakespeare")
    text = "to be or not " * 150 + "zq" * 100  # what only the test part has
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    seen = []
    monkeypatch.setattr(shakespeare, "run", lambda corpus, config: seen.append((corpus.text, config)) or FIGURES)
    common = ["--data", str(tmp_path / "text.txt"), "--seeds", "0", "--json", str(tmp_path / "new.json")]
    shakespeare.main([*common, "--tune", "--steps", "7", "--set", "hidden=8"])
    shakespeare.main([*common, "--minutes", "15"])
    (tuned_on, tuning), (whole, final) = seen
    assert "z" not in tuned_on
    assert len(tuned_on) == pytest.approx(0.9 * len(text), abs=1)
    assert (tuning.held_out, tuning.steps, tuning.minutes, tuning.hidden) == (0.05, 7, None, 8)
    assert whole == text
    assert (final.held_out, final.seed, final.steps) == (0.1, 0, None)
    assert final.minutes == 15
    record = json.loads((tmp_path / "new.json").read_text(encoding="utf-8"))
    assert (record["target"], record["target_seconds"]) == ({"nats_per_char": 1.44}, 900)
    assert "(tuning)" in capsys.readouterr().out.splitlines()[0]


FIGURES = {"nats_per_char": 1.0, "characters": 10, "train_loss": 1.0, "steps": 7}

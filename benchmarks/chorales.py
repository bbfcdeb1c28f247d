"""Bach's chorales, each frame predicted from those before it: negative log-likelihood beside published figures.

The data are the JSB chorales of Boulanger-Lewandowski, Bengio & Vincent 2012 with their split, a frame to a quarter
note, as JSON (jsb-chorales-quarter.json of the repository czhuang/JSB-Chorales-dataset); its SHA-256 is recorded. What
is counted, as by Bai, Kolter & Koltun 2018: the sum over the 88 keys of -log p(key sounds, or not), the mean over all
frames but each chorale's first. Published there, table 1: LSTM 8.45, GRU 8.43, TCN 8.10.

`SequenceTagger`s with a label for each key learn from the training part in the twelve transpositions from six semitones
down to five up; they read forward only. Several, of different seeds, hear each chorale in all of these transpositions,
and the probabilities that they give each key are averaged. The recipe was chosen on the validation part, which is not
trained on, and of each network the weights of the epoch that was best on it are kept; the test part is measured once,
after training. Baselines on the same split, counted on the training part: how often each key sounds; and how often it
sounds where it did in the frame before, and where it did not.

    python benchmarks/chorales.py --data jsb-chorales-quarter.json --json benchmarks/results/chorales.json
    python benchmarks/chorales.py --tune --seeds 0 --epochs 2 --hidden-size 100
"""

from __future__ import annotations

from typing import Any

import numpy as np
from published import Task, measure, parser_of, summary, write

from unrolled.bench.machine import describe_machine
from unrolled.data.music import KEYS, Roll, next_frames, read_chorales
from unrolled.models.sequences.tagger import SequenceTagger

FILE = "jsb-chorales-quarter.json"
RECIPE: dict[str, Any] = {
    "members": 3,
    "cell": "lstm",
    "hidden_size": 200,
    "num_layers": 1,
    "dropout": 0.3,
    "batch_size": 16,
    "epochs": 21.0,  # each of twelve times the chorales
    "patience": 8,
    "learning_rate": 1e-2,
    "ema": 0.98,
    "clip": 5.0,
}
TRANSPOSITIONS = range(-6, 6)  # semitones
LEAST = 1e-7  # probability: no answer is certain, nor are those of float32


def transposed(roll: Roll, semitones: int) -> Roll:
    """The same music higher or lower; what would leave the piano is left out."""
    moved = np.zeros_like(roll)
    low, high = max(0, semitones), KEYS + min(0, semitones)
    moved[:, low:high] = roll[:, low - semitones : high - semitones]
    return moved


def run(
    recipe: dict[str, Any], train: list[Roll], valid: list[Roll], measured: list[Roll], seed: int
) -> dict[str, float]:
    """Trains on all transpositions of `train`, and gives the negative log-likelihood of the frames measured.

    Besides that of all networks hearing all transpositions, there is that of one network and chorales as they are.
    """
    settings = dict(recipe)
    members = settings.pop("members")
    x, y = next_frames([transposed(roll, semitones) for semitones in TRANSPOSITIONS for roll in train])
    before, frames = next_frames(measured)
    heard: list[list[np.ndarray]] = []
    alone: list[float] = []
    for member in range(members):
        tagger = SequenceTagger(
            targets="multilabel", standardize=False, random_state=members * seed + member, **settings
        ).fit(x, y, validation_data=next_frames(valid))
        alone.append(tagger.evaluate(before, frames)["loss"])
        heard += [predicted(tagger, before, semitones) for semitones in TRANSPOSITIONS]
    return {"nll": negative_log_likelihood(averaged(heard), frames), "nll_of_one": float(np.mean(alone))}


def predicted(tagger: SequenceTagger, before: list[Roll], semitones: int) -> list[np.ndarray]:
    """The probability of each key by a tagger that hears the music transposed."""
    p = tagger.predict_proba([transposed(roll, semitones) for roll in before])
    return [transposed(each, -semitones) for each in p]


def averaged(heard: list[list[np.ndarray]]) -> list[np.ndarray]:
    """The mean of several answers; keys never heard get a little, as nothing is certain."""
    return [np.clip(np.mean(each, axis=0), LEAST, 1 - LEAST) for each in zip(*heard, strict=True)]


def negative_log_likelihood(p: list[np.ndarray], frames: list[Roll]) -> float:
    """The mean over frames `(T_i, 88)` of `-sum log` of the probability that each key does what it does."""
    sounding, keys = np.concatenate(p), np.concatenate(frames) > 0
    return float(-np.log(np.where(keys, sounding, 1 - sounding)).sum(axis=1).mean())


def frequencies(train: list[Roll]) -> np.ndarray:
    """How often each key sounds, `(88,)`, as if each had once sounded and once been silent."""
    _, frames = next_frames(train)
    keys = np.concatenate(frames)
    return (keys.sum(axis=0) + 1) / (len(keys) + 2)


def repeating(train: list[Roll]) -> np.ndarray:
    """How often each key sounds where it was silent in the frame before, and where it sounded, `(2, 88)`."""
    before, frames = (np.concatenate(part) for part in next_frames(train))
    counts = np.stack([((before == was) * frames).sum(axis=0) for was in (0, 1)])
    return (counts + 1) / (np.stack([(before == was).sum(axis=0) for was in (0, 1)]) + 2)


def main(given: list[str] | None = None) -> None:
    parser = parser_of(__doc__, FILE)
    parser.add_argument("--tune", action="store_true", help="measure on the validation part, never on the test part")
    for name, value in RECIPE.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help=f"(default {value})")
    options = parser.parse_args(given)
    recipe = {name: getattr(options, name) for name in RECIPE}
    machine, chorales = describe_machine(), read_chorales(options.data)
    train, measured = chorales.train, chorales.valid if options.tune else chorales.test
    task = Task(
        name="JSB chorales" + " (tuning)" * options.tune,
        measure=f"negative log-likelihood of a frame, nats, {'validation' if options.tune else 'test'} part",
        target={"nll": 8.30},
        minutes=10,
        published={name: {"nll": nll} for name, nll in (("LSTM", 8.45), ("GRU", 8.43), ("TCN", 8.10))},
    )
    runs = measure(options.seeds, lambda seed: run(recipe, train, chorales.valid, measured, seed))
    before, frames = next_frames(measured)
    of_key, of_change = frequencies(train), repeating(train)
    simple = {
        "how often each key sounds": [np.broadcast_to(of_key, roll.shape) for roll in frames],
        "how often each key goes on, or begins": [of_change[roll.astype(int), np.arange(KEYS)] for roll in before],
    }
    baselines = {name: {"nll": negative_log_likelihood(p, frames)} for name, p in simple.items()}
    write(summary(task, recipe, runs, baselines, options.data.read_bytes(), machine), options.json)


if __name__ == "__main__":
    main()

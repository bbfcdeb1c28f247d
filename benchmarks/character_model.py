"""Training throughput of `unrolled train`'s character model and of the same model in PyTorch; no accuracy is measured.

Embedding, LSTM, dense softmax; one step is forward, loss, backward, clipping, Adam, and the state carried on. Both have
the same first weights and see the same batches, and their losses must agree before anything is timed. Each runs in a
process of its own, on the same cores, and is idle while the other is timed; they take turns in every round, so that
a ratio is always between neighbours in time. PyTorch runs its own LSTM and `torch.optim.Adam(fused=True)`, the fastest
form of its Adam.

    python benchmarks/character_model.py                    # needs PyTorch: pip install '.[torch]'
    python benchmarks/character_model.py --threads 1 --rounds 9 --csv benchmarks/results/character_model.csv

Throughput does not depend on the text, so random characters will do; `--data PATH` takes a real one, whose SHA-256 is
recorded.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import random
import string
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unrolled.bench.machine import describe_machine
from unrolled.bench.serving import serve, timed
from unrolled.bench.statistics import Spread, spread
from unrolled.bench.workers import Worker, WorkerError

SIDES = ("unrolled", "torch")
CHECKED_STEPS = 6
AGREEMENT = 1e-5  # of a loss: a few hundred times the rounding that the first steps were seen to differ by
RANDOM_CHARACTERS = string.ascii_letters + string.digits + " \n"  # 64, and the unknown one: 65
RANDOM_LENGTH = 1_000_000


class Settings(NamedTuple):
    hidden: int
    batch: int
    window: int
    embedding: int
    threads: int
    data: str | None


class Side:
    """What a worker of either side answers; a subclass takes one step."""

    version = ""

    def __init__(self, settings: Settings) -> None:
        from unrolled.data.text import Streams, Vocabulary, read_text
        from unrolled.models import CharLM
        from unrolled.training.config import TrainConfig
        from unrolled.training.session import Session

        if settings.data is None:
            text = "".join(random.Random(0).choices(RANDOM_CHARACTERS, k=RANDOM_LENGTH))
        else:
            text = read_text(settings.data)
        vocabulary = Vocabulary.of(text)
        self.config = config = TrainConfig(
            hidden=settings.hidden,
            batch=settings.batch,
            window=settings.window,
            embedding=settings.embedding,
            minutes=None,
            steps=1_000_000,
        )
        model = CharLM(vocabulary, hidden_size=config.hidden, embedding_size=config.embedding, seed=0)
        self.streams = Streams(vocabulary.encode(text), config.batch, config.window, config.seed)
        self.session = Session(model, self.streams, config.settings(), config.steps)

    def take_step(self) -> float:
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "vocabulary": len(self.session.model.vocabulary),
            "streams": self.streams.streams,
        }

    def losses(self, steps: int) -> list[float]:
        return [self.take_step() for _ in range(steps)]

    def time(self, seconds: float) -> dict[str, float]:
        return timed(self.take_step, seconds)


class Ours(Side):
    def __init__(self, settings: Settings) -> None:
        from unrolled.cli.info import version

        super().__init__(settings)
        self.version = version()

    def take_step(self) -> float:
        return self.session.take_step()


class Torch(Side):
    """The same model, weights, batches and settings; `session` says the learning rate and takes no step itself."""

    def __init__(self, settings: Settings) -> None:
        import torch

        super().__init__(settings)
        torch.set_num_threads(settings.threads)
        self.torch, self.version = torch, torch.__version__
        weights = self.session.model.parameters
        V, E = weights["embedding.weight"].shape
        H = settings.hidden
        self.embedding, self.lstm, self.dense = torch.nn.Embedding(V, E), torch.nn.LSTM(E, H), torch.nn.Linear(H, V)
        own = {
            "embedding.weight": self.embedding.weight,
            "recurrent.weight_ih_l0": self.lstm.weight_ih_l0,
            "recurrent.weight_hh_l0": self.lstm.weight_hh_l0,
            "recurrent.bias_l0": self.lstm.bias_ih_l0,
            "dense.weight": self.dense.weight,
            "dense.bias": self.dense.bias,
        }
        assert own.keys() == weights.keys()
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(torch.from_numpy(weights[name].copy()))
            self.lstm.bias_hh_l0.zero_()
        self.lstm.bias_hh_l0.requires_grad_(False)  # one bias for each gate, as ours: a second one would learn twice
        self.parameters = list(own.values())
        config = self.config
        self.adam = torch.optim.Adam(
            self.parameters, config.learning_rate, (config.beta1, config.beta2), config.epsilon, fused=True
        )
        self.state: Any = None

    def take_step(self) -> float:
        torch, session = self.torch, self.session
        batch = session.batches.next()
        inputs, targets = (torch.from_numpy(tokens.astype(np.int64)) for tokens in (batch.inputs, batch.targets))
        h, state = self.lstm(self.embedding(inputs), None if batch.first else self.state)
        loss = torch.nn.functional.cross_entropy(self.dense(h).flatten(0, 1), targets.flatten())
        self.adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, session.settings.clip)
        for group in self.adam.param_groups:
            group["lr"] = session.learning_rate
        self.adam.step()
        session.step += 1
        self.state = tuple(part.detach() for part in state)
        return loss.item()


def check_agreement(losses: dict[str, list[float]]) -> float:
    """The largest difference of two losses of the same step, relative; raises where it is more than rounding."""
    ours, theirs = (np.array(losses[side]) for side in SIDES)
    worst = float(np.max(np.abs(ours - theirs) / np.abs(ours)))
    if not worst <= AGREEMENT:
        raise SystemExit(
            f"the losses differ by {worst:.1e}, expected at most {AGREEMENT:.0e}: {losses}; nothing was timed"
        )
    return worst


def take_turns(workers: dict[str, Worker], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Seconds a step of each side, one figure for each round; every other round begins with the other side."""
    times: dict[str, list[float]] = {side: [] for side in workers}
    for number in range(rounds):
        for side in list(workers) if number % 2 == 0 else list(workers)[::-1]:
            times[side].append(workers[side].ask("time", seconds=seconds)["seconds"])
        print(f"round {number + 1} of {rounds}: " + ", ".join(f"{s} {t[-1] * 1e3:.1f} ms" for s, t in times.items()))
    return times


def rates(times: dict[str, list[float]], characters: int) -> dict[str, Spread]:
    """Characters a second of each side, and the ratio of ours to theirs, each with its quartiles over the rounds."""
    result = {side: spread([characters / seconds for seconds in each]) for side, each in times.items()}
    result["ratio"] = spread([t / u for u, t in zip(times["unrolled"], times["torch"], strict=True)])
    return result


def write_csv(path: Path, machine: dict[str, str], times: dict[str, list[float]], characters: int) -> None:
    lines = [f"# {name}: {value}" for name, value in machine.items()]
    lines.append("side,round,seconds_per_step,characters_per_second")
    for side, each in times.items():
        lines += [f"{side},{i + 1},{seconds:.6g},{characters / seconds:.6g}" for i, seconds in enumerate(each)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one side in one round")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--window", type=int, default=128)
    parser.add_argument("--embedding", type=int, default=64)
    parser.add_argument("--data", metavar="PATH", help="a UTF-8 text (default: random characters, vocabulary 65)")
    parser.add_argument("--csv", type=Path, help="where to keep every round")
    parser.add_argument("--json", type=Path, help="where to keep the summary")
    parser.add_argument("--worker", choices=SIDES, help=argparse.SUPPRESS)
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> None:
    options = arguments(given)
    settings = Settings(*(getattr(options, name) for name in Settings._fields))
    if options.worker is not None:
        serve({"unrolled": Ours, "torch": Torch}[options.worker](settings))
        return
    if importlib.util.find_spec("torch") is None:
        raise SystemExit("PyTorch is not installed, expected it to compare with; pip install '.[torch]'")
    chosen = [f"--{name}={value}" for name, value in settings._asdict().items() if value is not None]
    workers: dict[str, Worker] = {}
    try:
        for side in SIDES:
            workers[side] = Worker(
                side, [sys.executable, __file__, f"--worker={side}", *chosen], threads=options.threads
            )
        about = {side: worker.ask("describe") for side, worker in workers.items()}
        characters = about["unrolled"]["streams"] * options.window
        worst = check_agreement({side: worker.ask("losses", steps=CHECKED_STEPS) for side, worker in workers.items()})
        print(f"losses of the first {CHECKED_STEPS} steps agree to {worst:.1e}")
        times = take_turns(workers, options.rounds, options.seconds)
    except WorkerError as error:
        raise SystemExit(str(error)) from None
    finally:
        for worker in workers.values():
            worker.close()

    machine = describe_machine() | {side: about[side]["version"] for side in SIDES}
    model = settings._asdict() | {"vocabulary": about["unrolled"]["vocabulary"]}
    model["data"] = "random" if options.data is None else hashlib.sha256(Path(options.data).read_bytes()).hexdigest()
    result = rates(times, characters)
    for side in SIDES:
        low, median, high = result[side]
        print(f"{side:9} {median:12,.0f} characters/s (quartiles {low:,.0f} to {high:,.0f})")
    ratio = result["ratio"]
    print(f"ratio     {ratio.median:12.2f} (quartiles {ratio.low:.2f} to {ratio.high:.2f})")
    if options.csv is not None:
        write_csv(options.csv, machine | {name: str(value) for name, value in model.items()}, times, characters)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        summary = {name: value._asdict() for name, value in result.items()}
        record = {"machine": machine, "model": model, "rounds": options.rounds, "agreement": worst, "result": summary}
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""What `unrolled train` reaches on tinyshakespeare in a few minutes with default settings; no peer is measured.

The first 90 % of the text train, the last 10 % validate: one stateful pass from a zero state over all of its
characters. The default settings were chosen with `--tune`, which sees the training part only and validates on its last
5 %. For comparison: a small Transformer reaches 1.88 nats/char after about 3 minutes on a CPU (the README of
karpathy/nanoGPT).

    python benchmarks/tinyshakespeare.py --data tinyshakespeare.txt
    python benchmarks/tinyshakespeare.py --data tinyshakespeare.txt --seeds 3 --json tinyshakespeare.json

The text (1,115,394 characters) is data/tinyshakespeare/input.txt of the repository karpathy/char-rnn; its SHA-256 is
recorded with the result.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path

from unrolled import engine
from unrolled.bench.machine import describe_machine
from unrolled.data.corpora import Corpus, from_file
from unrolled.models.text.training import start
from unrolled.training.config import TrainConfig
from unrolled.training.loop import train
from unrolled.training.report import Report

TARGET = 1.60  # nats/char, of 3 minutes on 2 cores
HELD_OUT, TUNED_ON = 0.1, 0.05


class Lines:
    """Tells how it goes, now and then, on standard error."""

    def step(self, report: Report) -> None:
        pass

    def report(self, report: Report) -> None:
        validation = "" if report.val_loss is None else f"  validation {report.val_loss:.4f}"
        print(
            f"step {report.step}/{report.total_steps or '?'}  {report.seconds:.0f} s  train {report.train_loss:.4f}"
            f"{validation}  {report.items_per_second:,.0f} chars/s",
            file=sys.stderr,
        )


def run(corpus: Corpus, config: TrainConfig) -> dict[str, float | int]:
    """One training run from its start to the validation at its end."""
    with tempfile.TemporaryDirectory() as folder:
        started = start(folder, corpus, config)
        began = time.perf_counter()
        last = train(started.session, started.task, Lines(), started.save)
        seconds = time.perf_counter() - began
    assert last is not None
    assert last.val_loss is not None
    return {
        "seed": config.seed,
        "val_loss": last.val_loss,
        "val_characters": last.val_characters or 0,
        "steps": last.step,
        "seconds": round(seconds, 1),
        "chars_per_second": round(last.step * config.batch * config.window / seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="tinyshakespeare as one UTF-8 file")
    parser.add_argument("--minutes", type=float, default=3.0, help="of training, validation and saving (default 3)")
    parser.add_argument("--seeds", type=int, default=1, help="how many runs, seeds 0, 1, ... (default 1)")
    parser.add_argument("--hidden", type=int, help="hidden units (default: the command's)")
    parser.add_argument("--tune", action="store_true", help="never look at the validation part")
    parser.add_argument("--json", type=Path, help="write the results here")
    options = parser.parse_args()

    corpus = from_file(options.data)
    held_out = HELD_OUT
    if options.tune:
        corpus = corpus._replace(text=corpus.text[: round(len(corpus.text) * (1 - HELD_OUT))])
        held_out = TUNED_ON
    changes = {} if options.hidden is None else {"hidden": options.hidden}
    results = []
    for seed in range(options.seeds):
        config = TrainConfig(minutes=options.minutes, held_out=held_out, seed=seed, **changes)
        results.append(run(corpus, config))
        print(json.dumps(results[-1]))
    losses = [float(result["val_loss"]) for result in results]
    record = {
        "benchmark": "tinyshakespeare",
        "tuning": options.tune,
        "data_sha256": hashlib.sha256(options.data.read_bytes()).hexdigest(),
        "machine": describe_machine() | {"threads": str(engine.info()["threads"])},
        "settings": TrainConfig(minutes=options.minutes, held_out=held_out, **changes).to_record(),
        "target": TARGET,
        "mean_val_loss": sum(losses) / len(losses),
        "worst_val_loss": max(losses),
        "runs": results,
    }
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"validation loss {record['mean_val_loss']:.4f} nats/char (worst {record['worst_val_loss']:.4f})")


if __name__ == "__main__":
    main()

"""Draws `docs/train.svg`: what the terminal shows at the end of a real `unrolled train` on the built-in corpus.

python docs/train_picture.py --minutes 3 --seed 1
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path

from rich.console import Console

from unrolled.data.corpora import load_corpus
from unrolled.models.text.training import start
from unrolled.training.config import TrainConfig
from unrolled.training.loop import train
from unrolled.training.progress import LiveDisplay


def main() -> None:
    """Trains, and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    show = LiveDisplay("unrolled train", Console(file=io.StringIO(), width=100))
    with tempfile.TemporaryDirectory() as folder:
        run = start(folder, load_corpus("python"), TrainConfig(minutes=options.minutes, seed=options.seed))
        train(run.session, run.task, show, run.save)
    picture = Console(file=io.StringIO(), record=True, width=100)
    picture.print("$ unrolled train", highlight=False)
    picture.print(f"text: {run.corpus.about}", highlight=False)
    picture.print(show.panel())
    picture.save_svg(str(Path(__file__).parent / "train.svg"), title="unrolled train")


if __name__ == "__main__":
    main()

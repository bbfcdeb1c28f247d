"""`unrolled sample`: a run's model writes, character by character."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def sample(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What to go on from (default: a new line).")
    ] = None,
    length: Annotated[int, typer.Option(metavar="N", help="How many characters to write.")] = 500,
    temperature: Annotated[
        float, typer.Option(metavar="T", help="Below 1 plays safe, above 1 dares more, 0 takes the likeliest.")
    ] = 0.8,
    top_k: Annotated[int | None, typer.Option(metavar="K", help="Choose among the K likeliest only.")] = None,
    top_p: Annotated[
        float, typer.Option(metavar="P", help="Choose among the likeliest that together have this probability.")
    ] = 1.0,
    seed: Annotated[int | None, typer.Option(metavar="SEED", help="The same seed writes the same text.")] = None,
) -> None:
    """Write text with a trained model, streamed as it comes.

    It works on a finished run and on one that is still training (its last checkpoint).
    """
    from unrolled.cli.text_model import load_text_model

    characters = load_text_model(run).sample(
        prompt, length, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed
    )
    sys.stdout.write(prompt or "")
    for character in characters:
        sys.stdout.write(character)
        sys.stdout.flush()
    sys.stdout.write("\n")

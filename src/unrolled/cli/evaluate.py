"""`unrolled eval`: how well a run's model predicts a text."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A UTF-8 text.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Print loss, perplexity and bits per character of a text.

    One pass over all characters from a zero state; each is predicted from all before it. Characters that the model does
    not know count as its unknown symbol, and it is said how many they are.
    """
    from unrolled.cli.text_model import load_text_model
    from unrolled.data.text import open_text
    from unrolled.training.facts import bits, perplexity

    model = load_text_model(run)
    result = model.evaluate(open_text(file))
    values = {
        "loss": result.loss,
        "perplexity": perplexity(result.loss),
        "bits_per_char": bits(result.loss),
        "characters": result.characters,
        "unknown": result.unknown,
    }
    if json:
        typer.echo(json_module.dumps(values))
        return
    typer.echo(f"loss        {values['loss']:.4f} nats/char")
    typer.echo(f"perplexity  {values['perplexity']:.4f}")
    typer.echo(f"bits/char   {values['bits_per_char']:.4f}")
    unknown = f", {result.unknown:,} of them unknown to the model" if result.unknown else ""
    typer.echo(f"characters  {result.characters:,}{unknown}")

"""What an encoder-decoder answers to a batch of sources, and how good its answers are; no symbols, only tokens."""

from __future__ import annotations

from unrolled.data.pairs import END, START, PairBatch, PairBatches
from unrolled.models.pairs.beam import Hypothesis, beam_search
from unrolled.models.pairs.network import EncoderDecoderNetwork

__all__ = ["ROWS", "search", "validation"]

ROWS = 512  # of a search at once: sources times the beam's width


def search(
    network: EncoderDecoderNetwork, batch: PairBatch, *, beam: int = 1, max_length: int, length_penalty: float = 1.0
) -> list[list[Hypothesis]]:
    """Likely answers to each source of a batch, whose targets are not looked at, as `beam.beam_search` finds them.

    Args:
        network: which answers.
        batch: the sources.
        beam: how many beginnings are kept; 1 is greedy.
        max_length: of an answer, without its end.
        length_penalty: see `beam.beam_search`.
    """
    return beam_search(
        network.step,
        network.take,
        network.encode(batch.sources, batch.lengths),
        batch.sources.shape[1],
        start=START,
        end=END,
        width=beam,
        max_length=max_length,
        length_penalty=length_penalty,
    )


def validation(network: EncoderDecoderNetwork, batches: PairBatches, max_length: int) -> dict[str, float]:
    """The loss over all tokens in nats, and which part of the sources is answered greedily with exactly its target."""
    loss, tokens, exact, pairs = 0.0, 0, 0, 0
    for rows, batch in batches.in_order(ROWS):
        ends = (batch.targets == END).argmax(0)
        count = int((ends + 1).sum())
        loss += network.loss(batch) * count
        tokens += count
        pairs += len(rows)
        for n, (found,) in enumerate(search(network, batch, max_length=max_length)):
            exact += found.tokens == batch.targets[: ends[n], n].tolist()
    return {"loss": loss / tokens, "exact_match": exact / pairs}

"""A report in words: which of its numbers are shown, and how; draws nothing."""

from __future__ import annotations

import math

from unrolled.training.report import Report

__all__ = ["NATS_PER_CHARACTER", "bits", "clock_time", "facts_of", "measured_of", "perplexity", "sample_lines"]

SAMPLE_LINES = 8
NATS_PER_CHARACTER = "nats/char"


def perplexity(loss: float) -> float:
    """How many equally likely characters would be as hard to guess: `exp(loss)`, infinite where that overflows.

    >>> perplexity(0.0), perplexity(1e4)
    (1.0, inf)
    """
    return math.exp(loss) if loss < 700 else math.inf


def bits(loss: float) -> float:
    """A loss in nats, in bits.

    >>> bits(math.log(8))
    3.0
    """
    return loss / math.log(2)


def clock_time(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any.

    >>> clock_time(62), clock_time(3725.4)
    ('1:02', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def facts_of(report: Report) -> dict[str, str]:
    """What is shown of a report, in words; the validation loss goes before the training loss where there is one."""
    total = "?" if report.total_steps is None else f"{report.total_steps:,}"
    shown = {
        "step": f"{report.step:,}/{total}",
        "epoch": "" if report.loss_unit == NATS_PER_CHARACTER else f"{report.epoch:.4g}",
        "train": _loss(report, report.train_loss) if math.isfinite(report.train_loss) else "",
        **measured_of(report),
        "learning rate": f"{report.learning_rate:.2e}",
        f"{report.unit}/s": f"{report.items_per_second:,.0f}",
        "left": "" if report.seconds_left is None else clock_time(report.seconds_left),
    }
    return {name: value for name, value in shown.items() if value}


def measured_of(report: Report) -> dict[str, str]:
    """The metrics of a report; a loss in nats per character is also told as perplexity and in bits."""
    values = {name: value for name, value in report.metrics.items() if value is not None}
    if report.loss_unit != NATS_PER_CHARACTER:
        return {"validation" if name == "loss" else name: f"{value:.4g}" for name, value in values.items()}
    loss = values.get("loss", report.train_loss)
    validation = {"validation": _loss(report, loss)} if values else {}
    return {**validation, "perplexity": f"{perplexity(loss):.2f}", "bits/char": f"{bits(loss):.3f}"}


def _loss(report: Report, loss: float) -> str:
    return f"{loss:.3f} {report.loss_unit}" if report.loss_unit else f"{loss:.4g}"


def sample_lines(sample: str) -> list[str]:
    """The first lines of a sample, without what would move a terminal's cursor."""
    lines = sample.strip("\n").expandtabs(4).splitlines()[:SAMPLE_LINES]
    return ["".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line) for line in lines]

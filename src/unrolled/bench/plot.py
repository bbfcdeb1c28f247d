"""Results as a picture: every peer's part of the machine's peak, case by case; needs matplotlib."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unrolled.bench.cases import STEPS, Case
from unrolled.bench.peers import PEERS
from unrolled.bench.records import Row
from unrolled.errors import MissingExtraError

__all__ = ["plot", "require_matplotlib"]

# Okabe & Ito's colours, which most colour-blind readers can tell apart; ours is the darkest.
LOOKS = {
    "unrolled": ("#000000", "D"),
    "torch": ("#D55E00", "o"),
    "onnx": ("#0072B2", "s"),
    "jax": ("#009E73", "^"),
    "keras": ("#CC79A7", "v"),
}


def require_matplotlib() -> Any:
    """The package, or an error that says what to install: better before an hour of measuring than after it.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module("matplotlib")
    except ImportError:
        raise MissingExtraError(
            "`plot` needs matplotlib, expected it to be installed; pip install 'unrolled[bench]'"
        ) from None


def plot(path: Path, machine: Mapping[str, str], rows: Sequence[Row]) -> None:
    """Draws a panel for each cell and dtype (down) and for each mode and number of threads (across).

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    matplotlib = require_matplotlib()
    matplotlib.use("agg")
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    timed = [row for row in rows if row.peak_fraction is not None]
    down = list(dict.fromkeys((row.cell, row.dtype) for row in timed))
    across = sorted({(row.mode, row.threads) for row in timed if row.mode not in STEPS})
    if not down or not across:
        return
    sizes = {key: _sizes(timed, key) for key in down}
    heights = [len(sizes[key]) + 1.5 for key in down]
    figure, grid = pyplot.subplots(
        len(down),
        len(across),
        figsize=(1.8 + 3.2 * len(across), 1.6 + 0.28 * sum(heights)),
        sharex=True,
        squeeze=False,
        height_ratios=heights,
        layout="constrained",
    )
    for (cell, dtype), axes_row in zip(down, grid, strict=True):
        for (mode, threads), axes in zip(across, axes_row, strict=True):
            own = [r for r in timed if (r.cell, r.dtype, r.mode, r.threads) == (cell, dtype, mode, threads)]
            _panel(axes, own, sizes[cell, dtype], labelled=axes is axes_row[0])
            axes.set_title(f"{cell.upper()} {dtype}, {mode}, {threads} thread{'s' if threads > 1 else ''}", fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("part of the FMA peak", fontsize=9)
    for axes_row in grid:
        axes_row[0].set_ylabel("T x N x I x H", fontsize=8)
    peers = [peer for peer in LOOKS if any(row.peer == peer for row in timed)]
    handles = [
        matplotlib.lines.Line2D([], [], color=LOOKS[p][0], marker=LOOKS[p][1], linestyle="", label=PEERS[p].title)
        for p in peers
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(peers), frameon=False)
    figure.suptitle(f"{machine.get('processor', '')}, {machine.get('instruction set', '')}", fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def _sizes(rows: Sequence[Row], key: tuple[str, str]) -> list[Case]:
    """The sizes of a cell and dtype, from little work to much: each as the one case that stands for it."""
    found = {row.case.size: row.case for row in rows if (row.cell, row.dtype) == key and row.mode not in STEPS}
    return sorted(found.values(), key=lambda case: case.T * case.N * case.H * (case.I + case.H))


def _panel(axes: Any, rows: Sequence[Row], sizes: Sequence[Case], *, labelled: bool) -> None:
    for y, case in enumerate(sizes):
        own = [row for row in rows if row.case.size == case.size]
        if fractions := [row.peak_fraction for row in own if row.peak_fraction is not None]:
            axes.plot([min(fractions), max(fractions)], [y, y], color="#CCCCCC", linewidth=1, zorder=1)
        for row in own:
            color, marker = LOOKS[row.peer]
            axes.plot([row.peak_fraction], [y], color=color, marker=marker, linestyle="", markersize=5, zorder=2)
    axes.set_xscale("log")
    axes.axvline(1.0, color="#999999", linewidth=0.8, linestyle=":")
    axes.set_yticks(
        range(len(sizes)), ["x".join(map(str, case.size)) for case in sizes] if labelled else [], fontsize=8
    )
    axes.set_ylim(-0.6, len(sizes) - 0.4)
    axes.grid(axis="x", color="#EEEEEE")
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)

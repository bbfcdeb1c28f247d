"""Results as rows, one for each peer and case, to a CSV file and back; the machine's description stands above them."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from unrolled.bench.cases import Case
from unrolled.bench.rounds import CaseResult
from unrolled.bench.statistics import spread
from unrolled.errors import DataError

__all__ = ["Row", "read_csv", "rows_of", "to_json", "write_csv"]

OURS = "unrolled"
NEWER = ("times_ours_low", "times_ours_high")  # columns that older files are without


@dataclass(frozen=True)
class Row:
    """One peer on one case; numbers are medians over the rounds, `None` where it was not timed."""

    cell: str
    dtype: str
    T: int
    N: int
    I: int  # noqa: E741
    H: int
    mode: str
    threads: int
    peer: str
    status: str  # timed, refused, disagrees, failed
    rounds: int
    microseconds: float | None  # of one call
    low: float | None  # its quartiles
    high: float | None
    gflops: float | None  # of the weights' products, see Case.flops
    peak_gflops: float | None  # the machine's, in the same rounds
    peak_fraction: float | None  # of gflops, round by round
    times_ours: float | None  # this peer's time in ours', round by round: above 1 is slower than we are
    times_ours_low: float | None = None  # its quartiles; an older file has none
    times_ours_high: float | None = None
    reason: str = ""  # why it was not timed, or a round's peak not measured

    @property
    def case(self) -> Case:
        """What it was timed on."""
        return Case(self.cell, self.T, self.N, self.I, self.H, self.mode, self.threads, self.dtype)


def rows_of(result: CaseResult) -> list[Row]:
    """A result's rows: medians of the rounds, and of ratios between neighbours in time."""
    case, ours = result.case, result.outcomes.get(OURS)
    rows: list[Row] = []
    for peer, outcome in result.outcomes.items():
        box = (case.cell, case.dtype, *case.size, case.mode, case.threads, peer, outcome.status, len(outcome.seconds))
        if not outcome.seconds:
            rows.append(Row(*box, None, None, None, None, None, None, None, reason=outcome.reason))
            continue
        low, middle, high = spread([1e6 * seconds for seconds in outcome.seconds])
        pairs = [pair for pair in zip(outcome.seconds, result.peaks, strict=True) if math.isfinite(pair[1])]
        fraction = spread([case.flops / seconds / peak for seconds, peak in pairs]).median if pairs else None
        peak = spread([peak / 1e9 for _, peak in pairs]).median if pairs else None
        ratio_low = ratio = ratio_high = None
        if ours is not None and ours.seconds:
            ratios = [s / o for s, o in zip(outcome.seconds, ours.seconds, strict=True)]
            ratio_low, ratio, ratio_high = spread(ratios)
        measured = (middle, low, high, case.flops / middle / 1e3, peak, fraction, ratio, ratio_low, ratio_high)
        rows.append(Row(*box, *measured, result.peak_reason))
    return rows


def write_csv(path: Path, machine: Mapping[str, str], rows: Sequence[Row]) -> None:
    """Writes `# name: value` of the machine, then a header and the rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        for name, value in machine.items():
            file.write(f"# {name}: {value}\n")
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            values: dict[str, Any] = asdict(row)
            writer.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in values.items()})


def read_csv(path: Path) -> tuple[dict[str, str], list[Row]]:
    """Takes back what `write_csv` wrote, numbers to five digits; an older table may be without the newer columns.

    Raises:
        DataError: the file cannot be read, or is not such a table.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"`{path}` cannot be read ({error}), expected a table of unrolled bench; check the path"
        ) from None
    machine = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# ") and ": " in line)
    reader = csv.DictReader(line for line in lines if not line.startswith("#"))
    kinds: dict[str, Callable[[str], Any]] = {
        "int": int,
        "float | None": lambda text: float(text) if text else None,
        "str": str,
    }
    try:
        present = [f for f in fields(Row) if f.name not in NEWER or f.name in (reader.fieldnames or ())]
        if reader.fieldnames != [f.name for f in present]:
            raise ValueError("other columns")
        rows = [Row(**{f.name: kinds[str(f.type)](record[f.name]) for f in present}) for record in reader]
    except (ValueError, TypeError) as error:
        raise DataError(
            f"`{path}` is no table of unrolled bench ({error}), expected one written with --csv; was it edited?"
        ) from None
    return machine, rows


def to_json(machine: Mapping[str, str], results: Iterable[CaseResult]) -> dict[str, Any]:
    """Every round of every peer, as plain values."""
    return {
        "machine": dict(machine),
        "cases": [
            {
                "case": result.case.to_record(),
                "flops": result.case.flops,
                "peak_flops_per_second": [peak if math.isfinite(peak) else None for peak in result.peaks],
                "peak_reason": result.peak_reason,
                "peers": {name: asdict(outcome) for name, outcome in result.outcomes.items()},
            }
            for result in results
        ],
    }

"""One file: its functions in an order in which each is judged on what is right of the others, and one report."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.check.find import Found, Source, find_functions
from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.function import report, rerun
from unrolled.check.judge.inputs import SIZES, Drawing, family_of
from unrolled.check.judge.known import Known, Tried
from unrolled.check.judge.plans import with_dictionaries
from unrolled.check.judge.search import search
from unrolled.check.results import FileReport, FunctionReport, Place
from unrolled.check.sandbox import Sandbox, SandboxError

__all__ = ["ORDER", "check_source"]

_FAMILIES = ("rnn", "lstm", "gru")
# Cells before the loops that stand on them, forward before backward: a right cell is there only once theirs is judged.
ORDER = (
    "sigmoid",
    "softmax",
    *(f"{family}_cell_{way}" for family in _FAMILIES for way in ("forward", "backward")),
    *(f"{family}_{way}" for family in _FAMILIES for way in ("forward", "backward")),
    "output_forward",
    "output_backward",
    "initialize_adam",
    "update_parameters_with_adam",
)


def check_source(
    source: Source,
    *,
    mapping: Any = None,
    sandbox: Sandbox,
    timeout: float | None = None,
    names: Collection[str] | None = None,
) -> FileReport:
    """Judges every function of a file.

    Args:
        source: the file's text.
        mapping: what the user says of names that cannot be guessed.
        sandbox: where its code is run.
        timeout: seconds for each of a function's calls together; None: the sandbox's.
        names: the course's names of the functions to be reported; None: all.

    Returns:
        The report, functions in the order in which they stand in the file.
    """
    found, problems = find_functions(source, mapping)
    found = with_dictionaries(found)
    own = {each.name: each for each in found if not each.empty and not each.unparsed}
    known = Known(source, sandbox, own, _drawings(source.text), timeout)
    reports = _judged(known, found, names)
    placed = [_placed(source, each) for each in reports if names is None or each.name in names]
    placed.sort(key=lambda each: next(one.line for one in found if one.name == each.name))
    return FileReport(source.name, tuple(placed), (*source.problems, *problems), sandbox.mode != "none")


def _drawings(text: str) -> list[Drawing]:
    """The same for the same text, so that a verdict can be repeated."""
    seed = int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "little")
    return [Drawing(sizes, np.random.default_rng([seed, index])) for index, sizes in enumerate(SIZES)]


def _judged(known: Known, found: list[Found], names: Collection[str] | None) -> list[FunctionReport]:
    reports: dict[str, FunctionReport] = {}
    families = None if names is None else {family_of(name) for name in names} | {"sigmoid", "softmax"}
    by_name = {each.name: each for each in found}
    for name in ORDER:
        if name not in by_name or (families is not None and family_of(name) not in families):
            continue
        if by_name[name].empty:
            reports[name] = _missing(by_name[name])
            continue
        if by_name[name].unparsed:
            reports[name] = _unparsed(by_name[name])
            continue
        reports[name] = _guarded(by_name[name], lambda own=by_name[name]: _one(known, own))
        if name in (f"{family}_cell_backward" for family in _FAMILIES) or name in (f"{f}_backward" for f in _FAMILIES):
            _consistent(known, reports, family_of(name))
    for family in _FAMILIES:
        _consistent(known, reports, family)
    if _row_by_row_in(known):
        rows = any(known.tried[name].best.plan.layout.step == "mn" for name in known.correct)
        if not rows and not _untold(reports):
            own = known.tried["softmax"].base
            reports["softmax"] = _guarded(own.plan.found, lambda: report(known, own))
    return list(reports.values())


def _untold(reports: dict[str, FunctionReport]) -> bool:
    """Whether what would tell which axis is the batch could not be run at all, say for a module that is missing."""
    verdicts = {each.verdict for name, each in reports.items() if family_of(name) in _FAMILIES}
    return bool(verdicts) and verdicts <= {"refused", "timeout"}


def _row_by_row_in(known: Known) -> bool:
    return "softmax" in known.tried and _row_by_row(known, "softmax")


def _missing(found: Found) -> FunctionReport:
    return FunctionReport(found.name, "missing", found.found_as, Place(found.line), reason="its body is still empty")


def _unparsed(found: Found) -> FunctionReport:
    return FunctionReport(found.name, "crashed", found.found_as, Place(found.line), reason=found.unparsed)


def _guarded(found: Found, judge: Callable[[], FunctionReport]) -> FunctionReport:
    """What `judge` says of a function; where judging itself fails, that, so that the others have their verdicts."""
    try:
        return judge()
    except SandboxError:
        raise
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}: {error}"
        return FunctionReport(
            found.name,
            "refused",
            found.found_as,
            Place(found.line),
            reason=f"the checker itself failed on it ({what}), which says nothing about your code; "
            "please report this with the function",
        )


def _one(known: Known, found: Found) -> FunctionReport:
    tried = search(known, found)
    if tried is None:
        return _not_told(found)
    if found.name.endswith("backward"):
        tried = _every_step(known, tried)
    known.tried[found.name] = tried
    told = report(known, tried.best)
    if told.verdict == "correct" and not _row_by_row(known, found.name):
        known.correct.add(found.name)
    return told


def _row_by_row(known: Known, name: str) -> bool:
    """A softmax along rows is right in a file that takes the batch first; so it is not trusted until that is known."""
    return name == "softmax" and known.tried[name].other is not None


def _every_step(known: Known, tried: Tried) -> Tried:
    """A loop that goes back from the last step alone, and says so by an error, is right where it goes."""
    best = tried.best
    if FUNCTIONS[best.function].kind != "loop" or best.reply.status != "raised" or len(best.answers) != 2:
        return tried
    if best.wrong(0) or best.wrong(1):
        return tried
    whole = rerun(known, best, 2)
    return Tried(whole) if whole.right else tried


def _not_told(found: Found) -> FunctionReport:
    roles = [argument.name for argument in found.arguments if argument.role is None and not argument.has_default]
    which = ", ".join(f"`{name}`" for name in roles) or "its arguments"
    return FunctionReport(
        found.name,
        "refused",
        found.found_as,
        Place(found.line),
        reason=f"it cannot be told what {which} stands for; say it with --map {found.found_as}.ARGUMENT=ROLE",
    )


# --- one system of equations for a whole family -----------------------------------------------------------------------


def _consistent(known: Known, reports: dict[str, FunctionReport], family: str) -> None:
    """Another system of equations is a convention where all of a family follow it, and a mistake where only some do."""
    own = {name: known.tried[name] for name in known.correct if name in known.tried and family_of(name) == family}
    others = {name: tried for name, tried in own.items() if tried.other is not None}
    if not others:
        return
    systems = {_system(tried) for name, tried in own.items() if _depends(known, name)}
    alone = len([name for name in own if _depends(known, name)]) < 2
    if len(systems) == 1 and not (alone and next(iter(systems))[0]):
        return
    for name, tried in others.items():
        known.correct.discard(name)
        known.tried[name] = replace(tried, other=None)
        reports[name] = _guarded(tried.base.plan.found, lambda own=tried.base: report(known, own))


def _system(tried: Tried) -> tuple[bool, Any]:
    return tried.best.plan.layout.x_first, tried.best.plan.variant


def _depends(known: Known, name: str) -> bool:
    """Whether a function has equations of its own, rather than a cell beneath it."""
    return FUNCTIONS[name].kind != "loop" or not known.found[name].helpers


def _placed(source: Source, told: FunctionReport) -> FunctionReport:
    """The same with every place in its cell."""
    findings = tuple(
        replace(finding, place=None if finding.place is None else source.place(finding.place.line))
        for finding in told.findings
    )
    return replace(told, place=None if told.place is None else source.place(told.place.line), findings=findings)

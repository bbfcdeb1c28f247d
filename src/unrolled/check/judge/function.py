"""From what a search came to, to a verdict with its reasons."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.answers import is_missing
from unrolled.check.judge.attempt import Attempt, attempt
from unrolled.check.judge.effects import cache_findings, global_findings, one_array, side_effects
from unrolled.check.judge.inputs import COURSE_SIZES, Drawing, family_of
from unrolled.check.judge.known import Known
from unrolled.check.judge.lines import set_by_init
from unrolled.check.judge.passing import carry_out, prepare
from unrolled.check.judge.reasons import absent, explained, half, observed, shapes, trace, with_line
from unrolled.check.judge.search import FINAL
from unrolled.check.judge.words import convention
from unrolled.check.results import Finding, FunctionReport, Place
from unrolled.check.sandbox import Record

__all__ = ["report", "rerun"]


def report(known: Known, found: Attempt) -> FunctionReport:
    """The verdict on one function; places count lines of the whole source.

    Args:
        known: of the file.
        found: the best attempt at it.
    """
    about, learner = FUNCTIONS[found.function], found.plan.found
    base = FunctionReport(about.name, "wrong", learner.found_as, Place(learner.line))
    status = found.reply.status
    if found.answers and is_missing(found.reply.values[found.prepared.own[0]]) and not found.right:
        return replace(base, verdict="missing", reason="it returns nothing but None")
    if status == "timeout":
        return replace(base, verdict="timeout", reason=found.reply.error)
    if status in FINAL:
        return replace(base, verdict="refused", reason=found.reply.error)
    if found.right:
        return _right(known, found, base)
    if status == "raised" and not any(found.wrong(call) for call in range(len(found.answers))):
        return _crashed(known, found, base)
    return _wrong(known, found, base)


def _outputs(found: Attempt) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The course's names of what is right in every call, and of what is not."""
    wrong = dict.fromkeys(role for call in range(len(found.answers)) for role in found.wrong(call))
    every = dict.fromkeys(role for each in found.answers for role in each.found)
    course = {
        "d" + name: "d" + own for name, pack in found.plan.slots.items() for own in pack.course_names[:1] if pack.whole
    }
    return (
        tuple(dict.fromkeys(course.get(role, role) for role in every if role not in wrong)),
        tuple(dict.fromkeys(course.get(role, role) for role in wrong)),
    )


def _right(known: Known, found: Attempt, base: FunctionReport) -> FunctionReport:
    findings = side_effects(found)
    right, _ = _outputs(found)
    if findings:
        return replace(base, findings=tuple(findings), right=right)
    said = "; ".join(part for part in (convention(found), _large(known, found)) if part)
    return replace(base, verdict="correct", convention=said, right=right)


def _large(known: Known, found: Attempt) -> str:
    """What sigmoid and softmax do with large numbers; no reason to call them wrong."""
    if found.function not in ("sigmoid", "softmax"):
        return ""
    large = Drawing(known.drawings[0].sizes, np.random.default_rng(0))
    large.logits = 1000.0 * large.logits
    result = carry_out(known, found.plan, [large])
    if result.answers and result.right:
        return ""
    return (
        "overflows for entries around 1000: subtract the maximum before exp"
        if found.function == "softmax"
        else ("overflows for entries around -1000")
    )


def _crashed(known: Known, found: Attempt, base: FunctionReport) -> FunctionReport:
    reply = found.reply
    names = [each.name for each in known.source.unparsed]
    lost = next((name for name in names if reply.error == f"NameError: name '{name}' is not defined"), None)
    if lost is not None:
        return replace(base, verdict="refused", reason=f"it uses `{lost}`, which does not parse; mend that first")
    cell = FUNCTIONS[found.function].cell
    if cell and cell not in known.found and reply.error == f"NameError: name '{cell}' is not defined":
        return replace(base, verdict="refused", reason=f"it uses `{cell}`, which is not in this file; put it there")
    unset = re.fullmatch(r"AttributeError: '\w+' object has no attribute '(\w+)'.*", reply.error, re.DOTALL)
    if unset is not None and set_by_init(found.plan.found, unset[1]):
        reason = f"it cannot be told what `self.{unset[1]}` holds, which `__init__` sets: `__init__` is not run"
        return replace(base, verdict="refused", reason=f"{reason}; take it from an argument, or from an array's shape")
    place = None if reply.error_line is None else Place(reply.error_line)
    sizes = _course_sizes_only(known, found)
    findings: list[Finding] = [] if sizes is None else [replace(sizes, place=place)]
    if sizes is None:
        findings += global_findings(found)
    where = "" if reply.error_line is None else f" ({known.source.place(reply.error_line)})"
    when = _when(known, found)
    right, _ = _outputs(found)
    return replace(
        base,
        verdict="crashed",
        reason=f"{reply.error}{where}{when}",
        findings=tuple(findings),
        right=right if findings else (),
    )


def _when(known: Known, found: Attempt) -> str:
    """In which of the calls it crashed, where others went well."""
    if not found.answers:
        return ""
    sizes = known.drawings_for(found.function)[len(found.answers)].sizes
    if FUNCTIONS[found.function].kind == "loop":
        if sizes.covered < sizes.T and found.function.endswith("backward"):
            return f", where the gradient covers {sizes.covered} of {sizes.T} steps"
        return f", with T = {sizes.T}"
    return f", with n_x = {sizes.n_x}, n_a = {sizes.n_a}, m = {sizes.m}"


def _course_sizes_only(known: Known, found: Attempt) -> Finding | None:
    """Whether it is right on arrays of the sizes of the course's example, and on no others."""
    if family_of(found.function) in ("sigmoid", "softmax", "adam"):
        return None
    drawing = Drawing(COURSE_SIZES, np.random.default_rng(1))
    if found.function.endswith("backward"):
        return None if not _alone(known, found, drawing) else _sizes_finding(found)
    result = carry_out(known, found.plan, [drawing])
    return _sizes_finding(found) if result.right else None


def _alone(known: Known, found: Attempt, drawing: Drawing) -> bool:
    forward = known.tried.get(found.function.replace("backward", "forward"))
    if forward is None:
        return carry_out(known, found.plan, [drawing]).right
    own = carry_out(known, forward.best.plan, [drawing])
    if not own.right:
        return False
    inner = Known(known.source, known.sandbox, known.found, [drawing], known.timeout, dict(known.tried), known.correct)
    inner.tried[own.function] = replace(forward, base=own, other=None)
    return carry_out(inner, found.plan, [drawing]).right


def _sizes_finding(found: Attempt) -> Finding:
    return Finding(
        f"{family_of(found.function)}.init",
        "sizes",
        "it is right for the sizes of the course's example alone: a size is written into it as a number",
        "observed",
        should_be="take sizes from the arguments: n_x, m, T = x.shape and n_y, n_a = Wya.shape",
    )


# --- wrong ----------------------------------------------------------------------------------------------------------


def _wrong(known: Known, found: Attempt, base: FunctionReport) -> FunctionReport:
    right, wrong = _outputs(found)
    call = next((index for index in range(len(found.answers)) if found.wrong(index)), None)
    effects = side_effects(found)
    if call is None:
        return replace(base, findings=tuple(effects) or (observed(found, wrong),), right=right, wrong=wrong)
    changed = {finding.symbol for finding in effects}
    changed |= {given.role for given in found.plan.arguments if given.name in changed}
    findings = list(one_array(found))
    records = trace(known, found, call)
    if any(finding.equation.endswith(".alias") for finding in findings):
        findings += [each for each in cache_findings(found, call) if each.symbol not in changed]
    else:
        findings += _by_values(found, call, changed, records)
    by_shape = shapes(found, call, {each.equation for each in findings if each.certainty != "observed"})
    told = {each.equation for each in by_shape}
    shaped = {each.symbol for each in by_shape}
    named = [answer.name or role for role, answer in found.answers[call].found.items() if not answer.right]
    whole = "caches" not in wrong and shaped.issuperset(named)  # nothing is wrong but shapes
    findings = [each for each in findings if each.certainty != "observed" or not (whole or each.equation in told)]
    findings += [*half(found, call, records), *by_shape, *absent(found, call), *effects]
    findings = [with_line(found, finding) for finding in findings]
    if not any(finding.certainty == "explained" for finding in findings):
        sizes = _course_sizes_only(known, found)
        findings = ([] if sizes is None else [sizes]) + global_findings(found) + findings
    return replace(base, findings=tuple(findings) or (observed(found, wrong),), right=right, wrong=wrong)


def _by_values(found: Attempt, call: int, changed: set[str], records: list[Record]) -> list[Finding]:
    """What the numbers say; a loop's caches follow from what explains them, and have findings of their own else."""
    if FUNCTIONS[found.function].kind == "loop":
        whole = explained(found, call, changed, records)
        if any(finding.certainty == "explained" for finding in whole):
            return whole
    kept = [each for each in cache_findings(found, call) if each.symbol not in changed]
    return kept + explained(found, call, changed | {finding.symbol for finding in kept}, records)


def rerun(known: Known, found: Attempt, count: int) -> Attempt:
    """The same plan on the first `count` drawings alone."""
    drawings = known.drawings_for(found.function)[:count]
    return attempt(known.sandbox, found.plan, prepare(known, found.plan, drawings), drawings, timeout=known.timeout)

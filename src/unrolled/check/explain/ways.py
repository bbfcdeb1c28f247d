"""Wrong ways through time: for each loop, every choice that people get wrong, with its equation and its words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from unrolled.check.explain.equations import program
from unrolled.check.explain.models import Form
from unrolled.check.explain.sequences import LOOPS, Loop
from unrolled.check.functions import FUNCTIONS

__all__ = ["ways_of"]

_STEPS = {
    "reversed": "T-1-t",
    "first": "0",
    "last": "T-1",
    "before": "t-1",
    "after": "t+1",
    "reversed all": "T-1-t",
    "from the end": "T-T_da+t",
    "last of all": "T-1",
}
# the equations that take x<t>, make the states and make dx, by family
_TAKES_X = {"rnn": "rnn.a", "lstm": "lstm.1", "gru": "gru.1"}
_MAKES = {"rnn": {"a": "rnn.a", "y_pred": "rnn.y"}, "gru": {"c": "gru.5", "y_pred": "gru.y"}}
_MAKES["lstm"] = {"a": "lstm.6", "c": "lstm.4", "y": "lstm.y"}
_MAKES_DX = {"rnn": "rnn.4", "lstm": "lstm.21", "gru": "gru.19"}

TABLE_OF_2018 = (
    "is not carried from one step to the next, and dc_prevt is not either. If your numbers match the table that the "
    "course printed for lstm_backward until 2018: that table is wrong. It is the output of code with this very "
    "mistake, in which a<t> and c<t> receive nothing from the steps after t"
)


@cache
def ways_of(function: str, reset: str) -> tuple[Form, ...]:
    """The wrong ways of a loop; `reset` is of a GRU."""
    loop = LOOPS[function]
    return tuple(_forward(loop) if loop.forward else _backward(loop, reset))


def _form(
    equation: str, symbol: str, words: str, now: str, should: str, way: Mapping[str, str], cost: float = 1.0
) -> Form:
    return Form(equation, symbol, lambda: words, "over time", lambda: now, lambda: should, cost, way=tuple(way.items()))


def _forward(loop: Loop) -> Iterator[Form]:
    family, states = loop.family, loop.states
    for state in states:
        prev, start = f"{state}_prev", f"{state}0"
        others = [other for other in states if other != state]
        init, carried = f"{prev} = {start} at t = 0", f"{prev}<t+1> = {state}_next<t>"
        yield _form(
            f"{family}.init",
            prev,
            f"starts at zeros where the initial state {start} belongs",
            f"{prev} = 0 at t = 0",
            init,
            {f"start.{state}": "zeros"},
        )
        yield _form(
            f"{family}.init",
            prev,
            "starts at ones where " + ("zeros belong" if state == "c" else f"the initial state {start} belongs"),
            f"{prev} = 1 at t = 0",
            f"{prev} = 0 at t = 0" if state == "c" else init,
            {f"start.{state}": "ones"},
        )
        yield _form(
            f"{family}.init",
            prev,
            "is never carried on: every step starts from the initial state again",
            f"{prev}<t+1> = {start}",
            carried,
            {f"carry.{state}": "start"},
        )
        yield _form(
            f"{family}.init",
            prev,
            "starts at zeros and is never carried on",
            f"{prev}<t+1> = 0",
            carried,
            {f"start.{state}": "zeros", f"carry.{state}": "start"},
            1.3,
        )
        for other in others:
            zeros = state == "c"
            yield _form(
                f"{family}.init",
                prev,
                f"starts at {other}0 where {'zeros belong' if zeros else f'{start} belongs'}",
                f"{prev} = {other}0 at t = 0",
                f"{prev} = 0 at t = 0" if zeros else init,
                {f"start.{state}": other},
            )
            yield _form(
                _MAKES[family][state],
                prev,
                f"is {other}_next of the step before, where {state}_next belongs",
                f"{prev}<t+1> = {other}_next<t>",
                carried,
                {f"carry.{state}": f"{other}_next"},
            )
    if len(states) == 2:
        yield from _exchanged(family, *states)
    for at in ("first", "last", "reversed", "before", "after"):
        yield _form(
            _TAKES_X[family],
            "xt",
            f"is x[:, :, {_STEPS[at]}] at step t, where x[:, :, t] belongs",
            f"xt = x[:, :, {_STEPS[at]}]",
            "xt = x[:, :, t]",
            {"x": at},
        )
    for role, target in loop.per_step.items():
        equation = _MAKES[family][role]
        alike = [f"{state}_{step}" for state in states for step in ("next", "prev")] if target != "yt_pred" else []
        for other in alike:
            if other != target:
                yield _form(
                    equation,
                    role,
                    f"keeps {other} of every step, where {target} belongs",
                    f"{role}[:, :, t] = {other}",
                    f"{role}[:, :, t] = {target}",
                    {f"stored.{role}": other},
                )
        yield _form(
            equation,
            role,
            "has every step written to its first slice, over the step before",
            f"{role}[:, :, 0] = {target}",
            f"{role}[:, :, t] = {target}",
            {f"stored_at.{role}": "only first"},
        )
        for at in ("reversed", "before", "after", "last", "first"):
            yield _form(
                equation,
                role,
                f"has at step t the value of step {_STEPS[at]}",
                f"{role}[:, :, t] = {target}<{_STEPS[at]}>",
                f"{role}[:, :, t] = {target}<t>",
                {f"stored_at.{role}": at},
            )
    yield _form(
        _TAKES_X[family],
        "loop",
        "goes backward in time: the loop begins at the last step",
        "t = T-1, ..., 0",
        "t = 0, ..., T-1",
        {"order": "other"},
    )
    for steps, words in (("not last", "the last step is left out"), ("not first", "the first step is left out")):
        yield _form(
            _TAKES_X[family], "loop", f"does not reach every step: {words}", words, "t = 0, ..., T-1", {"steps": steps}
        )
    yield from _kept(loop)


def _exchanged(family: str, one: str, other: str) -> Iterator[Form]:
    """Two states taken for each other, as arguments of the cell or among what it returns."""
    carry = {f"carry.{one}": f"{other}_next", f"carry.{other}": f"{one}_next"}
    start = {f"start.{one}": other, f"start.{other}": one}
    stored = {f"stored.{one}": f"{other}_next", f"stored.{other}": f"{one}_next"}
    right = f"{one}_prev = {one}, {other}_prev = {other}"
    yield _form(
        f"{family}.init",
        f"{one}_prev",
        f"and {other}_prev are exchanged when the cell is called",
        f"{one}_prev = {other}, {other}_prev = {one}",
        right,
        {**carry, **start},
    )
    yield _form(
        _MAKES[family][one],
        f"{one}_next",
        f"and {other}_next are exchanged among what the cell returns",
        f"{one} = {other}_next, {other} = {one}_next",
        f"{one} = {one}_next, {other} = {other}_next",
        {**carry, **stored},
    )


def _kept(loop: Loop) -> Iterator[Form]:
    """Caches with the wrong contents."""
    cell = loop.name.replace("forward", "cell_forward")
    entries = [role for role in FUNCTIONS[cell].cache if role != "parameters"]
    for at, words in (
        ("reversed", "are in reverse order"),
        ("last", "all hold the last step: the same arrays are written again at every step"),
        ("first", "all hold the first step"),
        ("before", "are one step late"),
        ("after", "are one step early"),
    ):
        yield _form(
            f"{loop.family}.cache",
            "caches",
            words,
            f"caches[t] is of step {_STEPS[at]}",
            "caches[t] is of step t",
            {"stored_at.caches": at},
        )
    for role in entries:
        for other in entries:
            if other != role:
                yield _form(
                    f"{loop.family}.cache",
                    "caches",
                    f"hold {other} where {role} belongs",
                    f"{role} of caches[t] is {other}",
                    f"{role} of caches[t] is {role}",
                    {f"stored.caches.{role}": other},
                )


def _backward(loop: Loop, reset: str) -> Iterator[Form]:
    family, own = loop.family, loop.states[0]
    upstream = loop.upstream
    cell = program(loop.name.replace("backward", "cell_backward"), reset)
    for state in loop.states:
        yield from _carried(loop, state)
    if family == "lstm":
        both = {"carry.a": "never", "carry.c": "never"}
        now = "da_next<t> = da<t>, dc_next<t> = 0"
        should = "da_next<t> = da<t> + da_prev<t+1>, dc_next<t> = dc_prev<t+1>"
        for end in ("da_prev", "zeros"):
            yield _form("lstm.bptt.a", "da_prevt", TABLE_OF_2018, now, should, {**both, "end": end}, 1.1)
    bptt = _bptt(loop, own)
    for at in ("reversed", "last", "first", "before", "after", "none"):
        what = "nothing" if at == "none" else f"{upstream}[:, :, {_STEPS[at]}]"
        yield _form(
            bptt,
            upstream,
            f"enters step t as {what}, where {upstream}[:, :, t] belongs",
            f"d{own}_next<t> = {what} + d{own}_prev<t+1>",
            f"d{own}_next<t> = {upstream}<t> + d{own}_prev<t+1>",
            {"upstream": at},
        )
    for at in ("reversed", "reversed all", "from the end", "first", "last", "last of all", "before", "after"):
        yield _form(
            f"{family}.cache",
            "caches",
            f"are read at index {_STEPS[at]} in step t, where caches[t] belongs",
            f"cache = caches[{_STEPS[at]}]",
            "cache = caches[t]",
            {"cache": at},
            1.0 if at != "reversed all" else 1.1,
        )
    for at in ("reversed", "before", "after", "last", "first"):
        yield _form(
            _MAKES_DX[family],
            "dx",
            f"has at step t the value of step {_STEPS[at]}",
            f"dx[:, :, t] = dxt<{_STEPS[at]}>",
            "dx[:, :, t] = dxt<t>",
            {"stored_at.dx": at},
        )
    yield _form(
        bptt,
        "loop",
        "goes forward in time, where the way back begins at the last step",
        "t = 0, ..., T-1",
        "t = T-1, ..., 0",
        {"order": "other"},
    )
    for steps, words in (
        ("not first", "step 0 is left out"),
        ("not last", "the last step is left out"),
        ("only last", "it takes the last step only"),
    ):
        yield _form(bptt, "loop", f"does not reach every step: {words}", words, "t = T-1, ..., 0", {"steps": steps})
    yield from _ends(loop)
    yield from _sums(loop, [role for role in cell.outputs if role in loop.summed])


def _bptt(loop: Loop, state: str) -> str:
    return f"lstm.bptt.{state}" if loop.family == "lstm" else f"{loop.family}.bptt"


def _carried(loop: Loop, state: str) -> Iterator[Form]:
    own = state == loop.states[0]
    back, arriving = f"d{state}_prevt", f"d{state}_next<t>"
    direct = f"{loop.upstream}<t> + " if own else ""
    right = f"{arriving} = {direct}d{state}_prev<t+1>"
    equation = _bptt(loop, state)
    if own:
        yield _form(
            equation,
            back,
            f"is never added to {loop.upstream}[:, :, t]: step t receives nothing from the steps after it",
            f"{arriving} = {loop.upstream}<t>",
            right,
            {f"add.{state}": "no"},
            0.9,
        )
    for end in ("handed", f"d{state}_prev") if own else ("handed",):
        yield _form(
            equation,
            back,
            "is added but never carried: it keeps its first value, zero, at every step"
            if own
            else "is never carried: it stays zero at every step",
            f"{arriving} = {direct}0",
            right,
            {f"carry.{state}": "never", **({"end": end} if end != "handed" else {})},
        )
    yield _form(
        equation,
        back,
        f"is accumulated where it should be replaced: {back} += d{state}_prev",
        f"{back} = {back} + d{state}_prev",
        f"{back} = d{state}_prev",
        {f"carry.{state}": "added"},
    )
    for start, what in (
        ("last", f"{loop.upstream}[:, :, T-1]"),
        ("first", f"{loop.upstream}[:, :, 0]"),
        ("ones", "ones"),
    ):
        words = "so that the last step receives it twice" if own and start == "last" else "where zeros belong"
        yield _form(
            f"{loop.family}.init" if start == "ones" else equation,
            back,
            f"starts at {what}, {words}",
            f"{back} = {what}",
            f"{back} = 0",
            {f"start.{state}": start},
        )
    if own:
        yield _form(
            equation,
            back,
            f"is {loop.upstream}[:, :, t] of the step after, where da_prev belongs".replace("da_", f"d{state}_"),
            f"{back} = {loop.upstream}[:, :, t]",
            f"{back} = d{state}_prev",
            {f"carry.{state}": "upstream"},
        )
    for other in loop.states:
        if other != state:
            yield _form(
                equation,
                back,
                f"takes d{other}_prev of the step after, where d{state}_prev belongs",
                f"{back} = d{other}_prev",
                f"{back} = d{state}_prev",
                {f"carry_from.{state}": other},
            )


def _ends(loop: Loop) -> Iterator[Form]:
    own = loop.states[0]
    role = f"d{own}0"
    ends = {
        "zeros": "0",
        "first": f"d{own}_prev<T-1>",
        f"d{own}_next": f"d{own}_next<0>",
        "upstream": f"{loop.upstream}[:, :, 0]",
        **{f"d{state}_prev": f"d{state}_prev<0>" for state in loop.states[1:]},
    }
    words = {
        "zeros": "is all zeros",
        "upstream": f"is {loop.upstream}[:, :, 0], where what step 0 hands back belongs",
        "first": "is what the last step hands back, where that of step 0 belongs",
        f"d{own}_next": "is the gradient of the state after step 0, where that of the state before it belongs",
    }
    for end, now in ends.items():
        said = words.get(end, f"is {end} of step 0, where d{own}_prev belongs")
        yield _form(f"{loop.family}.init", role, said, f"{role} = {now}", f"{role} = d{own}_prev<0>", {"end": end})


_HOW = {
    "assigned": ("is assigned at every step, not added up: only step 0 is left", "{0} = {0}<t>"),
    "first": ("holds the last step alone: nothing is added to it", "{0} = {0}<T-1>"),
    "zeros": ("stays zero: nothing is added to it", "{0} = 0"),
    "subtracted": ("is subtracted where it should be added up", "{0} -= {0}<t>"),
    "mean": ("is the mean over time, where the sum belongs", "{0} = 1/T sum over t of {0}<t>"),
    "doubled last": ("has step 0 added twice", "{0} = sum over t of {0}<t> + {0}<0>"),
}


def _sums(loop: Loop, roles: list[str]) -> Iterator[Form]:
    equation = f"{loop.family}.sum"
    for how, (words, now) in _HOW.items():
        every = roles[0] if len(roles) == 1 else f"{', '.join(roles[:-1])} and {roles[-1]}"
        plural = (
            words.replace("is ", "are ", 1).replace("holds", "hold").replace("stays", "stay").replace("has ", "have ")
        )
        should = "{0} = sum over t of {0}<t>"
        yield _form(equation, every, plural, now.format("dW"), should.format("dW"), {"sum": how}, 0.9)
        for role in roles:
            yield _form(equation, role, words, now.format(role), should.format(role), {f"sum.{role}": how})
    for role in roles:
        for other in roles:
            if other != role and other[1] == role[1]:
                yield _form(
                    equation,
                    role,
                    f"holds {other}: the gradient of one weight is stored under another's key",
                    f"{role} = sum over t of {other}<t>",
                    f"{role} = sum over t of {role}<t>",
                    {f"from.{role}": other},
                )

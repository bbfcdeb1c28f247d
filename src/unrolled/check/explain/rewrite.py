"""Wrong forms of an equation, made from its tree by one mistake each; which of them a learner made is not asked here.

What people do: another array of the same shape, a factor or a term lost, doubled or with the wrong sign, parentheses
elsewhere, a derivative missing, taken twice or of another function, a transpose lost or added, a sum over another axis,
a mean for a sum, parts stacked the other way round, the wrong columns of a weight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from unrolled.check.explain.expressions import Node, call, name, number, rebuilt, replaced, walk, written

__all__ = ["Rewriting", "rewritings"]

Words = Callable[[], str]  # made only for the form that is named in the end
Rewriting = tuple[Node, float, Words]  # another right-hand side, how unlikely it is, what to say after "your dft"
Change = tuple[Node, float, Words]  # the same for one node

ONE, TWO, M = number(1), number(2), name("m")

_GATES = frozenset(["ft", "it", "ot", "ut", "rt"])  # of which people also take 1 - ft

_PLAIN = {"column_sum": "the sum over rows", "sum_all": "the sum", "max": "the maximum", "sqrt": "the root"}
_OTHER_FUNCTIONS: dict[str, tuple[str, ...]] = {
    "tanh": ("sigmoid", "relu"),
    "sigmoid": ("tanh", "softmax", "relu"),
    "softmax": ("sigmoid", "softmax_rows", "softmax_all", "exp", "tanh"),
    "total": ("column_sum", "mean", "sum_all", "flat", "column_mean", "mean_all"),
    "column_sum": ("total", "sum_all", "column_mean"),
    "sum_all": ("mean_all", "total", "column_sum"),
    "max": ("max_rows",),
    "first": ("last_a", "last"),
    "last": ("first_x", "first", "last_rows"),
    "zeros": ("ones",),
    "exp": ("tanh",),
    "sqrt": ("abs",),
}


def rewritings(tree: Node, alike: Mapping[str, Sequence[str]], target: str = "") -> Iterator[Rewriting]:
    """Every wrong form of `tree` by one mistake.

    Args:
        tree: a right-hand side.
        alike: for each name, the others that may stand in its place: those of its shape.
        target: name of what it computes.
    """
    parents: dict[tuple[int, ...], Node] = {}
    for path, node in walk(tree):
        parents[path] = node
        for new, cost, words in _changes(node):
            yield rebuilt(tree, path, new), cost, words
        if node.op == "name":
            parent = parents[path[:-1]] if path else node
            for other in alike.get(str(node.leaf), ()):
                yield rebuilt(tree, path, name(other)), 1.0, _other_operand(node, name(other), parent)
                if parent.op != "mul":
                    more = rebuilt(tree, path, call("mul", node, name(other)))
                    yield (
                        more,
                        1.3,
                        lambda n=node, o=other: f"multiplies {written(n)} by {o}, which does not belong there",
                    )
            if node.leaf in _GATES:
                rest = call("add", ONE, call("neg", node))
                yield rebuilt(tree, path, rest), 1.0, _other_operand(node, rest, parent)
        elif node.op == "pow" and node.args[0].op == "name" and node.args[1] is TWO:
            for other in alike.get(str(node.args[0].leaf), ()):
                new = call("mul", node.args[0], name(other))
                yield (
                    rebuilt(tree, path, new),
                    1.1,
                    lambda n=node, w=new: f"has {written(w)} where {written(n)} belongs",
                )
        elif node.op == "mul":
            for new, words in _of_another(node, alike):
                yield rebuilt(tree, path, new), 1.0, words
    yield from _throughout(tree, alike)
    yield from _whole(tree)
    for other in alike.get(target, ()):
        yield call("mul", tree, name(other)), 1.2, lambda o=other: f"is multiplied by {o}, which does not belong there"


def _other_operand(old: Node, new: Node, parent: Node) -> Words:
    def words() -> str:
        if parent.op == "mul":
            return f"multiplies by {written(new)} where {written(old)} belongs"
        if parent.op == "neg":
            return f"subtracts {written(new)} where {written(old)} belongs"
        if parent.op == "add":
            return f"adds {written(new)} where {written(old)} belongs"
        if parent.op in ("name", "matmul"):
            return f"uses {written(new)} where {written(old)} belongs"
        return f"has {written(replaced(parent, old, new))} where {written(parent)} belongs"

    return words


def _changes(node: Node) -> Iterator[Change]:
    """What one mistake makes of one node."""
    if node.op == "mul":
        yield from _of_product(node)
    elif node.op == "add":
        yield from _of_sum(node)
    elif node.op == "matmul":
        yield from _of_matrices(node)
    elif node.op == "T":
        yield node.args[0], 1.0, lambda: f"lacks the transpose of {written(node.args[0])}"
    elif node.op == "pow":
        base, power = node.args
        yield base, 1.0, lambda: f"has {written(base)} where {written(node)} belongs: the power is lost"
        yield call("mul", TWO, base), 1.2, lambda: f"has 2 * {written(base)} where {written(node)} belongs"
        if base.op in ("tanh", "sigmoid"):
            inside = call(base.op, call("pow", base.args[0], power))
            yield inside, 1.2, lambda: f"has {written(inside)} where {written(node)} belongs"
    elif node.op == "div":
        above, below = node.args
        yield above, 1.0, lambda: f"is not divided by {written(below, 3)}"
        yield call("mul", above, below), 1.1, lambda: f"multiplies by {written(below)} where it should divide by it"
        yield call("div", below, above), 1.3, lambda: f"has {written(call('div', below, above))}, upside down"
        yield from _mistaken_fraction(above, below)
    elif node.op == "concat":
        other = call("concat", *node.args[::-1])
        yield other, 1.0, lambda: f"stacks {written(other)} where {written(node)} belongs"
    elif node.op == "beside":
        other = call("beside", *node.args[::-1])
        yield other, 1.0, lambda: f"puts {written(other)} where {written(node)} belongs"
    if node.op in _OTHER_FUNCTIONS:
        yield from _other_function(node)


def _other_function(node: Node) -> Iterator[Change]:
    inner = node.args[0]
    for op in _OTHER_FUNCTIONS[node.op]:
        new = call(op, inner)
        yield new, 1.0, lambda new=new: f"has {written(new)} where {written(node)} belongs"
    if node.op == "total":
        yield inner, 1.1, lambda: "is not summed over the batch"
    elif node.op not in ("first", "last", "zeros"):
        lost = _PLAIN.get(node.op, node.op)
        yield inner, 1.0, lambda: f"lacks {lost}: it has {written(inner)} where {written(node)} belongs"
    if node.op == "tanh":
        slope = call("add", ONE, call("neg", call("pow", node, TWO)))
        yield slope, 1.1, lambda: f"has {written(slope)}, the derivative, where {written(node)} belongs"
    if node.op in ("tanh", "sigmoid", "softmax"):
        yield call(node.op, node), 1.2, lambda: f"applies {node.op} twice"
        for at, term in enumerate(inner.args if inner.op == "add" else ()):
            new = call("add", call(node.op, call("add", *_without(inner.args, at))), term)
            yield new, 1.0, lambda term=term: f"adds {written(term)} outside of {node.op}"


def _mistaken_fraction(above: Node, below: Node) -> Iterator[Change]:
    if above.op in ("mul", "add"):
        parts = above.args
        shorter = call(above.op, *parts[:-1], call("div", parts[-1], below))
        if above.op == "add":
            yield shorter, 1.3, lambda: f"divides only {written(parts[-1])} by {written(below, 3)}"
    if below.op == "add":
        first, rest = below.args[0], below.args[1:]
        new = call("add", call("div", above, first), *rest)
        yield new, 1.3, lambda: f"has {written(new)}: parentheses are missing around {written(below)}"


def _derivatives(args: Sequence[Node]) -> Iterator[tuple[int, int]]:
    """Places of s and 1 - s, the derivative of a sigmoid, among the factors of a product."""
    for at, arg in enumerate(args):
        for other, rest in enumerate(args):
            if rest is call("add", ONE, call("neg", arg)):
                yield at, other


def _without(args: Sequence[Node], *places: int) -> list[Node]:
    return [arg for at, arg in enumerate(args) if at not in places]


def _of_product(node: Node) -> Iterator[Change]:
    args = node.args
    for at, arg in enumerate(args):
        others = _without(args, at)
        rest = call("mul", *others)
        what = "derivative" if _is_derivative(arg) else "factor"
        yield rest, 1.0, lambda arg=arg, what=what: f"lacks the {what} {written(arg, 2)}"
        twice = call("mul", *args, arg)
        yield twice, 1.2, lambda arg=arg: f"multiplies by {written(arg, 2)} twice"
        yield call("add", rest, arg), 1.4, lambda arg=arg: f"adds {written(arg, 2)} where it should multiply by it"
        yield (
            call("div", rest, arg),
            1.4,
            lambda arg=arg: f"divides by {written(arg, 2)} where it should multiply by it",
        )
        if _is_derivative(arg):
            yield from _other_derivative(node, at)
        if arg.op == "add":
            yield from _multiplied_out(node, at)
    for at, other in _derivatives(args):
        s = args[at]
        rest = _without(args, at, other)
        pair = call("mul", s, args[other])
        if rest:
            yield call("mul", *rest), 0.9, lambda pair=pair: f"lacks the derivative of the sigmoid, {written(pair)}"
        yield call("mul", *args, pair), 1.1, lambda pair=pair: f"has the derivative {written(pair)} twice"
        again = call("sigmoid", s)
        for other_form, cost, why in (
            (call("add", ONE, call("neg", call("pow", s, TWO))), 1.0, "the derivative of tanh"),
            (call("mul", again, call("add", ONE, call("neg", again))), 1.1, "sigmoid once more"),
        ):
            new = call("mul", *rest, other_form)
            yield (
                new,
                cost,
                lambda f=other_form, p=pair, why=why: f"has {written(f)}, {why}, where {written(p)} belongs",
            )


def _is_derivative(node: Node) -> bool:
    """Whether this is 1 - t^2, the derivative of tanh from its value t."""
    return node.op == "add" and len(node.args) == 2 and node.args[0] is ONE and node.args[1].args[:1] != () and (
        node.args[1].op == "neg" and node.args[1].args[0].op == "pow"
    )  # fmt: skip


def _other_derivative(node: Node, at: int) -> Iterator[Change]:
    """Another function in the place of 1 - t^2."""
    own = node.args[at]
    t = own.args[1].args[0].args[0]
    inner = t.args[0] if t.op == "tanh" else call("tanh", t)
    less = call("add", ONE, call("neg", t))
    forms = (
        (call("mul", t, less), "the derivative of a sigmoid"),
        (call("pow", less, TWO), "the square in the wrong place"),
        (call("add", ONE, call("neg", call("pow", inner, TWO))), "tanh lost" if t.op == "tanh" else "tanh once more"),
    )
    for form, why in forms:
        new = call("mul", *node.args[:at], form, *node.args[at + 1 :])
        yield new, 1.0, lambda form=form, why=why: f"has {written(form)}, {why}, where {written(own)} belongs"


def _of_another(node: Node, alike: Mapping[str, Sequence[str]]) -> Iterator[tuple[Node, Words]]:
    """The derivative of another activation's value: of a tanh or of a sigmoid, in the place of this one's."""
    places: list[tuple[tuple[int, ...], Node]] = [((at, other), node.args[at]) for at, other in _derivatives(node.args)]
    places += [((at,), arg.args[1].args[0].args[0]) for at, arg in enumerate(node.args) if _is_derivative(arg)]
    for where, value in places:
        own = call("mul", *(node.args[at] for at in where))
        rest = _without(node.args, *where)
        for other in map(name, alike.get(str(value.leaf), ())):
            for form in (
                call("add", ONE, call("neg", call("pow", other, TWO))),
                call("mul", other, call("add", ONE, call("neg", other))),
                call("add", ONE, call("neg", other)),
            ):
                yield call("mul", *rest, form), lambda f=form, o=own: f"has {written(f)} where {written(o)} belongs"


def _multiplied_out(node: Node, at: int) -> Iterator[Change]:
    """`p * (a + b) * s` without its parentheses, or with them elsewhere."""
    before, terms, after = node.args[:at], node.args[at].args, node.args[at + 1 :]
    every = (*before, *after)
    first, middle, last = terms[0], terms[1:-1], terms[-1]
    candidates = [
        call("add", call("mul", *before, first), *middle, _times(last, after)),
        call("add", call("mul", *every, first), *middle, last),
        call("add", first, *middle, _times(last, every)),
    ]
    for cut in range(1, len(after) + 1):  # the parenthesis closes later
        head, tail = after[:cut], after[cut:]
        candidates.append(call("mul", *before, call("add", first, *middle, _times(last, head)), *tail))
        candidates.append(call("mul", call("add", call("mul", *before, first), *middle, _times(last, head)), *tail))
    for cut in range(len(before) + 1):  # or opens earlier
        head, tail = before[:cut], before[cut:]
        candidates.append(call("mul", *head, call("add", call("mul", *tail, first), *middle, last), *after))
    for new in dict.fromkeys(candidates):
        if new is not node:
            yield (
                new,
                1.3,
                lambda new=new: f"has its parentheses elsewhere: {written(new)} where {written(node)} belongs",
            )


def _times(term: Node, factors: Sequence[Node]) -> Node:
    """A term with further factors behind it; a minus stays in front."""
    if term.op == "neg":
        return call("neg", call("mul", term.args[0], *factors))
    return call("mul", term, *factors)


def _of_sum(node: Node) -> Iterator[Change]:
    args = node.args
    for at, arg in enumerate(args):
        others = _without(args, at)
        plain = arg.args[0] if arg.op == "neg" else arg
        if len(args) > 1 and plain.op != "number":
            yield call("add", *others), 1.0, lambda plain=plain: f"lacks the term {written(plain)}"
        flipped = call("add", *args[:at], call("neg", arg), *args[at + 1 :])
        verbs = ("adds", "subtracted") if arg.op == "neg" else ("subtracts", "added")
        yield flipped, 1.0, lambda p=plain, v=verbs: f"{v[0]} {written(p, 2)} where it should be {v[1]}"
        if node.args[:1] == (ONE,) and arg is not ONE:
            for bare in (plain, *plain.args[:1]) if plain.op == "pow" else (plain,):
                yield bare, 1.0, lambda bare=bare: f"has {written(bare)} where {written(node)} belongs"
        if arg.op == "mul":
            rest = call("add", *others)
            for cut in range(1, len(arg.args)):
                head, tail = arg.args[:cut], arg.args[cut:]
                for new in (
                    call("mul", call("add", rest, call("mul", *head)), *tail),
                    call("mul", *head, call("add", call("mul", *tail), rest)),
                ):
                    yield (
                        new,
                        1.3,
                        lambda new=new: f"has its parentheses elsewhere: {written(new)} where {written(node)} belongs",
                    )
    if len(args) == 2:
        new = call("mul", args[0], args[1])
        yield new, 1.2, lambda: f"multiplies {written(args[0])} by {written(args[1], 2)} where it should add"


def _of_matrices(node: Node) -> Iterator[Change]:
    left, right = node.args
    swapped = call("matmul", right, left)
    yield swapped, 1.1, lambda: f"has {written(swapped)}, in the wrong order, where {written(node)} belongs"
    entrywise = call("mul", left, right.args[0] if right.op == "T" else right)
    yield entrywise, 1.2, lambda: f"has {written(entrywise)}, entry by entry, where {written(node)} belongs"
    for at, side in enumerate(node.args):
        if side.op != "T":
            new = rebuilt(node, (at,), call("T", side))
            yield new, 1.0, lambda side=side: f"transposes {written(side)} where it should not"
    if left.op == "T" and right.op != "T":
        both = call("matmul", call("T", right), left.args[0])
        yield call("T", both), 1.2, lambda: f"multiplies by {written(left.args[0])} where {written(left)} belongs"
    turned = call("T", node)
    yield turned, 1.1, lambda: f"is transposed: {written(turned)} where {written(node)} belongs"


def _throughout(tree: Node, alike: Mapping[str, Iterable[str]]) -> Iterator[Rewriting]:
    """One name, or one choice of columns, mistaken wherever it stands; two names exchanged."""
    inside = sorted(tree.names)
    for old in inside:
        for other in alike.get(old, ()):
            yield replaced(tree, name(old), name(other)), 1.1, lambda o=old, n=other: f"uses {n} where {o} belongs"
    for one, other in combinations(inside, 2):
        if other in alike.get(one, ()):
            aside = replaced(tree, name(one), name("\0"))
            new = replaced(replaced(aside, name(other), name(one)), name("\0"), name(other))
            yield new, 1.2, lambda a=one, b=other: f"has {a} and {b} exchanged"
    for op, others in (("first", ("last_a", "last")), ("last", ("first_x", "first", "last_rows"))):
        for other in others:
            new = _with_op(tree, op, other)
            if new is not tree:
                yield (
                    new,
                    0.9,
                    lambda op=op, other=other: (
                        f"takes the columns {written(call(other, name('W')))} of every weight where "
                        f"{written(call(op, name('W')))} belongs"
                    ),
                )
    bare = _without_transposes(tree)
    if bare is not tree:
        yield bare, 1.1, lambda: "lacks its transposes"


def _with_op(tree: Node, old: str, new: str) -> Node:
    args = [_with_op(arg, old, new) for arg in tree.args]
    return call(new if tree.op == old else tree.op, *args) if args else tree


def _without_transposes(tree: Node) -> Node:
    args = [_without_transposes(arg) for arg in tree.args]
    return (args[0] if tree.op == "T" else call(tree.op, *args)) if args else tree


def _whole(tree: Node) -> Iterator[Rewriting]:
    yield call("neg", tree), 1.0, lambda: "has the wrong sign"
    yield call("div", tree, M), 1.0, lambda: "is divided by the size of the batch, where the sum over it belongs"
    yield call("mul", TWO, tree), 1.3, lambda: "is twice what it should be"
    yield call("div", tree, TWO), 1.4, lambda: "is half of what it should be"
    yield call("mul", M, tree), 1.4, lambda: "is multiplied by the size of the batch"
    yield call("T", tree), 1.2, lambda: "is transposed"
    yield call("zeros", tree), 1.1, lambda: "is all zeros"
    yield call("flip", tree), 1.5, lambda: "has its last axis in reverse order"
    for function in ("tanh", "sigmoid"):
        if tree.op != function:
            yield call(function, tree), 1.4, lambda f=function: f"applies {f} to the whole"

"""The functions of a Source that are looked for, each with its code and the roles of its names; nothing is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from unrolled.check.find.arguments import Argument
from unrolled.check.find.identify import Features, Guess, features_of, identify, named
from unrolled.check.find.lift import Lifted, lift
from unrolled.check.find.mapping import Mapping
from unrolled.check.find.repair import parse
from unrolled.check.find.roles import is_method, read_roles
from unrolled.check.find.scopes import DEFS, Definition, read_scope, within
from unrolled.check.find.sources import Source, few
from unrolled.check.functions import FUNCTIONS
from unrolled.check.results import Problem

__all__ = ["Argument", "Found", "find_functions"]


@dataclass(frozen=True)
class Found:
    """One function of a learner's file, taken for one of FUNCTIONS.

    Args:
        name: key of FUNCTIONS.
        found_as: the learner's name, `Class.method` for a method.
        code: what is to be executed, with the line numbers of `Source.text`.
        entry: the name to be called after that.
        line: of the definition.
        arguments: without `self`.
        method_of: the class; `attributes` are then what the method reads of `self`, with roles: weights, `parameters`,
            states, `cache`, sizes (n_a, n_x, n_y, m), or None.
        weights: the learner's keys of the parameters dictionary -> the course's. A gate's matrix for a alone and for
            x alone is `Wfa`, `Wfx`.
        cache: roles in the order in which the cache is packed (forward) or unpacked (backward); by key where it is a
            dictionary; None where it is not seen.
        returns: roles of what is returned, in order, or by key.
        helpers: (name of FUNCTIONS, learner's entry) of the other functions of this file that it uses.
        empty: nothing was written yet.
        unparsed: why its definition does not parse; there is no code then, and nothing else is known.
    """

    name: str
    found_as: str
    code: str
    entry: str
    line: int
    arguments: tuple[Argument, ...]
    method_of: str | None = None
    attributes: dict[str, str | None] = field(default_factory=dict[str, str | None])
    weights: dict[str, str | None] = field(default_factory=dict[str, str | None])
    cache: tuple[str | None, ...] | dict[str, str] | None = None
    returns: tuple[str | None, ...] | dict[str, str | None] = ()
    helpers: tuple[tuple[str, str], ...] = ()
    empty: bool = False
    unparsed: str = ""


def find_functions(source: Source, mapping: Mapping | None = None) -> tuple[list[Found], list[Problem]]:
    r"""The functions of a file, in the order of FUNCTIONS, and what could not be guessed.

    Args:
        source: the file.
        mapping: what the user says about its names.

    >>> from unrolled.check.find.sources import read_source
    >>> found, problems = find_functions(read_source("a.py", "def SoftMax(z):\n    return z\n"))
    >>> found[0].name, found[0].found_as, found[0].arguments[0].role
    ('softmax', 'SoftMax', 'x')
    """
    try:
        return _find(source, mapping or Mapping())
    except (RecursionError, MemoryError):
        return [], [Problem("nested too deeply to be read; flatten what is nested hundreds of times")]
    finally:
        within.cache_clear()


def _find(source: Source, mapping: Mapping) -> tuple[list[Found], list[Problem]]:
    scope = read_scope(parse(source.text).body)
    definitions = scope.definitions
    features = [features_of(definition) for definition in definitions]
    guesses = identify(definitions, features)
    chosen, problems = _choose(source, definitions, features, guesses, mapping)
    lines = source.text.split("\n")
    lifted = {name: lift(guess.definition, lines) for name, guess in chosen.items()}
    known = {id(guess.definition.node): (name, guess.definition.name) for name, guess in chosen.items()}
    unparsed = {name: each for name, each in _unparsed(source, mapping).items() if name not in chosen}
    found = [
        _found(chosen[name], lifted[name], known, mapping) if name in chosen else unparsed[name]
        for name in FUNCTIONS
        if name in chosen or name in unparsed
    ]
    seen = dict.fromkeys(problem for name in FUNCTIONS if name in lifted for problem in lifted[name].problems)
    problems += [Problem(message, source.place(line)) for line, message in seen]
    return found, few(problems)


def _unparsed(source: Source, mapping: Mapping) -> dict[str, Found]:
    """Functions that do not parse, as far as a name says which they are; of equals the last."""
    found = dict[str, Found]()
    for each in source.unparsed:
        name = mapping.functions.get(each.name) or named(each.name)
        if name is not None:
            reason = f"does not parse: {each.error} ({source.place(each.error_line)})"
            found[name] = Found(name, each.name, "", each.name, each.line, (), unparsed=reason)
    return found


def _choose(
    source: Source,
    definitions: list[Definition],
    features: list[Features],
    guesses: list[Guess | None],
    mapping: Mapping,
) -> tuple[dict[str, Guess], list[Problem]]:
    """One definition for each function: what the user says, else the likeliest, of equals the last."""
    problems = list[Problem]()

    def say(definition: Definition, message: str) -> None:
        problems.append(Problem(message, source.place(definition.node.lineno)))

    for learner in mapping.functions:
        if learner not in {each.name for each in (*definitions, *source.unparsed)}:
            problems.append(Problem(f"--map names `{learner}`, which this file does not define"))
    by_function = dict[str, list[Guess]]()
    for definition, guess in zip(definitions, guesses, strict=True):
        if told := mapping.functions.get(definition.name):
            guess = Guess(definition, told, 1000, "")
        if guess is not None:
            by_function.setdefault(guess.function, []).append(guess)
    chosen = dict[str, Guess]()
    for name, rivals in by_function.items():
        best = max(rivals, key=lambda guess: (guess.score, guess.definition.node.lineno))
        chosen[name] = best
        same = [guess for guess in rivals if guess.definition.name == best.definition.name]
        if len(same) > 1:
            places = ", ".join(_where(source, guess.definition) for guess in same)
            say(
                best.definition,
                f"`{best.definition.name}` is defined {len(same)} times ({places}); the last is checked",
            )
        for other in dict.fromkeys(guess.definition.name for guess in rivals) if best.score < 1000 else ():
            if other != best.definition.name and FUNCTIONS[name].kind != "plain":
                say(
                    next(guess.definition for guess in rivals if guess.definition.name == other),
                    f"`{other}` could be {name}, too; `{best.definition.name}` is checked; "
                    f"--map {other}={name} checks this one",
                )
        if best.evidence and FUNCTIONS[name].kind != "plain":
            say(
                best.definition,
                f"`{best.definition.name}` is taken for {name}, as {best.evidence}; if it is another, say so with "
                f"--map {best.definition.name}=FUNCTION",
            )
    problems += _unknown(source, definitions, features, guesses, mapping, chosen)
    return chosen, problems


def _unknown(
    source: Source,
    definitions: list[Definition],
    features: list[Features],
    guesses: list[Guess | None],
    mapping: Mapping,
    chosen: dict[str, Guess],
) -> list[Problem]:
    """What looks like one of the functions, but not which."""
    problems = list[Problem]()
    used = {call for guess in chosen.values() for call in features[definitions.index(guess.definition)].calls}
    for definition, found, guess in zip(definitions, features, guesses, strict=True):
        own = definition.name.rpartition(".")[2]
        if guess or definition.name in mapping.functions or own in used or not found.returns:
            continue
        if found.products and found.tanh and len(found.arguments) >= 2 and not own.startswith("__"):
            problems.append(
                Problem(
                    f"`{definition.name}` may compute a recurrent step, but which could not be guessed; say so with "
                    f"--map {definition.name}=lstm_cell_forward (or another function), and with "
                    f"--map {definition.name}.ARGUMENT=ROLE for its arguments",
                    source.place(definition.node.lineno),
                )
            )
    if not chosen and not problems and not source.problems:
        problems.append(
            Problem(
                "no function that is checked was found (rnn_cell_forward, lstm_backward, softmax, ...); if one has "
                "another name, say so with --map NAME=rnn_cell_forward"
            )
        )
    return problems


def _where(source: Source, definition: Definition) -> str:
    place = source.place(definition.node.lineno)
    return f"line {place.line}" if place.cell is None else f"cell {place.cell} line {place.line}"


def _found(guess: Guess, lifted: Lifted, known: dict[int, tuple[str, str]], mapping: Mapping) -> Found:
    definition, name = guess.definition, guess.function
    node, owner = definition.node, definition.owner
    roles = read_roles(
        node,
        name,
        drop_first=owner is not None and is_method(node),
        others=[used for _, used in lifted.uses],
        methods=frozenset(inner.name for inner in owner.body if isinstance(inner, DEFS)) if owner else frozenset(),
        told=_told(mapping, definition.name, name),
    )
    helpers = dict.fromkeys(known[id(used)] for _, used in lifted.uses if id(used) in known and used is not node)
    return Found(
        name=name,
        found_as=definition.name,
        code=lifted.code,
        entry=definition.name,
        line=node.lineno,
        arguments=roles.arguments,
        method_of=owner.name if owner else None,
        attributes=roles.attributes,
        weights=roles.weights,
        cache=roles.cache,
        returns=roles.returns,
        helpers=tuple(helpers),
        empty=roles.empty,
    )


def _told(mapping: Mapping, learner: str, course: str) -> Callable[[str], str | None]:
    names = (learner, learner.rpartition(".")[2], course)
    return lambda key: mapping.role(names, key)

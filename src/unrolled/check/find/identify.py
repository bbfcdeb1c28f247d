"""Which of FUNCTIONS a definition is: by its name, else by what it reads, calls and returns; no roles are read here."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from unrolled.check.find.names import family_of, is_cache, plain, read
from unrolled.check.find.scopes import Definition, within
from unrolled.check.functions import FUNCTIONS

__all__ = ["Features", "Guess", "features_of", "identify", "named"]

EXACT = {plain(name): name for name in FUNCTIONS}
PLAIN = {
    "sigmoid": "sigmoid sig sigm sigmoide sigmoidfunction logistic logisticfunction sgm mysigmoid",
    "softmax": "softmax smax softmaxfunction stablesoftmax softmaxstable mysoftmax",
    "initialize_adam": "initializeadam initadam adaminit adaminitialize initialiseadam adaminitialise inicializaradam",
    "update_parameters_with_adam": "updateparameterswithadam adam adamupdate updateadam adamstep adamoptimizer "
    "updateparametersadam adamupdateparameters actualizaradam",
    "output_forward": "outputforward outputlayerforward headforward softmaxheadforward outputheadforward",
    "output_backward": "outputbackward outputlayerbackward headbackward softmaxheadbackward outputheadbackward",
}
PLAIN_OF = {word: name for name, words in PLAIN.items() for word in words.split()}
# Names of what stands around the functions that are looked for.
OTHER = re.compile(
    r"test|plot|print|check|train|optimi|initiali|^init|sample|clip|loss(?!e)|cost|update|predict|numeric|load|^main$|expected|"
    r"generat|onehot|derivative|prime|example|demo|evaluat|accuracy|preprocess|params$|parameters$|zero|reset|^run$|^fit$|"
    r"smooth|model$|^call$|^new$|repr$|^len$|^get|^set"
)
FAMILY = {"lstm": r"lstm|longshort", "gru": r"gru|gatedrecurrent", "rnn": r"rnn|elman|recurrent|循环"}
BACKWARD = r"back|bprop|bptt|bwd|ruckwarts|rueckwaerts|atras|arriere|retro|grad|反向|indietro|bw"
FORWARD = r"forw|fwd|fprop|fw|vorwarts|vorwaerts|adelante|avant|前向|propag|avanti"
CELL = r"cell|step|unit|single|one|node|block|celda|zelle|cellule|paso|schritt|单元|once"
LOOP = r"sequence|seq|full|unroll|overtime|pass|network|net$|layer|all|bptt|through|loop|complete|secuencia|folge"


@dataclass
class Features:
    """What a function's syntax tree shows."""

    keys: set[str] = field(default_factory=set[str])  # strings in subscripts, attributes, names that are read
    calls: set[str] = field(default_factory=set[str])  # names of functions, the last part of `a.b.c`
    gradients: int = 0  # names, keys and arguments that say gradients
    unpacks: bool = False  # a cache, as its name says
    loops: bool = False  # over something that is indexed with the loop's variable or that is a call's
    products: bool = False
    returns: bool = False
    tanh: int = 0
    sigmoid: int = 0
    exp: int = 0
    divides: bool = False
    arguments: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Guess:
    """A definition, taken for one of FUNCTIONS."""

    definition: Definition
    function: str
    score: int
    evidence: str  # of a guess that is not by the name; else empty


def features_of(definition: Definition) -> Features:
    """Reads a definition once."""
    node = definition.node
    arguments = node.args
    found = Features(arguments=[a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)])
    stored = set[str]()
    for inner in within(node):
        match inner:
            case ast.Subscript(slice=ast.Constant(value=str(key))):
                (found.keys if isinstance(inner.ctx, ast.Load) else stored).add(key)
            case ast.Attribute():
                (found.keys if isinstance(inner.ctx, ast.Load) else stored).add(inner.attr)
            case ast.Name():
                (found.keys if isinstance(inner.ctx, ast.Load) else stored).add(inner.id)
            case ast.Dict():
                keys = [key.value for key in inner.keys if isinstance(key, ast.Constant)]
                stored.update(key for key in keys if isinstance(key, str))
            case ast.Call():
                _read_call(found, inner)
            case ast.BinOp(op=ast.MatMult()):
                found.products = True
            case ast.BinOp(op=ast.Div()):
                found.divides = True
            case ast.For() | ast.While() | ast.ListComp():
                found.loops = True
            case ast.Return(value=ast.expr()):
                found.returns = True
            case _:
                pass
    found.returns |= isinstance(node, ast.Lambda)
    found.gradients = sum(bool((symbol := read(name)) and symbol.gradient) for name in stored | set(found.arguments))
    found.gradients += sum(bool(re.match(r"d_?[WUbw]", name)) for name in stored)
    found.unpacks = any(is_cache(name) for name in found.arguments)
    return found


def _read_call(found: Features, call: ast.Call) -> None:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if not name:
        return
    found.calls.add(name)
    word = plain(name)
    found.tanh += word in ("tanh", "tangenshyperbolicus")
    found.sigmoid += PLAIN_OF.get(word.lstrip("_")) == "sigmoid" or word == "expit"
    found.exp += word == "exp"
    found.products |= word in ("dot", "matmul", "einsum", "tensordot")


def identify(definitions: list[Definition], features: list[Features]) -> list[Guess | None]:
    """A guess for each definition, or None. Loops that say little are known by the cells that they call."""
    guesses = [_guess(definition, found, {}) for definition, found in zip(definitions, features, strict=True)]
    cells = {
        definition.name.rpartition(".")[2]: guess.function
        for definition, guess in zip(definitions, guesses, strict=True)
        if guess and FUNCTIONS[guess.function].kind == "cell"
    }
    return [
        guess if guess and guess.score >= 100 else _guess(definition, found, cells) or guess
        for definition, found, guess in zip(definitions, features, guesses, strict=True)
    ]


def _guess(definition: Definition, found: Features, cells: dict[str, str]) -> Guess | None:
    owner, _, own = definition.name.rpartition(".")
    word = plain(own)
    if word in EXACT:
        return Guess(definition, EXACT[word], 100, "")
    if word in PLAIN_OF and found.arguments:
        return Guess(definition, PLAIN_OF[word], 90, "")
    named = re.search(FORWARD, word) and re.search("rnn|lstm|gru", word)
    if (OTHER.search(word) and not named) or not found.returns or "test" in word or own.startswith("__"):
        return None
    if function := _activation(found):
        return Guess(definition, function, 10, "one argument, `exp` and a quotient")
    return _recurrent(definition, found, cells, word, plain(owner))


def named(name: str) -> str | None:
    """The function of FUNCTIONS that a name alone says, where nothing else can be read; or None."""
    owner, _, own = name.rpartition(".")
    word = plain(own)
    if word in EXACT or word in PLAIN_OF:
        return EXACT.get(word) or PLAIN_OF[word]
    family, direction, level = _by_name(word, plain(owner))
    if OTHER.search(word) or family is None or direction is None or level is None:
        return None
    return f"{family}_{'cell_' if level == 'cell' else ''}{direction}"


def _activation(found: Features) -> str | None:
    """A sigmoid or softmax under a name of its own, by its few parts."""
    others = found.calls - {"exp", "max", "sum", "amax", "float", "array", "asarray", "reshape", "copy"}
    if len(found.arguments) != 1 or found.exp == 0 or not found.divides or others or found.products or found.loops:
        return None
    return "softmax" if "sum" in found.calls else "sigmoid" if found.exp == 1 else None


def _recurrent(definition: Definition, found: Features, cells: dict[str, str], word: str, owner: str) -> Guess | None:
    others = found.calls - {definition.name.rpartition(".")[2]}
    called = sorted({cells[name] for name in others if name in cells})
    beneath = called[0] if len(called) == 1 and found.loops else None
    by_name = _by_name(word, owner)
    family, direction, level = _by_body(found, beneath)
    facts = [mine or body for mine, body in zip(by_name, (family, direction, level), strict=True)]
    if not by_name[1] and direction == "backward":
        facts[1] = "backward"
    if by_name[0] and not by_name[1] and facts[1] is None:
        facts[1] = "forward"
    if by_name[0] == "rnn" and family in ("lstm", "gru"):
        facts[0] = family  # `rnn` names the kind of network, too
    if None in facts or len(called) > 1:
        return None
    said = sum(fact is not None for fact in by_name)
    if said == 0 and not _convincing(found, beneath):
        return None
    name = f"{facts[0]}_{'cell_' if facts[2] == 'cell' else ''}{facts[1]}"
    clear = bool(by_name[0]) and (said >= 2 or facts[1] == "forward")
    score = 10 * said + 5 * (family == facts[0]) + 3 * (direction == facts[1]) + 3 * (level == facts[2])
    return Guess(definition, name, score, "" if clear else _evidence(found, beneath))


def _by_name(word: str, owner: str) -> list[str | None]:
    family = next((f for f, pattern in FAMILY.items() if re.search(pattern, word)), None)
    family = family or next((f for f, pattern in FAMILY.items() if re.search(pattern, owner)), None)
    backward, forward = re.search(BACKWARD, word), re.search(FORWARD, word)
    direction = "backward" if backward else "forward" if forward else None
    cell, loop = re.search(CELL, word), re.search(LOOP, word)
    level = "cell" if cell else "loop" if loop else None
    if level is None and re.search("cell|unit", owner):
        level = "cell"
    if level is None and word in ("rnn", "lstm", "gru"):
        level = "loop"
    return [family, direction, level]


def _by_body(found: Features, beneath: str | None) -> tuple[str | None, str | None, str]:
    if beneath:
        family, _, rest = beneath.partition("_")
        return family, "backward" if rest.endswith("backward") else "forward", "loop"
    votes = family_of(found.keys)
    best = max(votes, key=lambda name: votes[name])
    family = best if votes[best] and list(votes.values()).count(votes[best]) == 1 else None
    if family is None and found.tanh:
        family = "lstm" if found.sigmoid >= 3 else "gru" if found.sigmoid == 2 else None if found.sigmoid else "rnn"
    direction = None
    if found.gradients >= 3 or (found.gradients and found.unpacks):
        direction = "backward"
    elif found.tanh and (found.products or found.sigmoid):
        direction = "forward"
    return family, direction, "loop" if found.loops else "cell"


def _convincing(found: Features, beneath: str | None) -> bool:
    """Whether a body says enough by itself."""
    if beneath:
        return len(found.arguments) >= 2
    votes = max(family_of(found.keys).values())
    if not found.products or len(found.arguments) < 2:
        return False
    return votes >= 2 or (found.tanh > 0 and bool(votes or found.unpacks))


def _evidence(found: Features, beneath: str | None) -> str:
    if beneath:
        return f"it calls a {beneath} in a loop"
    weights = sorted(key for key in found.keys if max(family_of({key}).values()))
    parts = [f"reads {', '.join(weights[:5])}"] if weights else []
    if found.gradients >= 2:
        parts.append("names gradients")
    if found.sigmoid:
        parts.append(f"calls a sigmoid {found.sigmoid} times")
    if found.tanh:
        parts.append("calls tanh")
    return "it " + (" and ".join(parts) or "stands where one does")

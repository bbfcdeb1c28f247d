"""Runs a learner's function on random inputs, by its written convention, in this process; the checker has no part."""

import contextlib
import io
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from check.learners import truth
from check.learners.conventions import Convention
from unrolled import steps
from unrolled.check.functions import FUNCTIONS

Values = dict[str, Any]

# right: the same sums in another order, through 8 steps; wrong: anything that a learner could see in printed numbers
RIGHT = {"float64": 1e-10, "float32": 5e-5}
WRONG = 1e-6


def course_modules() -> dict[str, types.ModuleType]:
    """What the course lays beside the notebook: `rnn_utils` and the empty `public_tests`."""
    utils = types.ModuleType("rnn_utils")
    for name in ("sigmoid", "softmax", "initialize_adam", "update_parameters_with_adam"):
        setattr(utils, name, getattr(steps, name))
    return {"rnn_utils": utils, "public_tests": types.ModuleType("public_tests")}


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without the learner's prints, with the course's modules to be imported, warnings left to the learner."""
    before = {name: sys.modules.get(name) for name in course_modules()}
    sys.modules.update(course_modules())
    try:
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            yield
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


def load(text: str, name: str = "learner") -> types.ModuleType:
    """The learner's text as a module."""
    module = types.ModuleType(name)
    sys.modules[name] = module  # dataclasses look their module up
    with quietly():
        exec(compile(text, f"{name}.py", "exec"), module.__dict__)
    return module


def answer(module: types.ModuleType, name: str, known: Mapping[str, Convention], inputs: Values) -> tuple[Values, Any]:
    """The learner's outputs by role in the course's layout, and the cache if the function returns one."""
    convention = known[name]
    roles = to_learner(inputs, convention)
    if name in truth.FORWARD:
        forward, cache_role = truth.FORWARD[name], FUNCTIONS[name].inputs[-1]
        forward_cells = steps.__dict__[forward]
        if name == "output_backward":
            cache_role = "cache"
        if forward in known and "cache" in (known[forward].gives or "cache"):
            roles[cache_role] = call(module, forward, known[forward], to_learner(inputs, known[forward]))["cache"]
        else:
            cache = forward_cells(*(inputs[role] for role in FUNCTIONS[forward].inputs))[-1]
            roles[cache_role] = cache
            if FUNCTIONS[name].kind == "cell":
                roles |= dict(zip(FUNCTIONS[forward].cache, cache, strict=False))
    outputs = call(module, name, convention, roles)
    cache = outputs.pop("cache", None)
    outputs = convention.gradients(outputs)
    missing = [role for role in FUNCTIONS[name].outputs if role not in outputs and not role.startswith("cache")]
    assert not missing, f"{name} did not return {missing}, only {list(outputs)}"
    ours = {role: to_course(outputs[role], role, convention) for role in FUNCTIONS[name].outputs if role in outputs}
    return truth.opened(ours), cache


def call(module: types.ModuleType, name: str, convention: Convention, roles: Values) -> Values:
    """The learner's function called with arguments by role; what it returns by the learner's keys or by role."""
    function = FUNCTIONS[name]
    entry = convention.entry or name
    takes = (convention.takes or " ".join(function.inputs)).split()
    if "." in entry:
        owner = getattr(module, entry.split(".")[0])
        instance = owner.__new__(owner)
        vars(instance).update(roles["parameters"], parameters=roles["parameters"])
        target = getattr(instance, entry.split(".")[1])
        takes = [role for role in takes if role != "parameters"]
    else:
        target = getattr(module, entry)
    positional = [roles[role] for role in takes if "=" not in role]
    named = dict(role.split("=") for role in takes if "=" in role)
    returned = target(*positional, **{key: roles[role] for key, role in named.items()})
    if isinstance(returned, Mapping):
        return dict(returned)
    gives = str(convention.gives or " ".join(function.outputs)).replace("caches", "cache").split()
    values = returned if isinstance(returned, Sequence) else (returned,)
    return dict(zip(gives, values, strict=True))


def to_learner(inputs: Values, convention: Convention) -> Values:
    """Inputs in the learner's layout, under roles; each weight is a role too."""
    weights = convention.weights(inputs.get("parameters", {}))
    laid = {role: _turned(value) if convention.layout == "rows" else value for role, value in inputs.items()}
    laid = {role: _copied(value) for role, value in laid.items()}
    return {**laid, "parameters": _copied(weights), **_copied(weights)} if "parameters" in inputs else laid


def to_course(value: Any, role: str, convention: Convention) -> Any:
    """An output in the course's layout."""
    weight = role[:2] in ("dW", "db")
    return _turned(value, back=True) if convention.layout == "rows" and not weight else value


def _turned(value: Any, back: bool = False) -> Any:
    if not isinstance(value, np.ndarray) or value.ndim < 2:
        return value
    order = (1, 0) if value.ndim == 2 else (2, 0, 1) if back else (1, 2, 0)
    return np.ascontiguousarray(value.transpose(order))


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return value.copy() if isinstance(value, np.ndarray) else value


def differences(
    module: types.ModuleType, name: str, known: Mapping[str, Convention], seed: int = 0
) -> dict[str, float]:
    """For every output (and, in the course's own cache, everything cached) how far it is from the truth.

    An output of the wrong shape, or that is not there, is infinitely far.
    """
    inputs = truth.draw(name, seed, known[name].more_weights)
    with quietly():
        outputs, cache = answer(module, name, known, inputs)
    want = truth.right(name, inputs)
    far = {role: distance(outputs.get(role), value) for role, value in want.items()}
    if isinstance(cache, tuple) and "forward" in name and known[name].keeps_the_courses_cache:
        more = {"reset": "after"} if known[name].more_weights else {}
        reference = getattr(steps, name)(*(inputs[role] for role in FUNCTIONS[name].inputs), **more)[-1]
        far["cache"] = cache_distance(name, cache, reference)
    return far


def cache_distance(name: str, cache: Any, reference: Any) -> float:
    """How far the cached arrays are from the right ones; 0 where the learner keeps others than the course."""
    try:
        ours, want = truth.cells(name, cache), truth.cells(name, reference)
    except (TypeError, ValueError):
        return 0.0
    if len(ours) != len(want):
        return 0.0
    return max(distance(mine, right) for mine, right in zip(ours, want, strict=True))


def distance(value: Any, want: Any) -> float:
    """The largest difference, relative to the larger of 1 and the right value; infinite for another shape or NaN."""
    if value is None or np.shape(value) != np.shape(want):
        return np.inf
    difference = np.abs(np.asarray(value, float) - want) / np.maximum(1, np.abs(want))
    return float(np.nan_to_num(difference, nan=np.inf).max(initial=0.0))

"""The proof that golden values and gradient checks can fail: each wrong version of each equation is noticed by them."""

import ast
import re
import warnings
from collections import defaultdict

import pytest

from steps import golden, gradients
from steps.mutants import MODULES, Mutant, functions_of, mutants, numbered_equations, source_of
from steps.variants import networks

TABLE: dict[str, dict[str, list[Mutant]]] = {module: defaultdict(list) for module in MODULES}
for module in MODULES:
    for mutant in mutants(module):
        TABLE[module][mutant.equation].append(mutant)

# how many equations with numbers the modules state; their texts are read for the numbers themselves
NUMBERED = {
    "rnn": 6,
    "lstm": 21,
    "gru": 20,
    "output": 7,
    "adam": 5,
    "variants.unroll": 3,
    "variants.normalize": 5,
    "variants.layer_norm": 19,
    "variants.zoneout": 5,
    "variants.recurrent_dropout": 19,
    "variants.peepholes": 17,
    "variants.projection": 17,
}
ROWS = [(module, equation) for module in MODULES for equation in TABLE[module]]
# of each package: all that is known of a module's values beforehand, and its gradient checks
CHECKS = {
    "": (golden.check_golden, gradients.gradient_cases),
    "variants": (networks.check_definitions, networks.gradient_cases),
}


def complaint(module: str, mutant: Mutant | None) -> str:
    """What golden values and gradient checks say first against the mutant; "" when they notice nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            functions = functions_of(mutant)
            package, _, name = module.rpartition(".")
            check_known, cases = CHECKS[package]
            check_known(functions, name)
            for _, check in cases(name):
                check(functions).raise_if_wrong()
    except Exception as error:  # a mutant may fail in any way: a wrong value, a shape, a missing key, a warning
        return repr(error)
    return ""


@pytest.mark.parametrize("module", MODULES)
def test_the_right_equations_are_not_complained_about(module):
    assert complaint(module, None) == ""


@pytest.mark.parametrize(("module", "equation"), ROWS, ids=[f"{module} {equation}" for module, equation in ROWS])
def test_every_wrong_version_of_an_equation_is_noticed(module, equation):
    unnoticed = [str(mutant) for mutant in TABLE[module][equation] if not complaint(module, mutant)]
    assert not unnoticed


@pytest.mark.parametrize("module", NUMBERED)
def test_every_numbered_equation_has_a_wrong_version(module):
    numbers = numbered_equations(module)
    assert len(numbers) == NUMBERED[module]
    assert {equation for equation in TABLE[module] if re.fullmatch(r"\(\d+\)", equation)} == set(numbers)


def test_a_copy_that_changes_nothing_is_not_noticed():
    assert complaint("rnn", Mutant("rnn", "", "nothing", lambda: ast.parse(source_of("rnn")))) == ""

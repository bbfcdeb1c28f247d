"""Every variant's backward functions against central differences, and its forward functions against definitions."""

import pytest

from steps.variants.networks import NETWORKS, check_definition, check_definitions, gradient_cases
from unrolled.steps import variants
from unrolled.steps.variants import normalize

FUNCTIONS = {name: getattr(variants, name) for name in variants.__all__} | {
    name: getattr(normalize, name) for name in normalize.__all__
}
MODULES = ("normalize", *dict.fromkeys(network.module for network in NETWORKS))
CHECKS = [pytest.param(check, id=name) for module in MODULES for name, check in gradient_cases(module)]


@pytest.mark.parametrize("check", CHECKS)
def test_the_backward_pass_agrees_with_central_differences(check):
    check(FUNCTIONS).raise_if_wrong()


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_states_and_outputs_agree_with_their_definition(network):
    check_definition(network, FUNCTIONS)


def test_the_normalised_columns_agree_with_their_definition():
    check_definitions(FUNCTIONS, "normalize")


def test_every_public_function_is_one_of_a_network():
    stems = {network.name for network in NETWORKS}
    ends = ("_cell_forward", "_forward", "_cell_backward", "_backward")
    assert set(variants.__all__) == {stem + end for stem in stems for end in ends}

"""Every backward function against central differences; the values themselves are in test_golden.py."""

import pytest

from steps.gradients import gradient_cases
from unrolled import steps

FUNCTIONS = {name: getattr(steps, name) for name in steps.__all__}
CHECKS = [
    pytest.param(check, id=f"{module}: {name}")
    for module in ("activations", "rnn", "lstm", "gru", "output")
    for name, check in gradient_cases(module)
]


@pytest.mark.parametrize("check", CHECKS)
def test_the_backward_pass_agrees_with_central_differences(check):
    check(FUNCTIONS).raise_if_wrong()

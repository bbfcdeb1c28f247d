"""The recorded values of the source notebooks, every entry; what else the functions promise is tested beside them."""

import pytest

from steps.golden import CASES, check_activations, check_adam, check_entry, check_gru, check_head, outputs
from unrolled import steps

FUNCTIONS = {name: getattr(steps, name) for name in steps.__all__}
ENTRIES = [(case, number) for case in CASES for number in range(len(case["expect"]))]


@pytest.mark.parametrize(("case", "number"), ENTRIES, ids=[f"{case['id']}-{n}" for case, n in ENTRIES])
def test_every_printed_value_of_the_course_holds(case, number):
    check_entry(case["expect"][number], outputs(case, FUNCTIONS))


def test_no_recorded_entry_is_left_out():
    assert len(CASES) == 12
    assert len(ENTRIES) == 115
    assert {case["function"] for case in CASES} == {
        f"{network}_{cell}{way}"
        for network in ("rnn", "lstm")
        for cell in ("cell_", "")
        for way in ("forward", "backward")
    }


@pytest.mark.parametrize(("case", "number"), ENTRIES, ids=[f"{case['id']}-{n}" for case, n in ENTRIES])
def test_a_different_value_is_noticed(case, number):
    entry = dict(case["expect"][number])
    if "length" in entry:
        entry["length"] += 1
    elif "shape" in entry:
        entry["shape"] = [*entry["shape"], 1]
    else:
        off = 3 * max(entry.get("atol", 0), 1e-5)
        entry["value"] = [v + off for v in entry["value"]] if isinstance(entry["value"], list) else entry["value"] + off
    with pytest.raises(AssertionError):
        check_entry(entry, outputs(case, FUNCTIONS))


@pytest.mark.parametrize("check", [check_gru, check_head, check_activations, check_adam])
def test_what_the_course_did_not_record_agrees_with_its_definition(check):
    check(FUNCTIONS)

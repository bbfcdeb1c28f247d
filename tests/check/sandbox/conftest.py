"""Sandboxes for the tests beside it; without bubblewrap they are skipped, or fail where it is required."""

import os

import pytest

from unrolled.check.sandbox import Sandbox


def demand_bubblewrap():
    found = Sandbox.available()
    if not found.bubblewrap:
        if os.environ.get("UNROLLED_REQUIRE_SANDBOX"):
            pytest.fail(f"UNROLLED_REQUIRE_SANDBOX is set, and {found.reason}")
        pytest.skip(found.reason)


@pytest.fixture(scope="module")
def sandbox():
    demand_bubblewrap()
    with Sandbox(timeout=20) as one:
        yield one


@pytest.fixture(scope="module", params=["bubblewrap", "none"])
def either(request):
    if request.param == "bubblewrap":
        demand_bubblewrap()
    with Sandbox(request.param, timeout=20) as one:
        yield one

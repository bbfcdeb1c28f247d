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


@pytest.fixture(scope="session")
def children():
    """All processes beneath one, by its number."""
    return _children


def _children(pid):
    """All processes beneath one."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                parents[int(name)] = int(stat.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [child for child, parent in parents.items() if parent == pid]
    return found + [one for child in found for one in _children(child)]

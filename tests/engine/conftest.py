"""For the tests of the engine."""

import pytest

from unrolled.engine import _native


@pytest.fixture(autouse=True, scope="package")
def teams_stay_together():
    """On a busy machine calls that share units run alone for a while: these tests are of what the team computes."""
    _native.notice_crowds(False)
    yield
    _native.notice_crowds(True)

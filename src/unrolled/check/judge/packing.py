"""In which order a file packs its caches, told by both functions that handle them."""

from __future__ import annotations

from unrolled.check.functions import FUNCTIONS
from unrolled.check.judge.caches import Hints
from unrolled.check.judge.known import Known
from unrolled.check.judge.plans import own_role

__all__ = ["kept_as"]


def kept_as(known: Known, function: str) -> tuple[Hints, bool]:
    """Roles of the entries of a forward function's cache, and whether they are certain.

    They are as it is packed; but where the backward function takes it apart in the course's order, in that.
    """
    found = known.found.get(function)
    cell = FUNCTIONS[function].cell
    if cell in known.found and (found is None or found.helpers or found.cache is None):
        function, found = cell, known.found[cell]
    backward = known.found.get(function.replace("forward", "backward"))
    packed, unpacked = (None if each is None else each.cache for each in (found, backward))
    course = FUNCTIONS[function].cache
    if backward is None or found is None or not isinstance(unpacked, tuple):
        return packed, False
    in_order = tuple(own_role(backward.name, role) for role in unpacked) == course
    return (course, True) if in_order else (packed, False)

"""Learners' code is run here, in a sandbox where there is one; whether it is right is judged elsewhere."""

from unrolled.check.sandbox.sandbox import Sandbox
from unrolled.check.sandbox.types import (
    Availability,
    Call,
    GlobalState,
    Job,
    Mode,
    Opaque,
    Path,
    Record,
    Ref,
    Reply,
    SandboxError,
    Status,
    Value,
)

__all__ = [
    "Availability",
    "Call",
    "GlobalState",
    "Job",
    "Mode",
    "Opaque",
    "Path",
    "Record",
    "Ref",
    "Reply",
    "Sandbox",
    "SandboxError",
    "Status",
    "Value",
]

"""`python -m unrolled.bench.worker PEER`: one peer, or the machine's peak, behind a pipe; asked by `rounds`."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np

from unrolled.bench.cases import Case, problem
from unrolled.bench.peak import Peak
from unrolled.bench.peers import PEERS
from unrolled.bench.serving import serve, timed

__all__ = ["PeerWorker"]


class PeerWorker:
    """What a peer's worker answers.

    >>> worker = PeerWorker("unrolled")
    >>> worker.prepare(Case("rnn", 3, 1, 2, 2, "inference", 1).to_record()) is None
    True
    >>> worker.time(0.0)["calls"]
    1
    """

    def __init__(self, name: str) -> None:
        self.peer: Any = importlib.import_module(PEERS[name].module).Peer()

    def versions(self) -> dict[str, str]:
        """For the record."""
        return dict(self.peer.versions)

    def prepare(self, case: dict[str, Any]) -> str | None:
        """Makes ready for a case, or says why it cannot be done."""
        wanted = Case(**case)
        reason: str | None = self.peer.refuses(wanted)
        if reason is None:
            self.peer.prepare(wanted, problem(wanted))
        return reason

    def save(self, path: str) -> None:
        """Runs once and writes all results to an .npz file."""
        np.savez(path, **self.peer.arrays(self.peer.run()))

    def time(self, seconds: float) -> dict[str, float]:
        """See `timed`."""
        return timed(self.peer.run, seconds)


if __name__ == "__main__":
    serve(Peak() if sys.argv[1] == "peak" else PeerWorker(sys.argv[1]))

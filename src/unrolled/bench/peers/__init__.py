"""Those that are compared, by name; each is imported in a worker of its own, and only there."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from unrolled.bench.cases import Case
from unrolled.shapes import Array

__all__ = ["PEERS", "Peer", "PeerEntry", "missing_packages"]


class Peer(Protocol):
    """One library, made ready for one case at a time."""

    versions: Mapping[str, str]  # what is recorded with the results

    def refuses(self, case: Case) -> str | None:
        """Why it cannot do this case, or `None`."""
        ...

    def prepare(self, case: Case, problem: Mapping[str, Array]) -> None:
        """Takes weights and inputs; what can be done once at load is done here."""
        ...

    def run(self) -> Any:
        """The call that is timed: the case once, all its results there when it returns."""
        ...

    def arrays(self, result: Any) -> dict[str, Array]:
        """What `run` returned, by the names and in the layout of `unrolled`.

        Without training: `y` alone. Training: also `dx`, `dweight_ih`, `dweight_hh`, `dbias`, and a GRU's `dbias_hn`.
        """
        ...


class PeerEntry(NamedTuple):
    """Where a peer is, and what it needs."""

    title: str
    module: str
    packages: tuple[str, ...]  # as they are imported


PEERS: dict[str, PeerEntry] = {
    "unrolled": PeerEntry("unrolled", "unrolled.bench.peers.ours", ()),
    "torch": PeerEntry("PyTorch", "unrolled.bench.peers.pytorch", ("torch",)),
    "onnx": PeerEntry("ONNX Runtime", "unrolled.bench.peers.onnx_runtime", ("onnx", "onnxruntime")),
    "jax": PeerEntry("JAX", "unrolled.bench.peers.jax_scan", ("jax",)),
    "keras": PeerEntry("Keras", "unrolled.bench.peers.keras_layers", ("keras", "jax")),
}


def missing_packages(name: str) -> list[str]:
    """The packages that a peer needs and that are not installed."""
    return [package for package in PEERS[name].packages if importlib.util.find_spec(package) is None]

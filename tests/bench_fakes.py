"""Fake workers for the tests of `unrolled bench`; no test of its own."""

import numpy as np

from unrolled.bench.cases import Case
from unrolled.bench.workers import WorkerError

CASE = Case("lstm", 3, 2, 5, 4, "training", 1)


class FakePeers:
    """Starts workers that answer from a table and write down, in one log, who was asked what."""

    def __init__(self, **behaviours):
        self.behaviours, self.log, self.started, self.open = behaviours, [], [], 0

    def start(self, name, threads):
        self.started.append((name, threads))
        self.open += 1
        return FakeWorker(self, name)


class FakeWorker:
    def __init__(self, peers, name):
        self.peers, self.name, self.alive, self.turn, self.closed = peers, name, True, 0, False
        self.behaviour = peers.behaviours.get(name, {})

    def ask(self, do, **given):
        self.peers.log.append((self.name, do))
        if self.behaviour.get("dies") == do:
            self.alive = False
            raise WorkerError(f"{self.name} was ended by SIGSEGV")
        return getattr(self, do)(**given)

    def versions(self):
        return {self.name: "1.0"}

    def prepare(self, case):
        return self.behaviour.get("refuses")

    def save(self, path):
        np.savez(path, y=np.full(3, self.behaviour.get("y", 1.0), "float32"))

    def rate(self, dtype, seconds):
        self.turn += 1
        if self.turn == self.behaviour.get("dies in turn"):
            self.alive = False
            raise WorkerError(f"{self.name} was ended by SIGSEGV")
        return 1e9

    def time(self, seconds):
        self.turn += 1
        return {"seconds": self.behaviour.get("seconds", 1.0) * self.turn, "calls": 1}

    def close(self):
        self.peers.open -= not self.closed
        self.closed = True

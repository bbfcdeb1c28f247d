"""Ctrl-C means what it means in a terminal, also where a shell began the tests in the background and ignores it."""

import signal

import pytest


@pytest.fixture(autouse=True)
def heard():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)

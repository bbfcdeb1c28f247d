"""For all tests."""

import signal


def pytest_configure() -> None:
    """Lets tests that interrupt themselves do so in a shell's background job, too: it inherits Ctrl-C ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

"""Bars of progress by tqdm's names, each giving what it is put around and showing nothing."""

from typing import Any


class tqdm:  # noqa: N801
    """What it is put around, with methods that do nothing."""

    def __init__(self, iterable: Any = (), *arguments: Any, **named: Any) -> None:
        self._iterable = iterable

    def __iter__(self) -> Any:
        return iter(self._iterable)

    def __len__(self) -> int:
        return len(self._iterable)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing

    write = staticmethod(print)


def trange(*arguments: Any, **named: Any) -> Any:
    """A bar around a range."""
    return tqdm(range(*arguments))


def _nothing(*arguments: Any, **named: Any) -> None:
    """Does nothing."""


tqdm_notebook, tnrange = tqdm, trange

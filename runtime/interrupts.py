"""Lets Ctrl-C end a training between steps, never inside one.

A train step gives the buffers of the weights away and has new ones for them when it returns.  Python raises
KeyboardInterrupt between any two bytecodes, so also where the old buffers are gone and the new ones not yet in the
store: a signal that comes while the step runs is even raised just there.  Changing a signal's handler is a system
call, too dear for every step, so a training does it once, and steps say when they are busy.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_MAIN = threading.main_thread().ident
_busy = False
_waiting: Callable[[], object] | None = None


@contextmanager
def between_steps() -> Iterator[None]:
    """Inside, an interrupt that comes during a `step` waits for its end.  Only the main thread handles signals."""
    before: Any = signal.getsignal(signal.SIGINT)
    if threading.get_ident() != _MAIN or not callable(before):
        yield
        return

    def handle(*arguments: Any) -> None:
        global _waiting
        if _busy:
            _waiting = lambda: before(*arguments)  # noqa: E731
        else:
            before(*arguments)

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is handle:  # a callback may have set one of its own
            signal.signal(signal.SIGINT, before)


class Step:
    """A block that no interrupt ends halfway."""

    __slots__ = ()

    def __enter__(self) -> None:
        global _busy
        if threading.get_ident() == _MAIN:
            _busy = True

    def __exit__(self, *exc: object) -> None:
        global _busy, _waiting
        if threading.get_ident() == _MAIN:
            _busy, waiting, _waiting = False, _waiting, None
            if waiting is not None:
                waiting()


STEP = Step()

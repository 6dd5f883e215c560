"""Say on stderr that long work goes on: on a terminal only, and only where it takes longer than a moment."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

_MOMENT = 0.7
"""Seconds of silence before anything is said."""


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Within the block, `kgc: compiling … 3 s` on a terminal's stderr, taken away when it ends."""
    if not sys.stderr.isatty():
        yield
        return
    done, start = threading.Event(), time.monotonic()

    def tell() -> None:
        wait = _MOMENT
        while not done.wait(wait):
            wait = 1.0
            print(f"\rkgc: {what} … {time.monotonic() - start:.0f} s", end="", file=sys.stderr, flush=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
        if time.monotonic() - start > _MOMENT:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

"""Streams and a clock for tests of what is drawn."""

from __future__ import annotations

import io

from kgc.frontend.progress import Progbar

BAR = "━" * 20


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Ascii(io.StringIO):
    encoding = "ascii"


# A notebook's stream is known by the module of its class.
Notebook = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})


def three_steps(clock, verbose: int | str = 1, **options):
    options.setdefault("stateless_metrics", ())
    bar = Progbar(3, verbose=verbose, **options)
    for i, seconds in enumerate((1.5, 0.02, 1.5), start=1):
        clock.now += seconds
        bar.update(i, [("loss", 1.0 / i), ("acc", 0.123456)])


def coloured(count: str, full: int, time: str, rest: str) -> str:
    bar = f"\x1b[32m{'━' * full}\x1b[0m\x1b[37m{'━' * (20 - full)}\x1b[0m"
    return f"\r\x1b[1m{count}\x1b[0m {bar} \x1b[1m{time}\x1b[0m {rest}"

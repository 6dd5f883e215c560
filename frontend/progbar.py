"""The progress bar of fit, evaluate and predict, in the manner that Keras users know.

    750/750 ━━━━━━━━━━━━━━━━━━━━ 1s 863us/step - accuracy: 0.8425 - loss: 0.5733

A terminal shows one line that is drawn again and again, in colours; a notebook the same without escape codes, which
would end up in exported notebooks; a pipe or a file gets one line, when all steps are done. The time per step leaves
out the first step, which compiles.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Collection, Iterable
from typing import Any, Literal

import numpy as np

from ..compiler.errors import ArgumentError

_BOLD, _GREEN, _WHITE, _RESET = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"
_NOTEBOOK_STREAMS = ("ipykernel", "pyodide_kernel")

clock = time.perf_counter

Form = Literal["terminal", "notebook", "plain"]


class Progbar:
    """A bar that shows how many of `target` steps are done, and how values develop.

    Args:
        target: number of steps; None if it is not known.
        width: characters of the bar.
        verbose: 0 shows nothing, 1 the bar, 2 one line without a bar when all is done; "auto" is 1.
        interval: least time between two drawings, in seconds.
        stateful_metrics: names of values that are shown as they are; all others are averaged over the steps.
        stateless_metrics: names of values that are averaged; then all others are shown as they are.
        unit_name: what a step is called.

    Raises ArgumentError if both `stateful_metrics` and `stateless_metrics` are given.
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int | str = 1,
        interval: float = 0.05,
        stateful_metrics: Collection[str] | None = None,
        stateless_metrics: Collection[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ArgumentError(
                "Progbar takes `stateful_metrics` or `stateless_metrics`, not both",
                received=f"stateful_metrics={stateful_metrics!r}, stateless_metrics={stateless_metrics!r}",
                hint="all others are of the other kind",
            )
        self.target, self.width, self.interval, self.unit_name = target, width, interval, unit_name
        self.verbose = check_verbose(verbose)
        self._stateful, self._stateless = stateful_metrics, stateless_metrics
        self._form = form_of(sys.stdout)
        self._values: dict[str, Any] = {}
        self._sums: dict[str, tuple[float, int]] = {}
        self._seen = 0
        self._start = clock()
        self._drawn_at: float | None = None
        self._drawn_width = 0
        self._finished = False
        # Steps and time when the first update came: what was before contains the compilation.
        self._first: tuple[int, float] | None = None
        self._stopped_at: float | None = None

    def update(
        self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Say that `current` steps are done.

        Args:
            current: number of steps done since the start.
            values: names and values after them.
            finalize: end the line; by default when the target is reached.
        """
        if finalize is None:
            finalize = bool(self.target) and current >= (self.target or 0)
        due = self.tick(current)
        for name, value in values or ():
            self._put(name, value, current - self._seen)
        self._seen = current
        if self.verbose == 1 and (finalize or due):
            self._draw(finalize)
        elif self.verbose == 2 and finalize:
            self._write(" - ".join([self._count(), *self._info(finalize)]) + "\n")
        self._finished = self._finished or finalize

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Say that `n` more steps are done."""
        self.update(self._seen + n, values)

    def tick(self, current: int) -> bool:
        """Note the time of step `current`; whether it is time to draw, and so worth reading values for `update`."""
        now = clock()
        if self._first is None:
            self._first = (current, now)
        if self.verbose != 1 or self._form == "plain":
            return False
        return self._drawn_at is None or now - self._drawn_at >= self.interval

    def hold(self) -> None:
        """Stop the clock for the time per step: what follows (validation, callbacks) is not steps."""
        if self._stopped_at is None:
            self._stopped_at = clock()

    def abandon(self) -> None:
        """End a line that was begun and will not be finished."""
        if self._drawn_at is not None and not self._finished:
            self._finished = True
            self._write("\n")

    def _put(self, name: str, value: Any, steps: int) -> None:
        stateful = name not in self._stateless if self._stateless is not None else name in (self._stateful or ())
        if stateful or value is None or isinstance(value, str):
            self._values[name] = value
            return
        # Values of a step that was reported before still weigh as one step.
        weight = max(steps, 1)
        total, count = self._sums.get(name, (0.0, 0))
        self._sums[name] = total, count = total + float(np.mean(value)) * weight, count + weight
        self._values[name] = total / count

    def _draw(self, finalize: bool) -> None:
        colours = self._form == "terminal" and "NO_COLOR" not in os.environ
        bold, green, white, reset = (_BOLD, _GREEN, _WHITE, _RESET) if colours else ("", "", "", "")
        count, (elapsed, *rest) = self._count(), self._info(finalize)
        head = f"{count} "
        shown = len(count) + 1
        if self.target:
            head = f"{bold}{count}{reset} "
            full = min(self.width, self.width * self._seen // self.target)
            mark = _mark(sys.stdout)
            head += f"{green}{mark * full}{reset}{white}{mark * (self.width - full)}{reset} "
            shown += self.width + 1
        tail = " - ".join(rest)
        if not finalize and self._form == "terminal":
            # A line that wraps cannot be drawn over.
            tail = tail[: max(0, shutil.get_terminal_size().columns - 1 - shown - len(elapsed) - 1)]
        shown += len(elapsed) + 1 + len(tail)
        line = f"{head}{bold}{elapsed}{reset} {tail}"
        if self._form != "plain":
            line = "\r" + line + " " * (self._drawn_width - shown)
        self._write(line + ("\n" if finalize else ""))
        self._drawn_at, self._drawn_width = clock(), shown

    def _count(self) -> str:
        if self.target:
            return f"{self._seen:{len(str(self.target))}d}/{self.target}"
        return f"{self._seen:7d}/Unknown" if self.verbose == 1 else f"{self._seen}/Unknown"

    def _info(self, finalize: bool) -> list[str]:
        """Elapsed time, or the time that is left; time per step; the values."""
        now = clock()
        per_step = self._step_time(now)
        if self.target and not finalize:
            seconds = _duration(per_step * (self.target - self._seen))
        else:
            seconds = f"{now - self._start:.0f}s"
        pace = f"{_pace(per_step)}/{self.unit_name}"
        values = [f"{name}: {_number(value)}" for name, value in self._values.items() if value is not None]
        if self.verbose == 2:
            return [seconds, pace, *values]
        return [seconds, " - ".join([pace, *values])]

    def _step_time(self, now: float) -> float:
        """Seconds a step, without the first step or chunk of steps where there are others."""
        end = now if self._stopped_at is None else self._stopped_at
        if not self._seen:
            return 0.0
        if self._first is None or self._seen <= self._first[0]:
            return (end - self._start) / self._seen
        steps, at = self._first
        return (end - at) / (self._seen - steps)

    def _write(self, text: str) -> None:
        if sys.stdout is not None:
            sys.stdout.write(text)
            sys.stdout.flush()


def check_verbose(verbose: Any) -> int:
    """`verbose` as a number: 0 nothing, 1 ("auto", True) the bar, 2 a line an epoch, 3 only the epochs' numbers.

    Raises ArgumentError for anything else.
    """
    if verbose is None:
        return 0
    if verbose == "auto":
        return 1
    if isinstance(verbose, int | np.integer) and 0 <= verbose <= 3:
        return int(verbose)
    raise ArgumentError(
        "`verbose` is 0 (silent), 1 (progress bar), 2 (one line an epoch) or 'auto'",
        received=f"verbose={verbose!r}",
        hint="leave it out for the progress bar",
    )


def form_of(stream: Any) -> Form:
    """What can be shown on a stream: a line that is drawn again, in colours or not, or only lines."""
    if type(stream).__module__.partition(".")[0] in _NOTEBOOK_STREAMS:
        return "notebook"
    try:
        terminal = stream.isatty()
    except (AttributeError, ValueError):
        return "plain"
    return "terminal" if terminal and os.environ.get("TERM") != "dumb" else "plain"


def _mark(stream: Any) -> str:
    """What the bar is made of; `=` where the stream's encoding lacks the line."""
    try:
        "━".encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return "="
    return "━"


def _duration(seconds: float) -> str:
    """12s, 1:15, 25:00:00."""
    whole = int(seconds)
    if whole > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if whole > 60 else f"{whole}s"


def _pace(seconds: float) -> str:
    """2s, 863ms, 57us; a time of exactly 0 in seconds."""
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def _number(value: Any) -> str:
    if isinstance(value, str):
        return value
    mean = float(np.mean(value))
    return f"{mean:.4f}" if abs(mean) > 1e-3 or mean != mean else f"{mean:.4e}"

"""How things are timed: in alternation, by the median; and the rows that the measurements hand back."""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SIDES = ("kgc", "keras", "hand")


@dataclass
class Row:
    """One line of the table: medians by side in `unit`, and why a side has none."""

    name: str
    unit: str
    values: dict[str, float] = field(default_factory=dict)
    spread: dict[str, tuple[float, float]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def add(self, side: str, samples: Sequence[float], scale: float = 1.0) -> None:
        """Take one side's samples, in seconds, multiplied by `scale`."""
        if samples:
            self.values[side] = statistics.median(samples) * scale
            self.spread[side] = (min(samples) * scale, max(samples) * scale)

    def ratio(self, side: str, other: str) -> float | None:
        """How many times as long `side` takes as `other`."""
        if side in self.values and self.values.get(other, 0.0) > 0.0:
            return self.values[side] / self.values[other]
        return None

    def plain(self) -> dict[str, Any]:
        """The row as JSON holds it."""
        ratios = {f"{a}/{b}": self.ratio(a, b) for a, b in (("kgc", "keras"), ("kgc", "hand"), ("keras", "hand"))}
        return {
            "name": self.name,
            "unit": self.unit,
            "median": self.values,
            "range": {side: list(pair) for side, pair in self.spread.items()},
            "ratio": {key: value for key, value in ratios.items() if value is not None},
            "notes": self.notes,
        }


def seconds(run: Callable[[], Any]) -> float:
    """How long one call takes, in seconds, with the garbage of what came before collected first."""
    gc.collect()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def alternate(runs: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """`rounds` samples of each run, taken in turn; who goes first changes with the round."""
    names = list(runs)
    samples: dict[str, list[float]] = {name: [] for name in names}
    for i in range(rounds):
        for name in names[i % len(names) :] + names[: i % len(names)] if names else []:
            samples[name].append(runs[name]())
    return samples


class ChildError(RuntimeError):
    """A process that was to be timed failed; the message is the last line of its stderr."""


def child(arguments: Sequence[str], timeout: float = 600.0, env: Mapping[str, str] | None = None) -> str:
    """Run a fresh Python with these arguments; its stdout. Raises `ChildError` when it fails or takes too long."""
    # -P: the folder of a script run by path is not searched for modules.
    command = [sys.executable, "-P", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=env, check=False)
    except subprocess.TimeoutExpired as late:
        raise ChildError(f"over {timeout:.0f} s") from late
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("-----")]
        wanted = [line for line in lines if "Error" in line and not line.startswith(" ")] or lines
        raise ChildError(wanted[-1][:200] if wanted else f"ended with status {done.returncode}")
    return done.stdout


def child_json(arguments: Sequence[str], timeout: float = 600.0, env: Mapping[str, str] | None = None) -> Any:
    """Run a fresh Python; the JSON on the last line that it prints."""
    return json.loads(child(arguments, timeout, env).splitlines()[-1])

"""Cold starts, each in a fresh process: the first training step, the imports alone, and `kgc --help`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import sides
from .timing import ChildError, Row, alternate, child, child_json, seconds
from .workloads import WORKLOADS

SCRIPT = str(Path(__file__).with_name("first_step.py"))
IMPORTS = {"kgc": "import kgc", "keras": "import keras", "hand": "import jax, optax"}
# What a user's first lines load, where a package waits for its names to be used.
USED = "kgc.Input, kgc.Model, kgc.layers.Dense, kgc.losses.Loss, kgc.metrics.Metric, kgc.optimizers.RMSprop"


def first_steps(name: str, asked: list[str], rounds: int) -> list[Row]:
    """Rows for the whole and for the import within it."""
    rows = {"total": Row(f"{name} first step, cold", "s"), "import": Row(f"{name}   of which import", "s")}
    samples: dict[str, dict[str, list[float]]] = {side: {"total": [], "import": []} for side in asked}

    def run(side: str) -> float:
        if side in rows["total"].notes:
            return 0.0
        try:
            found = child_json([SCRIPT, side, name], env=sides.environment())
        except ChildError as error:
            rows["total"].notes[side] = str(error)
            return 0.0
        for key in rows:
            samples[side][key].append(found[key])
        return found["total"]

    alternate({side: (lambda side=side: run(side)) for side in asked}, rounds)
    for side in asked:
        for key, row in rows.items():
            row.add(side, samples[side][key])
    return list(rows.values())


def processes(name: str, commands: dict[str, list[str]], rounds: int) -> Row:
    """A row of whole processes, start of the interpreter included."""
    row = Row(name, "s")
    runs: dict[str, Callable[[], float]] = {}
    for side, command in commands.items():
        try:
            child(command, env=sides.environment())  # also warms the file cache
        except ChildError as error:
            row.notes[side] = str(error)
            continue

        def run(command: Any = command) -> float:
            return seconds(lambda: child(command, env=sides.environment()))

        runs[side] = run
    for side, samples in alternate(runs, rounds).items():
        row.add(side, samples)
    return row


def imports(asked: list[str], rounds: int) -> list[Row]:
    """Import times of whole processes; the hand-written side is `import jax, optax`, or an empty program."""
    bare = processes("import", {side: ["-c", IMPORTS[side]] for side in asked}, rounds)
    used = {side: ["-c", IMPORTS[side] + (f"; {USED}" if side == "kgc" else "")] for side in asked}
    rows = [bare, processes("import and use of names", used, rounds)]
    if "kgc" in asked:
        commands = {"kgc": ["-c", "import sys; from kgc.tools.cli import main; sys.exit(main(['--help']))"]}
        rows.append(processes("kgc --help (hand: empty program)", commands | {"hand": ["-c", "pass"]}, rounds))
    return rows


def measure(asked: list[str], rounds: int, quick: bool) -> list[Row]:
    """Rows of all cold starts."""
    names = ("mlp",) if quick else tuple(WORKLOADS)
    found = [row for name in names for row in first_steps(name, asked, rounds)]
    return found + imports(asked, rounds)

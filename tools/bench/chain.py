"""Definition time of chains of Dense layers, from `Input` to `Model(...)`: it must be linear in their number."""

from __future__ import annotations

from pathlib import Path

from . import sides
from .timing import ChildError, Row, alternate, child_json

SCRIPT = str(Path(__file__).with_name("define.py"))
DEPTHS, QUICK_DEPTHS = (10, 100, 1_000, 10_000), (10, 30)
PATIENCE = 300.0


def measure(asked: list[str], rounds: int, quick: bool) -> list[Row]:
    """A row for each depth, in milliseconds; a side that failed at one depth is not asked for a greater one."""
    rows: list[Row] = []
    failed: dict[str, str] = {}
    for depth in QUICK_DEPTHS if quick else DEPTHS:
        row = Row(f"define {depth} layers", "ms")
        row.notes |= failed

        def run(side: str, depth: int = depth, row: Row = row) -> float:
            if side in row.notes:
                return 0.0
            try:
                return child_json([SCRIPT, side, str(depth)], PATIENCE, sides.environment())["total"]
            except ChildError as error:
                row.notes[side] = failed[side] = f"at {depth} layers: {error}"
                return 0.0

        packages = [side for side in asked if side != "hand"]
        samples = alternate({side: (lambda side=side: run(side)) for side in packages}, rounds)
        for side in packages:
            if side not in row.notes:
                row.add(side, samples[side], 1e3)
        rows.append(row)
    return rows

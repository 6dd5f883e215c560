"""python -m kgc.tools.bench.depth [--quick] [--depths N,…] [--blocks N,…] [--sides rolled,unrolled,keras] [--json FILE]

Deep models in fresh processes: from the first `Input` to the end of the first step, and the steps after it.  Blocks of
two Dense(64), `x + Dense(64)(relu Dense(64))`, and transformer blocks of width 64 with LayerNormalization, attention
and dropout; Adam, 64 rows.  rolled and unrolled are kgc told so, auto is kgc told nothing, keras is Keras on JAX.

A side that would need more than its patience is left out: beyond 200 blocks Keras, and beyond 400 kgc unrolled, unless
`--all` is given.  With `--quick`, the shallow ones only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import sides
from .timing import ChildError, child_json

SCRIPT = str(Path(__file__).with_name("deep.py"))
SIDES = {"rolled": "always", "unrolled": "never", "auto": "auto", "keras": "keras"}
DEPTHS = {"mlp": (10, 50, 100, 200, 400, 1000), "transformer": (12, 24, 48)}
QUICK = {"mlp": (10, 100), "transformer": (12,)}
DEEPEST = {"mlp": {"unrolled": 400, "keras": 400}, "transformer": {"unrolled": 24, "keras": 12}}
"""Beyond, a side takes minutes: left out unless asked for."""
PATIENCE = 600.0
COLUMNS = ("first step", "python", "trace", "lower", "compile", "cpu", "steady", "memory")


def measured(side: str, kind: str, depth: int) -> dict[str, Any]:
    """One process's seconds, or why there are none."""
    steps = 20 if kind == "mlp" and depth <= 200 else 5
    try:
        return child_json([SCRIPT, SIDES[side], kind, str(depth), str(steps)], PATIENCE, sides.environment())
    except ChildError as error:
        return {"error": str(error)}


def line(side: str, kind: str, depth: int, found: dict[str, Any]) -> str:
    """A line of the table."""
    if "error" in found:
        return f"{kind:12}{depth:5} {side:9} {found['error']}"
    parts = [f"{found[key]:9.2f}" for key in COLUMNS[:6]]
    return f"{kind:12}{depth:5} {side:9}{''.join(parts)}{found['steady'] * 1e3:11.2f}{found['memory']:9.0f}"


def aims(rows: dict[tuple[str, int, str], dict[str, Any]]) -> list[str]:
    """What is to be shown, against what was measured."""
    lines: list[str] = []
    for depth, limit in ((400, 3.5), (1000, 6.0)):
        found = rows.get(("mlp", depth, "rolled"), {})
        if "first step" in found:
            lines.append(f"{depth} blocks to the end of the first step: {found['first step']:.2f} s (aim {limit} s)")
    for (kind, depth, side), found in rows.items():
        first = min(DEPTHS[kind])
        least = rows.get((kind, first, "rolled"), {})
        if side != "rolled" or "first step" not in found:
            continue
        notes: list[str] = []
        if "first step" in least and depth > first:
            jax, before = (sum(row[key] for key in ("trace", "lower", "compile")) for row in (found, least))
            python = found["python"] - found["steady"] - least["python"] + least["steady"]  # without the step itself
            notes.append(f"JAX {jax:.2f} s, {jax / before:.2f} times that of {first} (aim 1.5)")
            notes.append(f"Python {python / (depth - first) * 1e3:.2f} ms for each further block (aim 2 for two Dense)")
        other = rows.get((kind, depth, "unrolled"), {})
        if "steady" in other:
            notes.append(f"a step {found['steady'] / other['steady']:.2f} times that of unrolled (aim 1)")
        if notes:
            lines.append(f"{kind} {depth}: {'; '.join(notes)}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, and print the table; 1 where a process of kgc failed."""
    parser = argparse.ArgumentParser(prog="python -m kgc.tools.bench.depth", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="the shallow models only")
    parser.add_argument("--all", action="store_true", help="every side at every depth; takes half an hour")
    parser.add_argument("--depths", help="depths of the Dense models; none for no such models")
    parser.add_argument("--blocks", help="depths of the transformers; none for no such models")
    parser.add_argument("--sides", default="rolled,unrolled,keras", help=f"some of {', '.join(SIDES)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there as well")
    options = parser.parse_args(arguments)
    asked = options.sides.split(",")
    if unknown := [side for side in asked if side not in SIDES]:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(SIDES)}")
    present, remarks = sides.available(["kgc", "keras"])
    asked = [side for side in asked if side != "keras" or "keras" in present]
    depths = dict(QUICK if options.quick else DEPTHS)
    for kind, given in (("mlp", options.depths), ("transformer", options.blocks)):
        if given is not None:
            depths[kind] = () if given == "none" else tuple(map(int, given.split(",")))
    print(" ".join(f"{name} {version}" for name, version in sides.versions().items()))
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; seconds", *remarks, sep="\n"
    )
    head = "".join(f"{name:>9}" if name != "first step" else f"{name:>11}" for name in COLUMNS[:6])
    print(f"\n{'':12}{'':5} {'':7}{head}{'ms a step':>11}{'MiB':>9}", flush=True)
    rows: dict[tuple[str, int, str], dict[str, Any]] = {}
    for kind, chosen in depths.items():
        for depth in chosen:
            for side in asked:
                if not options.all and depth > DEEPEST[kind].get(side, depth):
                    continue
                found = rows[kind, depth, side] = measured(side, kind, depth)
                print(line(side, kind, depth, found), flush=True)
    print("", *aims(rows), sep="\n")
    if options.json:
        document = [{"model": kind, "depth": depth, "side": side, **row} for (kind, depth, side), row in rows.items()]
        options.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if any("error" in row for (_, _, side), row in rows.items() if side != "keras") else 0


if __name__ == "__main__":
    sys.exit(main())

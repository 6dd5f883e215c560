"""python -m kgc.tools.bench [--quick] [--only NAME,…] [--sides kgc,keras,hand] [--rounds N] [--json FILE]

Times kgc beside Keras 3.15.1 on JAX and beside JAX written by hand, in alternation, and prints medians and ratios.
A ratio below 1 says that the first is faster.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import artifact, calls, chain, cold, sides, training
from .table import table
from .timing import SIDES, Row
from .workloads import WORKLOADS

Measure = Callable[[list[str], int, bool], list[Row]]

MEASURES: dict[str, Measure] = {
    **{name: functools.partial(training.measure, name) for name in WORKLOADS},
    "call": lambda asked, rounds, quick: [
        row for name in ("mlp", "conv") for row in calls.measure(name, asked, rounds, quick)
    ],
    "cold": cold.measure,
    "chain": chain.measure,
    "artifact": artifact.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurements asked for; 1 where kgc itself failed in one of them."""
    parser = argparse.ArgumentParser(prog="python -m kgc.tools.bench", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round: does everything run?")
    parser.add_argument("--only", default=",".join(MEASURES), help=f"some of {', '.join(MEASURES)}")
    parser.add_argument("--sides", default=",".join(SIDES), help=f"some of {', '.join(SIDES)}")
    parser.add_argument("--rounds", type=int, default=None, help="samples of each (5; 1 when quick)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there as well")
    options = parser.parse_args(arguments)
    only, asked = options.only.split(","), options.sides.split(",")
    for given, known in ((only, MEASURES), (asked, SIDES)):
        if unknown := [name for name in given if name not in known]:
            parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    rounds = options.rounds or (1 if options.quick else 5)
    found, remarks = sides.available(asked)
    rows: list[Row] = []
    for name in only:
        print(f"{name} …", file=sys.stderr, flush=True)
        rows += MEASURES[name](found, rounds, options.quick)
    versions = sides.versions()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(" ".join(f"{name} {version}" for name, version in versions.items()))
    print(f"{machine}; medians of {rounds} rounds", *remarks, sep="\n")
    print()
    print(table(rows))
    if options.json:
        document = {"versions": versions, "machine": machine, "rounds": rounds, "rows": [row.plain() for row in rows]}
        options.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if any("kgc" in row.notes for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

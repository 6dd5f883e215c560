"""Time a model: its first call, and its steps once compiled, on made-up data of the right types.

    kgc bench model.py                       # predict, and a training step where the model is compiled
    kgc bench model.py --batch 1,64 --mode predict
    kgc bench old.keras new.keras model.kgc  # in alternation; ratios to the first

Models of Python files, `.keras` files, artifacts, or IR text. What is timed is the very program that predict() and
fit() run, without the reading of data. Medians; the range of the samples is beside them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from . import subject
from .failure import Failure
from .progress import working

if TYPE_CHECKING:
    from ..explain.programs import Traced

_SAMPLE = 0.05
"""Seconds that one sample takes at least: so many steps are timed together."""


@dataclass
class Timed:
    """Figures of one program at one batch size.

    Attributes:
        first: seconds of the first call: lowering, compiling, running.
        step: median seconds of a step; `low` and `high` are the fastest and the slowest sample.
        memory: bytes that XLA needs beside arguments and results; None where it does not say.
    """

    source: str
    mode: str
    batch: int
    first: float
    step: float
    low: float
    high: float
    memory: int | None


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("sources", metavar="SOURCE", nargs="+", help=subject.HELP)
    parser.add_argument("--batch", metavar="N,M", default="64", help="batch sizes (64)")
    parser.add_argument("--mode", choices=("predict", "train", "both"), default=None, help="default: what there is")
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="samples of each (9)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, in seconds and bytes")


def run(args: argparse.Namespace) -> int:
    """Time `args.sources`."""
    batches = _batches(args.batch)
    if args.rounds < 1:
        raise Failure(f"--rounds takes a number of samples, 1 or more: got {args.rounds}", status=2)
    again = next((name for at, name in enumerate(args.sources) if name in args.sources[:at]), None)
    if again is not None:
        raise Failure(f"{again} is given twice, and would be one row", status=2)
    rows: list[Timed] = []
    with contextlib.ExitStack() as stack:
        found = {name: stack.enter_context(subject.open_subject(name)) for name in args.sources}
        for batch in batches:
            for mode in ("predict", "train"):
                if args.mode in (mode, "both", None):
                    wanted = {name: one for name, one in found.items() if mode == "predict" or _trains(one)}
                    if mode == "train" and args.mode is not None and len(wanted) < len(found):
                        missing = next(name for name in found if name not in wanted)
                        raise Failure(f"{missing} is no compiled model, so no training step can be timed")
                    rows += _measure(wanted, mode, batch, args.rounds)
    if args.json:
        sys.stdout.write(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    else:
        sys.stdout.write(_table(rows))
    return 0


def _batches(given: str) -> list[int]:
    parts = [part.strip() for part in given.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise Failure(f"--batch takes numbers of rows, such as 1,64: got {given!r}", status=2)
    return [int(part) for part in parts]


def _trains(found: Any) -> bool:
    return bool(getattr(found, "compiled", False))


def _measure(found: dict[str, Any], mode: str, batch: int, rounds: int) -> list[Timed]:
    from ..bench.timing import alternate
    from ..explain import programs

    firsts: dict[str, float] = {}
    runs: dict[str, Callable[[], float]] = {}
    made: dict[str, Traced] = {}
    for name, one in found.items():
        with working(f"compiling {name}"):
            traced = made[name] = programs.trace(one, mode, batch)
            firsts[name] = _took(traced, 1)
        count = max(1, int(_SAMPLE / max(_took(traced, 1), 1e-6)))
        runs[name] = lambda traced=traced, count=count: _took(traced, count) / count
    samples = alternate(runs, rounds)
    return [
        Timed(
            name,
            mode,
            batch,
            firsts[name],
            statistics.median(samples[name]),
            min(samples[name]),
            max(samples[name]),
            _memory(made[name]),
        )
        for name in found
    ]


def _took(traced: Traced, count: int) -> float:
    import jax

    start = time.perf_counter()
    out: Any = None
    for _ in range(count):
        out = traced.run()
    jax.block_until_ready(out)
    return time.perf_counter() - start


def _memory(traced: Traced) -> int | None:
    analysis = traced.lower().compile().memory_analysis()
    return None if analysis is None else int(analysis.temp_size_in_bytes)


def _table(rows: Sequence[Timed]) -> str:
    several = len({row.source for row in rows}) > 1
    lines = [["source", "mode", "batch", "first s", "step ms", "range", "rows/s", "temp MiB", *(["ratio"] * several)]]
    for row in rows:
        base = next(other for other in rows if (other.mode, other.batch) == (row.mode, row.batch))
        memory = "-" if row.memory is None else f"{row.memory / 2**20:.2f}"
        cells = [row.source, row.mode, str(row.batch), f"{row.first:.2f}", f"{row.step * 1e3:.3g}"]
        cells += [f"{row.low * 1e3:.3g}-{row.high * 1e3:.3g}", f"{row.batch / row.step:,.0f}", memory]
        lines.append([*cells, *([f"{row.step / base.step:.2f}"] * several)])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "".join(
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        + "\n"
        for line in lines
    )

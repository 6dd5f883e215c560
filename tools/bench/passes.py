"""python -m kgc.tools.bench.passes [--only PASS,…] [--rounds N] [--quick] [--json FILE]

What each pass of the compiler buys, on a model that has what it is for: the whole pipeline against the pipeline without
that pass, in one process, in alternation.  A ratio below 1 says that the pass makes it smaller or faster.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ...compiler import pipeline
from ...runtime.program import Program
from ...runtime.step import TrainStep
from . import sides
from .pass_models import CASES, Case
from .timing import alternate, seconds


@dataclass
class Side:
    """A model under one pipeline.

    Attributes:
        ops: in the graph, those of regions once each.
        text: bytes of its text.
        first: seconds from the traced graph to the end of the first step (passes, JAX, XLA).
        step: median seconds of a step, once compiled.
        memory: bytes that XLA needs beside arguments and results.
    """

    ops: int
    text: int
    first: float
    step: float
    memory: int


@contextlib.contextmanager
def without(name: str) -> Iterator[None]:
    """The pipeline without that pass, for the length of the block."""
    saved = list(pipeline.PASSES)
    pipeline.PASSES[:] = [step for step in saved if step.name != name]
    try:
        yield
    finally:
        pipeline.PASSES[:] = saved


def measure(name: str, case: Case, rounds: int, steps: int) -> tuple[Side, Side]:
    """The case with the pass and without it."""
    kgc = sides.load("kgc")
    parts: dict[str, tuple[Any, float, Callable[[], float]]] = {}
    rows = case.data(np.random.default_rng(0), case.batch)
    # What a process does once (JAX's own functions, traced and compiled) is done by a run that is thrown away.
    for side in ("on", "off") if steps == 1 else ("off", "on", "off"):
        kgc.utils.set_random_seed(0)
        model = case.model(kgc)
        if case.training:
            model.compile("sgd", case.loss, roll="always" if name == "roll_loops" and side == "on" else "never")
        elif name == "roll_loops":
            model.roll = "always" if side == "on" else "never"
        with without(name) if side == "off" else contextlib.nullcontext():
            made = _Run(model, case, rows)
        first = seconds(made.step)
        parts[side] = (made, made.took + first, lambda made=made: seconds(lambda: made.steps(steps)) / steps)
    samples = alternate({side: part[2] for side, part in parts.items()}, rounds)
    found: list[Side] = []
    for side in ("on", "off"):
        made, first, _ = parts[side]
        text = str(made.program.graph)
        found.append(
            Side(_ops(made.program.graph), len(text.encode()), first, statistics.median(samples[side]), made.memory())
        )
    return found[0], found[1]


class _Run:
    """A model's program, and a batch for it."""

    def __init__(self, model: Any, case: Case, rows: tuple[Any, Any]) -> None:
        start = time.perf_counter()
        self.program: Program | TrainStep = model.train_program() if case.training else model.program(False)
        self.took = time.perf_counter() - start
        self.training = case.training
        self.data = [jax.device_put(array) for array in (rows if case.training else rows[:1])]
        self.address = np.zeros(5, np.uint32)

    def step(self) -> None:
        """One step, to its end."""
        self.steps(1)

    def steps(self, count: int) -> None:
        """So many steps, and then the end of the last."""
        out: Any = None
        for _ in range(count):
            out = self.program(self.data, self.address)
        jax.block_until_ready(out)

    def memory(self) -> int:
        """XLA's temporary memory."""
        if isinstance(self.program, TrainStep):
            sizes = {name: self.data[0].shape[0] for name in self.program.graph.symbols()}
            lowered = self.program.jitted.lower(*self.program.arguments(sizes)[0])
        else:
            lowered = self.program.jitted.lower(tuple(self.data), *self.program.arrays(), self.address)
        analysis: Any = lowered.compile().memory_analysis()
        return 0 if analysis is None else int(analysis.temp_size_in_bytes)


def _ops(graph: Any) -> int:
    return sum(1 + sum(_ops(region) for region in node.regions()) for node in graph.nodes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the passes asked for, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m kgc.tools.bench.passes", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", default=None, help=f"some of {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=7, help="samples of each (7)")
    parser.add_argument("--quick", action="store_true", help="one round of one step: does everything run?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there as well")
    options = parser.parse_args(arguments)
    known = [name for name in CASES if name in pipeline.names()]
    only = known if options.only is None else options.only.split(",")
    if unknown := [name for name in only if name not in known]:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    rounds, steps = (1, 1) if options.quick else (options.rounds, 10)
    lines, document = [_HEAD], []
    for name in only:
        for case in CASES[name]:
            print(f"{name}: {case.what} …", file=sys.stderr, flush=True)
            on, off = measure(name, case, rounds, steps)
            mode = "train" if case.training else "predict"
            lines.append(_line(name, case.what, mode, on, off))
            document.append({"pass": name, "model": case.what, "mode": mode, "on": asdict(on), "off": asdict(off)})
    print(" ".join(f"{key} {version}" for key, version in sides.versions().items()))
    print(f"{platform.machine()}, {os.cpu_count()} cores; medians of {rounds} rounds; each pair is with/without\n")
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEAD))]
    for line in lines:
        print(
            "  ".join(
                cell.ljust(w) if i < 3 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
            )
        )
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


_HEAD = ["pass", "model", "mode", "ops", "text kB", "first s", "ratio", "step ms", "ratio", "temp MiB"]


def _line(name: str, what: str, mode: str, on: Side, off: Side) -> list[str]:
    return [
        name,
        what,
        mode,
        f"{on.ops}/{off.ops}",
        f"{on.text / 1e3:.1f}/{off.text / 1e3:.1f}",
        f"{on.first:.2f}/{off.first:.2f}",
        f"{on.first / off.first:.2f}",
        f"{on.step * 1e3:.3g}/{off.step * 1e3:.3g}",
        f"{on.step / off.step:.2f}",
        f"{on.memory / 2**20:.2f}/{off.memory / 2**20:.2f}",
    ]


if __name__ == "__main__":
    sys.exit(main())

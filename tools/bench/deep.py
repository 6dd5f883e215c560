"""One fresh process: a deep model from its first `Input` to the end of its first step, and the steps after.

Run by path: deep.py SIDE MODEL DEPTH STEPS, where SIDE is keras, or what kgc's `compile` is told of `roll`: always,
never or auto.  Imports are done before the clock starts.  What JAX reports of its tracing, lowering and compiling is
taken as intervals, for one trace is within another; what they do not cover is Python, and the first step itself.
"""

from __future__ import annotations

import importlib
import json
import operator
import resource
import runpy
import statistics
import sys
import time
from pathlib import Path
from typing import Any

PHASES = {
    "/jax/core/compile/jaxpr_trace_duration": "trace",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lower",
    "/jax/core/compile/backend_compile_duration": "compile",
}
NAMES = ("Input", "Model", "layers.Dense", "layers.MultiHeadAttention", "losses.MeanSquaredError", "optimizers.Adam")
BATCH = 64


class Phases:
    """Seconds that JAX spends in each of its phases."""

    def __init__(self, monitoring: Any) -> None:
        self._ends: dict[str, list[tuple[float, float]]] = {name: [] for name in PHASES.values()}
        monitoring.register_event_duration_secs_listener(self._heard)

    def _heard(self, event: str, seconds: float, **_: Any) -> None:
        if event in PHASES:
            now = time.perf_counter()
            self._ends[PHASES[event]].append((now - seconds, now))

    def seconds(self) -> dict[str, float]:
        """Of each phase, without those that came before it within it."""
        covered: list[tuple[float, float]] = []
        found: dict[str, float] = {}
        before = 0.0
        for name, intervals in self._ends.items():
            covered += intervals
            together = length(covered)
            found[name] = together - before
            before = together
        return found


def length(intervals: list[tuple[float, float]]) -> float:
    """How long the intervals are together, overlaps counted once."""
    total, until = 0.0, float("-inf")
    for start, stop in sorted(intervals):
        total += max(stop - max(start, until), 0.0)
        until = max(until, stop)
    return total


def main(side: str, kind: str, depth: int, steps: int) -> None:
    """Print the seconds of all parts as JSON."""
    package = importlib.import_module("keras" if side == "keras" else "kgc")
    jax = importlib.import_module("jax")
    for dotted in NAMES:
        operator.attrgetter(dotted)(package)
    models = runpy.run_path(str(Path(__file__).with_name("workloads.py")))
    x, y = models["deep_data"](kind, BATCH)
    jax.block_until_ready(jax.device_put(x))  # starts the backend
    phases = Phases(jax.monitoring)
    start, cpu = time.perf_counter(), time.process_time()
    model = models["deep"](package, kind, depth)
    defined = time.perf_counter()
    arguments = {} if side == "keras" else {"roll": side}
    model.compile(optimizer=package.optimizers.Adam(1e-4), loss="mse", **arguments)
    loss = model.fit(x, y, batch_size=BATCH, verbose=0).history["loss"][0]
    stop, stop_cpu = time.perf_counter(), time.process_time()
    parts = phases.seconds()
    many = [importlib.import_module("numpy").concatenate([array] * steps) for array in (x, y)]
    model.fit(*many, batch_size=BATCH, verbose=0)
    epochs: list[float] = []
    for _ in range(3):
        begin = time.perf_counter()
        model.fit(*many, batch_size=BATCH, verbose=0)
        epochs.append((time.perf_counter() - begin) / steps)
    found = {
        "first step": stop - start,
        "define": defined - start,
        "python": stop - start - sum(parts.values()),
        **parts,
        "cpu": stop_cpu - cpu,
        "steady": statistics.median(epochs),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "loss": float(loss),
        "decision": [] if side == "keras" else model.decisions()["train"],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))

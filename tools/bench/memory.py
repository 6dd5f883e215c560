"""python -m kgc.tools.bench.memory [--quick] [--only NAME,…] [--rounds N]

What `compile(memory_limit=…)` saves and costs: models with no limit worth the name beside the same ones with less and
less, down to what cannot be met.  Bytes are XLA's, of the program that runs; times are CPU time of a step, in
alternation, the least of all rounds, beside that of the step that keeps everything.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...compiler.errors import ArgumentError

SHARES = (0.7, 0.5, 0.35, 0.25, 0.15)
"""Limits, as shares of what the step needs that keeps everything."""

_NEEDS = re.compile(r"and needs ([\d.]+) (B|KB|MB|GB) of")
_UNITS = {"B": 1e-6, "KB": 1e-3, "MB": 1.0, "GB": 1e3}


class Case(NamedTuple):
    """A model, the shape of its inputs, rows of a batch (also of a quick run), and what `compile` is told of `roll`."""

    build: Callable[[Any, int], Any]
    shape: tuple[int, ...]
    rows: tuple[int, int]
    depth: tuple[int, int]
    roll: str


def _mlp(keras: Any, depth: int) -> Any:
    x = y = keras.Input((128,))
    for _ in range(depth):
        h = keras.layers.Dense(128, activation="relu")(keras.layers.Dense(128, activation="relu")(y))
        y = keras.layers.add([y, h])
    return keras.Model(x, keras.layers.Dense(1)(y))


def _conv(keras: Any, depth: int) -> Any:
    x = keras.Input((24, 24, 3))
    y = keras.layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    for _ in range(depth):
        h = y
        for _ in range(2):
            h = keras.layers.Conv2D(16, 3, padding="same", use_bias=False)(h)
            h = keras.layers.Activation("relu")(keras.layers.BatchNormalization()(h))
        y = keras.layers.add([y, h])
    return keras.Model(x, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(y)))


def _transformer(keras: Any, depth: int) -> Any:
    x = y = keras.Input((64, 64))
    for _ in range(depth):
        h = keras.layers.LayerNormalization()(y)
        y = keras.layers.add([y, keras.layers.MultiHeadAttention(4, 16, dropout=0.1)(h, h)])
        h = keras.layers.Dense(256, activation="gelu")(keras.layers.LayerNormalization()(y))
        y = keras.layers.add([y, keras.layers.Dense(64)(h)])
    return keras.Model(x, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(y)))


CASES = {
    "48 residual MLP blocks, rolled": Case(_mlp, (128,), (2048, 64), (48, 6), "always"),
    "48 residual MLP blocks": Case(_mlp, (128,), (2048, 64), (48, 4), "never"),
    "8 residual blocks of convolutions": Case(_conv, (24, 24, 3), (64, 4), (8, 2), "never"),
    "12 transformer blocks, rolled": Case(_transformer, (64, 64), (32, 2), (12, 4), "always"),
    "12 transformer blocks": Case(_transformer, (64, 64), (32, 2), (12, 2), "never"),
}


class _Step:
    """A model that trains within a limit (bytes), and what was decided for it."""

    def __init__(self, case: Case, limit: int, quick: bool) -> None:
        keras: Any = importlib.import_module("kgc")
        keras.utils.set_random_seed(0)
        self.model = case.build(keras, case.depth[quick])
        self.model.compile(keras.optimizers.Adam(1e-4), "mse", roll=case.roll, memory_limit=limit)
        rng = np.random.default_rng(0)
        self.x = rng.normal(size=(case.rows[quick], *case.shape)).astype("float32")
        self.y = rng.normal(size=(case.rows[quick], 1)).astype("float32")
        start = time.perf_counter()
        self.loss = float(self.run())
        self.first = time.perf_counter() - start
        self.note = next(n for n in self.model.decisions()["train"] if n.startswith("rematerialize:"))
        found = _NEEDS.search(self.note)
        self.needs = float(found.group(1)) * _UNITS[found.group(2)] if found else float("nan")

    def run(self) -> Any:
        return self.model.train_on_batch(self.x, self.y)

    def seconds(self) -> float:
        start = time.process_time()
        self.run()
        return time.process_time() - start


def measure(name: str, rounds: int, quick: bool) -> list[str]:
    """Lines of the table for one model."""
    case = CASES[name]
    free = _Step(case, 10**15, quick)
    lines = [f"{name}: {free.needs:.4g} MB (loss {free.loss:.7g}), first step {free.first:.1f} s"]
    for share in SHARES:
        try:
            small = _Step(case, int(share * free.needs * 1e6), quick)
        except ArgumentError as error:
            lines.append(f"  limit {share:.2f}: raises: {error.received}")
            break
        pairs = [(free.seconds(), small.seconds()) for _ in range(rounds)]
        ratio = min(b for _, b in pairs) / min(a for a, _ in pairs)
        does = small.note.partition("computes ")[2].partition(", and needs")[0]
        lines.append(
            f"  limit {share:.2f}: needs {small.needs / free.needs:.2f} ({small.needs:.4g} MB), step x {ratio:.2f}, "
            f"loss {small.loss:.7g}, first step {small.first:.1f} s: computes {does}"
        )
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m kgc.tools.bench.memory", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round: does everything run?")
    parser.add_argument("--only", default="", help="words of the names of models, by comma")
    parser.add_argument("--rounds", type=int, default=5, help="steps of each that are timed")
    options = parser.parse_args(arguments)
    for name in CASES:
        if any(word in name for word in options.only.split(",")):
            for line in measure(name, 1 if options.quick else options.rounds, options.quick):
                print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

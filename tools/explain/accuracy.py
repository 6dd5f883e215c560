"""python -m kgc.tools.explain.accuracy [--batch N] [--only NAME,…] [--recalibrate] [--json FILE]

Predicts and measures ten models, predicting and training, and prints how far the predictions are off: the median
relative error, and Spearman's rank correlation of predicted and measured times (the least of some rounds).  On a busy
machine, run it on one core (`taskset -c 1`): then the CPU time of the process is taken, to which others add nothing.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..bench import sides, workloads
from . import machine, report, table


def lstm(kgc: Any) -> Any:
    """Two LSTMs over 32 steps of 32 numbers."""
    inputs = kgc.Input(shape=(32, 32))
    x = kgc.layers.LSTM(64, return_sequences=True)(inputs)
    return kgc.Model(inputs, kgc.layers.Dense(workloads.CLASSES)(kgc.layers.LSTM(64)(x)))


def vgg(kgc: Any) -> Any:
    """Three pairs of convolutions, each with a pooling, and two Dense layers, for images of 32 x 32 x 3."""
    inputs = kgc.Input(shape=(32, 32, 3))
    x = inputs
    for filters in (16, 32, 64):
        for _ in range(2):
            x = kgc.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = kgc.layers.MaxPooling2D(2)(x)
    x = kgc.layers.Dense(128, activation="relu")(kgc.layers.Flatten()(x))
    return kgc.Model(inputs, kgc.layers.Dense(workloads.CLASSES)(x))


def wide(kgc: Any) -> Any:
    """Three Dense layers of 1024."""
    inputs = kgc.Input(shape=(256,))
    x = inputs
    for _ in range(3):
        x = kgc.layers.Dense(1024, activation="gelu")(x)
    return kgc.Model(inputs, kgc.layers.Dense(workloads.CLASSES)(x))


def embedding(kgc: Any) -> Any:
    """The mean of 100 embedded words, and two Dense layers."""
    inputs = kgc.Input(shape=(100,), dtype="int32")
    x = kgc.layers.GlobalAveragePooling1D()(kgc.layers.Embedding(20_000, 32)(inputs))
    return kgc.Model(inputs, kgc.layers.Dense(workloads.CLASSES)(kgc.layers.Dense(64, activation="relu")(x)))


OWN = {"lstm": lstm, "vgg": vgg, "wide": wide, "embedding": embedding}
NAMES = ("mlp", "conv", "resnet", "autoencoder", "ticket", "transformer", *OWN)
SIZES = {"ticket": {"title.1": 12, "body.1": 100}}


def compiled(name: str) -> Any:
    """A model of that name, compiled."""
    kgc = sides.load("kgc")
    if name not in OWN:
        return workloads.compiled(kgc, name)
    model = OWN[name](kgc)
    model.compile("adam", kgc.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """The correlation of the ranks of two rows of distinct numbers."""
    ranks = [np.argsort(np.argsort(row)) for row in (a, b)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the models asked for."""
    parser = argparse.ArgumentParser(prog="python -m kgc.tools.explain.accuracy", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--only", default=",".join(NAMES), help=f"some of {', '.join(NAMES)}")
    parser.add_argument("--recalibrate", action="store_true", help="measure this machine anew")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there as well")
    options = parser.parse_args(arguments)
    only = options.only.split(",")
    if unknown := [name for name in only if name not in NAMES]:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    rates = machine.load(options.recalibrate)
    found: list[report.Report] = []
    print(f"{rates.name}, batch {options.batch}; measured: the least of some rounds")
    print(f"{'':24}{'predicted':>11}{'measured':>11}{'off':>8}{'memory':>11}{'XLA':>11}{'off':>8}")
    for name in only:
        model = compiled(name)
        for mode in ("predict", "train"):
            made = report.explain(model, mode, options.batch, rates, SIZES.get(name), measure=True)
            made.name = name
            found.append(made)
            print(_line(made), flush=True)
        del model
        gc.collect()
    for mode in ("predict", "train", ""):
        _summary(mode, [made for made in found if mode in ("", made.mode)])
    if options.json:
        options.json.write_text(json.dumps([made.plain() for made in found], indent=1) + "\n", encoding="utf-8")
    return 0


def _figures(made: report.Report) -> tuple[float, float, int, int]:
    real = made.measured
    if real is None:
        raise ValueError(f"{made.name} was not measured")
    return made.total.seconds, real.least, made.memory.peak, real.xla.peak


def _line(made: report.Report) -> str:
    predicted, real, peak, xla = _figures(made)
    times = f"{table.seconds(predicted):>11}{table.seconds(real):>11}{100 * (predicted / real - 1):>+6.0f} %"
    memory = f"{table.size(peak):>11}{table.size(xla):>11}{100 * (peak / xla - 1):>+6.0f} %"
    return f"{made.name:14}{made.mode:10}{times}{memory}"


def _summary(mode: str, found: list[report.Report]) -> None:
    rows = [_figures(made) for made in found]
    errors = [abs(predicted / real - 1) for predicted, real, _, _ in rows]
    memory = [abs(peak / xla - 1) for _, _, peak, xla in rows]
    rank = spearman([row[0] for row in rows], [row[1] for row in rows]) if len(rows) > 1 else float("nan")
    print(
        f"{mode or 'both':8} median error of time {100 * np.median(errors):.0f} % (largest {100 * max(errors):.0f} %), "
        f"rank correlation {rank:.3f}; of memory {100 * np.median(memory):.0f} %"
    )


if __name__ == "__main__":
    sys.exit(main())

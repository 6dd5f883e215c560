"""Steady `fit`, `evaluate` and `predict`, in milliseconds a step of 64 rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import sides
from .handwritten import Handwritten
from .timing import Row, alternate, seconds
from .workloads import BATCH, WORKLOADS, compiled, data

Verbs = dict[str, Callable[[], Any]]


def package_verbs(package: Any, name: str, x: Any, y: Any) -> Verbs:
    """One epoch of each verb by kgc or Keras."""
    model = compiled(package, name)
    return {
        "fit": lambda: model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0).history["loss"][0],
        "evaluate": lambda: model.evaluate(x, y, batch_size=BATCH, verbose=0, return_dict=True)["loss"],
        "predict": lambda: model.predict(x, batch_size=BATCH, verbose=0),
    }


def hand_verbs(name: str, x: Any, y: Any) -> Verbs:
    """One epoch of each verb by hand."""
    hand = Handwritten(name)
    return {
        "fit": lambda: hand.fit(x, y, BATCH)["loss"],
        "evaluate": lambda: hand.evaluate(x, y, BATCH)["loss"],
        "predict": lambda: hand.predict(x, BATCH),
    }


def measure(name: str, asked: list[str], rounds: int, quick: bool) -> list[Row]:
    """Rows for the three verbs of one workload; an epoch's time over its steps, the short last one counted."""
    count = WORKLOADS[name].rows[quick]
    x, y = data(name, count)
    steps = -(-count // BATCH)
    rows = {verb: Row(f"{name} {verb}", "ms/step") for verb in ("fit", "evaluate", "predict")}
    verbs: dict[str, Verbs] = {}
    for side in asked:
        try:
            verbs[side] = hand_verbs(name, x, y) if side == "hand" else package_verbs(sides.load(side), name, x, y)
            # Two rounds compile and settle everything; the loss shows that a side learns at all.
            losses = [float(verbs[side]["fit"]()) for _ in range(2)]
            losses.append(float(verbs[side]["evaluate"]()))
            outputs = verbs[side]["predict"]()
            outputs = list(outputs.values()) if isinstance(outputs, dict) else [outputs]
            if any(len(leaf) != count for leaf in outputs) or not np.all(np.isfinite(losses)):
                raise ValueError(f"{side} gives no proper results")
            rows["fit"].notes[f"{side} losses"] = " ".join(f"{loss:.3f}" for loss in losses)
        except Exception as error:
            verbs.pop(side, None)
            for row in rows.values():
                row.notes[side] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
    for verb, row in rows.items():
        runs = {side: (lambda run=verbs[side][verb]: seconds(run)) for side in verbs}
        for side, samples in alternate(runs, rounds).items():
            row.add(side, samples, 1e3 / steps)
    return list(rows.values())

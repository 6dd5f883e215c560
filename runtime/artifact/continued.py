"""Writes an artifact again after it was trained: its programs as they were, its arrays and examples as they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from . import container
from .container import Container
from .fields import ArraySpec, Example, Text
from .header import Header
from .training import Training


def write(
    path: str,
    source: Container,
    header: Header,
    weights: Mapping[str, Any],
    outputs: Sequence[np.ndarray],
    training: Training,
) -> None:
    """Write `path`, atomically.

    Args:
        path: where.
        source, header: of the file that was loaded.
        weights: params and state of inference as they are now, by name.
        outputs: of the recorded example with them.
        training: the step, and its arrays as they are now.
    """
    parts = container.Parts()

    def again(number: int) -> int:
        return parts.add(source.part(number))

    def text(given: Text) -> Text:
        return Text(again(given.part), given.ops)

    def array(spec: ArraySpec, value: Any) -> ArraySpec:
        return replace(spec, part=parts.add(np.asarray(value)))

    def example(given: Example | str, outputs: Sequence[np.ndarray]) -> Example | str:
        if not isinstance(given, Example):
            return given
        inputs = [replace(spec, part=again(spec.part)) for spec in given.inputs]
        made = [array(spec, output) for spec, output in zip(given.outputs, outputs, strict=True)]
        return Example(inputs, made, given.seed, jax.default_backend())

    trains = training.header
    metrics = {spec.name: replace(spec, part=again(spec.part)) for spec in trains.metrics}
    step = replace(
        trains,
        step=text(trains.step),
        weights=None if trains.weights is None else text(trains.weights),
        params=[array(spec, training.values[spec.name]) for spec in trains.params],
        state=[metrics.get(spec.name) or array(spec, training.values[spec.name]) for spec in trains.state],
        metrics=list(metrics.values()),  # a file begins with metrics that saw nothing
        runs=dict(training.runs),
        example=example(trains.example, training.recorded()),
    )
    made = replace(
        header,
        ir=again(header.ir),
        params=[array(spec, weights[spec.name]) for spec in header.params],
        state=[array(spec, weights[spec.name]) for spec in header.state],
        consts={name: replace(spec, part=again(spec.part)) for name, spec in header.consts.items()},
        example=example(header.example, outputs),
        stablehlo={name: part if isinstance(part, str) else again(part) for name, part in header.stablehlo.items()},
        extern={name: again(part) for name, part in header.extern.items()},
        training=step,
    )
    container.write(path, made.fields(), parts)

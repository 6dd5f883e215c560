"""What `compile` was told, resolved against a model's outputs: the loss, weight and metrics of each output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..compiler.dims import Dim
from ..compiler.errors import ArgumentError, KgcError
from ..compiler.ir import Value
from ..compiler.types import tensor_type
from . import losses, metrics, mixing, trace, tree
from .broadcasting import size_tensor
from .metrics import check as check_metric


class Compiled:
    """Losses and metrics by output.

    Args:
        loss: a loss, or a list in the order of the outputs, or a dict by their names (an entry may be None).
        loss_weights, metrics, weighted_metrics: likewise.
        names: names of the outputs, flat; `keys` are those by which a dict of outputs knows them.

    Raises:
        ArgumentError: counts or names do not fit the outputs, or an identifier is unknown.
    """

    def __init__(
        self, loss: Any, loss_weights: Any, metrics: Any, weighted_metrics: Any, names: list[str], keys: list[str]
    ) -> None:
        self.names, self.keys = names, keys
        self.losses = [losses.get(item) for item in self._by_output(loss, "loss")]
        self.weights = [1.0 if w is None else _number(w) for w in self._by_output(loss_weights, "loss_weights")]
        self._given = [
            self._metrics_by_output(metrics, "metrics"),
            self._metrics_by_output(weighted_metrics, "weighted_metrics"),
        ]
        for row in self._given:
            for item in tree.leaves(row):
                check_metric(item)
        self.metrics: list[list[tuple[str, Any, bool]]] | None = None
        self.loss_tracker = _mean("loss")
        several = sum(item is not None for item in self.losses) > 1
        self.output_trackers = [
            _mean(f"{name}_loss") if several and item is not None else None
            for name, item in zip(self._labels(), self.losses, strict=True)
        ]

    @property
    def wanted(self) -> list[bool]:
        """Which outputs need targets: those with a loss or a metric."""
        return [
            loss is not None or bool(plain) or bool(weighted)
            for loss, plain, weighted in zip(self.losses, *self._given, strict=True)
        ]

    def _labels(self) -> list[str]:
        return self.keys or self.names

    def _by_output(self, given: Any, what: str) -> list[Any]:
        count = len(self.names)
        if given is None:
            return [None] * count
        if isinstance(given, Mapping):
            unknown = [key for key in given if key not in self.names and key not in self.keys]
            if unknown:
                raise ArgumentError(
                    f"compile() was given {what} for '{unknown[0]}', which is no output of the model",
                    received=f"{what}={{{', '.join(map(repr, given))}}}",
                    hint=f"the outputs are {', '.join(self._labels())}.",
                )
            return [given.get(key, given.get(name)) for key, name in zip(self._labels(), self.names, strict=True)]
        if isinstance(given, list | tuple):
            if len(given) != count:
                raise ArgumentError(
                    f"compile() was given {what} for {len(given)} outputs, and the model has {count}",
                    received=f"{what}={given!r:.80}",
                    hint=f"give one for each output (None where there is none): {', '.join(self._labels())}.",
                )
            return list(given)
        return [given] * count

    def _metrics_by_output(self, given: Any, what: str) -> list[list[Any]]:
        count = len(self.names)
        if given is None:
            return [[] for _ in range(count)]
        if isinstance(given, Mapping):
            return [_as_list(item) for item in self._by_output(given, what)]
        if not isinstance(given, list | tuple):
            raise ArgumentError(
                f"compile() takes {what} as a list or a dict by output",
                received=f"{what}={given!r}",
                hint="write `metrics=[…]`.",
            )
        nested = any(isinstance(item, list | tuple) for item in given)
        if nested or count > 1:
            if len(given) == count:
                return [_as_list(item) for item in given]
            if nested or count > 1:
                raise ArgumentError(
                    f"compile() was given {what} for {len(given)} outputs, and the model has {count}",
                    received=f"{what}={given!r:.80}",
                    hint=f"give a list for each output, or a dict by output name: {', '.join(self._labels())}.",
                )
        return [list(given)]

    # In the train or test graph
    def target_types(self, outputs: list[Value]) -> list[Any]:
        """Types of the targets that the losses imply; None for an output without a loss."""
        return [
            None if loss is None else loss.target_type(value.type)
            for loss, value in zip(self.losses, outputs, strict=True)
        ]

    def total_loss(
        self, targets: list[Any], outputs: list[Value], weights: list[Any], extra: list[Any]
    ) -> tuple[Any, list[Any]]:
        """The scalar to minimise, and each output's own loss (None without one); `extra` are added as they are."""
        parts: list[Any] = []
        total: Any = None
        for label, loss, factor, target, output, weight in zip(
            self._labels(), self.losses, self.weights, targets, outputs, weights, strict=True
        ):
            if loss is None:
                parts.append(None)
                continue
            with _naming(f"loss '{loss.name}'", label):
                value = mixing.run(loss, (target, output), {"sample_weight": weight})
            parts.append(value)
            weighted = value if factor == 1.0 else value * factor
            total = weighted if total is None else total + weighted
        for value in extra:
            scalar = trace.op("sum")(value) if getattr(value, "ndim", 0) else value
            total = scalar if total is None else total + scalar
        return total, parts

    def resolve_metrics(self, targets: list[Any], outputs: list[Value]) -> list[list[tuple[str, Any, bool]]]:
        """Log names and metrics by output, with whether they see sample weights; "accuracy" is chosen by shapes."""
        if self.metrics is None:
            several = len(self.names) > 1
            taken = {self.loss_tracker.name, *(t.name for t in self.output_trackers if t is not None)}
            made: list[list[tuple[str, Any, bool]]] = []
            for index, (label, target, output) in enumerate(zip(self._labels(), targets, outputs, strict=True)):
                row: list[tuple[str, Any, bool]] = []
                for weighted, given in enumerate(self._given):
                    for item in given[index]:
                        metric = metrics.get_for_output(item, target, output)
                        head = f"{label}_" if several else ""
                        name = f"{head}{metric.name}"
                        if name in taken and weighted:
                            name = f"{head}weighted_{metric.name}"
                        count, base = 0, name
                        while name in taken:
                            count += 1
                            name = f"{base}_{count}"
                        taken.add(name)
                        row.append((name, metric, bool(weighted)))
                made.append(row)
            self.metrics = made
        return self.metrics

    def tracked(self) -> list[Any]:
        """All metrics, loss trackers first."""
        rows = self.metrics or []
        trackers = [tracker for tracker in self.output_trackers if tracker is not None]
        return [self.loss_tracker, *trackers, *(metric for row in rows for _, metric, _ in row)]

    def tracked_names(self) -> list[str]:
        """Names under which logs show `tracked`."""
        trackers = [tracker.name for tracker in self.output_trackers if tracker is not None]
        return [self.loss_tracker.name, *trackers, *(name for row in self.metrics or [] for name, _, _ in row)]

    def record(
        self, total: Any, parts: list[Any], targets: list[Any], outputs: list[Value], weights: list[Any], batch: Any
    ) -> dict[str, Any]:
        """Update every metric in the current trace; their results by log name."""
        size = size_tensor(batch)
        self.loss_tracker.update_state(np.float32(0) if total is None else total, sample_weight=size)  # as in Keras
        logs = {"loss": self.loss_tracker.result()}
        for tracker, part in zip(self.output_trackers, parts, strict=True):
            if tracker is not None:
                tracker.update_state(part, sample_weight=size)
                logs[tracker.name] = tracker.result()
        rows = self.resolve_metrics(targets, outputs)
        for label, row, target, output, weight in zip(self._labels(), rows, targets, outputs, weights, strict=True):
            for name, metric, weighted in row:
                with _naming(f"metric '{metric.name}'", label):
                    mixing.run(metric.update_state, (target, output), {"sample_weight": weight if weighted else None})
                    result = mixing.run(metric.result, (), {})
                if isinstance(result, Mapping):
                    logs.update(result)
                else:
                    logs[name] = result
        return logs

    def reset(self) -> None:
        """Forget what the metrics have seen."""
        for metric in self.tracked():
            metric.reset_state()


@contextmanager
def _naming(what: str, output: str) -> Iterator[None]:
    """Inside, errors say which loss or metric they are about."""
    try:
        yield
    except KgcError as error:
        said = error.what.removeprefix(what)
        error.what = f"{what} of output '{output}'{'' if said != error.what else ': '}{said}"
        raise


def regularization(variables: Any) -> list[Any]:
    """Penalties of the trained variables that have a regularizer."""
    return [variable.regularizer(variable.value) for variable in variables if variable.regularizer is not None]


def with_sizes(type_: Any, batch: Any, output: Any) -> Any:
    """The type of targets or weights with this batch, and the output's sizes where its own are unknown."""
    rest = [
        output.shape[axis] if isinstance(size, Dim) and axis < output.rank else size
        for axis, size in enumerate(type_.shape[1:], 1)
    ]
    return tensor_type((batch, *rest), type_.dtype)


def _mean(name: str) -> Any:
    return metrics.Mean(name=name)


def _as_list(item: Any) -> list[Any]:
    if item is None:
        return []
    return list(tree.leaves(item)) if isinstance(item, list | tuple) else [item]


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ArgumentError(
            "a loss weight is a number",
            received=repr(value),
            hint="`loss_weights` is a list or a dict of numbers by output.",
        ) from None

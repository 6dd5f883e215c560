"""An artifact that can be trained further, without the code of its model, its loss or its optimizer.

net = kgc.load("net.kgc")                 # model.export("net.kgc", training=True)
net.fit(x, y, epochs=3)
net.learning_rate = 1e-4
net.train_on_batch(x[:32], y[:32])
net(x)                                     # with the weights as they are now
net.export("further.kgc")
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from ...compiler.errors import ArgumentError, ArtifactError, DataError, shown
from .. import seeds
from ..data.arrays import ArraySource
from ..data.batches import NamedArray
from . import continued, examples
from .container import Container
from .fields import Example, TensorSpec
from .header import Header
from .inference import Artifact
from .training import Training


class TrainableArtifact(Artifact):
    """A model without its code that is called as the model, and trained as it was when it was exported.

    Steps go on where the model stood: weights, optimizer, learning rate, and random numbers, which are those that the
    model would have drawn next.
    """

    def __init__(self, container: Container, header: Header, trust: bool = False) -> None:
        super().__init__(container, header, trust)
        if header.training is None:
            raise ArtifactError(f"{container.path} cannot be trained")
        self._trains = header.training
        for spec in (*self._trains.params, *self._trains.state, *self._trains.metrics):
            self._check_array(spec)
        if isinstance(self._trains.example, Example):
            for spec in (*self._trains.example.inputs, *self._trains.example.outputs):
                self._check_array(spec)
        self._training: Training | None = None

    def train_on_batch(self, x: Any, y: Any = None) -> dict[str, Any]:
        """Train on one batch: loss and metrics over all batches since `reset_metrics`, by name.

        Args:
            x: the inputs, as in a call.
            y: the targets: an array, a list in the order of `signature.targets`, or a dict by the names there.

        Raises:
            DataError, ShapeError: they are not those of the signature.
        """
        data = self._data(x, y)
        with self._lock:
            training = self._ready()
            self._arrays = None
            logs = training.step(data, training.address("train_on_batch"))
            training.runs["train_on_batch"] += 1
        return {name: _number(value) for name, value in logs.items()}

    def fit(
        self, x: Any, y: Any = None, batch_size: int = 32, epochs: int = 1, shuffle: bool | str = True
    ) -> dict[str, list[Any]]:
        """Train on arrays for some epochs: loss and metrics of each epoch, by name.

        Args:
            x, y: as for `train_on_batch`.
            batch_size: rows of a step; the last one of an epoch may have fewer.
            epochs: how many.
            shuffle: whether rows are drawn in a new order each epoch, or "batch" (see `Model.fit`).

        Raises:
            DataError, ShapeError: the data are not those of the signature.
            ArgumentError: an illegal number.
        """
        if isinstance(epochs, bool) or not isinstance(epochs, int | np.integer) or epochs < 0:
            raise ArgumentError("fit() takes epochs as a number of at least 0", received=f"{epochs=}")
        data = self._data(x, y)
        history: dict[str, list[Any]] = {name: [] for name in self._trains.logs}
        with self._lock:
            training = self._ready()
            source = ArraySource(
                [NamedArray(name, array, array.dtype.name) for name, array in data.items()],
                batch_size=batch_size,
                shuffle=shuffle,
                generator=functools.partial(seeds.seeded_generator, self._trains.seed),
                address=("shuffle", training.runs["fit"]),
            )
            self._arrays = None
            try:
                for epoch in range(epochs):
                    training.reset_metrics()
                    logs: dict[str, Any] = {}
                    for number, batch in enumerate(source.batches(epoch)):
                        given = dict(zip(data, batch.x, strict=True))
                        logs = training.step(given, training.address("fit", epoch, number))
                    for name, value in logs.items():
                        history[name].append(_number(value))
                training.use_averages()
            finally:  # what follows an interrupted training draws other numbers
                training.runs["fit"] += 1
        return history

    def reset_metrics(self) -> None:
        """Forget what metrics have seen."""
        with self._lock:
            self._ready().reset_metrics()

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step; it can be set where it does not follow a schedule.

        Raises:
            ArgumentError: it follows a schedule, which is part of the step.
        """
        with self._lock:
            return float(self._ready().values[self._rate()])

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        name = self._rate()
        try:
            value = np.asarray(float(rate), np.float32)
        except (TypeError, ValueError):
            raise ArgumentError("a learning rate is a number", received=shown(rate)) from None
        with self._lock:
            self._ready().values[name] = jax.device_put(value)

    @property
    def iterations(self) -> int:
        """Number of steps so far, the model's own included."""
        with self._lock:
            return int(self._ready().values[self._trains.iterations])

    def export(self, filepath: str | os.PathLike[str]) -> None:
        """Write it as it is now: weights, optimizer, and recorded examples made anew.

        Raises:
            ArgumentError: the name does not end in `.kgc`.
        """
        path = os.fspath(filepath)
        if not path.endswith(".kgc"):
            raise ArgumentError(
                "export() writes `.kgc` files", received=f"filepath={path!r}", hint="`net.export('net.kgc')`."
            )
        with self._lock:
            arrays = self._held()
            weights = dict(zip(self._array_names(), arrays, strict=True))
            outputs = self._recorded(arrays)
            continued.write(path, self._container, self._header, weights, outputs, self._ready())

    def verify(self) -> float:
        """As `Artifact.verify`; and two steps of training on a recorded batch, whose logs must be those recorded."""
        found = super().verify()
        example = self._trains.example
        training = Training(self._container, self._header, self._array)
        if not isinstance(example, Example):
            return found
        training.load()
        trained = examples.deviation(training.recorded(), [self._array(spec) for spec in example.outputs])
        if not trained <= 1:
            raise ArtifactError(
                f"{self._container.path} does not train as it did when it was recorded",
                received=f"logs {trained:.3g} times the tolerance away; recorded on {example.platform}",
            )
        return max(found, trained)

    def _ready(self) -> Training:
        """The training, its arrays loaded; `_lock` is held."""
        if self._training is None:
            training = Training(self._container, self._header, self._array)
            training.load()
            if self._arrays is not None:  # state that calls have changed
                self._tell(training)
            self._training = training
        return self._training

    def _rate(self) -> str:
        if not self._trains.rate:
            raise ArgumentError(
                f"the learning rate of '{self.name}' follows a schedule, which is part of its step",
                hint="export the model with a number as its learning rate to set it here.",
            )
        return self._trains.rate

    # Arrays
    def _held(self) -> tuple[Any, ...]:
        if self._arrays is None:
            self._arrays = self._on_device() if self._training is None else self._trained(self._training)
        return self._arrays

    def _trained(self, training: Training) -> tuple[Any, ...]:
        """The arrays of inference, as training left them."""
        now = {**training.values, **training.weights()}
        header = self._header
        specs = {spec.name: spec for spec in (*header.params, *header.state)} | dict(header.consts)
        return tuple(
            [
                now[name] if name in now else jax.device_put(self._array(spec))
                for name, spec in ((name, specs[name]) for name in self._array_names())
            ]
        )

    def _assigned(self) -> None:
        if self._training is not None:
            self._tell(self._training)

    def _tell(self, training: Training) -> None:
        """State that calls have changed is that of training too."""
        if self._arrays is not None:
            now = dict(zip(self._array_names(), self._arrays, strict=True))
            for target, _ in self.graph.assigns:
                if target.name in training.values:
                    training.values[target.name] = now[target.name]

    def _array_names(self) -> list[str]:
        return [
            *(spec.name for spec in (*self._header.params, *self._header.state)),
            *self._execution.constants,
        ]

    # Data
    def _data(self, x: Any, y: Any) -> dict[str, Any]:
        """Inputs and targets by the names of the step."""
        found: dict[str, Any] = {}
        for spec, array in zip(self._specs, self._flat(x), strict=True):
            found[spec.name] = self._fitted(array, spec)
        shown_as = self.signature.targets
        for spec, target, array in zip(self._trains.targets, shown_as, self._targets(y), strict=True):
            found[spec.name] = self._fitted(_as_deep(array, spec), target)
        rows = {name: array.shape[0] for name, array in found.items() if array.ndim}
        if len(set(rows.values())) > 1:
            raise DataError(
                f"'{self.name}' was given data of different lengths",
                received=", ".join(f"{name}: {count} rows" for name, count in rows.items()),
                hint="the first axis of every array is the sample.",
            )
        return found

    def _targets(self, y: Any) -> Sequence[Any]:
        names = [spec.name for spec in self.signature.targets]
        if isinstance(y, Mapping) and set(y) == set(names):
            return [y[name] for name in names]
        if isinstance(y, list | tuple) and len(y) == len(names) > 1:
            return y
        if y is not None and len(names) == 1 and not isinstance(y, Mapping):
            return [y]
        if y is None and not names:
            return []
        raise DataError(
            f"'{self.name}' trains on other targets",
            received="y=None" if y is None else shown(y),
            hint=f"y is {', '.join(map(str, self.signature.targets)) or 'left out'}.",
        )


def _as_deep(given: Any, spec: TensorSpec) -> Any:
    """A column of numbers as a vector, or a vector as a column, where the step takes the other."""
    array = given if isinstance(given, np.ndarray | jax.Array) else np.asarray(given)
    if array.ndim + 1 == len(spec.shape) and spec.shape[-1] == 1:
        return array[..., None]
    if array.ndim == len(spec.shape) + 1 and array.shape[-1] == 1:
        return array[..., 0]
    return array


def _number(value: Any) -> Any:
    array = np.asarray(value)
    return array.item() if array.ndim == 0 else array

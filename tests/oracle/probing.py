"""Outputs and gradients of a layer through public names alone.

A loss linear in the output, `sum(c * y)`, and one step of SGD at learning rate 1 turn every weight's gradient into
the weight's change. A layer that adds a zero weight to its input does the same for the gradient of an input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .case import Scaled, add
from .draws import Draws

Build = Callable[[Any], Any]


def offset(keras: Any, shape: Sequence[int]) -> Any:
    """A layer that adds a weight of the given full shape, batch included, to its input."""

    class Offset(keras.layers.Layer):
        def build(self, input_shape: Any = None) -> None:
            self.offset = self.add_weight(shape=tuple(shape), initializer="zeros", name="offset")

        def call(self, x: Any) -> Any:
            return x + self.offset

    return Offset()


def linear_loss(keras: Any) -> Callable[[Any, Any], Any]:
    """The plain function `sum(y_true * y_pred)`, whose gradient is `y_true`."""

    def linear(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.sum(y_true * y_pred)

    return linear


def one_or_all(values: Sequence[Any]) -> Any:
    """A single value by itself, several as a list, as layers take them."""
    return values[0] if len(values) == 1 else list(values)


def as_list(value: Any) -> list[Any]:
    """The outputs of a model as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def step(keras: Any, model: Any, xs: list[np.ndarray], y: Any, loss: Any, **fit: Any) -> float:
    """One plain SGD step over the whole batch; its loss."""
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=1.0), loss=loss)
    history = model.fit(one_or_all(xs), y, batch_size=len(xs[0]), epochs=1, shuffle=False, verbose=0, **fit)
    return history.history["loss"][0]


def change(before: np.ndarray, after: Any) -> Scaled:
    """A gradient as the weight's change: it is rounded at the weight's scale."""
    return Scaled(before - np.asarray(after), float(np.max(np.abs(before), initial=0.0)))


def forward(keras: Any, build: Build, xs: list[np.ndarray], weights: Any, training: bool) -> tuple[Any, dict[str, Any]]:
    """Outputs for a batch of unknown size, and, where asked, those of training and the state after it."""
    inputs = [keras.Input(shape=x.shape[1:], dtype=str(x.dtype)) for x in xs]
    layer = build(keras)
    model = keras.Model(one_or_all(inputs), layer(one_or_all(inputs)))
    layer.set_weights(weights(layer))
    found: dict[str, Any] = {}
    outputs = as_list(model(one_or_all(xs), training=False))
    found |= {f"output.{i}": y for i, y in enumerate(outputs)}
    if training:
        outputs = as_list(model(one_or_all(xs), training=True))
        found |= {f"training.{i}": y for i, y in enumerate(outputs)}
        found |= {f"state.{i}": v.numpy() for i, v in enumerate(layer.non_trainable_variables)}
    return outputs, found


def gradients(keras: Any, build: Build, xs: list[np.ndarray], weights: Any, targets: list[Any]) -> dict[str, Any]:
    """Loss, and gradients of all weights and inputs, after one step; the batch size is known here."""
    inputs = [keras.Input(batch_shape=x.shape) for x in xs]
    offsets = [offset(keras, x.shape) for x in xs]
    layer = build(keras)
    model = keras.Model(one_or_all(inputs), layer(one_or_all([o(x) for o, x in zip(offsets, inputs, strict=True)])))
    layer.set_weights(weights(layer))
    before = [v.numpy() for v in layer.trainable_variables]
    found: dict[str, Any] = {"loss": step(keras, model, xs, one_or_all(targets), linear_loss(keras))}
    after = [v.numpy() for v in layer.trainable_variables]
    found |= {f"gradient.{i}": change(a, b) for i, (a, b) in enumerate(zip(before, after, strict=True))}
    found |= {f"input_gradient.{i}": -o.offset.numpy() for i, o in enumerate(offsets)}
    found |= {f"fitted_state.{i}": v.numpy() for i, v in enumerate(layer.non_trainable_variables)}
    return found


def add_layer(
    name: str,
    build: Build,
    *shapes: tuple[int, ...],
    training: bool = False,
    gradient: bool = True,
    spread: float = 1.5,
    tolerance: float = 1.0,
) -> None:
    """Register a case for one layer: outputs, gradients, state, for inputs of the given shapes in [-spread, spread)."""

    def run(keras: Any, draws: Draws) -> dict[str, Any]:
        xs = [draws.uniform(*shape, low=-spread, high=spread) for shape in shapes]
        values: list[np.ndarray] = []

        def weights(layer: Any) -> list[np.ndarray]:
            if not values:
                values.extend(draws.weights(layer))
            return values

        outputs, found = forward(keras, build, xs, weights, training)
        if gradient:
            targets = [draws.uniform(*np.shape(y)) for y in outputs]
            found |= gradients(keras, build, xs, weights, targets)
        return found

    add(name, run, tolerance)

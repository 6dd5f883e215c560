"""The models on which single passes are measured: each has what its pass is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import workloads

Data = Callable[[np.random.Generator, int], tuple[Any, Any]]


@dataclass(frozen=True)
class Case:
    """A model for a pass.

    Attributes:
        what: says in a few words what it is.
        model: makes it, from a package of Keras's names.
        data: inputs, and targets, of so many rows.
        loss: what `compile` takes, where it is trained; None where it predicts.
        batch: rows of a step.
    """

    what: str
    model: Callable[[Any], Any]
    data: Data
    loss: str | None = None
    batch: int = workloads.BATCH

    @property
    def training(self) -> bool:
        """Whether the step trains."""
        return self.loss is not None


def _floats(*shape: int) -> Data:
    def make(random: np.random.Generator, rows: int) -> tuple[Any, Any]:
        x = random.standard_normal((rows, *shape)).astype("float32")
        return x, np.zeros((rows, 1), "float32")

    return make


def _itself(*shape: int) -> Data:
    def make(random: np.random.Generator, rows: int) -> tuple[Any, Any]:
        x = random.standard_normal((rows, *shape)).astype("float32")
        return x, x

    return make


def _labelled(*shape: int) -> Data:
    def make(random: np.random.Generator, rows: int) -> tuple[Any, Any]:
        x = random.standard_normal((rows, *shape)).astype("float32")
        return x, random.integers(10, size=rows, dtype="int32")

    return make


def _extractor(keras: Any) -> Any:
    """Features from the middle of a model whose custom layer also computes a head that nobody asks for."""
    ops = keras.ops

    class Both(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.wide = [keras.layers.Dense(2048, activation="relu") for _ in range(3)]

        def call(self, x: Any) -> Any:
            y = x
            for layer in self.wide:
                y = layer(y)
            return ops.mean(x, axis=-1, keepdims=True), y

    inputs = keras.Input((256,))
    return keras.Model(inputs, Both()(keras.layers.Dense(256, activation="tanh")(inputs))[0])


def _dropouts(keras: Any) -> Any:
    inputs = x = keras.Input((128,))
    for _ in range(12):
        x = keras.layers.Dropout(0.3)(keras.layers.Dense(128, activation="relu")(x))
    return keras.Model(inputs, x)


def _stopped(keras: Any) -> Any:
    """Features that give no gradient back, normalised: without the stops, the normalizations can be folded."""
    inputs = x = keras.Input((256,))
    for _ in range(8):
        x = keras.ops.stop_gradient(keras.layers.Dense(256)(x))
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    return keras.Model(inputs, x)


def _frozen(keras: Any) -> Any:
    """A new head on a model with dropouts that is called as in inference."""
    base = _dropouts(keras)
    inputs = keras.Input((128,))
    return keras.Model(inputs, keras.layers.Dense(1)(base(inputs, training=False)))


def _positions(keras: Any) -> Any:
    """A layer that computes its table of positions, of constants, in every call."""
    ops = keras.ops

    class Positions(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            at = ops.cast(ops.arange(64), "float32")[:, None]
            rate = ops.exp(ops.cast(ops.arange(0, 64, 2), "float32") * -0.14)
            table = ops.concatenate([ops.sin(at * rate), ops.cos(at * rate)], axis=-1)
            return x + table

    inputs = keras.Input((64, 64))
    return keras.Model(inputs, keras.layers.Dense(16)(Positions()(inputs)))


def _twice(keras: Any) -> Any:
    """Twenty heads that each normalise the same input anew."""
    ops = keras.ops
    inputs = keras.Input((256,))
    heads = []
    for _ in range(20):
        x = (inputs - ops.mean(inputs, axis=-1, keepdims=True)) / (ops.std(inputs, axis=-1, keepdims=True) + 1e-3)
        heads.append(keras.layers.Dense(1)(ops.tanh(x)))
    return keras.Model(inputs, keras.layers.add(heads))


def _identities(keras: Any) -> Any:
    """Layers that move axes there and back between blocks, as ported models do."""
    ops = keras.ops
    inputs = x = keras.Input((32, 48))
    for _ in range(12):
        x = ops.transpose(ops.transpose(x, (0, 2, 1)), (0, 2, 1)) * 1.0
        x = ops.reshape(ops.reshape(x, (-1, 32 * 48)), (-1, 32, 48)) - 0.0
        x = keras.layers.Dense(48, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(x)))


def _mixed(keras: Any) -> Any:
    """Dense blocks under mixed_bfloat16."""
    inputs = x = keras.Input((256,))
    for _ in range(6):
        y = keras.layers.Dense(256, activation="relu", dtype="mixed_bfloat16")(x)
        x = keras.layers.add([x, keras.layers.Dense(256, dtype="mixed_bfloat16")(y)], dtype="mixed_bfloat16")
    return keras.Model(inputs, keras.layers.Dense(10, dtype="float32")(x))


def _arranged(keras: Any) -> Any:
    """Dense layers in bfloat16, and layers between them that arrange in float32."""
    inputs = x = keras.Input((64, 64))
    for _ in range(6):
        x = keras.layers.Dense(64, activation="relu", dtype="mixed_bfloat16")(x)
        x = keras.layers.Permute((2, 1), dtype="float32")(x)
    return keras.Model(inputs, keras.layers.Dense(1, dtype="float32")(keras.layers.Flatten()(x)))


def _softmaxed(keras: Any) -> Any:
    inputs = keras.Input((64,))
    x = keras.layers.Dense(64, activation="relu")(inputs)
    return keras.Model(inputs, keras.layers.Dense(1000, activation="softmax")(x))


def _normalized(keras: Any) -> Any:
    layers = keras.layers
    inputs = x = keras.Input((32, 32, 16))
    for _ in range(6):
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same")(x)))
    return keras.Model(inputs, x)


def _normalized_behind(keras: Any) -> Any:
    inputs = x = keras.Input((256,))
    for _ in range(8):
        x = keras.layers.BatchNormalization()(keras.layers.Dense(256, activation="relu")(x))
    return keras.Model(inputs, keras.layers.Dense(10)(x))


def _handwritten_attention(keras: Any) -> Any:
    """Causal attention as a user writes it, with ops."""
    ops = keras.ops

    class Attention(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.v = (keras.layers.Dense(64) for _ in range(3))

        def call(self, x: Any) -> Any:
            q, k, v = (
                ops.transpose(ops.reshape(p(x), (-1, 128, 4, 16)), (0, 2, 1, 3)) for p in (self.q, self.k, self.v)
            )
            scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / 4.0
            out = ops.matmul(ops.softmax(scores, axis=-1), v)
            return ops.reshape(ops.transpose(out, (0, 2, 1, 3)), (-1, 128, 64))

    inputs = x = keras.Input((128, 64))
    for _ in range(2):
        x = keras.layers.add([x, Attention()(x)])
    return keras.Model(inputs, x)


def _tasks(keras: Any) -> Any:
    """A trunk, and sixteen outputs of eight numbers."""
    inputs = keras.Input((64,))
    x = keras.layers.Dense(64, activation="relu")(inputs)
    return keras.Model(inputs, [keras.layers.Dense(8)(x) for _ in range(16)])


def _weight_normalized(keras: Any) -> Any:
    """Six dense layers whose kernels are normalised in every call."""
    ops = keras.ops

    class Normalized(keras.layers.Layer):
        def build(self, shape: Any) -> None:
            self.kernel = self.add_weight(shape=(shape[-1], 256))
            self.gain = self.add_weight(shape=(256,), initializer="ones")

        def call(self, x: Any) -> Any:
            length = ops.sqrt(ops.sum(ops.square(self.kernel), axis=0))
            return ops.matmul(x, self.kernel * (self.gain / length))

    inputs = x = keras.Input((256,))
    for _ in range(6):
        x = keras.layers.ReLU()(Normalized()(x))
    return keras.Model(inputs, x)


def _gates(keras: Any) -> Any:
    """Eight small dense layers on one input, gated against each other, four times."""
    layers = keras.layers
    inputs = x = keras.Input((64,))
    for _ in range(4):
        parts = [layers.multiply([layers.Dense(16, activation="sigmoid")(x), layers.Dense(16)(x)]) for _ in range(4)]
        x = layers.add([x, layers.concatenate(parts)])
    return keras.Model(inputs, x)


def _ensemble(keras: Any) -> Any:
    """Sixteen small models of one structure, averaged."""
    models = []
    for _ in range(16):
        inputs = keras.Input((32,))
        x = keras.layers.Dense(32, activation="relu")(inputs)
        models.append(keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dense(32, activation="relu")(x))))
    inputs = keras.Input((32,))
    return keras.Model(inputs, keras.layers.average([model(inputs) for model in models]))


def _blocks(depth: int) -> Callable[[Any], Any]:
    return lambda keras: workloads.deep(keras, "mlp", depth)


def _vgg(keras: Any) -> Any:
    layers = keras.layers
    inputs = x = keras.Input((32, 32, 3))
    for width, count in ((16, 2), (32, 2), (64, 3), (64, 3)):
        for _ in range(count):
            x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


_CROSSENTROPY = "sparse_categorical_crossentropy"

CASES: dict[str, tuple[Case, ...]] = {
    "prune_dead": (Case("an unused head", _extractor, _floats(256)),),
    "simplify_inference": (Case("features without gradient", _stopped, _floats(256)),),
    "fold_constants": (Case("position tables", _positions, _floats(64, 64)),),
    "simplify_algebra": (
        Case("12 dropouts", _dropouts, _floats(128)),
        Case("12 frozen dropouts", _frozen, _floats(128), "mse"),
        Case("axes there and back", _identities, _floats(32, 48)),
        Case("axes there and back", _identities, _floats(32, 48), "mse"),
    ),
    "merge_casts": (
        Case("float32 between bfloat16", _arranged, _floats(64, 64)),
        Case("float32 between bfloat16", _arranged, _floats(64, 64), "mse"),
    ),
    "cast_params": (
        Case("mixed_bfloat16 blocks", _mixed, _labelled(256), batch=1),
        Case("mixed_bfloat16 blocks", _mixed, _labelled(256)),
    ),
    "eliminate_common": (
        Case("20 equal normalisations", _twice, _floats(256)),
        Case("20 equal normalisations", _twice, _floats(256), "mse"),
    ),
    "stabilize_loss": (Case("softmax of 1000", _softmaxed, _labelled(64), _CROSSENTROPY),),
    "fold_batch_norm": (
        Case("6 conv and batch norm", _normalized, _floats(32, 32, 16)),
        Case("8 dense, each behind a batch norm", _normalized_behind, _floats(256)),
    ),
    "fuse_attention": (
        Case("hand-written attention", _handwritten_attention, _floats(128, 64), batch=16),
        Case("hand-written attention", _handwritten_attention, _itself(128, 64), "mse", batch=16),
    ),
    "merge_parallel": (
        Case("16 tasks", _tasks, _floats(64)),
        Case("gates", _gates, _floats(64)),
    ),
    "batch_branches": (Case("16 small models", _ensemble, _floats(32)),),
    "roll_loops": (
        Case("100 residual blocks", _blocks(100), _floats(64)),
        Case("100 residual blocks", _blocks(100), _floats(64), "mse"),
    ),
    "hoist_params": (
        Case("6 normalised kernels", _weight_normalized, _floats(256), batch=1),
        Case("6 normalised kernels", _weight_normalized, _floats(256)),
    ),
    "fuse_layers": (
        Case("a small VGG", _vgg, _labelled(32, 32, 3), batch=16),
        Case("a small VGG", _vgg, _labelled(32, 32, 3), _CROSSENTROPY, batch=16),
        Case("100 residual blocks", _blocks(100), _floats(64), "mse"),
    ),
}
"""Cases by the name of the pass."""

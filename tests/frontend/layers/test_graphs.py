"""What the layers record: the IR of a model, whatever sizes are unknown."""

from __future__ import annotations

import numpy as np
import pytest

from kgc import Input, Model, layers
from kgc.compiler.parser import parse


def image_model(data_format: str = "channels_last") -> Model:
    x = inputs = Input((8, 8, 3) if data_format == "channels_last" else (3, 8, 8), name="x")
    x = layers.Conv2D(4, 3, activation="relu", data_format=data_format, name="c")(x)
    x = layers.MaxPooling2D(2, data_format=data_format, name="p")(x)
    x = layers.Flatten(data_format=data_format, name="f")(x)
    return Model(inputs, layers.Dropout(0.5, name="d")(x), name="net")


def test_a_convolutional_net() -> None:
    graph = image_model().graph(training=True)
    assert str(graph) == "\n".join(
        [
            "graph @net(%x: f32[b, 8, 8, 3], %key: key[]) -> (f32[b, 36]) {",
            "  param %c.kernel: f32[3, 3, 3, 4]",
            "  param %c.bias: f32[4]",
            "  %0: f32[b, 6, 6, 4] = conv(%x, %c.kernel)",
            "  %1: f32[b, 6, 6, 4] = add(%0, %c.bias)",
            "  %2: f32[b, 6, 6, 4] = relu(%1)",
            "  %3: f32[b, 3, 3, 4] = max_pool(%2, pool_size=2)",
            "  %4: f32[b, 36] = reshape(%3, newshape=(b, 36))",
            "  %5: key[] = fold_in(%key, 871322683)",
            "  %6: f32[b, 36] = dropout(%4, %5, rate=0.5)",
            "  return %6",
            "}",
        ]
    )
    assert parse(str(graph)) == graph


def test_channels_first_gives_the_same_numbers() -> None:
    last, first = image_model(), image_model("channels_first")
    first.set_weights(last.get_weights())
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(first(x.transpose(0, 3, 1, 2)), last(x), rtol=1e-5, atol=1e-6)


def test_batch_normalization_in_training_and_out_of_it() -> None:
    inputs = Input((3,), name="x")
    model = Model(inputs, layers.BatchNormalization(name="n")(inputs), name="net")
    head = [
        "  param %n.gamma: f32[3]",
        "  param %n.beta: f32[3]",
        "  state %n.moving_mean: f32[3]",
        "  state %n.moving_variance: f32[3]",
    ]
    assert str(model.graph()).split("\n")[1:-1] == [
        *head,
        "  %0: f32[b, 3] = batch_normalization(%x, %n.moving_mean, %n.moving_variance, axis=-1, offset=%n.beta, "
        "scale=%n.gamma)",
        "  return %0",
    ]
    assert str(model.graph(training=True)).split("\n")[1:-1] == [
        *head,
        "  %0: f32[3], %1: f32[3] = moments(%x, axes=(0,))",
        "  %2: f32[3] = multiply(%n.moving_mean, 0.99)",
        "  %3: f32[3] = multiply(%0, 0.01)",
        "  %4: f32[3] = add(%2, %3)",
        "  %5: f32[3] = multiply(%n.moving_variance, 0.99)",
        "  %6: f32[3] = multiply(%1, 0.01)",
        "  %7: f32[3] = add(%5, %6)",
        "  %8: f32[b, 3] = batch_normalization(%x, %0, %1, axis=-1, offset=%n.beta, scale=%n.gamma)",
        "  return %8",
        "  assign %n.moving_mean = %4",
        "  assign %n.moving_variance = %7",
    ]


def test_dropout_is_recorded_outside_training_too() -> None:
    inputs = Input((3,), name="x")
    model = Model(inputs, layers.Dropout(0.5, name="d")(inputs), name="net")
    assert "dropout(%x, %0, rate=0.5, training=False)" in str(model.graph())
    assert "dropout" not in str(model.program(False).graph)


def test_a_frozen_normalization_normalizes_by_its_moving_statistics() -> None:
    inputs = Input((3,), name="x")
    norm = layers.BatchNormalization(trainable=False)
    assert "moments" not in str(Model(inputs, norm(inputs)).graph(training=True))
    norm.trainable = True
    assert "moments" in str(Model(inputs, norm(inputs)).graph(training=True))


@pytest.mark.parametrize(
    ("layer", "shapes", "result"),
    [
        (layers.Conv2D(5, 3), [(None, None, 2)], (None, None, None, 5)),
        (layers.Conv2D(5, 3, padding="same"), [(None, 6, 2)], (None, None, 6, 5)),
        (layers.MaxPooling2D(2), [(None, 9, 2)], (None, None, 4, 2)),
        (layers.AveragePooling2D(2, padding="same"), [(None, 9, 2)], (None, None, 5, 2)),
        (layers.GlobalAveragePooling2D(), [(None, None, 2)], (None, 2)),
        (layers.GlobalMaxPooling2D(keepdims=True), [(None, None, 2)], (None, 1, 1, 2)),
        (layers.GlobalAveragePooling2D("channels_first", True), [(2, None, None)], (None, 2, 1, 1)),
        (layers.Flatten(), [(None, 4)], (None, None)),
        (layers.Flatten(), [()], (None, 1)),
        (layers.Flatten(data_format="channels_first"), [(2, 3, 4)], (None, 24)),
        (layers.Reshape((3, -1)), [(None, 4)], (None, 3, None)),
        (layers.Reshape((-1, 4)), [(3, 8)], (None, 6, 4)),
        (layers.Reshape(()), [(1,)], (None,)),
        (layers.BatchNormalization(), [(None, 4)], (None, None, 4)),
        (layers.Dropout(0.5, (None, 1, None)), [(None, 4)], (None, None, 4)),
        (layers.Dropout(0.5, (1, None)), [(None, 4)], (None, None, 4)),
        (layers.Rescaling([1.0, 2.0]), [(None, 2)], (None, None, 2)),
        (layers.Add(), [(None, 4), (None, 4)], (None, None, 4)),
        (layers.Add(), [(4,), (None, 3, 4)], (None, None, 3, 4)),
        (layers.Concatenate(1), [(None, 4), (None, 4)], (None, None, 4)),
        (layers.Concatenate(1), [(None, 4), (3, 4)], (None, None, 4)),
        (layers.Softmax((1, 2)), [(None, 4)], (None, None, 4)),
    ],
)
def test_unknown_sizes(
    layer: layers.Layer, shapes: list[tuple[int | None, ...]], result: tuple[int | None, ...]
) -> None:
    inputs = [Input(shape) for shape in shapes]
    symbolic = layer(inputs if len(inputs) > 1 else inputs[0])
    assert symbolic.shape == result
    model = Model(inputs, symbolic)
    assert parse(str(model.graph())) == model.graph()
    for batch, unknown in ((2, 12), (3, 24)):
        arrays = [
            np.ones((batch, *(unknown if size is None else size for size in shape)), "float32") for shape in shapes
        ]
        found = model(arrays).shape
        assert found[0] == batch
        assert all(size is None or size == actual for size, actual in zip(result, found, strict=True))


def test_bytes_become_floats_where_a_layer_computes() -> None:
    inputs = Input((6, 6, 3), dtype="uint8")
    for layer in (layers.Conv2D(2, 3), layers.MaxPooling2D(), layers.AveragePooling2D(2), layers.BatchNormalization(),
                  layers.GlobalAveragePooling2D(), layers.Rescaling(2), layers.Softmax(), layers.ELU()):  # fmt: skip
        assert layer(inputs).dtype == "float32"
    for layer in (layers.Flatten(), layers.Reshape((-1,)), layers.ReLU(), layers.Identity()):
        assert layer(inputs).dtype == "uint8"
    floats = Input((6, 6, 3))
    assert layers.Add()([inputs, inputs]).dtype == "uint8"
    assert layers.Add()([inputs, floats]).dtype == layers.Concatenate()([inputs, floats]).dtype == "float32"


@pytest.mark.parametrize("policy", ["float16", "bfloat16", "mixed_float16", "mixed_bfloat16"])
def test_policies_decide_the_dtype_of_results(policy: str) -> None:
    inputs = Input((6, 6, 3))
    compute = policy.removeprefix("mixed_")
    for layer in (
        layers.Conv2D(2, 3, dtype=policy),
        layers.MaxPooling2D(dtype=policy),
        layers.BatchNormalization(dtype=policy),
        layers.Dropout(0.5, dtype=policy),
        layers.Rescaling([1.0, 2.0, 3.0], dtype=policy),
        layers.Dense(2, dtype=policy),
    ):
        assert layer(inputs).dtype == compute
        assert {w.dtype for w in layer.weights} <= {"float32" if policy != compute else compute}

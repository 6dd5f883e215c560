"""What layers refuse: at the constructor, and at the call before any weight is made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kgc import Input, layers
from kgc.compiler.errors import ArgumentError, DTypeError, KgcError, ShapeError

ARGUMENTS: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("Conv2D", (0, 3), {}, "takes filters as a positive int"),
    ("Conv2D", (4.0, 3), {}, "takes filters as a positive int"),
    ("Conv2D", (True, 3), {}, "takes filters as a positive int"),
    ("Conv2D", (4, (3, 3, 3)), {}, "takes kernel_size as a positive int, or 2 of them"),
    ("Conv2D", (4, 0), {}, "takes kernel_size"),
    ("Conv2D", (4, "3"), {}, "takes kernel_size"),
    ("Conv2D", (4, 3), {"strides": 0}, "takes strides"),
    ("Conv2D", (4, 3), {"strides": (1, -1)}, "takes strides"),
    ("Conv2D", (4, 3), {"padding": "smae"}, "takes padding as one of 'valid', 'same'"),
    ("Conv2D", (4, 3), {"padding": "causal"}, "takes padding"),
    ("Conv2D", (4, 3), {"padding": ((1, 1), (0, 0))}, "takes padding"),
    ("Conv2D", (4, 3), {"data_format": "NHWC"}, "takes data_format as one of 'channels_last', 'channels_first'"),
    ("Conv2D", (4, 3), {"groups": 0}, "takes groups as a positive int"),
    ("Conv2D", (4, 3), {"groups": 3}, "needs groups that divide its filters"),
    ("Conv2D", (4, 3), {"strides": 2, "dilation_rate": 2}, "cannot have both strides and dilation_rate above 1"),
    ("Conv2D", (4, 3), {"activation": "rleu"}, "No activation is called 'rleu'"),
    ("Conv2D", (4, 3), {"kernal_size": 2}, "does not have the argument 'kernal_size'"),
    ("MaxPooling2D", (0,), {}, "takes pool_size"),
    ("MaxPooling2D", (2, 0), {}, "takes strides"),
    ("AveragePooling2D", (2,), {"padding": "full"}, "takes padding"),
    ("GlobalAveragePooling2D", ("last",), {}, "takes data_format"),
    ("Flatten", ("last",), {}, "takes data_format"),
    ("Reshape", (6,), {}, "takes target_shape as a tuple of ints"),
    ("Reshape", ((3, None),), {}, "takes target_shape as a tuple of ints"),
    ("Reshape", ((3, -2),), {}, "takes target_shape as a tuple of ints"),
    ("Reshape", ((-1, -1),), {}, "takes target_shape with one -1 at most"),
    ("ReLU", (-1,), {}, "takes max_value as a number of at least 0"),
    ("ReLU", (), {"negative_slope": None}, "takes negative_slope as a number"),
    ("ReLU", (), {"threshold": -0.5}, "takes threshold as a number of at least 0"),
    ("LeakyReLU", (-0.1,), {}, "takes negative_slope"),
    ("ELU", ("1",), {}, "takes alpha as a number"),
    ("Softmax", ("last",), {}, "takes axis as an int, or several"),
    ("BatchNormalization", ((1, 2),), {}, "takes axis as an int"),
    ("BatchNormalization", (), {"momentum": "high"}, "takes momentum as a number"),
    ("BatchNormalization", (), {"epsilon": None}, "takes epsilon as a number"),
    ("BatchNormalization", (), {"renorm": True}, "does not support renorm"),
    ("BatchNormalization", (), {"synchronized": True}, "does not support synchronized"),
    ("Dropout", (1.5,), {}, "takes rate as a number from 0 to 1"),
    ("Dropout", (-0.1,), {}, "takes rate as a number from 0 to 1"),
    ("Dropout", (float("nan"),), {}, "takes rate as a number from 0 to 1"),
    ("Dropout", ("half",), {}, "takes rate"),
    ("Dropout", (0.5, 3), {}, "takes noise_shape as a tuple of positive ints and None"),
    ("Dropout", (0.5, (0, 1)), {}, "takes noise_shape"),
    ("Dropout", (0.5,), {"seed": "lucky"}, "A seed is an integer"),
    ("Concatenate", ((1, 2),), {}, "takes axis as an int"),
    ("Rescaling", ("a",), {}, "takes scale as a number"),
    ("Rescaling", (1.0, None), {}, "takes offset as a number"),
]


@pytest.mark.parametrize(("kind", "arguments", "options", "what"), ARGUMENTS)
def test_arguments(kind: str, arguments: tuple[Any, ...], options: dict[str, Any], what: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        getattr(layers, kind)(*arguments, **options)
    assert what in caught.value.what
    assert caught.value.received and caught.value.hint


S, L, V = (28, 28, 1), (7, 3), (12,)
INPUTS: list[tuple[layers.Layer, Any, type[KgcError], str, str]] = [
    (
        layers.Conv2D(4, 3, name="c"),
        S[:2],
        ShapeError,
        "Conv2D 'c' takes 4 axes (batch, height, width, channels)",
        "f32[b, 28, 28]",
    ),
    (layers.Conv2D(4, 3, name="c"), V, ShapeError, "takes 4 axes", "f32[b, 12]"),
    (
        layers.Conv2D(4, 3, data_format="channels_first", name="c"),
        (3, 3),
        ShapeError,
        "takes 4 axes (batch, channels, height, width)",
        "f32[b, 3, 3]",
    ),
    (
        layers.Conv2D(4, 3, name="c"),
        (9, 9, None),
        ShapeError,
        "expects the number of channels (axis -1) to be known",
        "t0]",
    ),
    (
        layers.Conv2D(4, 5, name="c"),
        (3, 9, 1),
        ShapeError,
        "has a kernel that spans 5 on axis 1, which has size 3",
        "[b, 3, 9, 1]",
    ),
    (
        layers.Conv2D(4, 3, dilation_rate=2, name="c"),
        (9, 4, 1),
        ShapeError,
        "spans 5 on axis 2, which has size 4",
        "9, 4, 1]",
    ),
    (
        layers.Conv2D(4, 3, groups=2, name="c"),
        (9, 9, 3),
        ShapeError,
        "has 2 groups, and they do not divide 3 channels",
        "9, 3]",
    ),
    (
        layers.MaxPooling2D(5, name="p"),
        (3, 9, 1),
        ShapeError,
        "has a window of 5 on axis 1, which has size 3",
        "3, 9, 1]",
    ),
    (layers.MaxPooling2D(name="p"), S[:2], ShapeError, "MaxPooling2D 'p' takes 4 axes", "28]"),
    (layers.GlobalAveragePooling2D(name="g"), L, ShapeError, "GlobalAveragePooling2D 'g' takes 4 axes", "f32[b, 7, 3]"),
    (
        layers.Reshape((5, -1), name="r"),
        V,
        ShapeError,
        "Reshape 'r' cannot make (5, -1) of the 12 elements",
        "f32[b, 12]",
    ),
    (layers.Reshape((5,), name="r"), V, ShapeError, "cannot make (5,) of the 12 elements", "f32[b, 12]"),
    (
        layers.BatchNormalization(axis=3, name="n"),
        L,
        ShapeError,
        "normalises axis 3, and its input has 3 axes",
        "f32[b, 7, 3]",
    ),
    (
        layers.BatchNormalization(name="n"),
        (7, None),
        ShapeError,
        "expects the number of channels (axis -1) to be known",
        "t0]",
    ),
    (
        layers.Softmax(axis=(1, 4), name="s"),
        L,
        ArgumentError,
        "normalises over axis (1, 4), and its input has 3 axes",
        "3]",
    ),
    (
        layers.Dropout(0.5, (None, 2, 1), name="d"),
        L,
        ShapeError,
        "has noise_shape=(None, 2, 1), which does not fit",
        "7, 3]",
    ),
    (layers.Dropout(0.5, (None, 1, 1), name="d"), V, ShapeError, "which does not fit its input", "f32[b, 12]"),
    (
        layers.Rescaling([1.0, 2.0], name="x"),
        S,
        ShapeError,
        "has a scale of shape (2,), which does not fit",
        "28, 28, 1]",
    ),
    (
        layers.Rescaling(1.0, np.ones((1, 1, 1, 1, 1)), name="x"),
        S,
        ShapeError,
        "has a offset of shape (1, 1, 1, 1, 1)",
        "28, 1]",
    ),
    (layers.Add(name="a"), V, DTypeError, "Add 'a' takes a list of tensors", "f32[b, 12]"),
    (layers.Add(name="a"), [V, (13,)], ShapeError, "sizes on axis -1 differ", "f32[b, 12], f32[b"),
    (layers.Add(name="a"), [(4,), (4, 5)], ShapeError, "sizes on axis -1 differ", "4]"),
    (layers.Subtract(name="a"), [V, V, V], ArgumentError, "Subtract 'a' takes two tensors", "3"),
    (layers.Subtract(name="a"), [V], ArgumentError, "takes at least 2 tensors", "1"),
    (layers.Concatenate(name="k"), [L, V], ShapeError, "takes tensors of one number of axes", "f32[b, 7, 3], f32[b"),
    (layers.Concatenate(name="k"), [L, (6, 3)], ShapeError, "joins along axis -1; sizes on axis 1 differ", "7, 3]"),
    (
        layers.Concatenate(axis=3, name="k"),
        [L, L],
        ArgumentError,
        "joins along axis 3, and its inputs have 3 axes",
        "7, 3]",
    ),
    (layers.ReLU(name="u"), [V, V], DTypeError, "ReLU 'u' takes one tensor", "f32[b, 12]"),
]


@pytest.mark.parametrize(("layer", "shape", "error", "what", "received"), INPUTS)
def test_inputs(layer: layers.Layer, shape: Any, error: type[KgcError], what: str, received: str) -> None:
    inputs = [Input(one) for one in shape] if isinstance(shape, list) else Input(shape)
    with pytest.raises(error) as caught:
        layer(inputs)
    assert what in caught.value.what
    assert received in str(caught.value.received)
    assert caught.value.hint
    assert caught.value.where is not None and caught.value.where.file == __file__
    assert not layer.weights  # a call that is refused leaves the layer as it was


def test_an_empty_list() -> None:
    with pytest.raises(ArgumentError, match="takes at least 1 tensor"):
        layers.Add()([])


def test_batches_of_different_sizes() -> None:
    with pytest.raises(ShapeError, match="batches of different sizes"):
        layers.Add()([Input(batch_shape=(2, 5)), Input(batch_shape=(3, 5))])


def test_another_number_of_channels() -> None:
    conv = layers.Conv2D(4, 3, name="c")
    conv(Input((8, 8, 3)))
    with pytest.raises(ShapeError, match=r"Conv2D 'c' was built for the number of channels \(axis -1\) of size 3"):
        conv(Input((8, 8, 2)))
    norm = layers.BatchNormalization(name="n")
    norm(Input((3,)))
    with pytest.raises(ShapeError, match="BatchNormalization 'n' was built for the number of channels"):
        norm(np.zeros((2, 4), "float32"))


def test_a_dense_layer_after_unknown_sizes() -> None:
    x = layers.Flatten()(Input((None, None, 3)))
    assert x.shape == (None, None)
    with pytest.raises(ShapeError, match="Dense 'head' expects the last axis") as caught:
        layers.Dense(10, name="head")(x)
    assert "pool over" in str(caught.value.hint)


def test_a_mask_of_another_rank() -> None:
    with pytest.raises(ShapeError, match="takes a mask of one axis less than its inputs"):
        layers.BatchNormalization()(np.zeros((4, 3, 2), "float32"), training=True, mask=np.ones((4, 3, 2), bool))

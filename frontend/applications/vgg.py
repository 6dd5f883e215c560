"""VGG16 and VGG19 (Simonyan and Zisserman, https://arxiv.org/abs/1409.1556), with Keras's names of layers."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...compiler.errors import ArgumentError, ShapeError, shown
from .. import activations, symbolic
from ..cache import Source, fetched
from ..functional import Model
from ..input import Input
from ..layers.conv import Conv2D
from ..layers.core import Dense
from ..layers.pooling import GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D
from ..layers.reshaping import Flatten
from ..saving.placeholders import expecting
from ..utils import get_source_inputs
from . import imagenet

_BASE = "https://storage.googleapis.com/tensorflow/keras-applications/"
_SMALLEST, _USUAL, _CLASSES = 32, 224, 1000
_POOLING = {"avg": GlobalAveragePooling2D, "max": GlobalMaxPooling2D}


@dataclass(frozen=True)
class Variant:
    """What sets one of the family apart: convolutions in each block, and the published weights."""

    name: str
    convolutions: tuple[int, ...]
    weights: Source
    weights_without_top: Source


def _variant(name: str, convolutions: tuple[int, ...], with_top: str, without_top: str) -> Variant:
    stem = f"{name}_weights_tf_dim_ordering_tf_kernels"
    files = [
        Source(f"{stem}{part}.h5", f"{_BASE}{name}/{stem}{part}.h5", md5, "models")
        for part, md5 in (("", with_top), ("_notop", without_top))
    ]
    return Variant(name, convolutions, *files)


VARIANT_16 = _variant("vgg16", (2, 2, 3, 3, 3), "64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc")
VARIANT_19 = _variant("vgg19", (2, 2, 4, 4, 4), "cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6")


def VGG16(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: Sequence[int | None] | None = None,
    pooling: str | None = None,
    classes: int = _CLASSES,
    classifier_activation: Any = "softmax",
    name: str = "vgg16",
) -> Any:
    """The model of 16 layers with weights; see `VGG19` for the arguments."""
    arguments = include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    return _vgg(VARIANT_16, *arguments)


def VGG19(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: Sequence[int | None] | None = None,
    pooling: str | None = None,
    classes: int = _CLASSES,
    classifier_activation: Any = "softmax",
    name: str = "vgg19",
) -> Any:
    """The model of 19 layers with weights.

    Args:
        include_top: whether the three dense layers that classify stand at the end.
        weights: None for random ones; "imagenet" for those that were trained on ImageNet, from the cache or else
            downloaded; or the path of a file of weights: the published `.h5` layout, `.weights.h5` or `.keras`.
        input_tensor: a symbolic tensor to begin with, instead of a new Input.
        input_shape: (height, width, 3); by default 224 x 224 with the top, and any size without.
        pooling: without the top: None for the last block's output (batch, height, width, 512), "avg" or "max" for one
            number each of 512.
        classes: how many classes the top tells.
        classifier_activation: activation of the top; None for logits.
        name: name of the model.

    Raises:
        ArgumentError: arguments that do not go together; a file of weights that is not there.
        ShapeError: an input that is too small, or has other colours than the weights.
        DataError: the weights are neither in the cache nor to be had.
        FileFormatError: the file of weights is of another model.
    """
    arguments = include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    return _vgg(VARIANT_19, *arguments)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Pictures as VGG takes them: blue, green, red, each less ImageNet's mean; see `imagenet_utils`.

    Args:
        x: red, green and blue from 0 to 255: an array or tensor of rank 3 or 4. It is left as it is.
        data_format: "channels_last" (the default) or "channels_first".
    """
    return imagenet.preprocess_input(x, data_format)


def _vgg(
    variant: Variant,
    include_top: bool,
    weights: Any,
    input_tensor: Any,
    input_shape: Any,
    pooling: str | None,
    classes: int,
    classifier_activation: Any,
    name: str,
) -> Any:
    published = weights == "imagenet"
    _check(variant, include_top, weights, pooling, classes, classifier_activation)
    shape = _input_shape(variant, include_top, published, input_shape)
    if published:
        weights = fetched(variant.weights if include_top else variant.weights_without_top)
    if weights is None:
        return _build(variant, include_top, input_tensor, shape, pooling, classes, classifier_activation, name)
    # Initial values would be drawn in vain.
    with expecting(sys.maxsize):
        model = _build(variant, include_top, input_tensor, shape, pooling, classes, classifier_activation, name)
    model.load_weights(weights)
    return model


def _build(
    variant: Variant,
    include_top: bool,
    input_tensor: Any,
    shape: tuple[int | None, ...],
    pooling: str | None,
    classes: int,
    classifier_activation: Any,
    name: str,
) -> Any:
    if input_tensor is None:
        x = inputs = Input(shape=shape)
    elif isinstance(input_tensor, symbolic.KerasTensor):
        x, inputs = input_tensor, get_source_inputs(input_tensor)
    else:
        raise ArgumentError(
            f"{variant.name.upper()}() takes input_tensor as a symbolic tensor",
            received=shown(input_tensor),
            hint="such as `Input(shape=(224, 224, 3))`, or what a layer gives.",
        )
    for block, count in enumerate(variant.convolutions, 1):
        for index in range(1, count + 1):
            filters = min(32 * 2**block, 512)
            layer = Conv2D(filters, 3, activation="relu", padding="same", name=f"block{block}_conv{index}")
            x = layer(x)
        x = MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    if include_top:
        x = Flatten(name="flatten")(x)
        x = Dense(4096, activation="relu", name="fc1")(x)
        x = Dense(4096, activation="relu", name="fc2")(x)
        x = Dense(classes, activation=classifier_activation, name="predictions")(x)
    elif pooling is not None:
        x = _POOLING[pooling]()(x)
    return Model(inputs, x, name=name)


def _check(
    variant: Variant, include_top: bool, weights: Any, pooling: Any, classes: Any, classifier_activation: Any
) -> None:
    """Refuse arguments that do not go together."""
    function = f"{variant.name.upper()}()"
    if weights not in (None, "imagenet") and not (
        isinstance(weights, str | os.PathLike) and os.path.isfile(os.fspath(weights))
    ):
        raise ArgumentError(
            f"{function} takes weights as None, 'imagenet', or the path of a file that is there",
            received=f"weights={shown(weights)}",
            hint="None starts with random weights.",
        )
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
        raise ArgumentError(f"{function} takes classes as a positive int", received=f"{classes=}")
    if include_top and weights == "imagenet" and classes != _CLASSES:
        raise ArgumentError(
            f"{function} with the weights of ImageNet and its top tells {_CLASSES} classes",
            received=f"{classes=}",
            hint="take `include_top=False`, and put layers of your own on it.",
        )
    if pooling not in (None, *_POOLING):
        raise ArgumentError(f"{function} takes pooling as None, 'avg' or 'max'", received=f"{pooling=}")
    if include_top and weights is not None:
        activation = activations.get(classifier_activation)
        if activation not in (activations.get(None), activations.get("softmax")):
            raise ArgumentError(
                f"{function} with published weights ends in 'softmax', or None for logits",
                received=f"classifier_activation={shown(classifier_activation)}",
                hint="take None, and apply the activation to its output.",
            )


def _input_shape(variant: Variant, include_top: bool, published: bool, given: Any) -> tuple[int | None, ...]:
    """Height, width and colours.

    Raises:
        ShapeError: the model, or its weights, cannot take them.
    """
    function, usual = f"{variant.name.upper()}()", (_USUAL, _USUAL, 3)
    if given is None:
        return usual if include_top else (None, None, 3)
    shape = tuple(given)
    if len(shape) != 3 or not all(size is None or isinstance(size, int) for size in shape):
        raise ShapeError(
            f"{function} takes input_shape as height, width and colours",
            received=f"input_shape={given!r}",
            hint="such as `(224, 224, 3)`; the batch is not a part of it.",
        )
    if include_top and published and shape != usual:
        raise ShapeError(
            f"{function} with the weights of ImageNet and its top takes pictures of {usual}",
            received=f"input_shape={given!r}",
            hint="take `include_top=False` for another size.",
        )
    if published and shape[2] != 3:
        raise ShapeError(
            f"{function} with the weights of ImageNet takes pictures of 3 colours", received=f"input_shape={given!r}"
        )
    if any(size is not None and size < _SMALLEST for size in shape[:2]):
        raise ShapeError(
            f"{function} takes pictures of {_SMALLEST} x {_SMALLEST} at least",
            received=f"input_shape={given!r}",
            hint="it halves them five times.",
        )
    if include_top and None in shape:
        raise ShapeError(
            f"{function} with its top needs to know the size of the pictures",
            received=f"input_shape={given!r}",
            hint="`include_top=False` with `pooling='avg'` takes any size.",
        )
    if shape[2] not in (1, 3, None):
        warnings.warn(f"{function} usually takes pictures of 1 or 3 colours; it was given {shape[2]}", stacklevel=4)
    return shape

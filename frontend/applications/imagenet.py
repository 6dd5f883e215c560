"""What models trained on ImageNet have in common: how pictures go in, and what their 1,000 classes are called."""

from __future__ import annotations

import json
from typing import Any

import jax
import numpy as np

from ...compiler.errors import ArgumentError, DataError, shown
from .. import dtype_policies, symbolic
from ..cache import Source, fetched
from ..ops import cast, flip

CLASSES = Source(
    "imagenet_class_index.json",
    "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
    "c2c37ea517e94d9795004a39431a14cb",
    "models",
)
# Means of ImageNet's pictures: of 0 to 255 in the order blue, green, red; of 0 to 1 in the order red, green, blue.
_CAFFE_MEAN = (103.939, 116.779, 123.68)
_TORCH_MEAN, _TORCH_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_MODES = ("caffe", "tf", "torch")


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Pictures as a model takes them that was trained on ImageNet.

    Args:
        x: red, green and blue from 0 to 255: an array or tensor of rank 3 or 4. It is left as it is.
        data_format: "channels_last" (the default) or "channels_first".
        mode: "caffe": blue, green, red, each less its mean; "tf": from -1 to 1; "torch": from 0 to 1, then less the
            mean of each colour, and divided by its standard deviation.

    Returns:
        The same kind and shape; integers become floats.

    Raises:
        ArgumentError: another mode or data_format; x has no axis of 3 colours there.
    """
    if mode not in _MODES:
        raise ArgumentError(
            f"preprocess_input() takes mode as one of {', '.join(map(repr, _MODES))}", received=f"{mode=}"
        )
    if data_format not in (None, "channels_last", "channels_first"):
        raise ArgumentError(
            "preprocess_input() takes data_format as 'channels_last' or 'channels_first'", received=f"{data_format=}"
        )
    if not isinstance(x, jax.Array | symbolic.KerasTensor) and not hasattr(x, "__kgc_operand__"):
        x = np.asarray(x)
    rank = len(x.shape)
    axis = rank - 3 if data_format == "channels_first" else rank - 1
    if rank not in (3, 4) or x.shape[axis] not in (3, None):
        raise ArgumentError(
            "preprocess_input() takes pictures of 3 colours",
            received=shown(x),
            hint="their shape is (height, width, 3) or (batch, height, width, 3), or with the colours before the "
            "height, by `data_format='channels_first'`.",
        )
    if isinstance(x, np.ndarray):
        x = x if x.dtype.kind == "f" else x.astype(dtype_policies.floatx())
    elif "float" not in str(x.dtype):
        x = cast(x, dtype_policies.floatx())
    if mode == "tf":
        return x / 127.5 - 1.0
    if mode == "torch":
        return (x / 255.0 - _along(axis, rank, _TORCH_MEAN, x)) / _along(axis, rank, _TORCH_DEVIATION, x)
    turned = np.flip(x, axis) if isinstance(x, np.ndarray) else flip(x, axis)
    return turned - _along(axis, rank, _CAFFE_MEAN, x)


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, Any]]]:
    """The likeliest classes of each picture: (WordNet number, name, score), the likeliest first.

    Args:
        preds: scores (samples, 1000).
        top: how many classes.

    Raises:
        ArgumentError: another shape.
        DataError: the file of the classes' names is neither in the cache nor to be had.
    """
    scores = np.asarray(preds)
    if scores.ndim != 2 or scores.shape[1] != 1000:
        raise ArgumentError(
            "decode_predictions() takes scores of the 1,000 classes of ImageNet",
            received=shown(preds),
            hint="their shape is (samples, 1000).",
        )
    path = fetched(CLASSES)
    try:
        with open(path, encoding="utf-8") as file:
            names = {int(index): (str(number), str(name)) for index, (number, name) in json.load(file).items()}
        return [[(*names[int(i)], row[i]) for i in np.argsort(row)[::-1][:top]] for row in scores]
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        raise DataError(f"{path} does not hold the names of ImageNet's classes: {error!r}") from error


def _along(axis: int, rank: int, values: tuple[float, ...], x: Any) -> np.ndarray[Any, Any]:
    """Numbers for each colour, in the dtype of x."""
    shape = [1] * rank
    shape[axis] = 3
    return np.asarray(values, str(x.dtype)).reshape(shape)

"""`kgc.datasets.fashion_mnist`: clothes, 28 x 28 (Xiao, Rasul and Vollgraf, https://arxiv.org/abs/1708.07747).

Keras knows no hashes of these four files, so what they hold is checked instead: an IDX header that says bytes, the
shape that the other file of the pair agrees with, and exactly the bytes that go with it.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from typing import Any

import numpy as np

from ...compiler.errors import DataError
from ..cache import Source, fetched

_BASE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_FOLDER = os.path.join("datasets", "fashion-mnist")
SOURCES = {
    name: Source(f"{name}-ubyte.gz", f"{_BASE}{name}-ubyte.gz", None, _FOLDER)
    for name in ("train-labels-idx1", "train-images-idx3", "t10k-labels-idx1", "t10k-images-idx3")
}
LARGEST = 1 << 28
"""Bytes beyond which a file is not of this data set, whatever its header says."""

Array = np.ndarray[Any, Any]
Split = tuple[Array, Array]


def load_data() -> tuple[Split, Split]:
    """60,000 pictures to train on and 10,000 to test on: `(x_train, y_train), (x_test, y_test)`.

    Returns:
        Images uint8 (samples, 28, 28) from 0 to 255, and labels uint8 (samples,) from 0 to 9: T-shirt, trouser,
        pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot.

    Raises:
        DataError: a file is neither there nor to be had, or is no file of this data set.
    """
    paths = {name: fetched(source) for name, source in SOURCES.items()}
    return _split(paths, "train"), _split(paths, "t10k")


def _split(paths: dict[str, str], part: str) -> Split:
    images_path, labels_path = paths[f"{part}-images-idx3"], paths[f"{part}-labels-idx1"]
    images, labels = _read_idx(images_path, 3), _read_idx(labels_path, 1)
    if len(images) != len(labels):
        raise DataError(
            "two files of Fashion-MNIST do not belong together",
            received=f"{len(images)} pictures in {images_path}, {len(labels)} labels in {labels_path}",
            hint="move both away, and they are downloaded again.",
        )
    return images, labels


def _read_idx(path: str, rank: int) -> Array:
    """An IDX file of bytes: 0, 0, 8 (unsigned byte), the rank, the sizes as big-endian int32, and the bytes."""
    try:
        with gzip.open(path, "rb") as file:
            head = file.read(4 + 4 * rank)
            kind, sizes = head[:4], struct.unpack(f">{rank}I", head[4:])
            count = math.prod(sizes)
            if kind != bytes([0, 0, 8, rank]) or count > LARGEST:
                raise ValueError(f"its header is {head.hex()}")
            data = file.read(count + 1)
        if len(data) != count:
            raise ValueError(f"it declares {count} bytes, and holds {'more' if len(data) > count else len(data)}")
    except (OSError, EOFError, zlib.error, struct.error, ValueError) as error:
        raise DataError(
            f"{path} is no file of Fashion-MNIST: {error}", hint="move it away, and it is downloaded again."
        ) from error
    return np.frombuffer(data, np.uint8).reshape(sizes)

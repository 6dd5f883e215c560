"""`kgc.datasets.mnist`: handwritten digits, 28 x 28 (LeCun, Cortes and Burges)."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import replace
from typing import Any

import numpy as np

from ...compiler.errors import DataError
from ..cache import Source, fetched

SOURCE = Source(
    "mnist.npz",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)

Array = np.ndarray[Any, Any]
Split = tuple[Array, Array]


def load_data(path: str = "mnist.npz") -> tuple[Split, Split]:
    """60,000 digits to train on and 10,000 to test on: `(x_train, y_train), (x_test, y_test)`.

    Args:
        path: name of the file in the cache's folder `datasets`, or its absolute path.

    Returns:
        Images uint8 (samples, 28, 28) from 0 to 255, and labels uint8 (samples,) from 0 to 9.

    Raises:
        DataError: the file is neither there nor to be had, or is another.
    """
    file = fetched(replace(SOURCE, name=path))
    try:
        with np.load(file, allow_pickle=False) as arrays:
            x_train, y_train, x_test, y_test = (arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    except (KeyError, ValueError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{file} does not hold the arrays of MNIST: {error}") from error
    return (x_train, y_train), (x_test, y_test)

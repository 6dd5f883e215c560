"""Files of arrays in HDF5: the one door through which every weights file is read, and the writer beside it.

An array is read only into the shape that the model declares for it, so nothing that a file claims about itself
decides how much memory is taken. What of HDF5 is read at all, and why not by its own library: `hdf5.py`. Where Keras
puts what: `weights.py`.
"""

from __future__ import annotations

import contextlib
import math
import os
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from ...compiler.errors import FileFormatError
from .hdf5 import BFLOAT16, DEFLATE, SHUFFLE, DataSet, Reader, Tree
from .hdf5_text import Text


class H5Reader:
    """The groups and arrays of an open file, all of them found sound before any is read.

    `datasets` maps full paths without a leading slash (`layers/dense/vars/0`) to what the file declares there;
    `groups` lists every group's path.
    """

    def __init__(self, file: Reader, what: str) -> None:
        self._tree = Tree(file, what)
        self.what = what
        self.size = self._tree.size
        self.datasets: dict[str, DataSet] = self._tree.datasets
        self.groups: list[str] = self._tree.groups
        self._children: dict[str, dict[str, DataSet]] = {}
        for path, dataset in self.datasets.items():
            group, _, name = path.rpartition("/")
            self._children.setdefault(group, {})[name] = dataset

    def children(self, group: str) -> dict[str, DataSet]:
        """The arrays that stand directly in `group`, by name; empty where there is no such group."""
        return self._children.get(group, {})

    def texts(self, path: str) -> dict[str, Text]:
        """The texts among the attributes of a group or array (the root's path is empty), by name."""
        return self._tree.texts(path)

    def read(self, path: str, shape: tuple[int, ...]) -> np.ndarray:
        """The array at `path`, which must have `shape`; FileFormatError if it is not there or has another."""
        dataset = self.datasets.get(path)
        if dataset is None:
            raise FileFormatError(f"{self.what} has no array {path!r}")
        if dataset.shape != tuple(shape):
            raise FileFormatError(
                f"array {path!r} of {self.what} does not have the shape that the model gives it",
                received=f"{list(dataset.shape)} in the file, {list(shape)} in the model",
            )
        if dataset.chunk_shape:
            raw = self._read_chunks(dataset)
        elif dataset.nbytes:
            raw = np.frombuffer(self._tree.bytes_at(dataset.address, dataset.nbytes), dataset.stored)
        else:
            raw = np.zeros(0, dataset.stored)
        return _as_declared(raw.reshape(dataset.shape), dataset)

    def _read_chunks(self, dataset: DataSet) -> np.ndarray:
        result = np.empty(dataset.shape, dataset.stored)
        item = dataset.stored.itemsize
        expected = math.prod(dataset.chunk_shape) * item
        for chunk in dataset.chunks:
            data = self._tree.bytes_at(chunk.address, chunk.size)
            if DEFLATE in dataset.filters:
                data = self._inflate(data, expected, dataset.path)
            if len(data) != expected:
                raise self._tree.error(f"a chunk of {dataset.path!r} has {len(data)} bytes, not {expected}")
            if SHUFFLE in dataset.filters:
                data = np.frombuffer(data, np.uint8).reshape(item, -1).T.tobytes()
            block = np.frombuffer(data, dataset.stored).reshape(dataset.chunk_shape)
            ends = zip(chunk.offset, dataset.chunk_shape, dataset.shape, strict=True)
            where = tuple(slice(at, min(at + length, size)) for at, length, size in ends)
            result[where] = block[tuple(slice(0, w.stop - w.start) for w in where)]
        return result

    def _inflate(self, data: bytes, expected: int, path: str) -> bytes:
        # One byte past what is due is enough to know that there is too much.
        try:
            return zlib.decompressobj().decompress(data, expected + 1)
        except zlib.error as error:
            raise self._tree.error(f"a chunk of {path!r} does not unpack ({error})") from error


@contextlib.contextmanager
def open_h5(source: str | os.PathLike[str] | Reader, what: str | None = None) -> Iterator[H5Reader]:
    """Open a file of arrays by path, or as a seekable binary file.

    Raises FileFormatError for anything that is none, and OSError where the path itself cannot be read.
    """
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            yield H5Reader(file, what or os.fspath(source))
    else:
        yield H5Reader(source, what or "the weights file")


def write_h5(file: BinaryIO, groups: Mapping[str, Mapping[str, Any]], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a file of arrays: `groups` maps paths to their attributes, `arrays` maps full paths to values."""
    import h5py

    # The lower bound of versions is stated, so that no later default of h5py writes what Keras of today cannot read.
    with h5py.File(file, "w", libver=("earliest", "v110")) as h5:
        for path, attributes in groups.items():
            group = h5.require_group(path)
            for key, value in attributes.items():
                group.attrs[key] = value
        for path, value in arrays.items():
            array = np.asarray(value)
            if array.dtype.name == BFLOAT16:
                dataset = h5.create_dataset(path, data=array.view("V2"))
                dataset.attrs["dtype"] = BFLOAT16
            else:
                h5.create_dataset(path, data=array)


def _as_declared(raw: np.ndarray, dataset: DataSet) -> np.ndarray:
    if dataset.dtype == BFLOAT16:
        import ml_dtypes

        return raw.astype("=u2").view(ml_dtypes.bfloat16)
    if dataset.dtype == "bool":
        return raw != 0
    return raw.astype(dataset.stored.newbyteorder("="), copy=False)

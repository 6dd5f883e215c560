"""Reading the CIFAR archives: tar files of pickles (https://www.cs.toronto.edu/~kriz/cifar.html).

A pickle is a program. So one is read only when its bytes have the published hash, and by an unpickler that knows
NumPy's arrays and nothing else; an archive's members are read where they lie, and none is written to a path of the
archive's choosing.

Keras keeps the archive as `<name>-target_archive` and unpacks it into the folder `<name>-target`; versions before 3.6
kept `<name>.tar.gz` and unpacked it into `<name>`. Whichever is there is read, the archive first.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...compiler.errors import DataError
from ..cache import Source, check_hash, fetched, keras_home

Array = np.ndarray[Any, Any]
Split = tuple[Array, Array]

_GLOBALS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
}
_PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class Batches:
    """A CIFAR data set: the archive, the folder in it, and its files with their MD5 hashes."""

    source: Source
    folder: str
    files: Mapping[str, str]


class _Unpickler(pickle.Unpickler):
    """Makes dicts, lists, bytes, numbers and NumPy arrays; whatever else a pickle names is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _GLOBALS:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which has no place in it")
        return super().find_class("numpy._core.multiarray" if name == "_reconstruct" else module, name)


def load(batches: Batches) -> dict[str, dict[bytes, Any]]:
    """The dicts in the files of a CIFAR data set, by file name.

    Raises:
        DataError: they are neither there nor to be had, or are others.
    """
    return {name: _unpickled(data, f"{name} of {batches.folder}") for name, data in _contents(batches).items()}


def images(batch: Mapping[bytes, Any], what: str) -> Array:
    """The pictures of a batch: uint8 (samples, 32, 32, 3)."""
    data = batch.get(b"data")
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != _PIXELS:
        raise DataError(f"{what} does not hold pictures of 32 x 32 pixels", received=f"{data!r:.80}")
    return data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def labels(batch: Mapping[bytes, Any], key: str, count: int, what: str) -> Array:
    """The labels of a batch of `count` pictures: int64 (samples, 1)."""
    found = batch.get(key.encode())
    if not isinstance(found, list) or len(found) != count or not all(isinstance(label, int) for label in found):
        raise DataError(f"{what} does not hold a label for each picture", received=f"{key}: {found!r:.80}")
    return np.array(found, "int64").reshape(-1, 1)


def _contents(batches: Batches) -> dict[str, bytes]:
    source = batches.source
    home = os.path.join(keras_home(), source.folder)
    archives = [os.path.join(home, source.name), os.path.join(home, f"{batches.folder}.tar.gz")]
    archive = next((path for path in archives if os.path.isfile(path)), None)
    if archive is None:
        target = os.path.join(home, source.name.removesuffix("_archive"), batches.folder)
        for folder in (target, os.path.join(home, batches.folder)):
            if os.path.isdir(folder):
                return _from_folder(folder, batches)
        archive = fetched(source)
    else:
        check_hash(archive, source.hash, source.url)
    return _from_archive(archive, batches)


def _from_archive(path: str, batches: Batches) -> dict[str, bytes]:
    wanted = {f"{batches.folder}/{name}": name for name in batches.files}
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = wanted.get(member.name.removeprefix("./"))
                file = archive.extractfile(member) if name is not None and member.isreg() else None
                if name is not None and file is not None:
                    found[name] = file.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(f"{path} cannot be read as a tar file: {error}") from error
    return _complete(found, batches, path)


def _from_folder(folder: str, batches: Batches) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, expected in batches.files.items():
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            found[name] = file.read()
        digest = hashlib.md5(found[name], usedforsecurity=False).hexdigest()
        if digest != expected:
            raise DataError(
                f"the file {path} is not the one that was published: its md5 is another",
                received=f"md5 {digest}, expected {expected}",
                hint=f"kgc leaves it as it is; move the folder away, and it is downloaded from {batches.source.url}.",
            )
    return _complete(found, batches, folder)


def _complete(found: dict[str, bytes], batches: Batches, where: str) -> dict[str, bytes]:
    missing = [name for name in batches.files if name not in found]
    if missing:
        raise DataError(
            f"{where} lacks files of the data set",
            received=f"without {', '.join(missing)}",
            hint=f"move it away, and the archive is downloaded from {batches.source.url}.",
        )
    return {name: found[name] for name in batches.files}


def _unpickled(data: bytes, what: str) -> dict[bytes, Any]:
    try:
        value = _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except Exception as error:  # a pickle may make NumPy's constructors raise anything
        raise DataError(f"{what} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{what} does not hold a dict", received=type(value).__name__)
    return value

"""The outer layer of a `.keras` file: a zip of three stored members, read with suspicion and written at once.

What real Keras 3.15.1 writes, in this order, none of it compressed: `metadata.json`, `config.json`,
`model.weights.h5`; further members below `assets/` only for layers that keep files of their own, which kgc has none
of.  So the reader takes exactly those three names.  A stored member is as long as the bytes it occupies: nothing in
the archive can unfold into more than the file itself, and no name in it ever becomes a path.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, BinaryIO

from ...compiler.errors import FileFormatError
from ...runtime.files import atomic_write
from .hdf5 import Reader

METADATA = "metadata.json"
CONFIG = "config.json"
WEIGHTS = "model.weights.h5"
MEMBERS = (METADATA, CONFIG, WEIGHTS)
EPOCH = (1980, 1, 1, 0, 0, 0)  # the date zip calls zero: two saves of one model differ in `date_saved` alone
BLOCK = 1 << 20

# What the standard library's zip reader raises on bytes that are no zip: it promises BadZipFile alone, and breaks it.
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError, NotImplementedError, ValueError)


@dataclass(frozen=True)
class Archive:
    """What stands in a `.keras` file: two JSON objects, and the weights as a seekable file within the file."""

    metadata: dict[str, Any]
    config: dict[str, Any]
    weights: Reader


@contextlib.contextmanager
def open_archive(path: str | os.PathLike[str]) -> Iterator[Archive]:
    """Open a `.keras` file.

    Raises FileFormatError for whatever is not such a file, and OSError where the path itself cannot be read.
    """
    name = os.fspath(path)
    if os.path.isdir(name):
        raise FileFormatError(
            f"{name} is a folder", hint="kgc reads `.keras` files; zip the folder's members with `zip -0`"
        )
    with open(name, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            with zipfile.ZipFile(file) as archive:
                infos = _checked_members(archive, size, name)
                metadata = _json_object(_read(archive, infos[METADATA]), f"{METADATA} of {name}")
                config = _json_object(_read(archive, infos[CONFIG]), f"{CONFIG} of {name}")
                start = _verified_start(archive, file, infos[WEIGHTS], size, name)
        except FileFormatError:
            raise
        except (*_ZIP_ERRORS, RuntimeError, OSError) as error:
            raise FileFormatError(f"{name} is not a readable `.keras` file: {error}") from error
        yield Archive(metadata, config, _Window(file, start, infos[WEIGHTS].file_size))


def write_archive(path: str | os.PathLike[str], metadata: dict[str, Any], config: Any, weights: IO[bytes]) -> None:
    """Write a `.keras` file atomically; `weights` is copied from its current position to its end."""
    texts = {METADATA: _json_bytes(metadata), CONFIG: _json_bytes(config)}
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, text in texts.items():
            archive.writestr(_info(name), text)
        with archive.open(_info(WEIGHTS), "w", force_zip64=True) as member:
            while block := weights.read(BLOCK):
                member.write(block)


def parse_json(data: bytes | str, what: str) -> Any:
    """JSON text as Python values; FileFormatError where it is none, or is nested beyond any model."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{what} is not JSON: {error}") from error


class _Window:
    """Read-only view of `size` bytes of a file from `start` on: the weights are read where they lie."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._at = max(0, offset + (self._size if whence == os.SEEK_END else 0))
        return self._at

    def read(self, size: int, /) -> bytes:
        self._file.seek(self._start + self._at)
        data = self._file.read(max(0, min(size, self._size - self._at)))
        self._at += len(data)
        return data


def _checked_members(archive: zipfile.ZipFile, size: int, name: str) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if sorted(names) != sorted(MEMBERS):
        shown = ", ".join(repr(n) for n in names[:6]) + (", …" if len(names) > 6 else "")
        hint = None
        if any(n.startswith("assets/") for n in names):
            hint = "the model has layers that keep files of their own (vocabularies); kgc has no such layers"
        raise FileFormatError(f"{name} does not hold exactly {', '.join(MEMBERS)}", received=shown, hint=hint)
    taken = 0
    for info in infos:
        if info.flag_bits & 0x1:
            raise FileFormatError(f"{info.filename} in {name} is encrypted")
        if info.compress_type != zipfile.ZIP_STORED:
            raise FileFormatError(
                f"{info.filename} in {name} is compressed; Keras stores its members as they are",
                hint="unzip the file and pack it again with `zip -0`",
            )
        if info.file_size != info.compress_size:
            raise FileFormatError(f"{info.filename} in {name} gives two sizes for the same stored bytes")
        taken += info.file_size
    if taken > size:
        raise FileFormatError(f"the members of {name} claim {taken} bytes, the file has {size}")
    return {info.filename: info for info in infos}


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as member:
        return member.read()  # checks the member's CRC at its end


def _verified_start(archive: zipfile.ZipFile, file: BinaryIO, info: zipfile.ZipInfo, size: int, name: str) -> int:
    """Where the member's bytes begin in the file, after its checksum has been found right."""
    with archive.open(info) as member:
        while member.read(BLOCK):
            pass
    file.seek(info.header_offset)
    header = file.read(30)
    # Local header: signature, …, length of the name and of the extra field in its last four bytes.
    start = info.header_offset + 30 + sum(struct.unpack("<HH", header[26:30]))
    if start + info.file_size > size:
        raise FileFormatError(f"{info.filename} in {name} is cut short")
    return start


def _json_object(data: bytes, what: str) -> dict[str, Any]:
    value = parse_json(data, what)
    if not isinstance(value, dict):
        raise FileFormatError(f"{what} is not a JSON object", received=type(value).__name__)
    return value


def _json_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.external_attr = 0o600 << 16
    return info

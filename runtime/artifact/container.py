"""The outer layer of an artifact: magic, header, parts, and the hash of each (the package's docstring has the bytes).

Every size is held against the file's before anything is allocated.  The place of each part follows from the sizes of
those before it, so a header cannot point two parts at the same bytes, or hide bytes between them.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import msgpack
import numpy as np

from ...compiler.errors import ArtifactError
from ..files import atomic_write

MAGIC = b"\x89KGC\r\n\x1a\n"
VERSION = 1
ALIGNMENT = 64
"""Bytes: what XLA wants of an array that it takes over without copying."""
LARGEST_HEADER = 1 << 24
MOST_PARTS = 1 << 17
_FIXED = struct.Struct("<8sIIQ32s8x")
_BLOCK = 1 << 24


class Container:
    """A file whose header has been read and whose parts are mapped.

    Attributes:
        path: the file's name.
        size: bytes of the file.
        fields: the header's map, but for `parts`.
        header_size: bytes of the header.
        sizes: bytes of each part.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a file.

        Raises:
            ArtifactError: it is none of ours, or is damaged.
            OSError: it cannot be read.
        """
        self.path = os.fspath(path)
        if os.path.isdir(self.path):
            raise ArtifactError(f"{self.path} is a folder, not an artifact")
        with open(self.path, "rb") as file:
            self.size = os.fstat(file.fileno()).st_size
            header, at = self._header(file)
            self.header_size = at - _FIXED.size
            self.fields = _unpacked(header, self.path)
            self._spans, self._hashes = self._read_parts(self.fields.pop("parts", None), at)
            self.sizes = [size for _, size in self._spans]
            self._check_gaps(file, at)
            self._bytes = np.memmap(file, np.uint8, "r")
        self._checked: set[int] = set()

    def _header(self, file: BinaryIO) -> tuple[bytes, int]:
        """The header's bytes, and where they end."""
        start = file.read(_FIXED.size)
        if not start.startswith(MAGIC):
            hint = None
            if start[:3] == b"KGC" or start[1:4] == b"KGC":
                hint = "its first bytes were changed, as by a transfer in text mode."
            raise ArtifactError(
                f"{self.path} is no artifact of kgc", received=f"it begins with {start[:8]!r}", hint=hint
            )
        if len(start) < _FIXED.size:
            raise self.damaged(f"it ends after {len(start)} bytes")
        _, version, zero, length, digest = _FIXED.unpack(start)
        if version != VERSION:
            raise ArtifactError(
                f"{self.path} has version {version} of the format, and this kgc reads version {VERSION}",
                hint="load it with the kgc that wrote it, or a newer one." if version > VERSION else None,
            )
        if zero or start[56:] != bytes(8):
            raise self.damaged("bytes that must be zero are not")
        if length > min(LARGEST_HEADER, self.size - _FIXED.size):
            raise self.damaged(f"its header says {length} bytes, and the file has {self.size}")
        header = file.read(length)
        if len(header) != length or hashlib.sha256(header).digest() != digest:
            raise self.damaged("its header does not have the hash that it should")
        return header, _FIXED.size + length

    def _read_parts(self, table: Any, end: int) -> tuple[list[tuple[int, int]], list[bytes]]:
        if type(table) is not list or len(table) > MOST_PARTS:
            raise self.damaged("its header has no table of parts")
        spans: list[tuple[int, int]] = []
        hashes: list[bytes] = []
        start = _aligned(end)
        for row in table:
            if type(row) is not list or [type(item) for item in row] != [int, int, bytes] or len(row[2]) != 32:
                raise self.damaged("a row of the table of parts is none")
            offset, size, digest = start + row[0], row[1], row[2]
            if offset != _aligned(end) or not 0 <= size <= self.size - offset:
                raise self.damaged(f"part {len(spans)} is said to be {size} bytes at {offset}, of {self.size}")
            end = offset + size
            spans.append((offset, size))
            hashes.append(digest)
        if end != self.size:
            raise self.damaged(f"its parts end at byte {end}, the file at {self.size}")
        return spans, hashes

    def _check_gaps(self, file: BinaryIO, end: int) -> None:
        for offset, size in self._spans:
            if offset > end:
                file.seek(end)
                if file.read(offset - end).strip(b"\0"):
                    raise self.damaged(f"bytes before {offset} must be zero and are not")
            end = offset + size

    def damaged(self, how: str) -> ArtifactError:
        """The error for a file that is one of ours and not whole."""
        return ArtifactError(f"{self.path} is damaged: {how}", hint="export it, or copy it, again.")

    def part(self, index: int) -> np.ndarray:
        """The bytes of a part, mapped from the file, after their hash was compared (once).

        Raises:
            ArtifactError: there is no such part, or its hash is another.
        """
        offset, size = self._span(index)
        found = self._bytes[offset : offset + size]
        if index not in self._checked:
            digest = hashlib.sha256()
            for at in range(0, size, _BLOCK):
                digest.update(found[at : at + _BLOCK].data)
            if digest.digest() != self._hashes[index]:
                raise self.damaged(f"part {index} ({size} bytes at {offset}) does not have the hash that it should")
            self._checked.add(index)
        return found

    def copy(self, index: int) -> bytes:
        """The bytes of a part, copied before their hash is compared: nobody can change them after."""
        offset, size = self._span(index)
        found = self._bytes[offset : offset + size].tobytes()
        if hashlib.sha256(found).digest() != self._hashes[index]:
            raise self.damaged(f"part {index} ({size} bytes at {offset}) does not have the hash that it should")
        return found

    def hash(self, index: int) -> str:
        """SHA-256 of a part as the header has it."""
        self._span(index)
        return self._hashes[index].hex()

    def bytes_of(self, index: int) -> int:
        """Size of a part."""
        return self._span(index)[1]

    def _span(self, index: int) -> tuple[int, int]:
        if not 0 <= index < len(self._spans):
            raise self.damaged(f"its header names part {index} of {len(self._spans)}")
        return self._spans[index]


class Parts:
    """Parts that are to be written, in the order in which they were added; equal ones are kept once."""

    def __init__(self) -> None:
        self.data: list[np.ndarray] = []
        self.hashes: list[bytes] = []
        self._known: dict[tuple[int, bytes], int] = {}

    def add(self, data: np.ndarray | bytes) -> int:
        """The number of the part with these bytes."""
        whole = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else np.ascontiguousarray(data)
        whole = whole.reshape(-1).view(np.uint8)
        digest = hashlib.sha256(whole.data).digest()
        number = self._known.setdefault((whole.nbytes, digest), len(self.data))
        if number == len(self.data):
            self.data.append(whole)
            self.hashes.append(digest)
        return number


def write(path: str | os.PathLike[str], fields: Mapping[str, Any], parts: Parts) -> None:
    """Write an artifact, atomically.

    Raises:
        ArtifactError: the header is larger than a reader takes.
    """
    spans: list[tuple[int, int]] = []
    end = 0
    for data in parts.data:
        spans.append((_aligned(end), data.nbytes))
        end = _aligned(end) + data.nbytes
    table = [[offset, size, digest] for (offset, size), digest in zip(spans, parts.hashes, strict=True)]
    header: Any = msgpack.packb({**fields, "parts": table})
    if len(header) > LARGEST_HEADER or len(parts.data) > MOST_PARTS:
        raise ArtifactError(
            f"a model of this size cannot be exported: its header has {len(header)} bytes and {len(spans)} parts",
            hint=f"at most {LARGEST_HEADER} and {MOST_PARTS}.",
        )
    start = _aligned(_FIXED.size + len(header))
    with atomic_write(path) as file:
        file.write(_FIXED.pack(MAGIC, VERSION, 0, len(header), hashlib.sha256(header).digest()))
        file.write(header)
        for (offset, _), data in zip(spans, parts.data, strict=True):
            file.write(bytes(start + offset - file.tell()))
            file.write(data.data)


def _aligned(at: int) -> int:
    return -(-at // ALIGNMENT) * ALIGNMENT


def _pairs(pairs: Sequence[tuple[Any, Any]]) -> dict[Any, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in a map")
    return found


def _refuse(code: int, data: bytes) -> Any:
    raise ValueError(f"extension type {code}")


def _unpacked(data: bytes, path: str) -> dict[str, Any]:
    try:  # no length in it may be more than that of `data`: so `unpackb` has it
        found = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            object_pairs_hook=_pairs,
            ext_hook=_refuse,
        )
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        raise ArtifactError(f"{path} is damaged: its header is no msgpack: {error}") from error
    if type(found) is not dict:
        raise ArtifactError(f"{path} is damaged: its header is a {type(found).__name__}, not a map")
    return found

"""Texts in the attributes of HDF5 objects: names of layers and weights, and configs, in Keras's older files.

Read are texts alone, of fixed length or in the file's global heap, as scalars and as vectors; attributes of other types
are passed over. After the HDF5 File Format Specification 3.0: attribute messages (IV.A.2.m), global heap (III.E). As in
`hdf5.py`, every offset is checked, and what is read counts against the budget of the file's structures.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Protocol

from ...compiler.errors import FileFormatError

Text = str | list[str]
_FIXED, _VARIABLE = 3, 9  # classes of datatypes


class _File(Protocol):
    """What is needed of `hdf5.Tree`."""

    size: int

    def error(self, reason: str) -> FileFormatError: ...

    def meta(self, address: int, size: int) -> bytes: ...

    def unpack(self, fmt: str, data: bytes, at: int = 0) -> tuple[int, ...]: ...

    def shape(self, message: bytes, path: str) -> tuple[int, ...]: ...


class TextReader:
    """Reads attributes of the objects of one file; heap blocks are read once."""

    def __init__(self, file: _File) -> None:
        self._file = file
        self._heaps: dict[int, dict[int, bytes]] = {}
        self._taken = 0

    def read(self, message: bytes, path: str) -> tuple[str, Text] | None:
        """Name and text of an attribute message of the object at `path`; an empty vector of any type is [].

        None where it holds something else. Raises FileFormatError for a message that is broken.
        """
        version, flags, *sizes = self._file.unpack("<BB3H", message)
        if version not in (1, 2, 3) or (version > 1 and flags & 0x3):
            raise self._file.error(f"an attribute of {path!r} is of an unknown kind, or shared")
        at, parts = 8 + (version == 3), []
        for size in sizes:
            parts.append(message[at : at + size])
            at += size + (-size % 8 if version == 1 else 0)
        name = parts[0].rstrip(b"\0").decode("utf-8", "replace")
        shape = self._file.shape(parts[2], path)
        if 0 in shape:
            return (name, []) if len(shape) == 1 else None
        if len(shape) > 1:
            return None
        element = self._element(parts[1], path)
        if element is None:
            return None
        size, read = element
        data, count = message[at:], math.prod(shape)
        if len(data) < count * size:
            raise self._file.error(f"the attribute {name!r} of {path!r} is cut short")
        texts = [read(data[i * size : (i + 1) * size]) for i in range(count)]
        return name, texts if shape else texts[0]

    def _element(self, datatype: bytes, path: str) -> tuple[int, Callable[[bytes], str]] | None:
        head, bits, _, _, size = self._file.unpack("<4BI", datatype)
        if head & 0x0F == _FIXED and size:
            padding = b" " if bits & 0x0F == 2 else b"\0"
            return size, lambda data: _decoded(data.partition(b"\0")[0] if padding == b"\0" else data.rstrip(padding))
        if head & 0x0F == _VARIABLE and bits & 0x0F == 1 and size == 16:
            return size, lambda data: self._heap_text(data, path)
        return None

    def _heap_text(self, reference: bytes, path: str) -> str:
        length, address, index = struct.unpack("<IQI", reference)
        if length == 0:
            return ""
        if address not in self._heaps:
            self._heaps[address] = self._heap(address)
        data = self._heaps[address].get(index)
        # One text may be referred to again and again; all together are still no longer than the file.
        self._taken += length
        if data is None or length > len(data) or self._taken > self._file.size:
            raise self._file.error(f"a text of {path!r} is not where it should be")
        return _decoded(data[:length].rstrip(b"\0"))

    def _heap(self, address: int) -> dict[int, bytes]:
        signature, version, _, _, _, size = struct.unpack("<4s4BQ", self._file.meta(address, 16))
        if signature != b"GCOL" or version != 1 or size < 16:
            raise self._file.error("its heap of texts is none")
        body, found, at = self._file.meta(address + 16, size - 16), {}, 0
        while at + 16 <= len(body):
            index, _, _, length = struct.unpack_from("<HHIQ", body, at)
            if index == 0:  # the rest is free
                break
            if at + 16 + length > len(body):
                raise self._file.error("its heap of texts is cut short")
            found[index] = body[at + 16 : at + 16 + length]
            at += 16 + length + (-length % 8)
        return found


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")

"""A reader of the HDF5 subset in which Keras files are written, in Python alone.

Why not the HDF5 library: it was tried on files with a few changed bytes, and within some thousands of them HDF5 2.0
did not come back from one and crashed the process on another. A model file comes from anywhere; reading one must end,
in arrays or in a FileFormatError. Here every offset is checked against the file's size, every object is visited once,
and all structures together may not take more bytes than the file has, so the work is linear in its length.

The subset is what h5py writes unless told otherwise (the library's "earliest" format), after the HDF5 File Format
Specification 3.0, https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html:

- superblock version 0 or 1 (II.A), object headers of version 1 (IV.A.1.a);
- groups as symbol tables: B-tree of type 0, symbol nodes, local heap (III.A.1, III.B, III.D);
- attributes that are texts (`hdf5_text.py`);
- data sets of plain numbers, contiguous, or in chunks under a B-tree of type 1, filtered by shuffle and gzip.

All else is refused, and so are all ways by which HDF5 reaches for other files or objects: soft and external links,
a second hard link to an object, external storage, virtual data sets, shared messages.
"""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...compiler.errors import FileFormatError
from .hdf5_text import Text, TextReader

SIGNATURE = b"\x89HDF\r\n\x1a\n"
UNDEFINED = 0xFFFF_FFFF_FFFF_FFFF
MAX_DEPTH = 64  # groups within groups; each layer within a layer takes one or two
DEFLATE, SHUFFLE = 1, 2  # numbers of the filters
BFLOAT16 = "bfloat16"

# Messages of an object header, by number (IV.A.2).
_DATASPACE, _LINK_INFO, _DATATYPE, _LINK, _EXTERNAL, _LAYOUT, _FILTERS = 0x1, 0x2, 0x3, 0x6, 0x7, 0x8, 0xB
_ATTRIBUTE, _CONTINUATION, _SYMBOL_TABLE = 0xC, 0x10, 0x11
_KNOWN = {_DATASPACE, _LINK_INFO, _DATATYPE, _LINK, _EXTERNAL, _LAYOUT, _FILTERS}
_KNOWN |= {_ATTRIBUTE, _CONTINUATION, _SYMBOL_TABLE}

# Float layouts of IEEE 754 by size: exponent's place and width, mantissa's place and width, bias (IV.A.2.d).
_IEEE = {2: (10, 5, 0, 10, 15), 4: (23, 8, 0, 23, 127), 8: (52, 11, 0, 52, 1023)}


class Reader(Protocol):
    """What is read from: a binary file, or a view of a part of one."""

    def seek(self, offset: int, whence: int = ..., /) -> int: ...

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Chunk:
    """A stored block of a data set: where it begins in the array, and where its bytes lie."""

    offset: tuple[int, ...]
    address: int
    size: int


@dataclass(frozen=True)
class DataSet:
    """One array as the file declares it: shape, type and the places of its bytes, none of which has been read.

    `dtype` is NumPy's name of the type, or `bfloat16`; `stored` is the type of the bytes, with their order.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    stored: np.dtype
    address: int = 0
    chunk_shape: tuple[int, ...] = ()
    chunks: tuple[Chunk, ...] = ()
    filters: tuple[int, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array in memory."""
        return math.prod(self.shape) * self.stored.itemsize

    @property
    def stored_bytes(self) -> int:
        """Bytes that the array takes in the file."""
        return sum(chunk.size for chunk in self.chunks) if self.chunk_shape else self.nbytes


class Tree:
    """Everything that a file holds: `groups` in order of their names, and `datasets` by path, without leading slash."""

    def __init__(self, file: Reader, what: str) -> None:
        self.what = what
        self.groups: list[str] = []
        self.datasets: dict[str, DataSet] = {}
        self._attributes: dict[str, list[bytes]] = {}
        self._texts, self._text_cache = TextReader(self), dict[str, dict[str, Text]]()
        self._file = file
        self.size = file.seek(0, os.SEEK_END)
        # Structures may not overlap, so all of them together are no longer than the file; twice that leaves room for
        # what is read in blocks.
        self._budget = 2 * self.size + 4096
        self._seen: set[int] = set()
        self._walk(self._root())
        stored = sum(d.stored_bytes for d in self.datasets.values())
        if stored > self.size:
            raise self.error(f"its arrays claim {stored} bytes, the file has {self.size}")

    def error(self, reason: str) -> FileFormatError:
        """The error that every refusal becomes."""
        return FileFormatError(f"{self.what} cannot be read: {reason}")

    def bytes_at(self, address: int, size: int) -> bytes:
        """Bytes of the file; an error if it does not have them."""
        if address < 0 or size < 0 or address + size > self.size:
            raise self.error(f"it points to byte {address + size}, and has {self.size}")
        self._file.seek(address)
        return self._file.read(size)

    def texts(self, path: str) -> dict[str, Text]:
        """The texts among the attributes of the object at `path` (the root's is empty), by name."""
        if path not in self._text_cache:
            found = (self._texts.read(message, path) for message in self._attributes.get(path, ()))
            self._text_cache[path] = dict(attribute for attribute in found if attribute is not None)
        return self._text_cache[path]

    # Structures

    def meta(self, address: int, size: int) -> bytes:
        """Bytes of a structure; an error when all structures together are longer than the file allows."""
        self._budget -= size
        if self._budget < 0:
            raise self.error("its structures overlap")
        return self.bytes_at(address, size)

    def unpack(self, fmt: str, data: bytes, at: int = 0) -> tuple[int, ...]:
        """Numbers of a structure; an error if it is cut short."""
        if at + struct.calcsize(fmt) > len(data):
            raise self.error("one of its structures is cut short")
        return struct.unpack_from(fmt, data, at)

    def _once(self, address: int) -> None:
        if address in self._seen:
            raise self.error(f"the object at byte {address} is linked to more than once")
        self._seen.add(address)

    def _root(self) -> int:
        if self.bytes_at(0, min(9, self.size))[:8] != SIGNATURE:
            raise self.error("it is not an HDF5 file")
        version = self.meta(8, 1)[0]
        if version not in (0, 1):
            raise FileFormatError(
                f"{self.what} is an HDF5 file of a newer kind than Keras writes (superblock {version})",
                hint="save it again with real Keras, or with h5py under libver='earliest'",
            )
        sizes = self.meta(13, 2)
        rest = self.meta(24 + 4 * version, 72)
        base, _, _, _, _, header = self.unpack("<6Q", rest)
        if sizes != b"\x08\x08" or base != 0:
            raise self.error("its offsets are not of 8 bytes from the beginning")
        return header

    def _walk(self, root: int) -> None:
        self._once(root)
        todo = [("", root)]
        while todo:
            path, header = todo.pop()
            messages = self._messages(header, path)
            if _EXTERNAL in messages:
                raise self.error(f"{path!r} keeps its bytes in another file")
            if _SYMBOL_TABLE in messages:
                if path.count("/") >= MAX_DEPTH:
                    raise self.error(f"{path!r} is nested more than {MAX_DEPTH} groups deep")
                if path:
                    self.groups.append(path)
                for name, child in self._links(messages[_SYMBOL_TABLE], path):
                    self._once(child)
                    todo.append((f"{path}/{name}" if path else name, child))
            elif _LINK_INFO in messages or _LINK in messages:
                raise self.error(f"the group {path!r} holds links of the newer kind, which may lead out of the file")
            elif path and _LAYOUT in messages:
                self.datasets[path] = self._dataset(path, messages)
            else:
                raise self.error(f"{path or 'its root'!r} is neither a group nor an array")

    def _messages(self, header: int, path: str) -> dict[int, bytes]:
        """The messages of an object header, by type: those that decide what the object is."""
        version, _, count, _, size = self.unpack("<BBHII", self.meta(header, 12))
        if version != 1:
            raise self.error(f"the header of {path!r} is of version {version}")
        found: dict[int, bytes] = {}
        blocks = [(header + 16, size)]
        for address, length in blocks:  # continuations are added while the list is walked
            block = self.meta(address, length)
            at = 0
            while at + 8 <= len(block) and count > 0:
                kind, size, flags = self.unpack("<HHB", block, at)
                body = block[at + 8 : at + 8 + size]
                at += 8 + size
                count -= 1
                if kind not in _KNOWN:
                    continue
                if len(body) != size or flags & 0x2:
                    raise self.error(f"the header of {path!r} is cut short, or refers to a shared message")
                if kind == _CONTINUATION:
                    blocks.append((self.unpack("<2Q", body)[0], self.unpack("<2Q", body)[1]))
                elif kind == _ATTRIBUTE:
                    self._attributes.setdefault(path, []).append(body)
                elif kind in found:
                    raise self.error(f"the header of {path!r} says the same thing twice")
                else:
                    found[kind] = body
        return found

    def _links(self, message: bytes, path: str) -> list[tuple[str, int]]:
        tree, heap = self.unpack("<2Q", message)
        signature, _, size, _, names_at = self.unpack("<4sIQQQ", self.meta(heap, 32))
        if signature != b"HEAP":
            raise self.error(f"the group {path!r} has no heap of names")
        names = self.meta(names_at, size)
        links = []
        for node in self._leaves(tree, path, 0, 8):
            header = self.meta(node[1], 8)
            signature, version, _, count = self.unpack("<4sBBH", header)
            if signature != b"SNOD" or version != 1:
                raise self.error(f"the group {path!r} has a node that is none")
            entries = self.meta(node[1] + 8, 40 * count)
            for i in range(count):
                name_at, child, cached = self.unpack("<QQI", entries, 40 * i)
                end = names.find(b"\0", name_at) if name_at < len(names) else -1
                name = names[name_at:end].decode("utf-8", "replace") if end >= 0 else ""
                if not name or "/" in name:
                    raise self.error(f"the group {path!r} has a link without a proper name")
                if cached == 2 or child == UNDEFINED:
                    raise self.error(f"{name!r} in {path!r} is a link to elsewhere")
                links.append((name, child))
        if len({name for name, _ in links}) != len(links):
            raise self.error(f"the group {path!r} gives one name twice")
        # The walk takes from the end: so that arrays come in the order of their names.
        return sorted(links, reverse=True)

    def _leaves(self, root: int, path: str, kind: int, key_size: int) -> list[tuple[bytes, int]]:
        """The (key, address) pairs in the leaves of a B-tree of version 1 whose type is `kind`."""
        leaves: list[tuple[bytes, int]] = []
        todo = [(root, 256)]
        while todo:
            address, below = todo.pop()
            self._once(address)
            signature, found, level, used = self.unpack("<4sBBH", self.meta(address, 8))
            if signature != b"TREE" or found != kind or level >= below:
                raise self.error(f"the index of {path!r} is no B-tree")
            body = self.meta(address + 24, used * (key_size + 8))
            for i in range(used):
                at = i * (key_size + 8)
                child = self.unpack("<Q", body, at + key_size)[0]
                if level == 0:
                    leaves.append((body[at : at + key_size], child))
                else:
                    todo.append((child, level))
        return leaves

    # Data sets

    def _dataset(self, path: str, messages: dict[int, bytes]) -> DataSet:
        if _DATASPACE not in messages or _DATATYPE not in messages:
            raise self.error(f"the array {path!r} has no shape or no type")
        shape = self.shape(messages[_DATASPACE], path)
        dtype, stored = self._dtype(messages[_DATATYPE], path)
        layout = messages[_LAYOUT]
        version, kind = self.unpack("<BB", layout)
        if version != 3 or kind not in (1, 2):
            raise self.error(f"the array {path!r} is neither contiguous nor in chunks, but virtual, compact or newer")
        filters = self._filters(messages[_FILTERS], path) if _FILTERS in messages else ()
        if kind == 1:
            address, size = self.unpack("<2Q", layout, 2)
            dataset = DataSet(path, shape, dtype, stored, address)
            # An array may declare a size and store nothing, to be filled in as it is read.
            if filters or (dataset.nbytes and (address == UNDEFINED or size != dataset.nbytes)):
                raise self.error(f"the array {path!r} declares {dataset.nbytes} bytes and does not store them")
            return dataset
        rank = layout[2] - 1 if len(layout) > 2 else -1
        if rank != len(shape) or rank < 1:
            raise self.error(f"the chunks of {path!r} are not of its rank")
        tree, *chunk, _ = self.unpack(f"<Q{rank + 1}I", layout, 3)
        if any(c < 1 or c > s for c, s in zip(chunk, shape, strict=True)):
            raise self.error(f"the chunks of {path!r} are empty, or larger than the array")
        chunks = () if tree == UNDEFINED else self._chunks(tree, path, rank)
        if {c.offset for c in chunks} != _grid(shape, chunk, len(chunks)) or len(chunks) != _count(shape, chunk):
            raise self.error(f"the array {path!r} does not store all its chunks")
        return DataSet(path, shape, dtype, stored, 0, tuple(chunk), chunks, filters)

    def _chunks(self, tree: int, path: str, rank: int) -> tuple[Chunk, ...]:
        chunks = []
        for key, address in self._leaves(tree, path, 1, 16 + 8 * rank):
            size, mask, *offset = self.unpack(f"<II{rank}Q", key)
            if mask:
                raise self.error(f"a chunk of {path!r} is packed unlike the others")
            chunks.append(Chunk(tuple(offset), address, size))
        return tuple(chunks)

    def shape(self, message: bytes, path: str) -> tuple[int, ...]:
        """Sizes that a dataspace message declares."""
        version, rank = self.unpack("<BB", message)
        if version not in (1, 2) or rank > 32 or (version == 2 and self.unpack("<B", message, 3)[0] > 1):
            raise self.error(f"the array {path!r} has no shape")
        return self.unpack(f"<{rank}Q", message, 8 if version == 1 else 4)

    def _filters(self, message: bytes, path: str) -> tuple[int, ...]:
        version, count = self.unpack("<BB", message)
        at = 8 if version == 1 else 2
        found = []
        for _ in range(count):
            number, length, _, values = self.unpack("<4H", message, at)
            if version == 2 and number < 256:
                length, values = 0, self.unpack("<H", message, at + 4)[0]
                at -= 2
            found.append(number)
            at += 8 + length + 4 * values + (4 * (values % 2) if version == 1 else 0)
        if version not in (1, 2) or found not in ([], [DEFLATE], [SHUFFLE], [SHUFFLE, DEFLATE]):
            raise FileFormatError(
                f"the array {path!r} of {self.what} is packed by filters that are not allowed",
                received=f"filters {found}",
                hint="store it as it is, or with gzip and shuffle",
            )
        return tuple(found)

    def _dtype(self, message: bytes, path: str) -> tuple[str, np.dtype]:
        head, bits, _, _, size = self.unpack("<4BI", message)
        kind, order = head & 0x0F, ">" if bits & 1 else "<"
        rest = message[8:]
        if kind == 0 and size in (1, 2, 4, 8) and self.unpack("<2H", rest) == (0, 8 * size):
            stored = np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}")
        elif kind == 1 and size in _IEEE and self.unpack("<2H4BI", rest) == (0, 8 * size, *_IEEE[size]):
            stored = np.dtype(f"{order}f{size}")
        elif kind == 5 and size == 2:
            # Nothing else that Keras writes is opaque; the attribute that says so adds nothing.
            return BFLOAT16, np.dtype("<u2")
        elif kind == 8 and size == 1 and bits == 2 and b"FALSE\0" in rest and rest.rstrip(b"\0").endswith(b"\0\1"):
            # h5py's bool: an enumeration of FALSE = 0 and TRUE = 1 over one byte.
            return "bool", np.dtype("u1")
        else:
            raise self.error(f"the array {path!r} does not hold plain numbers")
        return stored.name, stored


def _count(shape: tuple[int, ...], chunk: list[int]) -> int:
    return math.prod(-(-s // c) for s, c in zip(shape, chunk, strict=True))


def _grid(shape: tuple[int, ...], chunk: list[int], limit: int) -> set[tuple[int, ...]]:
    """Where the chunks of an array begin; empty when they are not `limit` in number (it may be astronomical)."""
    if _count(shape, chunk) != limit:
        return set()
    steps = [range(-(-s // c)) for s, c in zip(shape, chunk, strict=True)]
    grid = np.ndindex(*(len(r) for r in steps))
    return {tuple(i * c for i, c in zip(index, chunk, strict=True)) for index in grid}

"""The one door to weights files: what HDF5 offers beyond plain arrays stays outside, and changed bytes cost nothing."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, strategies as st

from kgc.compiler.errors import FileFormatError
from kgc.frontend.saving.h5 import open_h5, write_h5

FIXTURES = Path(__file__).parents[2] / "fixtures" / "keras_files"
X = np.arange(35, dtype="float32").reshape(5, 7)


def made(fill: Callable[[Any], Any], **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    with h5py.File(file, "w", **options) as h5:
        fill(h5)
    return file


def contents(file: Any) -> dict[str, np.ndarray]:
    with open_h5(file) as reader:
        return {path: reader.read(path, d.shape) for path, d in reader.datasets.items()}


# Arrays


ARRAYS = {
    "floats": X,
    "a scalar": np.float32(2.5),
    "halves": X.astype("float16"),
    "doubles": X.astype("float64"),
    "integers": np.array([-1, 2], "int32"),
    "bytes": np.array([1, 255], "uint8"),
    "long integers": np.array([2**62], "int64"),
    "truths": np.array([True, False, True]),
    "bfloat16": X.astype(ml_dtypes.bfloat16),
    "nothing": np.zeros((0, 3), "float32"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_what_is_written_is_read(name: str) -> None:
    file = io.BytesIO()
    write_h5(file, {"layers/a/vars": {"name": "a"}}, {"layers/a/vars/0": ARRAYS[name]})
    (value,) = contents(file).values()
    assert value.dtype == ARRAYS[name].dtype and value.shape == ARRAYS[name].shape
    np.testing.assert_array_equal(value, ARRAYS[name])
    file.seek(0)
    with h5py.File(file) as h5:  # as the library and real Keras see it
        assert h5["layers/a/vars"].attrs["name"] == "a"
        stored: Any = h5["layers/a/vars/0"]
        assert stored.attrs.get("dtype") == ("bfloat16" if name == "bfloat16" else None)
        assert stored.dtype == ("V2" if name == "bfloat16" else ARRAYS[name].dtype)


STORED = {
    "big endian": {"data": X.astype(">f4")},
    "chunks": {"data": X, "chunks": (2, 3)},
    "one chunk": {"data": X, "chunks": (5, 7)},
    "shuffled": {"data": X, "chunks": (2, 3), "shuffle": True},
    "gzip": {"data": X, "chunks": (2, 3), "compression": "gzip"},
    "shuffle and gzip": {"data": X, "chunks": (2, 7), "compression": "gzip", "shuffle": True},
    "many chunks": {"data": X, "chunks": (1, 1)},
    "growing": {"data": X, "maxshape": (None, 7)},
}


@pytest.mark.parametrize("name", STORED)
def test_forms_of_storage(name: str) -> None:
    value = contents(made(lambda h5: h5.create_dataset("a", **STORED[name])))["a"]
    assert value.dtype == np.float32
    np.testing.assert_array_equal(value, X)


def test_many_groups_and_arrays_are_all_found() -> None:
    paths = [f"layers/dense_{i}/vars/{j}" for i in range(300) for j in range(2)]
    file = made(lambda h5: [h5.create_dataset(path, data=np.float32(i)) for i, path in enumerate(paths)])
    found = contents(file)
    assert {path: float(value) for path, value in found.items()} == {path: i for i, path in enumerate(paths)}
    with open_h5(file) as reader:
        assert list(reader.children("layers/dense_7/vars")) == ["0", "1"]
        assert len(reader.groups) == 601


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.weights.h5")), ids=lambda path: path.name)
def test_files_of_real_keras_read_as_the_library_reads_them(path: Path) -> None:
    found = contents(path)
    with h5py.File(path) as h5:
        expected: dict[str, np.ndarray] = {}
        h5.visititems(lambda name, item: expected.update({name: item[()]}) if hasattr(item, "shape") else None)
    assert found.keys() == expected.keys() and found
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_an_array_is_read_into_the_declared_shape_only() -> None:
    file = made(lambda h5: h5.create_dataset("a", data=X))
    with open_h5(file) as reader:
        for shape in [(7, 5), (35,), (5, 7, 1), ()]:
            with pytest.raises(FileFormatError, match=r"\[5, 7\] in the file"):
                reader.read("a", shape)
        with pytest.raises(FileFormatError, match="no array 'b'"):
            reader.read("b", (5, 7))


# Attacks


def external_storage(h5: Any) -> None:
    h5.create_dataset("a", (4,), "uint8", external=[("/etc/passwd", 0, 4)])


def virtual(h5: Any) -> None:
    layout = h5py.VirtualLayout((4,), "uint8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    h5.create_virtual_dataset("a", layout)


def hard_link_again(h5: Any) -> None:
    h5["b"] = h5.create_dataset("a", data=X)


def hard_link_up(h5: Any) -> None:
    h5.create_group("a")["up"] = h5["/"]


def committed_type(h5: Any) -> None:
    h5["t"] = np.dtype("float32")
    h5.create_dataset("a", (3,), h5["t"])


def deep(h5: Any) -> None:
    h5.create_group("/".join("g" * 100))


def unallocated(h5: Any) -> None:
    h5.create_dataset("a", (10**15,), "float32")


def unallocated_chunks(h5: Any) -> None:
    h5.create_dataset("a", (10**15,), "float32", chunks=(10**6,))


def zeros_packed(h5: Any) -> None:
    data = h5.create_dataset("a", (10**9,), "uint8", chunks=(10**6,), compression="gzip")
    data[:1000] = 0


def enumeration(h5: Any) -> None:
    h5.create_dataset("a", (2,), h5py.enum_dtype({"x": 5, "y": 6}, "int32"))[:] = 5


def late_filter(h5: Any) -> None:
    dataset = h5.create_dataset("a", data=X, chunks=(5, 7), compression="gzip")
    dataset.id.write_direct_chunk((0, 0), X.tobytes(), filter_mask=1)


def wrong_chunk(h5: Any) -> None:
    dataset = h5.create_dataset("a", data=X, chunks=(5, 7), compression="gzip")
    dataset.id.write_direct_chunk((0, 0), b"no deflate stream")


ATTACKS: dict[str, Callable[[Any], Any]] = {
    "soft link": lambda h5: h5.__setitem__("a", h5py.SoftLink("/b")),
    "external link": lambda h5: h5.__setitem__("a", h5py.ExternalLink("/etc/other.h5", "/x")),
    "external link in a group": lambda h5: h5.create_group("g").__setitem__("a", h5py.ExternalLink("o.h5", "/x")),
    "external storage": external_storage,
    "virtual": virtual,
    "hard link to an array": hard_link_again,
    "hard link to the root": hard_link_up,
    "committed type": committed_type,
    "deep groups": deep,
    "petabyte over nothing": unallocated,
    "petabyte in chunks over nothing": unallocated_chunks,
    "gigabyte of zeros packed": zeros_packed,
    "text": lambda h5: h5.create_dataset("a", data=["x", "y"]),
    "objects": lambda h5: h5.create_dataset("a", (1,), h5py.ref_dtype),
    "records": lambda h5: h5.create_dataset("a", (1,), [("x", "f4"), ("y", "i4")]),
    "complex": lambda h5: h5.create_dataset("a", data=np.ones(2, "complex64")),
    "enumeration": enumeration,
    "empty": lambda h5: h5.create_dataset("a", data=h5py.Empty("f4")),
    "lzf": lambda h5: h5.create_dataset("a", data=X, chunks=(5, 7), compression="lzf"),
    "checksums": lambda h5: h5.create_dataset("a", data=X, chunks=(5, 7), fletcher32=True),
    "scale and offset": lambda h5: h5.create_dataset("a", data=X, chunks=(5, 7), scaleoffset=2),
    "a chunk packed unlike the others": late_filter,
    "a chunk that does not unpack": wrong_chunk,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_refused(name: str) -> None:
    file = made(ATTACKS[name])
    start = time.monotonic()
    with pytest.raises(FileFormatError) as caught:
        contents(file)
    assert time.monotonic() - start < 1
    assert "root:" not in str(caught.value)


def test_a_chunk_does_not_unpack_beyond_its_size() -> None:
    def fill(h5: Any) -> None:
        import zlib

        dataset = h5.create_dataset("a", data=np.zeros(1000, "uint8"), chunks=(1000,), compression="gzip")
        dataset.id.write_direct_chunk((0,), zlib.compress(bytes(50_000_000), 9))

    with pytest.raises(FileFormatError, match="1001 bytes, not 1000"):
        contents(made(fill))


def test_a_newer_format_is_refused_with_advice() -> None:
    with pytest.raises(FileFormatError, match="earliest"):
        contents(made(lambda h5: h5.create_dataset("a", data=X), libver="latest"))


@pytest.mark.parametrize("data", [b"", b"x", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(100), os.urandom(3000)])
def test_what_is_no_hdf5_is_refused(data: bytes) -> None:
    with pytest.raises(FileFormatError):
        contents(io.BytesIO(data))


# Changed bytes


def everything(h5: Any) -> None:
    h5.create_dataset("layers/a/vars/0", data=X)
    h5.create_dataset("layers/a/vars/1", data=X, chunks=(2, 3), compression="gzip", shuffle=True)
    h5.create_dataset("layers/b/vars/0", data=X.astype(ml_dtypes.bfloat16).view("V2")).attrs["dtype"] = "bfloat16"
    h5["layers/b/vars"].attrs["name"] = "b"
    h5.create_dataset("layers/b/vars/1", data=np.array([True]))


GOOD = made(everything).getvalue()


@st.composite
def changes(draw: st.DrawFn) -> bytes:
    data = bytearray(GOOD)
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(data) - 9))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == 1:
            data[at] = draw(st.integers(0, 255))
        elif kind == 2:  # an address: of nothing, of the beginning, of another part of the file
            where = draw(st.sampled_from([2**64 - 1, 0, 96, len(GOOD), at]))
            data[at : at + 8] = where.to_bytes(8, "little")
        else:
            source, count = draw(st.integers(0, len(data) - 1)), draw(st.integers(1, 64))
            piece = data[source : source + count]
            data[at : at + len(piece)] = piece
    if draw(st.integers(0, 9)) == 0:
        del data[draw(st.integers(0, len(data))) :]
    return bytes(data)


@given(changes())
def test_changed_bytes_give_the_one_error_or_arrays_no_larger_than_the_file_allows(data: bytes) -> None:
    start = time.monotonic()
    try:
        with open_h5(io.BytesIO(data)) as reader:
            for path, dataset in reader.datasets.items():
                assert dataset.stored_bytes <= len(data)
                assert dataset.nbytes <= len(data) * (1032 if dataset.filters else 1)
                value = reader.read(path, dataset.shape)
                assert value.shape == dataset.shape
    except FileFormatError as error:
        assert str(error)
    assert time.monotonic() - start < 2

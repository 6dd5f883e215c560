"""Data sets, from made files in Keras's layouts: what is read, what is checked, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import io
import os
import pickle
import struct
import tarfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgc
from kgc.compiler.errors import ArgumentError, DataError
from kgc.frontend.datasets import cifar, cifar10, cifar100, fashion_mnist, mnist

RNG = np.random.default_rng(0)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of data sets in an empty cache, without a network."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OSError("no network")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def test_the_names_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    from kgc.datasets import mnist as face

    monkeypatch.setattr(kgc.datasets.mnist, "load_data", lambda: "mine")
    assert kgc.datasets.mnist.load_data() == face.load_data() == "mine"
    assert sorted(kgc.datasets.__all__) == ["cifar10", "cifar100", "fashion_mnist", "mnist"]


@pytest.mark.parametrize(
    "module, name, url",
    [
        (mnist, "mnist.npz", "tf-keras-datasets/mnist.npz"),
        (fashion_mnist, "fashion-mnist/train-labels-idx1-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        (cifar10, "cifar-10-batches-py-target_archive", "cifar-10-python.tar.gz"),
        (cifar100, "cifar-100-python-target_archive", "cifar-100-python.tar.gz"),
    ],
)
def test_without_a_file_or_a_network(home: Path, module: Any, name: str, url: str) -> None:
    with pytest.raises(DataError, match="not in the cache") as caught:
        module.load_data()
    said = str(caught.value)
    assert str(home / name) in said and url in said and "no network" in said
    assert module is fashion_mnist or "(sha256 " in said


# MNIST


def mnist_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    arrays = {
        "x_train": RNG.integers(0, 256, (6, 28, 28), np.uint8),
        "y_train": RNG.integers(0, 10, 6).astype(np.uint8),
        "x_test": RNG.integers(0, 256, (2, 28, 28), np.uint8),
        "y_test": RNG.integers(0, 10, 2).astype(np.uint8),
    }
    np.savez_compressed(path, **arrays)
    monkeypatch.setattr(mnist, "SOURCE", replace(mnist.SOURCE, hash=hashlib.sha256(path.read_bytes()).hexdigest()))
    return arrays


def test_mnist(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = mnist_file(home / "mnist.npz", monkeypatch)
    (x, y), (x_test, y_test) = kgc.datasets.mnist.load_data()
    for got, name in ((x, "x_train"), (y, "y_train"), (x_test, "x_test"), (y_test, "y_test")):
        np.testing.assert_array_equal(got, arrays[name])
    (home / "mnist.npz").rename(home / "mine.npz")
    np.testing.assert_array_equal(kgc.datasets.mnist.load_data("mine.npz")[0][0], arrays["x_train"])
    np.testing.assert_array_equal(kgc.datasets.mnist.load_data(str(home / "mine.npz"))[1][1], arrays["y_test"])


def test_another_mnist_is_left(home: Path) -> None:
    (home / "mnist.npz").write_bytes(b"mine")
    with pytest.raises(DataError) as caught:
        mnist.load_data()
    assert hashlib.sha256(b"mine").hexdigest() in str(caught.value) and str(mnist.SOURCE.hash) in str(caught.value)
    assert (home / "mnist.npz").read_bytes() == b"mine"


def test_mnist_never_unpickles(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "mnist.npz"
    np.savez(path, x_train=np.array([print], object), y_train=1, x_test=1, y_test=1)
    monkeypatch.setattr(mnist, "SOURCE", replace(mnist.SOURCE, hash=hashlib.sha256(path.read_bytes()).hexdigest()))
    with pytest.raises(DataError, match="does not hold the arrays"):
        mnist.load_data()


# Fashion-MNIST


def idx(values: np.ndarray, head: bytes | None = None) -> bytes:
    start = bytes([0, 0, 8, values.ndim]) if head is None else head
    return gzip.compress(start + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes())


def fashion_files(home: Path) -> dict[str, np.ndarray]:
    (home / "fashion-mnist").mkdir()
    made = {}
    for part, count in (("train", 5), ("t10k", 3)):
        made[f"{part}-images-idx3"] = RNG.integers(0, 256, (count, 28, 28), np.uint8)
        made[f"{part}-labels-idx1"] = RNG.integers(0, 10, count).astype(np.uint8)
    for name, values in made.items():
        (home / "fashion-mnist" / f"{name}-ubyte.gz").write_bytes(idx(values))
    return made


def test_fashion_mnist(home: Path) -> None:
    made = fashion_files(home)
    (x, y), (x_test, y_test) = kgc.datasets.fashion_mnist.load_data()
    np.testing.assert_array_equal(x, made["train-images-idx3"])
    np.testing.assert_array_equal(y, made["train-labels-idx1"])
    np.testing.assert_array_equal(x_test, made["t10k-images-idx3"])
    np.testing.assert_array_equal(y_test, made["t10k-labels-idx1"])


@pytest.mark.parametrize(
    "data",
    [
        b"no gzip",
        gzip.compress(b""),
        gzip.compress(bytes([0, 0, 8, 1]) + struct.pack(">I", 5) + b"1234"),
        gzip.compress(bytes([0, 0, 8, 1]) + struct.pack(">I", 5) + b"123456"),
        gzip.compress(bytes([0, 0, 8, 1]) + struct.pack(">I", 2**32 - 1)),
        idx(np.zeros(5, np.uint8), bytes([0, 0, 9, 1])),
        idx(np.zeros(5, np.uint8))[:-4],
        idx(np.zeros(4, np.uint8)),
    ],
    ids=["plain", "empty", "short", "long", "huge", "dtype", "cut", "few"],  # compressed bytes hold the time
)
def test_fashion_mnist_is_checked(home: Path, data: bytes) -> None:
    fashion_files(home)
    path = home / "fashion-mnist" / "train-labels-idx1-ubyte.gz"
    path.write_bytes(data)
    with pytest.raises(DataError):
        fashion_mnist.load_data()
    assert path.read_bytes() == data


# CIFAR


def pickled(value: Any) -> bytes:
    return pickle.dumps(value, 3)


def pickled_by_python_2(batch: dict[bytes, Any]) -> bytes:
    """A dict of arrays, lists and strings as the published files have it: protocol 2, with strings of bytes."""

    def string(data: bytes) -> bytes:
        return b"T" + struct.pack("<I", len(data)) + data

    def one(value: Any) -> bytes:
        if isinstance(value, bytes):
            return string(value)
        if isinstance(value, int):
            return b"J" + struct.pack("<i", value)
        if isinstance(value, list):
            return b"](" + b"".join(map(one, value)) + b"e"
        reconstruct = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + string(b"b") + b"\x87R"
        dtype = b"cnumpy\ndtype\n" + string(b"u1") + b"K\x00K\x01\x87R(K\x03" + string(b"|") + b"NNN"
        dtype += b"J\xff\xff\xff\xff" * 2 + b"K\x00tb"
        shape = b"(" + b"".join(map(one, value.shape)) + b"t"
        return reconstruct + b"(K\x01" + shape + dtype + b"\x89" + string(value.tobytes()) + b"tb"

    return b"\x80\x02}(" + b"".join(string(key) + one(value) for key, value in batch.items()) + b"u."


def read_back(data: bytes) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of numpy.core
        return pickle.loads(data, encoding="bytes")


def cifar_batches(names: Any, keys: tuple[str, ...], count: int = 3) -> dict[str, bytes]:
    return {
        name: pickled_by_python_2(
            {
                b"data": RNG.integers(0, 256, (count, 3072), np.uint8),
                **{key.encode(): RNG.integers(0, 10, count).tolist() for key in keys},
                b"batch_label": b"a batch",
            }
        )
        for name in names
    }


def archive(path: Path, folder: str, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as made:
        for name, data in {**files, "readme.html": b"<html>"}.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))


def published(module: Any, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], path: Path | None) -> None:
    """Make made files the published ones."""
    batches = module.BATCHES
    if path is not None:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        batches = replace(batches, source=replace(batches.source, hash=digest))
    hashes = {name: hashlib.md5(data).hexdigest() for name, data in files.items()}
    monkeypatch.setattr(module, "BATCHES", replace(batches, files=hashes))


def make(module: Any, path: Path, monkeypatch: pytest.MonkeyPatch, count: int = 3) -> dict[str, bytes]:
    keys = ("labels",) if module is cifar10 else ("fine_labels", "coarse_labels")
    files = cifar_batches(module.BATCHES.files, keys, count)
    archive(path, module.BATCHES.folder, files)
    published(module, monkeypatch, files, path)
    return files


@pytest.mark.parametrize("name", ["cifar-10-batches-py-target_archive", "cifar-10-batches-py.tar.gz"])
def test_cifar10(home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    files = make(cifar10, home / name, monkeypatch)
    (x, y), (x_test, y_test) = kgc.datasets.cifar10.load_data()
    assert x.shape == (15, 32, 32, 3) and x_test.shape == (3, 32, 32, 3)
    assert x.dtype == y.dtype == x_test.dtype == y_test.dtype == np.uint8
    second = read_back(files["data_batch_2"])
    np.testing.assert_array_equal(x[3, :, :, 1].ravel(), second[b"data"][0, 1024:2048])
    np.testing.assert_array_equal(y[3:6], np.array(second[b"labels"])[:, None])
    test = read_back(files["test_batch"])
    np.testing.assert_array_equal(x_test[2, 5, 7], test[b"data"][2].reshape(3, 32, 32)[:, 5, 7])
    np.testing.assert_array_equal(y_test.ravel(), test[b"labels"])
    assert os.listdir(home) == [name]


@pytest.mark.parametrize("mode", ["fine", "coarse"])
def test_cifar100(home: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    files = make(cifar100, home / "cifar-100-python-target_archive", monkeypatch)
    (x, y), (x_test, y_test) = kgc.datasets.cifar100.load_data(mode)
    assert x.shape == x_test.shape == (3, 32, 32, 3) and x.dtype == np.uint8 and y.dtype == y_test.dtype == np.int64
    np.testing.assert_array_equal(y.ravel(), read_back(files["train"])[f"{mode}_labels".encode()])
    np.testing.assert_array_equal(y_test.ravel(), read_back(files["test"])[f"{mode}_labels".encode()])


@pytest.mark.parametrize("folder", ["cifar-10-batches-py-target/cifar-10-batches-py", "cifar-10-batches-py"])
def test_cifar_that_keras_unpacked(home: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    files = cifar_batches(cifar10.BATCHES.files, ("labels",))
    published(cifar10, monkeypatch, files, None)
    (home / folder).mkdir(parents=True)
    for name, data in files.items():
        (home / folder / name).write_bytes(data)
    assert cifar10.load_data()[0][0].shape == (15, 32, 32, 3)
    path = home / folder / "test_batch"
    path.write_bytes(pickled({b"data": 1}))
    with pytest.raises(DataError, match="not the one that was published"):
        cifar10.load_data()
    path.unlink()
    with pytest.raises(DataError, match="lacks files"):
        cifar10.load_data()


def test_another_archive_is_left_and_not_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "cifar-10-batches-py-target_archive"
    archive(path, "cifar-10-batches-py", {name: b"cos\nsystem\n(S'true'\ntR." for name in cifar10.BATCHES.files})
    before = path.read_bytes()
    monkeypatch.setattr(cifar, "_Unpickler", lambda *args, **kwargs: pytest.fail("unpickled"))
    with pytest.raises(DataError, match="not the one that was published"):
        cifar10.load_data()
    assert path.read_bytes() == before


class Gadget:
    def __reduce__(self) -> Any:
        return (os.system, ("true",))


@pytest.mark.parametrize(
    "data",
    [
        pickled(Gadget()),
        pickled({b"data": Gadget()}),
        b"cnumpy\nload\n.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"",
        pickled([1]),
        pickled({b"data": np.zeros((3, 10), np.uint8)}),
        pickled({b"data": np.zeros((3, 3072), np.uint8), b"labels": [1, 2]}),
        pickled({b"data": np.zeros((3, 3072), np.uint8), b"labels": [1, 2, "x"]}),
    ],
)
def test_batches_are_arrays_and_nothing_else(home: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(os, "system", lambda command: pytest.fail("code was run"))
    path = home / "cifar-10-batches-py-target_archive"
    files = {name: data for name in cifar10.BATCHES.files}
    archive(path, "cifar-10-batches-py", files)
    published(cifar10, monkeypatch, files, path)
    with pytest.raises(DataError):
        cifar10.load_data()


def test_an_archive_without_all_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "cifar-100-python-target_archive"
    archive(path, "cifar-100-python", {"train": b""})
    published(cifar100, monkeypatch, {"train": b"", "test": b""}, path)
    with pytest.raises(DataError, match="lacks files") as caught:
        cifar100.load_data()
    assert "test" in str(caught.value)


def test_label_mode() -> None:
    with pytest.raises(ArgumentError, match="label_mode"):
        cifar100.load_data("finest")


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "cifar100"])
def test_keras_reads_the_same(home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    module: Any = {"mnist": mnist, "fashion_mnist": fashion_mnist, "cifar10": cifar10, "cifar100": cifar100}[name]
    if name == "mnist":
        mnist_file(home / "mnist.npz", monkeypatch)
    elif name == "fashion_mnist":
        fashion_files(home)
    else:
        make(module, home / module.BATCHES.source.name, monkeypatch, count=1)
    ours = getattr(kgc.datasets, name).load_data()
    theirs_module = importlib.import_module(f"keras.src.datasets.{name}")

    def get_file(fname: str | None = None, origin: str = "", cache_subdir: str = "datasets", **kwargs: Any) -> str:
        folder = home.parent / cache_subdir
        if not kwargs.get("extract"):
            return str(folder / (fname or origin.rpartition("/")[2]))
        with tarfile.open(folder / f"{fname}_archive") as made:
            made.extractall(folder / str(fname), filter="data")
        return str(folder / str(fname))

    monkeypatch.setattr(theirs_module, "get_file", get_file)
    theirs = getattr(keras.datasets, name).load_data()
    for mine, real in zip(ours, theirs, strict=True):
        for a, b in zip(mine, real, strict=True):
            assert a.dtype == b.dtype
            # Keras has room for 10,000 pictures of each batch, and fills it with the one that there is.
            np.testing.assert_array_equal(a, b[:: 10_000 if len(b) == 50_000 else 1])

"""The private cache: used by the next process, by nobody else's folder, and as good as none when it is damaged."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.runtime.artifact import compiled

X = np.ones((2, 3), np.float32)


def model(initializer: str) -> Any:
    x = kgc.Input((3,), name="x")
    return kgc.Model(x, layers.Dense(2, kernel_initializer=initializer, name="dense")(x), name="net")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "cache"
    monkeypatch.setenv("KGC_CACHE", str(place))
    compiled._refuse.cache_clear()
    return place


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KGC_CACHE", "")
    model("ones").export(tmp_path / "m.kgc", platforms=())
    return tmp_path / "m.kgc"


@pytest.fixture
def lowered(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Programs that were put into the cache, which are those that were compiled."""
    made: list[Any] = []
    write = compiled._write
    monkeypatch.setattr(compiled, "_write", lambda file, program: (made.append(file), write(file, program)))
    return made


def test_second_load_compiles_nothing(path: Path, cache: Path, lowered: list[Any]) -> None:
    first = kgc.load(path)(X)
    assert len(lowered) == 1 and list(cache.iterdir()) == lowered
    np.testing.assert_array_equal(kgc.load(path)(X), first)
    assert len(lowered) == 1
    kgc.load(path)(X[:1])  # another batch size
    assert len(lowered) == 2


def test_other_models_settings_and_versions_have_other_programs(
    path: Path, cache: Path, lowered: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kgc.load(path)(X)
    x = kgc.Input((3,), name="x")
    other = path.with_name("n.kgc")
    kgc.Model(x, layers.Dense(2, activation="tanh")(x)).export(other, platforms=())
    before = len(lowered)
    kgc.load(other)(X)
    assert len(lowered) == before + 1
    monkeypatch.setattr(compiled, "VERSION", "99")
    kgc.load(path)(X)
    assert len(lowered) == before + 2
    monkeypatch.setenv("XLA_FLAGS", "")
    kgc.load(path)(X)
    assert len(lowered) == before + 3


def test_weights_do_not_count(path: Path, cache: Path, lowered: list[Any]) -> None:
    kgc.load(path)(X)
    other = path.with_name("n.kgc")
    model("zeros").export(other, platforms=())
    count = len(lowered)  # the example's program among them
    assert not np.asarray(kgc.load(other)(X)).any() and len(lowered) == count


def test_folder_and_files_are_private(path: Path, cache: Path) -> None:
    kgc.load(path)(X)
    (file,) = cache.iterdir()
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o720])
def test_folder_that_others_may_write_is_not_used(path: Path, cache: Path, mode: int) -> None:
    cache.mkdir()
    cache.chmod(mode)
    with pytest.warns(UserWarning, match="written by others"):
        kgc.load(path)(X)
    assert list(cache.iterdir()) == []
    kgc.load(path)(X)  # says it once


def test_folder_of_somebody_else_is_not_used(path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir(mode=0o700)
    mine = os.getuid()
    monkeypatch.setattr(compiled.os, "getuid", lambda: mine + 1)
    with pytest.warns(UserWarning, match="another user"):
        kgc.load(path)(X)
    assert list(cache.iterdir()) == []


def test_folder_that_cannot_be_made(path: Path, cache: Path) -> None:
    cache.write_text("a file")
    with pytest.warns(UserWarning, match="cannot be made"):
        kgc.load(path)(X)


@pytest.mark.parametrize("how", ["cut", "flipped", "empty", "hashed", "shared", "linked"])
def test_damaged_files_are_as_good_as_none(path: Path, cache: Path, lowered: list[Any], how: str) -> None:
    wanted = kgc.load(path)(X)
    (file,) = cache.iterdir()
    data = bytearray(file.read_bytes())
    if how == "cut":
        file.write_bytes(data[:-1])
    elif how == "flipped":
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "hashed":
        file.write_bytes(compiled.hashlib.sha256(b"cos\nsystem\n").digest() + b"no pickle")
    elif how == "shared":
        file.chmod(0o666)
    else:
        file.rename(cache.parent / "elsewhere")
        file.symlink_to(cache.parent / "elsewhere")
    np.testing.assert_array_equal(kgc.load(path)(X), wanted)
    assert len(lowered) == 2


def test_oldest_programs_go(path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "MOST_FILES", 2)
    loaded = kgc.load(path)
    for rows in range(1, 5):
        loaded(np.ones((rows, 3), np.float32))
    assert len(list(cache.iterdir())) == 2


def test_empty_variable_means_no_cache(path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGC_CACHE", "")
    kgc.load(path)(X)
    assert not cache.exists()

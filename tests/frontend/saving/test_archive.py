"""The zip around a `.keras` file: exactly three stored members, bounded by the file; written at once or not at all."""

from __future__ import annotations

import io
import json
import os
import stat
import struct
import threading
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from kgc.compiler.errors import FileFormatError
from kgc.frontend.saving.archive import CONFIG, METADATA, WEIGHTS, open_archive, write_archive
from kgc.runtime.files import atomic_write

PARTS = {METADATA: b'{"keras_version": "3.15.1"}', CONFIG: b'{"class_name": "x", "config": {}}', WEIGHTS: b"h5" * 50}


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def read(path: Path) -> tuple[dict[str, object], dict[str, object], bytes]:
    with open_archive(path) as archive:
        return archive.metadata, archive.config, archive.weights.read(1 << 20)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    write_archive(path, {"a": 1}, {"b": [1.5, None]}, io.BytesIO(b"weights"))
    assert read(path) == ({"a": 1}, {"b": [1.5, None]}, b"weights")
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        assert [m.filename for m in members] == [METADATA, CONFIG, WEIGHTS]
        assert {m.compress_type for m in members} == {zipfile.ZIP_STORED}
        assert archive.testzip() is None


def test_the_weights_are_a_file_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    write_archive(path, {}, {}, io.BytesIO(bytes(range(100))))
    with open_archive(path) as archive:
        assert archive.weights.seek(0, os.SEEK_END) == 100
        assert archive.weights.read(5) == b""
        archive.weights.seek(98)
        assert archive.weights.read(50) == bytes([98, 99])


BAD_ARCHIVES = {
    "no zip": b"not a zip at all",
    "empty": b"",
    "member missing": zipped({k: v for k, v in PARTS.items() if k != CONFIG}),
    "member too many": zipped({**PARTS, "extra.txt": b""}),
    "path out of the folder": zipped({**PARTS, "../../evil.py": b"print()"}),
    "absolute path": zipped({**PARTS, "/etc/passwd": b""}),
    "backslashes": zipped({**PARTS, "..\\evil.py": b""}),
    "assets": zipped({**PARTS, "assets/": b"", "assets/layers/text/vocabulary.txt": b"a"}),
    "another name": zipped({METADATA: b"{}", "Config.json": b"{}", WEIGHTS: b""}),
    "weights as npz": zipped({METADATA: b"{}", CONFIG: b"{}", "model.weights.npz": b""}),
    "compressed": zipped(PARTS, zipfile.ZIP_DEFLATED),
    "compressed bomb": zipped({**PARTS, WEIGHTS: b"\0" * 10_000_000}, zipfile.ZIP_DEFLATED),
    "no JSON": zipped({**PARTS, CONFIG: b"{"}),
    "JSON that is no object": zipped({**PARTS, CONFIG: b"[1, 2]"}),
    "JSON nested too deep": zipped({**PARTS, CONFIG: b"[" * 200_000}),
    "JSON of another encoding": zipped({**PARTS, CONFIG: b"\xff\xfe\xfd{}"}),
    "a number of a million digits": zipped({**PARTS, CONFIG: b'{"a": ' + b"1" * 1_000_000 + b"}"}),
}


@pytest.mark.parametrize("name", BAD_ARCHIVES)
def test_bad_archives_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(BAD_ARCHIVES[name])
    with pytest.raises(FileFormatError):
        read(path)
    assert os.listdir(tmp_path) == ["m.keras"]


def test_a_member_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in PARTS.items():
            archive.writestr(name, data)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(CONFIG, b"{}")
    with pytest.raises(FileFormatError, match="exactly"):
        read(path)


def central(data: bytes, member: bytes) -> int:
    """Where the central directory's record of a member begins."""
    return data.index(b"PK\x01\x02", data.index(member)) if member == METADATA.encode() else data.rindex(member) - 46


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ((20, "<I"), 5_000_000),  # compressed size beyond the file
        ((24, "<I"), 4_000_000_000),  # size beyond the file
        ((8, "<H"), 1),  # encrypted
        ((42, "<I"), 0),  # the data of another member
        ((42, "<I"), 3_000_000_000),
        ((16, "<I"), 7),  # checksum
        ((10, "<H"), 99),  # a compression that nobody knows
    ],
)
def test_a_record_that_lies_is_refused(field: tuple[int, str], value: int, tmp_path: Path) -> None:
    data = bytearray(zipped(PARTS))
    struct.pack_into(field[1], data, central(bytes(data), WEIGHTS.encode()) + field[0], value)
    path = tmp_path / "m.keras"
    path.write_bytes(bytes(data))
    with pytest.raises(FileFormatError):
        read(path)


def test_a_folder_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="folder"), open_archive(tmp_path):
        pass
    with pytest.raises(FileNotFoundError), open_archive(tmp_path / "none.keras"):
        pass


GOOD = zipped(PARTS)


@given(st.data())
def test_changed_bytes_give_the_one_error_or_the_members(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    changed = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del changed[data.draw(st.integers(0, len(changed))) :]
    path = tmp_path_factory.mktemp("fuzz") / "m.keras"
    path.write_bytes(bytes(changed))
    try:
        read(path)
    except FileFormatError as error:
        assert str(error)


# Writing


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="power"), atomic_write(path) as file:
        file.write(b"half of the new")
        raise RuntimeError("power")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["m.keras"]


def test_an_interrupt_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"

    class Interrupted(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_archive(path, {}, {}, Interrupted(b"weights"))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_failing_disk_leaves_the_old_file(function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(b"old")

    def fail(*args: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(OSError, match="no space"):
        write_archive(path, {}, {}, io.BytesIO(b"new"))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["m.keras"]


def test_readers_see_a_whole_file_while_others_write(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    write_archive(path, {}, {"n": 0}, io.BytesIO(bytes([0]) * 5000))
    stop, wrong = threading.Event(), []

    def write(number: int) -> None:
        while not stop.is_set():
            write_archive(path, {}, {"n": number}, io.BytesIO(bytes([number]) * 5000))

    threads = [threading.Thread(target=write, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        _, config, weights = read(path)
        if weights != bytes([config["n"]]) * 5000:  # pyright: ignore[reportArgumentType]
            wrong.append(config)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert os.listdir(tmp_path) == ["m.keras"]


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "m.keras", tmp_path / "link.keras"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    with atomic_write(link) as file:
        file.write(b"new")
    assert link.is_symlink() and path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with atomic_write(tmp_path / "m.keras") as file:
        file.write(b"new")
    assert (tmp_path / "m.keras").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), atomic_write(tmp_path):
        pass
    with (
        pytest.raises(FileNotFoundError, match="there is no folder"),
        atomic_write(tmp_path / "none" / "m.keras"),
    ):
        pass


def test_two_saves_differ_only_where_their_contents_do(tmp_path: Path) -> None:
    for name in "ab":
        write_archive(tmp_path / name, {"date": "d"}, json.loads('{"b": 1}'), io.BytesIO(b"w"))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

"""Files in Keras's cache: found, downloaded, checked, unpacked; and what must never happen to a user's file."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from kgc import utils
from kgc.compiler.errors import ArgumentError, DataError
from kgc.frontend import cache, extract

CONTENT = b"content" * 1000
SHA = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache, which is empty."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def origin(tmp_path: Path) -> str:
    """The URL of a file."""
    (tmp_path / "published.bin").write_bytes(CONTENT)
    return (tmp_path / "published.bin").as_uri()


@pytest.fixture
def server() -> Iterator[str]:
    """A server on this machine: it gives CONTENT, cuts it short at /short, and knows nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path not in ("/file.bin", "/short"):
                self.send_error(404, "no such file")
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[: 100 if self.path == "/short" else None])

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_file_is_downloaded_once(home: Path, origin: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = utils.get_file("a.bin", origin, file_hash=SHA)
    assert path == str(home / "datasets" / "a.bin") and Path(path).read_bytes() == CONTENT
    said = capsys.readouterr().out
    assert f"Downloading data from {origin}" in said and "7000/7000" in said
    assert utils.get_file("a.bin", "https://nowhere.invalid/a.bin", file_hash=SHA) == path
    assert capsys.readouterr().out == "" and everything(home) == {"datasets/a.bin"}


def test_names_and_folders(home: Path, origin: str, tmp_path: Path) -> None:
    assert utils.get_file(origin=origin) == str(home / "datasets" / "published.bin")
    assert utils.get_file("b", origin, cache_subdir="models") == str(home / "models" / "b")
    assert utils.get_file("c", origin, cache_dir=tmp_path / "other") == str(tmp_path / "other" / "datasets" / "c")
    assert utils.get_file(tmp_path / "d", origin) == str(tmp_path / "d")


@pytest.mark.parametrize(
    "given", [{"file_hash": SHA}, {"file_hash": MD5}, {"md5_hash": MD5}, {"file_hash": SHA.upper()}]
)
def test_hashes(home: Path, origin: str, given: dict[str, str]) -> None:
    path = utils.get_file("a", origin, **given)
    assert utils.get_file("a", origin, **given) == path


def test_another_file_is_left_as_it_is(home: Path, origin: str) -> None:
    mine = home / "datasets" / "a.bin"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(DataError, match="not the one that was published") as caught:
        utils.get_file("a.bin", origin, file_hash=SHA)
    said = str(caught.value)
    assert SHA in said and hashlib.sha256(b"mine").hexdigest() in said and origin in said
    assert mine.read_bytes() == b"mine"
    # Only when it is asked for.
    utils.get_file("a.bin", origin, file_hash=SHA, force_download=True)
    assert mine.read_bytes() == CONTENT


def test_a_wrong_download_is_not_kept(home: Path, origin: str) -> None:
    wrong = "0" * 64
    with pytest.raises(DataError, match="was not kept") as caught:
        utils.get_file("a", origin, file_hash=wrong)
    assert SHA in str(caught.value) and wrong in str(caught.value) and everything(home) == set()
    mine = home / "datasets" / "a"
    mine.write_bytes(b"mine")
    with pytest.raises(DataError):
        utils.get_file("a", origin, file_hash=wrong, force_download=True)
    assert mine.read_bytes() == b"mine" and everything(home) == {"datasets/a"}


def test_over_http(home: Path, server: str) -> None:
    path = utils.get_file(origin=f"{server}/file.bin", file_hash=SHA)
    assert Path(path).read_bytes() == CONTENT


@pytest.mark.parametrize("name, reason", [("short", "100 bytes came of 7000"), ("other", "404")])
def test_a_failed_download_says_what_to_put_where(home: Path, server: str, name: str, reason: str) -> None:
    with pytest.raises(DataError, match="cannot be downloaded") as caught:
        utils.get_file("a.bin", f"{server}/{name}", file_hash=SHA)
    said = str(caught.value)
    assert reason in said and str(home / "datasets" / "a.bin") in said and f"sha256 {SHA}" in said
    assert everything(home) == set()


def test_without_a_network(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise cache.urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(cache.urllib.request, "urlopen", refuse)
    with pytest.raises(DataError, match=r"a\.bin is not in the cache.*Name or service not known") as caught:
        utils.get_file("a.bin", "https://example.org/a.bin", file_hash=MD5)
    assert f"put it at {home / 'datasets' / 'a.bin'} (md5 {MD5})" in str(caught.value)


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"origin": None}, "needs the URL"),
        ({"origin": "https://example.org/"}, "finds no file name"),
        ({"origin": "ftp://example.org/a"}, "https, http, file"),
        ({"origin": "/etc/passwd"}, "https, http, file"),
        ({"origin": "https://example.org/a", "file_hash": "abc"}, "hexadecimal"),
        ({"origin": "https://example.org/a", "file_hash": "g" * 64}, "hexadecimal"),
        ({"origin": "https://example.org/a", "file_hash": MD5, "hash_algorithm": "sha256"}, "64 hexadecimal"),
        ({"origin": "https://example.org/a", "hash_algorithm": "sha1"}, "hash_algorithm"),
    ],
)
def test_arguments(home: Path, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        utils.get_file(**arguments)
    assert not home.exists() or everything(home) == set()


def test_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "k"))
    assert cache.keras_home() == str(tmp_path / "k")
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.keras_home() == str(tmp_path / ".keras")
    monkeypatch.setattr(cache.os, "access", lambda *a: False)
    assert cache.keras_home() == os.path.join(cache.tempfile.gettempdir(), ".keras")


# Archives


def tar(path: Path, members: list[tarfile.TarInfo | tuple[str, bytes]], mode: str = "w:gz") -> str:
    with tarfile.open(path, mode) as archive:  # pyright: ignore[reportCallIssue, reportArgumentType]
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return path.as_uri()


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_archives_are_unpacked(home: Path, tmp_path: Path) -> None:
    url = tar(tmp_path / "x.tar.gz", [("top/a.txt", b"a"), ("./top/deep/b.txt", b"b")])
    folder = utils.get_file("x", url, extract=True)
    assert folder == str(home / "datasets" / "x")
    assert everything(home) == {"datasets/x_archive", "datasets/x/top/a.txt", "datasets/x/top/deep/b.txt"}
    (Path(folder) / "top" / "a.txt").write_text("changed")
    assert utils.get_file("x", url, extract=True) == folder
    assert (Path(folder) / "top" / "a.txt").read_text() == "changed"
    utils.get_file("x", url, extract=True, force_download=True)
    assert (Path(folder) / "top" / "a.txt").read_text() == "a"
    assert utils.get_file("y.tar.gz", url, extract=True) == str(home / "datasets" / "y.tar_extracted")
    assert utils.get_file("z", url, untar=True) == str(home / "datasets" / "z")


def test_zip_files(home: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("d/", "")
        archive.writestr("d/a.txt", "a")
    url = (tmp_path / "x.zip").as_uri()
    folder = utils.get_file("x", url, extract=True, archive_format=["tar", "zip"])
    assert (Path(folder) / "d" / "a.txt").read_text() == "a"
    with pytest.raises(DataError, match="not an archive"):
        utils.get_file("y", url, extract=True, archive_format="tar")
    with pytest.raises(ArgumentError, match="archive_format"):
        utils.get_file("z", url, extract=True, archive_format="rar")


@pytest.mark.parametrize(
    "members",
    [
        [("../evil", b"x")],
        [("a/../../evil", b"x")],
        [("/evil", b"x")],
        [("..\\evil", b"x")],
        [("C:evil", b"x")],
        [link("out", "/etc", tarfile.SYMTYPE), ("out/evil", b"x")],
        [link("out", "../../evil", tarfile.LNKTYPE)],
        [link("pipe", "", tarfile.FIFOTYPE)],
    ],
)
def test_nothing_is_written_outside(tmp_path: Path, members: list[Any]) -> None:
    tar(tmp_path / "x.tar", members, "w")
    before = everything(tmp_path)
    with pytest.raises(DataError):
        extract.extract_archive(str(tmp_path / "x.tar"), str(tmp_path / "in" / "x"))
    assert everything(tmp_path) == before


def test_zip_names_that_lead_out(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("ok", "a")
        archive.writestr("../evil", "a")
    with pytest.raises(DataError, match="leads out"):
        extract.extract_archive(str(tmp_path / "x.zip"), str(tmp_path / "in" / "x"))
    assert everything(tmp_path) == {"x.zip"}


def test_broken_archives(tmp_path: Path) -> None:
    tar(tmp_path / "x.tar.gz", [("a", os.urandom(5000))])
    data = (tmp_path / "x.tar.gz").read_bytes()
    (tmp_path / "x.tar.gz").write_bytes(data[:-2000])
    with pytest.raises(DataError):
        extract.extract_archive(str(tmp_path / "x.tar.gz"), str(tmp_path / "x"))
    assert not (tmp_path / "x").exists()

"""Files that are downloaded once and kept where Keras keeps them: `utils.get_file`.

They lie in `$KERAS_HOME`, or `~/.keras`, under the names that Keras gives them, so that what Keras downloaded is found
here and the other way round. A file whose hash is wrong is left as it is, for it may be the user's own (Keras replaces
it); a download takes its place only when it is complete and right.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, BinaryIO

from ..compiler.errors import ArgumentError, DataError, did_you_mean, shown
from ..runtime.files import atomic_write
from .extract import extract_archive
from .progress import Progbar

BLOCK = 1 << 20
TIMEOUT = 30.0
"""Seconds without an answer after which a download is given up."""

_SCHEMES = ("https", "http", "file")
_HASHES = ("auto", "sha256", "md5")


@dataclass(frozen=True)
class Source:
    """A published file: its name in the cache, where it comes from, the hash that it has, and its folder."""

    name: str
    url: str
    hash: str | None = None
    folder: str = "datasets"


def keras_home() -> str:
    """The folder of Keras's files: `$KERAS_HOME`, else `~/.keras`, or a temporary one where home cannot be written."""
    told = os.environ.get("KERAS_HOME")
    if told:
        return os.path.expanduser(told)
    base = os.path.expanduser("~")
    if not os.access(base, os.W_OK):
        base = tempfile.gettempdir()
    return os.path.join(base, ".keras")


def place(source: Source) -> str:
    """Where a published file is kept."""
    return os.path.join(keras_home(), source.folder, source.name)


def fetched(source: Source) -> str:
    """The path of a published file, downloaded if it is not there, its hash checked.

    Raises:
        DataError: it cannot be downloaded, or has another hash.
    """
    path = place(source)
    if os.path.isfile(path):
        check_hash(path, source.hash, source.url)
    else:
        download(source.url, path, source.hash)
    return path


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file that is downloaded if it is not in the cache yet.

    Args:
        fname: its name in the cache; by default the last part of `origin`. An absolute path is taken as it is.
        origin: URL: https, http or file.
        untar: as `extract`; use that.
        md5_hash: its MD5 hash; use `file_hash`.
        file_hash: its hash, as hexadecimal digits.
        cache_subdir: folder in the cache.
        hash_algorithm: "sha256", "md5", or "auto", by the length of `file_hash`.
        extract: whether it is an archive to unpack; the result is then the folder of its contents.
        archive_format: "tar", "zip", "auto" for both, or a list of them.
        cache_dir: the cache, by default `$KERAS_HOME` or `~/.keras`.
        force_download: whether to download it also if it is there.

    Raises:
        ArgumentError: an argument that is none of these.
        DataError: it cannot be downloaded, has another hash, or is an archive that cannot be unpacked safely. A file
            that was there is left as it was.
    """
    if origin is None:
        raise ArgumentError(
            "get_file() needs the URL of the file", received="origin=None", hint="give `origin='https://…'`."
        )
    url = urllib.parse.urlsplit(os.fspath(origin))
    name = os.path.basename(urllib.parse.unquote(url.path)) if fname is None else os.fspath(fname)
    if not name:
        raise ArgumentError("get_file() finds no file name in the URL", received=f"{origin=}", hint="give `fname='…'`.")
    if hash_algorithm not in _HASHES:
        raise ArgumentError(
            f"get_file() takes hash_algorithm as one of {', '.join(map(repr, _HASHES))}",
            received=f"{hash_algorithm=}",
            hint=did_you_mean(str(hash_algorithm), _HASHES) or None,
        )
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    _check_length(file_hash, hash_algorithm)
    home = keras_home() if cache_dir is None else os.path.expanduser(os.fspath(cache_dir))
    path = os.path.join(home, cache_subdir, name)
    if untar:
        folder = path.removesuffix(".tar.gz")
        path, extract = folder + ".tar.gz", True
    elif extract:
        # As in Keras: an archive without an ending is stored beside the folder that takes its name.
        stem, ending = os.path.splitext(path)
        folder, path = (stem + "_extracted", path) if ending else (path, path + "_archive")
    else:
        folder = path
    if os.path.isfile(path) and not force_download:
        check_hash(path, file_hash, origin)
    else:
        download(origin, path, file_hash)
    if extract and (force_download or not os.path.isdir(folder)):
        extract_archive(path, folder, archive_format)
    return folder


def check_hash(path: str, expected: str | None, url: str) -> None:
    """Raise DataError if the file has another hash than expected; it is left as it is."""
    if expected is None:
        return
    digest = hashlib.new(_algorithm(expected))
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    if digest.hexdigest() != expected.lower():
        raise DataError(
            f"the file {path} is not the one that was published: its {digest.name} is another",
            received=f"{digest.name} {digest.hexdigest()}, expected {expected}",
            hint=f"kgc leaves it as it is; move it away, and it is downloaded again from {url}.",
        )


def download(url: str, path: str, expected: str | None = None) -> None:
    """Download a file, showing progress; `path` is there only when it is complete and has the expected hash.

    Raises:
        ArgumentError: a URL of another kind.
        DataError: it cannot be had, or has another hash.
    """
    scheme = urllib.parse.urlsplit(url).scheme
    if scheme not in _SCHEMES:
        raise ArgumentError(
            f"files are downloaded by {', '.join(_SCHEMES)}", received=f"{url!r}", hint="give the URL in full."
        )
    os.makedirs(os.path.dirname(path), exist_ok=True)
    print(f"Downloading data from {url}")
    digest = hashlib.new(_algorithm(expected))
    try:
        # The scheme was checked above.
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, atomic_write(path) as file:
            _copy(answer, file, digest)
            if expected is not None and digest.hexdigest() != expected.lower():
                raise DataError(
                    f"what {url} gave is not the file that was published; it was not kept",
                    received=f"{digest.name} {digest.hexdigest()}, expected {expected}",
                    hint="try again; some networks answer with a page of their own.",
                )
    except (OSError, HTTPException) as error:
        reason: Any = error
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        elif isinstance(error, urllib.error.URLError):
            reason = error.reason
        told = f" ({_algorithm(expected)} {expected})" if expected else ""
        raise DataError(
            f"{os.path.basename(path)} is not in the cache, and cannot be downloaded: {reason}",
            received=url,
            hint=f"download it elsewhere, and put it at {path}{told}.",
        ) from error


def _copy(answer: Any, file: BinaryIO, digest: Any) -> None:
    length = answer.headers.get("Content-Length")
    total = int(length) if length is not None and length.isdigit() else None
    bar, done = Progbar(total, unit_name="byte"), 0
    try:
        while block := answer.read(BLOCK):
            file.write(block)
            digest.update(block)
            done += len(block)
            bar.update(done)
        if total is not None and done != total:
            raise OSError(f"{done} bytes came of {total}")
        if total is None:
            bar.update(done, finalize=True)
    finally:
        bar.abandon()


def _algorithm(expected: str | None) -> str:
    return "md5" if expected is not None and len(expected) == 32 else "sha256"


def _check_length(file_hash: Any, algorithm: str) -> None:
    if file_hash is None:
        return
    lengths = {"sha256": (64,), "md5": (32,), "auto": (32, 64)}[algorithm]
    if not isinstance(file_hash, str) or len(file_hash) not in lengths or not _is_hex(file_hash):
        raise ArgumentError(
            f"get_file() takes file_hash as {' or '.join(map(str, lengths))} hexadecimal digits",
            received=f"file_hash={shown(file_hash)}, hash_algorithm={algorithm!r}",
            hint="`sha256sum file` tells the SHA-256 of a file.",
        )


def _is_hex(text: str) -> bool:
    return all(letter in "0123456789abcdefABCDEF" for letter in text)

"""Unpacking archives that were downloaded, without letting them write outside the folder that they are given.

Names with `..`, absolute names, links and devices have been ways out (CVE-2024-55459, CVE-2025-12060); members that
are neither files nor folders are refused here, and the folder appears when all of it is there.
"""

from __future__ import annotations

import lzma
import os
import secrets
import shutil
import tarfile
import zipfile
import zlib
from typing import IO, Any

from ..compiler.errors import ArgumentError, DataError

_FORMATS = ("tar", "zip")
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    FileExistsError,  # a member twice, or a file where another needs a folder
    IsADirectoryError,
    NotADirectoryError,
)


def extract_archive(path: str, folder: str, archive_format: Any = "auto") -> None:
    """Unpack the tar (plain, gz, bz2, xz) or zip file at `path` into a new `folder`; one that is there is replaced.

    Raises:
        ArgumentError: another `archive_format` than "auto", "tar", "zip" or a list of them.
        DataError: it is no such archive, or has members that lead out of the folder. Nothing is left of it then.
    """
    formats = _formats(archive_format)
    if "tar" in formats and tarfile.is_tarfile(path):
        unpack = _untar
    elif "zip" in formats and zipfile.is_zipfile(path):
        unpack = _unzip
    else:
        raise DataError(
            f"{path} is not an archive that can be unpacked",
            received=f"archive_format={archive_format!r}",
            hint="kgc unpacks tar and zip files.",
        )
    temporary = f"{folder}.{secrets.token_hex(8)}.tmp"
    try:
        os.makedirs(temporary)
        try:
            unpack(path, temporary)
        except _BROKEN as error:
            raise DataError(f"the archive {path} is broken: {error}") from error
        if os.path.isdir(folder):
            shutil.rmtree(folder)
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _formats(told: Any) -> tuple[str, ...]:
    if told is None or told == "auto":
        return _FORMATS
    found = (told,) if isinstance(told, str) else tuple(told)
    if not set(found) <= set(_FORMATS):
        raise ArgumentError(
            "archive_format is 'auto', 'tar', 'zip', or a list of the last two",
            received=f"archive_format={told!r}",
            hint="leave it out.",
        )
    return found


def _untar(path: str, folder: str) -> None:
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isdir():
                os.makedirs(_inside(folder, member.name, path), exist_ok=True)
                continue
            source = archive.extractfile(member) if member.isreg() else None
            if source is None:
                raise DataError(
                    f"the archive {path} holds {member.name!r}, which is neither a file nor a folder",
                    hint="kgc does not unpack links and devices.",
                )
            with source:
                _write(source, _inside(folder, member.name, path))


def _unzip(path: str, folder: str) -> None:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            target = _inside(folder, info.filename, path)
            if info.is_dir():
                os.makedirs(target, exist_ok=True)
                continue
            with archive.open(info) as source:
                _write(source, target)


def _inside(folder: str, name: str, path: str) -> str:
    """Where a member goes; DataError if its name leads out of the folder."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if ".." in parts or name.startswith(("/", "\\")) or any(":" in part or "\0" in part for part in parts):
        raise DataError(
            f"the archive {path} holds a name that leads out of its folder", received=f"{name!r}", hint="do not use it."
        )
    return os.path.join(folder, *parts)


def _write(source: IO[bytes], target: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "xb") as file:
        shutil.copyfileobj(source, file)

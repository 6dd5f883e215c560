"""Compiled programs, kept between processes in a folder that is the user's alone.

A second process that loads an artifact neither traces, lowers nor compiles it: it takes the machine code that the first
one made.  Machine code is trusted as much as the folder it lies in, so the folder is made with mode 0700, and one that
somebody else owns or may write to is not used.  Everything on which the code depends is in its name; a file that is
damaged, or that JAX refuses, is as good as none.

The folder is `$KGC_CACHE`, else `~/.cache/kgc`; an empty `$KGC_CACHE` means no cache.  It is no place for files that
came from elsewhere.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import stat
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import serialize_executable
from jaxlib.version import __version__ as jaxlib_version

from ...compiler import errors
from ..files import atomic_write
from ..warning import warn

MOST_FILES = 256
"""Programs that are kept; then the longest unused ones go."""
MOST_BYTES = 1 << 30
_SUFFIX = ".xla"
_LARGEST = 1 << 28
VERSION: str = sys.modules[__name__.partition(".")[0]].__version__
"""That of kgc, which the package's top says: imports go down only."""


def folder() -> Path | None:
    """The cache, made if need be; None where there is none, or it is not to be trusted (with a warning)."""
    told = os.environ.get("KGC_CACHE")
    if told == "":
        return None
    place = Path(told).expanduser() if told is not None else Path(os.path.expanduser("~"), ".cache", "kgc")
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = os.stat(place)
    except OSError as error:
        if told is not None:
            _refuse(place, f"cannot be made: {error.strerror}")
        return None
    if not stat.S_ISDIR(status.st_mode):
        return _refuse(place, "is no folder")
    problem = _problem(status)
    return place if problem is None else _refuse(place, problem)


def _problem(status: os.stat_result) -> str | None:
    if not hasattr(os, "getuid"):
        return None
    if status.st_uid != os.getuid():
        return "belongs to another user"
    return "can be written by others" if status.st_mode & 0o022 else None


@functools.cache
def _refuse(place: Path, problem: str) -> None:
    """Say once that a folder is not used."""
    warn(
        f"Compiled programs are not kept: the folder {place} {problem}.",
        f"`chmod 700 {place}`, or set $KGC_CACHE to a folder of your own (empty: to none).",
    )


def program(identity: str, jitted: Any, avals: tuple[Any, ...], results: Any) -> Any:
    """`jitted` compiled for arguments of these types.

    Args:
        identity: hash of what it computes.
        avals: shapes and dtypes of its arguments, in their structure.
        results: what it returns, any leaves in that structure.
    """
    place = folder()
    if place is None:
        return jitted.lower(*avals).compile()
    device = _device()
    file = place / (_name(identity, avals, device) + _SUFFIX)
    found = _read(file, avals, results, device)
    if found is None:
        found = jitted.lower(*avals).compile()
        _write(file, found)
    return found


def _read(file: Path, avals: tuple[Any, ...], results: Any, device: Any) -> Any:
    try:
        with open(os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as opened:
            status = os.fstat(opened.fileno())
            if _problem(status) is not None or not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
                return None
            digest, data = opened.read(32), opened.read()
        if hashlib.sha256(data).digest() != digest:
            return None
        os.utime(file)
    except OSError:
        return None
    trees = jax.tree.structure((avals, {})), jax.tree.structure(results)
    try:
        return serialize_executable.deserialize_and_load(data, *trees, device.client, [device])
    except Exception:  # of whatever kind: then it is compiled
        return None


def _write(file: Path, made: Any) -> None:
    try:
        data, _, _ = serialize_executable.serialize(made)
    except Exception:  # not every platform can, and not every program
        return
    if len(data) > _LARGEST:
        return
    with contextlib.suppress(OSError):
        with atomic_write(file) as opened:
            os.chmod(opened.name, 0o600)
            opened.write(hashlib.sha256(data).digest() + data)
        _prune(file.parent)


def _prune(place: Path) -> None:
    """Remove the longest unused programs beyond what is kept."""
    rows: list[tuple[float, int, Path]] = []
    for one in place.glob(f"*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            status = one.stat()
            rows.append((status.st_mtime, status.st_size, one))
    taken = 0
    for count, (_, size, one) in enumerate(sorted(rows, reverse=True), 1):
        taken += size
        if count > MOST_FILES or taken > MOST_BYTES:
            with contextlib.suppress(OSError):
                one.unlink()


def _device() -> Any:
    """The device on which programs run that nobody told where to."""
    chosen: Any = jax.config.jax_default_device  # pyright: ignore[reportAttributeAccessIssue]
    if chosen is None or isinstance(chosen, str):
        return jax.devices(chosen)[0]
    return chosen


def _name(identity: str, avals: tuple[Any, ...], device: Any) -> str:
    """A hash of all that the machine code depends on."""
    config: Any = jax.config
    settings = [
        (name, str(getattr(config, name, None)))
        for name in (
            "jax_enable_x64",
            "jax_default_matmul_precision",
            "jax_default_prng_impl",
            "jax_threefry_partitionable",
            "jax_debug_nans",
            "jax_debug_infs",
        )
    ]
    parts = (
        identity,
        [(aval.shape, str(aval.dtype)) for aval in jax.tree.leaves(avals)],
        settings,
        (device.platform, device.device_kind, device.id, device.client.platform_version),
        (VERSION, jax.__version__, jaxlib_version, np.__version__),
        _machine(),
        sorted((name, value) for name, value in os.environ.items() if name.startswith(("XLA_", "LIBTPU_"))),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@functools.cache
def _machine() -> tuple[str, ...]:
    """What tells processors apart whose machine code differs, and versions of kgc's ops that share a number."""
    flags = ""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith(("flags", "Features", "model name", "CPU part")):
                flags += line
            elif not line and flags:  # those of the first core
                break
    sources = sorted(Path(errors.__file__).parent.rglob("*.py"))
    stamps = [(str(path), status.st_size, status.st_mtime_ns) for path in sources if (status := path.stat())]
    return platform.machine(), flags, repr(stamps)

"""Where random numbers come from: every draw has an address, and the address alone decides its values.

An address is the process-wide seed and a tuple of names and numbers ("initializer", "dense/kernel", 0). Hashing it
makes the draw independent of what else was drawn before, of the order of calls, and of the Python process (so never
Python's own `hash`, which differs from run to run).
"""

from __future__ import annotations

import hashlib
import operator
import os
import threading

import numpy as np

from ..compiler.errors import ArgumentError

_LARGEST_SEED = 2**64 - 1

_lock = threading.Lock()
_seed: int | None = None
_calls: dict[str, int] = {}


def set_seed(seed: int) -> None:
    """Set the process-wide seed (0 to 2**64 - 1), and start every counter of `next_call` again.

    Raises ArgumentError for anything but an integer in that range.
    """
    global _seed
    value = check_seed(seed)
    with _lock:
        _seed = value
        _calls.clear()


def seed() -> int:
    """The process-wide seed; drawn from the operating system on first use if `set_seed` was never called."""
    global _seed
    with _lock:
        if _seed is None:
            _seed = int.from_bytes(os.urandom(4), "little")
        return _seed


def word() -> int:
    """The process-wide seed as one 32-bit word, as addresses on the device hold it."""
    value = seed()
    return (value ^ (value >> 32)) & 0xFFFFFFFF


def generator(*address: str | int) -> np.random.Generator:
    """A generator that belongs to `address` under the process-wide seed: the same address, the same numbers."""
    return seeded_generator(seed(), *address)


def seeded_generator(seed: int, *address: str | int) -> np.random.Generator:
    """As `generator`, under a seed of the caller's own; the process-wide seed plays no part."""
    digest = hashlib.sha256()
    for part in (seed, *address):
        # Kind and length go in too, so that ("ab", "c") is not ("a", "bc") and 1 is not "1".
        text = part if isinstance(part, str) else str(operator.index(part))
        data = text.encode()
        digest.update(f"{'s' if isinstance(part, str) else 'i'}{len(data)}:".encode() + data)
    words = np.frombuffer(digest.digest(), "<u4").tolist()
    # The bit generator is named, for NumPy may one day choose another default.
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


def next_call(purpose: str) -> int:
    """0, 1, 2, …: the number of this call for `purpose`, counted from the last `set_seed`."""
    with _lock:
        count = _calls.get(purpose, 0)
        _calls[purpose] = count + 1
        return count


def calls(purpose: str) -> int:
    """How many calls for `purpose` there were: the number that `next_call` gives next."""
    with _lock:
        return _calls.get(purpose, 0)


def check_seed(seed: object) -> int:
    """`seed` as an int; ArgumentError for anything but an integer from 0 to 2**64 - 1."""
    if isinstance(seed, int | np.integer) and not isinstance(seed, bool) and 0 <= seed <= _LARGEST_SEED:
        return int(seed)
    raise ArgumentError(
        "A seed is an integer from 0 to 2**64 - 1",
        received=f"seed={seed!r}",
        hint="give an integer such as 42, or None for different numbers in every process",
    )

"""Corrupt artifacts by the thousand, in processes of their own: no crash, no error but ArtifactError, bounded memory.

    python -m tests.runtime.artifact.fuzzing --count 5000 [--seed 0] [--only 17]

Most of the damage is done with hashes that fit, as whoever can write a file can write them: to the header's values and
bytes, to the IR's text (with the ops that the header names made to fit, so that it gets past the first door), to
arrays, and to the table of parts.  Each input is loaded and verified, which runs what is left of its programs on what
is left of its recorded examples.  A process that dies, hangs, or gives another error is reported with the number of
its input, which `--only` does again.
"""

from __future__ import annotations

import argparse
import collections
import copy
import hashlib
import json
import os
import random
import re
import resource
import struct
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack

ROOM = 1 << 31
"""Bytes of address space that a process may take beyond what it has when JAX is ready."""
SECONDS = 120
"""For one input."""
CHUNK = 250
"""Inputs of one process."""


def seeds(folder: Path) -> list[Path]:
    """Whole files to begin with: a dense model, one of convolutions, one with loops and open sizes, one that trains."""
    import kgc
    from kgc import layers

    kgc.utils.set_random_seed(0)
    x = kgc.Input((5,), name="x")
    dense = kgc.Model(x, layers.Dense(2, name="head")(layers.Dense(3, activation="relu", name="first")(x)), name="net")
    dense.export(folder / "dense.kgc", platforms=("cpu",))
    x = kgc.Input((6, 6, 1), name="x")
    y = layers.BatchNormalization(name="bn")(layers.Conv2D(2, 3, activation="relu", name="conv")(x))
    kgc.Model(x, [layers.Flatten()(y), layers.GlobalMaxPooling2D()(y)]).export(folder / "conv.kgc", platforms=())
    x = kgc.Input((None,), dtype="int32", name="ids")
    y = layers.GRU(2, name="gru")(layers.Embedding(5, 3, name="embedding")(x))
    kgc.Model(x, layers.Dropout(0.5)(y, training=True)).export(folder / "loop.kgc", platforms=())
    x = kgc.Input((3,), name="x")
    line = kgc.Model(x, layers.Dense(2, name="head")(x), name="line")
    line.compile(kgc.optimizers.SGD(0.1), "mse")
    line.export(folder / "line.kgc", platforms=(), training=True)
    return [folder / f"{name}.kgc" for name in ("dense", "conv", "loop", "line")]


# Files taken apart and put together
def taken_apart(data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """The header without its table, and the parts."""
    (length,) = struct.unpack_from("<Q", data, 16)
    fields = msgpack.unpackb(data[64 : 64 + length], strict_map_key=True)
    start = -(-(64 + length) // 64) * 64
    return fields, [data[start + offset : start + offset + size] for offset, size, _ in fields.pop("parts")]


def put_together(
    fields: Any, parts: list[bytes], table: Callable[[list[Any]], Any] = list, header: Callable[[bytes], bytes] = bytes
) -> bytes:
    """A file whose hashes all fit; `table` and `header` are what is done to them before that."""
    rows: list[Any] = []
    body = b""
    for part in parts:
        body += bytes(-len(body) % 64)
        rows.append([len(body), len(part), hashlib.sha256(part).digest()])
        body += part
    packed = header(msgpack.packb({**fields, "parts": table(rows)}))  # pyright: ignore[reportArgumentType]
    head = struct.pack("<8sIIQ32s8x", b"\x89KGC\r\n\x1a\n", 1, 0, len(packed), hashlib.sha256(packed).digest()) + packed
    return head + (bytes(-len(head) % 64) + body if parts else b"")


# Damage
_VALUES: list[Any] = [
    None, True, 0, 1, -1, 2, 7, 64, 255, 2**31, 2**32, 2**40, 2**63, 2**64 - 1, 0.0, 1e300, float("nan"), "", "x", "b",
    "float32", "int32", "bool", "key", "add", "first.kernel", "\x1b[2J", "a" * 3000, b"", b"\0" * 40, [], [[]], [1, 2],
    {}, {"part": 0}, {"name": "x", "dtype": "float32", "shape": ["b", 5]},
]  # fmt: skip
_PIECES = [
    "%", "@", "(", ")", "[", "]", "{", "}", ",", "=", '"', "\n", "b", "t0", "f32", "i32", "key", "~", "-1", "0", "1",
    "2", "3", "1e9", "999999999", "inf", "nan", "None", "True", "axis=-3", "b + 1", "2*b", "return", "const", "graph",
    "// x",
    "%0", "%1", "%x", "ÿ", "()", "((), ())",
]  # fmt: skip
_TOKEN = re.compile(r"[A-Za-z_][\w.]*|%[\w.]+|-?\d+(?:\.\d+)?(?:e-?\d+)?|\S|\s+")
_OP = re.compile(r"= ([a-z_][\w.]*)\(")


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += _places(item, (*path, key))
    return found


def _holder(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value


def damage_header(fields: dict[str, Any], parts: list[bytes], chance: random.Random) -> bytes:
    """Values of the header that are others, gone, twice, or those of another place."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        places = _places(fields)
        if not places:
            break
        path = chance.choice(places)
        holder, key, what = _holder(fields, path), path[-1], chance.randrange(5)
        if what == 0:
            holder[key] = copy.deepcopy(chance.choice(_VALUES))
        elif what == 1:
            del holder[key]
        elif what == 2 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif what == 3 and type(holder[key]) is int:
            holder[key] += chance.choice((-2, -1, 1, 2, 64, 1 << 20))
        else:
            other = chance.choice(places)
            holder[key] = copy.deepcopy(_holder(fields, other)[other[-1]])
    return put_together(fields, parts)


def damage_text(fields: dict[str, Any], parts: list[bytes], chance: random.Random) -> bytes:
    """Words of the IR that are others, gone, twice or elsewhere; the header then names the ops that it has."""
    holders = [fields]
    if fields["training"] is not None:
        holders = [fields["training"], fields["training"], fields]
    holder = chance.choice(holders)
    ir = holder["step"] if "step" in holder else holder["ir"]
    words = _TOKEN.findall(parts[ir["part"]].decode())
    known = sorted(_versions())
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        at, what = chance.randrange(len(words)), chance.randrange(7)
        if what == 0:
            words[at] = chance.choice(_PIECES)
        elif what == 1:
            words[at] = chance.choice(words)
        elif what == 2:
            words.insert(at, chance.choice(_PIECES))
        elif what == 3 and len(words) > 8:
            del words[at : at + chance.choice((1, 1, 2, 5))]
        elif what == 4:
            end = at + chance.randrange(1, 30)
            words[at:at] = words[at:end]
        else:  # the same kind of word: this gets furthest
            like = [word for word in words if word[0].isdigit() == words[at][0].isdigit() and word != words[at]]
            named = words[at] in known
            words[at] = chance.choice(known if named else like or words)
    text = "".join(words)
    if chance.random() < 0.8:
        ir["ops"] = {name: _versions().get(name, 1) for name in _OP.findall(text)}
    parts[ir["part"]] = text.encode()
    return put_together(fields, parts)


def damage_parts(fields: dict[str, Any], parts: list[bytes], chance: random.Random) -> bytes:
    """Bytes of parts that are others, fewer, or more."""
    for _ in range(chance.choice((1, 2))):
        number = chance.randrange(len(parts))
        data, what = bytearray(parts[number]), chance.randrange(4)
        if what == 0 and data:
            for _ in range(chance.choice((1, 3, 20))):
                data[chance.randrange(len(data))] = chance.randrange(256)
        elif what == 1:
            data = data[: chance.randrange(len(data) + 1)]
        elif what == 2:
            data += chance.randbytes(chance.choice((1, 4, 64)))
        else:
            data = bytearray(chance.randbytes(len(data)))
        parts[number] = bytes(data)
    return put_together(fields, parts)


def damage_table(fields: dict[str, Any], parts: list[bytes], chance: random.Random) -> bytes:
    """A table of parts that says something else."""

    def table(rows: list[Any]) -> Any:
        row = chance.choice(rows)
        column = chance.randrange(3)
        row[column] = chance.choice([*_VALUES, row[chance.randrange(3)], row[0] + 64, row[1] * 2])
        return chance.choice((rows, rows, rows[:-1], [*rows, rows[0]], rows[::-1]))

    return put_together(fields, parts, table=table)


def damage_msgpack(fields: dict[str, Any], parts: list[bytes], chance: random.Random) -> bytes:
    """Bytes of the header that are others, with a hash that fits."""

    def header(data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(chance.choice((1, 2, 8))):
            changed[chance.randrange(len(changed))] = chance.choice(
                (0xC1, 0xDD, 0xDF, 0xC6, 0xC9, chance.randrange(256))
            )
        return bytes(changed[: chance.choice((len(changed), chance.randrange(len(changed))))])

    return put_together(fields, parts, header=header)


def damage_bytes(fields: dict[str, Any], parts: list[bytes], chance: random.Random) -> bytes:
    """Flipped bits, cuts and additions, the hashes left as they were."""
    data = bytearray(put_together(fields, parts))
    what = chance.randrange(3)
    if what == 0:
        for _ in range(chance.choice((1, 1, 4))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif what == 1:
        del data[chance.randrange(len(data)) :]
    else:
        data += chance.randbytes(chance.choice((1, 64, 1000)))
    return bytes(data)


KINDS: dict[str, tuple[Callable[..., bytes], int]] = {
    "header": (damage_header, 3),
    "text": (damage_text, 5),
    "parts": (damage_parts, 2),
    "table": (damage_table, 1),
    "msgpack": (damage_msgpack, 2),
    "bytes": (damage_bytes, 1),
}
"""What is done, and how often."""


def _versions() -> dict[str, int]:
    from kgc.compiler.op import REGISTRY

    return {name: op.version for name, op in REGISTRY.items()}


def made(wholes: list[bytes], seed: int, number: int) -> tuple[str, bytes]:
    """The input of that number: what was done to a file, and the file."""
    chance = random.Random(f"{seed} {number}")
    names = [name for name, (_, often) in KINDS.items() for _ in range(often)]
    kind = chance.choice(names)
    fields, parts = taken_apart(chance.choice(wholes))
    return kind, KINDS[kind][0](fields, parts, chance)


# In a process of its own
def outcome(place: Path, data: bytes) -> str:
    """ "refused", "ran", or the error that it must not give."""
    import kgc
    from kgc.compiler.errors import ArtifactError

    place.write_bytes(data)
    try:
        kgc.load(place).verify()
    except ArtifactError as error:
        return "refused" if error.what else "refused without a word"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]
    return "ran"


def _child(folder: Path, seed: int, numbers: list[int]) -> None:
    """Work through inputs, telling what is begun and how it ended, a line of JSON each."""
    import jax

    warnings.simplefilter("ignore")
    wholes = [path.read_bytes() for path in sorted(folder.glob("*.kgc"))]
    place = folder / f"{os.getpid()}.damaged"
    for whole in wholes:  # everything is loaded and warm before memory is counted
        if outcome(place, whole) != "ran":
            raise SystemExit("a whole file does not run")
    jax.clear_caches()
    with open("/proc/self/statm") as file:
        virtual = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (virtual + ROOM, virtual + ROOM))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in numbers:
        kind, data = made(wholes, seed, number)
        print(json.dumps({"began": number, "kind": kind}), flush=True)
        start = time.perf_counter()
        found = outcome(place, data)
        row = {"number": number, "kind": kind, "found": found, "seconds": time.perf_counter() - start}
        print(json.dumps(row), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    place.unlink(missing_ok=True)
    print(json.dumps({"before": before, "peak": peak}), flush=True)


def work(folder: Path, seed: int, numbers: list[int]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The outcome of each input, and the memory (KiB) of each process; an input that ends its process says how."""
    rows: list[dict[str, Any]] = []
    memory: list[dict[str, Any]] = []
    left = list(numbers)
    environment = {**os.environ, "KGC_CACHE": "", "JAX_PLATFORMS": "cpu"}
    while left:
        chunk = left[:CHUNK]
        command = [sys.executable, __file__, "--child", str(folder), str(seed), *map(str, chunk)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS * 10, env=environment)
            output, status = done.stdout, done.returncode
        except subprocess.TimeoutExpired as error:
            output = error.stdout.decode() if isinstance(error.stdout, bytes) else error.stdout or ""
            status = "did not end"
        lines = [json.loads(line) for line in output.splitlines() if line.endswith("}")]
        ended = [line for line in lines if "number" in line]
        began = [line for line in lines if "began" in line]
        memory += [line for line in lines if "peak" in line]
        rows += ended
        if status == 0:
            left = left[len(chunk) :]
            continue
        if not began:
            raise SystemExit(f"the process fails before its first input: {status}")
        last = began[-1]
        rows.append({"number": last["began"], "kind": last["kind"], "found": f"crashed: {status}", "seconds": 0.0})
        left = left[left.index(last["began"]) + 1 :]
    return rows, memory


def main() -> int:
    """1 where something else than ArtifactError came of an input."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="this input, in this process, with its traceback")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seeds(folder)
        if options.only is not None:
            import kgc

            wholes = [path.read_bytes() for path in sorted(folder.glob("*.kgc"))]
            kind, data = made(wholes, options.seed, options.only)
            (folder / "one").write_bytes(data)
            print(kind)
            kgc.load(folder / "one").verify()
            return 0
        start = time.perf_counter()
        rows, memory = work(folder, options.seed, list(range(options.count)))
        wrong = [row for row in rows if row["found"] not in ("refused", "ran")]
        for kind in KINDS:
            counts = collections.Counter(
                row["found"] if row["found"] in ("refused", "ran") else "wrong" for row in rows if row["kind"] == kind
            )
            print(f"{kind:8} {sum(counts.values()):6}  " + ", ".join(f"{counts[k]} {k}" for k in sorted(counts)))
        slowest = max(rows, key=lambda row: row["seconds"])
        grown = max((one["peak"] - one["before"] for one in memory), default=0) // 1024
        peak = max((one["peak"] for one in memory), default=0) // 1024
        crashes = sum(row["found"].startswith("crashed") for row in rows)
        print(
            f"{len(rows)} inputs, {crashes} crashes, {len(wrong) - crashes} other errors, in "
            f"{time.perf_counter() - start:.0f} s; slowest {slowest['seconds']:.1f} s (input {slowest['number']}); "
            f"peak memory {peak} MiB, {grown} MiB above a process that has run the whole files"
        )
        for row in wrong[:20]:
            print(f"  {row['number']} ({row['kind']}): {row['found']}")
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(Path(sys.argv[2]), int(sys.argv[3]), list(map(int, sys.argv[4:])))
        sys.exit(0)
    sys.exit(main())

"""Files that are cut, flipped, or lie: each gives a ArtifactError, or is what it was.

Some attacks are on the bytes; others have hashes that fit, as whoever can write a file can write them.
"""

from __future__ import annotations

import copy
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import kgc
from kgc import layers
from kgc.compiler.errors import ArtifactError
from kgc.runtime.artifact import checked, container
from kgc.runtime.artifact.container import Container

from . import fuzzing
from .fuzzing import taken_apart


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    x = kgc.Input((5,), name="x")
    model = kgc.Model(x, layers.Dense(2, name="head")(layers.Dense(3, activation="relu", name="first")(x)), name="net")
    path = tmp_path_factory.mktemp("artifact") / "m.kgc"
    model.export(path, platforms=("cpu",))
    return path.read_bytes()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "m.kgc"


X = np.linspace(-1, 1, 10, dtype=np.float32).reshape(2, 5)


def outcome(place: Path, data: bytes, trust: bool = False) -> str:
    """What loading and running gives: "refused", or "ran"."""
    place.write_bytes(data)
    try:
        loaded = kgc.load(place, trust=trust)
        loaded.verify()
        loaded(X)
        if trust:
            loaded.exported("cpu")
    except ArtifactError:
        return "refused"
    return "ran"


def test_the_file_itself_is_whole(whole: bytes, place: Path) -> None:
    assert outcome(place, whole) == "ran"


_slow = settings(max_examples=150, suppress_health_check=list(HealthCheck))


@_slow
@given(at=st.integers(0, 10**9), bit=st.integers(0, 7), trust=st.booleans())
def test_every_flipped_bit_is_noticed(whole: bytes, place: Path, at: int, bit: int, trust: bool) -> None:
    data = bytearray(whole)
    data[at % len(data)] ^= 1 << bit
    assert outcome(place, bytes(data), trust) == "refused"


@_slow
@given(length=st.integers(0, 10**9), more=st.binary(max_size=80))
def test_every_cut_or_longer_file_is_noticed(whole: bytes, place: Path, length: int, more: bytes) -> None:
    assert outcome(place, whole[: length % len(whole)]) == "refused"
    if more:
        assert outcome(place, whole + more) == "refused"


@_slow
@given(data=st.binary(max_size=300))
def test_any_bytes(place: Path, data: bytes) -> None:
    assert outcome(place, data) == "refused"
    assert outcome(place, container.MAGIC + data) == "refused"
    head = struct.pack("<8sIIQ32s8x", container.MAGIC, 1, 0, len(data), hashlib.sha256(data).digest())
    assert outcome(place, head + data) == "refused"


def put_together(fields: Any, parts: list[bytes], table: Any = None) -> bytes:
    """A file whose hashes all fit."""
    return fuzzing.put_together(fields, parts, table=list if table is None else lambda rows: table)


def test_taken_apart_and_put_together(whole: bytes) -> None:
    assert put_together(*taken_apart(whole)) == whole


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a nested value."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += paths(item, (*path, key))
    return found


_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 12),
    st.sampled_from([2**31, 2**40, 2**63, -(2**63)]),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["x", "b", "float32", "bool", "int8", "dense.kernel", "add", "\x1b[2J"]),
    st.binary(max_size=5),
    st.lists(st.integers(-1, 70), max_size=4),
    st.dictionaries(st.text(max_size=3), st.integers(0, 3), max_size=2),
)


@_slow
@given(data=st.data(), what=st.sampled_from(["replace", "remove", "twice"]), value=_values)
def test_headers_that_lie(whole: bytes, place: Path, data: st.DataObject, what: str, value: Any) -> None:
    fields, parts = taken_apart(whole)
    path = data.draw(st.sampled_from(paths(fields)))
    holder = fields
    for key in path[:-1]:
        holder = holder[key]
    if what == "replace":
        holder[path[-1]] = value
    elif what == "remove":
        del holder[path[-1]]
    elif isinstance(holder, list):
        holder.append(copy.deepcopy(holder[path[-1]]))
    else:
        holder[f"{path[-1]}2"] = holder[path[-1]]
    outcome(place, put_together(fields, parts))  # refused or run, but nothing else


@_slow
@given(data=st.data(), value=st.one_of(st.integers(-70, 2**64 - 1), st.binary(max_size=33), st.none()))
def test_tables_that_lie(whole: bytes, place: Path, data: st.DataObject, value: Any) -> None:
    fields, parts = taken_apart(whole)
    table = msgpack.unpackb(whole[64 : 64 + struct.unpack_from("<Q", whole, 16)[0]])["parts"]
    row, column = data.draw(st.integers(0, len(table) - 1)), data.draw(st.integers(0, 2))
    before = table[row][column]
    table[row][column] = value
    assert before == value or outcome(place, put_together(fields, parts, table)) == "refused"


LINE = "  %0: f32[b, 3] = matmul(%x, %first.kernel)"


@_slow
@given(
    data=st.data(),
    piece=st.sampled_from(
        ["%", "@", "(", ")", "[", "]", "{", "}", ",", "=", '"', "b", "b0", "f32", "-1", "1e9", "inf", "nan", "None",
         "matmul", "relu", "scan", "extern", "axis=-3", "shape=(b, 3)", "//", "\n", "graph", "return %x", "const", "ÿ"]
    ),
)  # fmt: skip
def test_texts_that_lie(whole: bytes, place: Path, data: st.DataObject, piece: str) -> None:
    fields, parts = taken_apart(whole)
    number = fields["ir"]["part"]
    text = parts[number].decode()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 12)))
    parts[number] = (text[:start] + piece + text[end:]).encode()
    outcome(place, put_together(fields, parts))


@settings(_slow, max_examples=15)
@given(data=st.data())
def test_weights_may_be_any_numbers(whole: bytes, place: Path, data: st.DataObject) -> None:
    fields, parts = taken_apart(whole)
    number = fields["params"][0]["part"]
    parts[number] = data.draw(st.binary(min_size=len(parts[number]), max_size=len(parts[number])))
    outcome(place, put_together(fields, parts))


def edited(whole: bytes, edit: Callable[[dict[str, Any], list[bytes]], None]) -> bytes:
    fields, parts = taken_apart(whole)
    edit(fields, parts)
    return put_together(fields, parts)


def with_text(text: str, **ops: int) -> Callable[[dict[str, Any], list[bytes]], None]:
    def edit(fields: dict[str, Any], parts: list[bytes]) -> None:
        parts[fields["ir"]["part"]] = text.encode()
        fields["ir"]["ops"] = ops
        fields["params"], fields["stablehlo"] = [], {}
        fields["signature"]["outputs"] = fields["signature"]["inputs"]

    return edit


def simple(body: str, before: str = "") -> str:
    return before + "graph @net(%x: f32[b, 5]) -> (f32[b, 5]) {\n" + body + "\n  return %x\n}\n"


def unfolding(levels: int) -> str:
    """Regions that each hold the one before twice: 2**levels nodes in a few lines."""
    text = "graph @r0(%x: f32[b, 5]) -> (f32[b, 5]) {\n  return %x\n}\n"
    for level in range(levels):
        body = f"true=@r{level}, false=@r{level}"
        text += (
            f"graph @r{level + 1}(%x: f32[b, 5]) -> (f32[b, 5]) {{\n  const %c: bool[] = True\n"
            f"  %0: f32[b, 5] = cond(%c, [%x], {body})\n  return %0\n}}\n"
        )
    return text


SAYS = {
    "nothing": ("", {}, "does not hold"),
    "an op that is not": (simple("  %0: f32[] = os.system()"), {"os.system": 1}, "does not have the op"),
    "an op of tomorrow": (simple("  %0: f32[b, 5] = relu(%x)"), {"relu": 2}, "newer kgc"),
    "an op of yesterday": (simple("  %0: f32[b, 5] = relu(%x)"), {"relu": 0}, "meant before"),
    "ops that it does not use": (simple(""), {"relu": 1}, "other ops"),
    "ops that it does not name": (simple("  %0: f32[b, 5] = relu(%x)"), {}, "other ops"),
    "a wrong type": (simple("  %0: f32[b, 6] = relu(%x)"), {"relu": 1}, "its rule says"),
    "a function of this process": (
        simple('  %0: f32[b, 5] = extern([%x], sha="0123456789abcdef")'), {"extern": 1}, "does not",
    ),
    "a huge tensor": (
        simple("  %0: f32[99999999999, 9999999] = full(shape=(99999999999, 9999999), fill_value=0.0)"),
        {"full": 1},
        "a tensor of type",
    ),
    "a deep size": (simple("  %0: f32[" + "(" * 5000 + "b" + ")" * 5000 + "] = relu(%x)"), {"relu": 1}, "no dimension"),
    "a wide size": (
        simple("  %0: f32[" + "*".join(["(a+b+c+d+e+f+g+h)"] * 40) + "] = relu(%x)"), {"relu": 1}, "no dimension",
    ),
    "endless reflections": (
        simple('  %0: f32[b, 5] = pad(%x, pad_width=((0, 0), (0, 99999999999)), mode="reflect")'),
        {"pad": 1},
        "at most 256 times",
    ),
    "a nested attribute": (simple("  %0: f32[b, 5] = reshape(%x, " + "(" * 99999), {"reshape": 1}, "nested too deeply"),
    "a long number": (simple("  %0: f32[b, 5] = add(%x, " + "9" * 100_000 + ")"), {"add": 1}, "no number"),
    "a negative zero-sized constant": (simple("  const %c: f32[-1, 0] = []"), {}, "does not hold"),
    "another name twice": (simple("  param %x: f32[5]"), {}, "defined twice"),
}  # fmt: skip


@pytest.mark.parametrize("what", SAYS)
def test_refuses(whole: bytes, place: Path, what: str) -> None:
    text, ops, says = SAYS[what]
    place.write_bytes(edited(whole, with_text(text, **ops)))
    with pytest.raises(ArtifactError, match=says):
        kgc.load(place)


def test_regions_cannot_unfold(whole: bytes, place: Path) -> None:
    for levels, says in ((14, "unfold to"), (40, "nested more than")):
        text = unfolding(levels) + simple("  const %c: bool[] = True\n  %0: f32[b, 5] = cond(%c, [%x], true=@r"
                                          f"{levels}, false=@r{levels})")  # fmt: skip
        place.write_bytes(edited(whole, with_text(text, cond=1)))
        with pytest.raises(ArtifactError, match=says):
            kgc.load(place)


def test_extern_of_this_process_is_not_reached(whole: bytes, place: Path) -> None:
    from kgc.compiler.extern import extern

    sha = extern.samples[0][1]
    text = simple(f'  %0: f32[b, 5] = extern([%x], sha="{sha}")')
    place.write_bytes(edited(whole, with_text(text, extern=1)))
    for trust in (False, True):
        with pytest.raises(ArtifactError, match="other functions"):
            kgc.load(place, trust=trust)


def test_types_are_checked_for_a_bounded_time(whole: bytes, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10**9, 1000))
    monkeypatch.setattr(checked.time, "monotonic", lambda: next(clock))
    place.write_bytes(whole)
    with pytest.raises(ArtifactError, match="longer to check"):
        kgc.load(place)


def test_truth_values_are_zeros_and_ones(whole: bytes, place: Path) -> None:
    text = "graph @net(%x: f32[b, 5]) -> (f32[b, 5]) {\n  param %p: bool[4]\n  return %x\n}\n"

    def edit(fields: dict[str, Any], parts: list[bytes]) -> None:
        with_text(text)(fields, parts)
        parts.append(b"\x00\x01\x02\x01")
        fields["params"] = [{"name": "p", "dtype": "bool", "shape": [4], "part": len(parts) - 1}]

    place.write_bytes(edited(whole, edit))
    loaded = kgc.load(place)
    with pytest.raises(ArtifactError, match="truth values"):
        loaded(X)


def test_nothing_is_read_that_the_file_does_not_have(place: Path) -> None:
    place.write_bytes(struct.pack("<8sIIQ32s8x", container.MAGIC, 1, 0, 2**62, bytes(32)))
    with pytest.raises(ArtifactError, match="the file has 64"):
        Container(place)


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="folder"):
        kgc.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        kgc.load(tmp_path / "none.kgc")
    (tmp_path / "a.kgc").write_bytes(b"KGC\n\x1a\n" + bytes(80))
    with pytest.raises(ArtifactError, match="text mode"):
        kgc.load(tmp_path / "a.kgc")
    (tmp_path / "b.kgc").write_bytes(struct.pack("<8sIIQ32s8x", container.MAGIC, 2, 0, 0, bytes(32)))
    with pytest.raises(ArtifactError, match="newer"):
        kgc.load(tmp_path / "b.kgc")

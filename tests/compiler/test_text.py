"""Text: what is printed parses back to an equal graph; malformed text is an error that names its line, and no other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings

from kgc.compiler import dims, equality, printer
from kgc.compiler.errors import IRError
from kgc.compiler.graph import Graph
from kgc.compiler.ir import Node, Value
from kgc.compiler.op import REGISTRY, Op, Tensor, Trait, op
from kgc.compiler.parser import parse
from kgc.compiler.tensor import OPERATORS
from kgc.compiler.types import parse_type, tensor_type
from kgc.compiler.verifier import verify

from .strategies import graphs

FULL = """graph @body(%c: f32[b], %x: f32[b], %w: f32[]) -> (f32[b], f32[b]) {
  %0: f32[b] = multiply(%x, %w)
  %1: f32[b] = add(%c, %0)
  return %1, %0
}

graph @main(%x: f32[b, 2*t0], %"a b": bf16[b, floordiv(t1, 2), 4], %key: key[]) -> (first: f32[b], o2: f32[4]) {
  param %w: f32[4, 4]
  state %s: f32[4]
  const %c: f32[4] = [1.0, -0.0, inf, nan]
  const %d: i32[2, 2] = [[1, 2], [3, 4]]
  const %e: ~f32[] = 2.0
  const %f: bool[1] = [True]
  %0: f32[b, 4] = matmul(%x, %w)  loc("model.py":7, "dense")
  %1: f32[b, 4] = where(%f, %0, 1.0)
  %2: f32[b], %3: f32[4, b] = scan(body=@body, init=[%0], xs=[%1], invariants=[%e], length=2, reverse=True)
  %4: f32[b, 4] = getitem(%1, key=(slice(None, None, -1), ..., None))
  %5: bf16[b, 2*t0, 3] = full(shape=(b, 2*t0, 3), fill_value=-1e-300, dtype="bfloat16")
  return %2, %c
  assign %s = %c
}"""


def back(graph: Graph, *, locations: bool = False) -> Graph:
    return parse(printer.text(graph, locations=locations), printer.external_constants(graph))


@settings(max_examples=100)
@given(graphs(strange_names=True))
def test_random_graphs_read_back(graph: Graph) -> None:
    verify(graph)
    again = back(graph)
    assert equality.difference(graph, again) is None
    assert str(again) == str(graph)
    assert again.digest() == graph.digest() and hash(again) == hash(graph)
    assert equality.difference(graph, back(graph, locations=True), locations=True) is None
    verify(again)


def test_a_region_does_not_take_the_name_of_its_graph() -> None:
    graph = parse(FULL.replace("@main", "@other"))
    graph.name = "body"
    text = str(graph)
    assert "graph @body_1(" in text and "body=@body_1" in text
    assert equality.difference(graph, parse(text)) is None and str(parse(text)) == text


@pytest.fixture
def anything() -> Iterator[Op]:
    """An op that takes any attribute, for the time of a test."""

    @op(Trait.ELEMENTWISE, samples=[("f32[]",)])
    def anything(x: Tensor, value: Any = 0, other: Any = None) -> Tensor:
        return x

    yield anything
    del REGISTRY["anything"], OPERATORS["anything"]


ATOMS = st.one_of(
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from([True, False, None, Ellipsis, 1, 1.0, 0.0, -0.0, 1e-300, math.inf, -math.inf, math.nan]),
    st.sampled_from(["%x", "@y", 'a "quoted" word', "\\", "\n", "// no comment", "f32[b, 3]", "loc(", "slice", "inf"]),
    st.sampled_from(["b", "t0", "2*t0 + 1", "b*t0", "floordiv(t0, 2)", "mod(t0, 3)", "max(t0, 4)", "t0^2"]).map(
        lambda text: dims.parse(text, {"b": dims.symbol("b0"), "t0": dims.symbol("t0")})
    ),
)
BOUND = st.none() | st.integers() | st.just(dims.symbol("t0"))
ATTRIBUTES = st.recursive(
    ATOMS | st.builds(slice, BOUND, BOUND, BOUND),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)


@settings(max_examples=300)
@given(first=ATTRIBUTES, second=ATTRIBUTES)
def test_every_attribute_reads_back(first: Any, second: Any) -> None:
    graph = with_attributes(first, second)
    again = parse(str(graph))
    assert equality.difference(graph, again) is None
    assert str(again) == str(graph)


def with_attributes(*values: Any) -> Graph:
    x = Value(parse_type("f32[]"), name="x")
    node = Node(REGISTRY["anything"], (x,), values, (x.type,))
    return Graph("main", [x], (), (), {}, [node], node.results)


test_every_attribute_reads_back = pytest.mark.usefixtures("anything")(test_every_attribute_reads_back)


@pytest.mark.usefixtures("anything")
@pytest.mark.parametrize(
    ("left", "right"),
    [(1, 1.0), (1, True), (0.0, -0.0), ("1", 1), (None, "None"), ((), None), ((1,), 1), (slice(None), (None,) * 3)],
)
def test_attributes_of_different_types_are_different(left: Any, right: Any) -> None:
    one, other = with_attributes(left, 0), with_attributes(right, 0)
    assert one != other and one.digest() != other.digest() and str(one) != str(other)
    assert back(one) == one != back(other)


def test_layout() -> None:
    """The text is the one that people have read and written: it does not change by itself."""
    graph = parse(FULL)
    assert printer.text(graph, locations=True) == FULL
    assert "loc(" not in str(graph)


def test_attributes_at_their_default_are_left_out() -> None:
    head = "graph @main(%x: f32[b, 3]) -> (f32[b, 3]) {\n"
    for written, shown in (("axis=-1", ""), ("axis=0", ", axis=0"), ("axis=(0, 1)", ", axis=(0, 1)")):
        text = f"{head}  %0: f32[b, 3] = softmax(%x, {written})\n  return %0\n}}"
        assert f"softmax(%x{shown})" in str(parse(text))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "int8", "uint32", "bool"])
def test_constants_read_back_to_the_bit(dtype: str) -> None:
    type_ = tensor_type((2, 8), dtype)
    numbers = np.random.default_rng(0).normal(size=(2, 8)) * 1e3
    array = (numbers > 0 if dtype == "bool" else np.abs(numbers % 100)).astype(type_.aval.dtype)
    if dtype.endswith(("16", "32")) and dtype[0] in "fb":
        array[0, :4] = [np.nan, np.inf, -0.0, 1e-7]
    value = Value(type_, name="c")
    graph = Graph("main", (), (), (), {value: array}, (), [value])
    (made,) = parse(str(graph)).consts.values()
    assert made.dtype == array.dtype and made.tobytes() == array.tobytes()


def test_constants_are_short() -> None:
    value = Value(tensor_type((3,), "float32"), name="c")
    graph = Graph("main", (), (), (), {value: np.array([0.1, 1 / 3, 1e-8], "float32")}, (), [value])
    assert "= [0.1, 0.33333334, 1e-08]" in str(graph)


def test_large_constants_live_beside_the_text() -> None:
    array = np.arange(65, dtype="float32")
    value = Value(tensor_type((65,), "float32"), name="c")
    graph = Graph("main", (), (), (), {value: array}, (), [value])
    (sha,) = beside = printer.external_constants(graph)
    assert f"const %c: f32[65] {sha}" in str(graph)
    assert parse(str(graph), beside) == graph
    with pytest.raises(IRError, match=r"line 2 .* does not come with the text"):
        parse(str(graph))
    with pytest.raises(IRError, match=r"line 2 .* is float32\[3\], not f32\[65\]"):
        parse(str(graph), {sha: array[:3]})
    assert printer.constant_name(array) != printer.constant_name(array.astype("int32"))
    assert printer.constant_name(array) != printer.constant_name(array.reshape(5, 13))


def test_large_constants_of_regions_are_found() -> None:
    value = Value(tensor_type((65,), "float32"), name="c")
    x = Value(parse_type("f32[65]"), name="x")
    region = Graph("yes", [x], (), (), {value: np.ones(65, "float32")}, (), [value])
    p = Value(parse_type("bool[]"), name="p")
    node = Node(REGISTRY["cond"], (p, (x,)), (region, region), (x.type,))
    graph = verify(Graph("main", [p, x], (), (), {}, [node], node.results))
    assert len(printer.external_constants(graph)) == 1 and back(graph) == graph
    assert str(graph).count("graph @yes") == 1


def test_two_regions_of_one_name_are_told_apart() -> None:
    text = """graph @f(%x: f32[]) -> (f32[]) {
  %0: f32[] = sin(%x)
  return %0
}

graph @g(%x: f32[]) -> (f32[]) {
  %0: f32[] = cos(%x)
  return %0
}

graph @main(%p: bool[], %x: f32[]) -> (f32[]) {
  %0: f32[] = cond(%p, [%x], true=@f, false=@g)
  return %0
}"""
    graph = parse(text)
    assert str(graph) == text
    for region in graph.nodes[0].regions():
        region.name = "f"
    assert back(graph) == graph and "graph @f_1(" in str(graph)


def test_the_name_of_a_graph_does_not_count() -> None:
    one, other = parse(FULL), parse(FULL.replace("@main", '@"another name"').replace("@body", "@b"))
    assert one == other and one.digest() == other.digest()
    assert one != parse(FULL.replace("%w", "%weights"))


def test_comments_and_blanks_are_skipped() -> None:
    spread = FULL.replace("\n", "  // %0 = nothing\n\n \t").replace(" = ", "=").replace(", ", " ,\n ")
    assert parse(f"// a graph\n{spread}\n// end") == parse(FULL)


BAD = [
    ("", 1, "`graph @name"),
    ("graph", 1, "`@` is expected"),
    ("graph @m(", 1, "`%` is expected before the end of the text"),
    (FULL.replace("-> (first", "(first"), 7, "`->` is expected"),
    (FULL.replace("matmul(%x, %w)", "matmull(%x, %w)"), 14, "there is no op 'matmull'"),
    (FULL.replace("matmul(%x, %w)", "matmul(%x)"), 14, "matmul lacks 'x2'"),
    (FULL.replace("matmul(%x, %w)", "matmul(%x, %w, %w)"), 14, "matmul takes 2 arguments"),
    (FULL.replace("matmul(%x, %w)", "matmul(%x, x1=%w)"), 14, "matmul has no place for 'x1'"),
    (FULL.replace("matmul(%x, %w)", "matmul(%x, %nothing)"), 14, "%nothing is not defined before"),
    (FULL.replace("matmul(%x, %w)", "matmul(%x, None)"), 14, "`None` cannot be an operand"),
    (FULL.replace("matmul(%x, %w)", 'matmul(%x, "w")'), 14, "`w` cannot be an operand"),
    (FULL.replace("%1: f32[b, 4] =", "%0: f32[b, 4] ="), 15, "%0 is defined twice"),
    (FULL.replace("%1: f32[b, 4] =", "%1: f33[b, 4] ="), 15, "is no type"),
    (FULL.replace("%1: f32[b, 4] =", "%1: f32[b, 4.0] ="), 15, "is no dimension"),
    (FULL.replace("%1: f32[b, 4] =", "%1: f32[b, t0//0] ="), 15, "is no dimension"),
    (FULL.replace("%1: f32[b, 4] =", "%1: f32[b, t0.x] ="), 15, "is no dimension"),
    (FULL.replace("%1: f32[b, 4] =", "%1: f32[b, __import__('os')] ="), 15, "is no dimension"),
    (FULL.replace("%1: f32[b, 4] =", "%1 ="), 15, "`:` is expected"),
    (FULL.replace("body=@body", "body=@other"), 16, "no graph @other stands before"),
    (FULL.replace("invariants=[%e]", "invariants=%e"), 16, "`[` is expected"),
    (FULL.replace("length=2", "length=$"), 16, "is no dimension"),
    (FULL.replace("length=2", "size=2"), 16, "scan has no place for 'size'"),
    (FULL.replace("slice(None, None, -1)", "slice(None)"), 17, "a slice has three parts"),
    (FULL.replace("-1e-300", '"\\u12"'), 18, "is no string"),
    (FULL.replace("-1e-300", "(" * 100), 18, "nested too deeply"),
    (FULL.replace("[1.0, -0.0, inf, nan]", "[1.0, -0.0]"), 10, "the numbers do not make a f32[4]"),
    (FULL.replace("[1.0, -0.0, inf, nan]", "[1.0, x]"), 10, "a number is expected"),
    (FULL.replace("[1.0, -0.0, inf, nan]", "[" * 100), 10, "nested too deeply"),
    (FULL.replace("[[1, 2], [3, 4]]", "[[1, 2], [3]]"), 11, "the numbers do not make a i32[2, 2]"),
    (FULL.replace("[[1, 2], [3, 4]]", "[[1, 2], [3, 99999999999]]"), 11, "the numbers do not make a i32[2, 2]"),
    (FULL.replace("%f: bool[1]", "%f: key[]"), 13, "a constant cannot be key[]"),
    (FULL.replace("%f: bool[1]", "%f: bool[b]"), 13, "a constant cannot be bool[b"),
    (FULL.replace("return %2, %c", "return %2"), 21, "returns ['f32[b"),
    (FULL.replace("first: f32[b]", "f32[b]"), 7, "either every output has a name or none"),
    (FULL.replace("assign %s = %c", "assign %s %c"), 20, "`=` is expected"),
    (FULL.replace('loc("model.py":7', 'loc("model.py":x'), 14, "is no number"),
    (FULL[:-1], 21, "`}` is expected"),
    (FULL + "\n" + FULL, 22, "a graph @body exists"),
    (FULL + "\nnonsense", 22, "`graph @name"),
]


@pytest.mark.parametrize(("text", "line", "words"), BAD, ids=[words for _, _, words in BAD])
def test_malformed_text_names_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(IRError) as caught:
        parse(text)
    assert caught.value.what.startswith(f"line {line} of the IR text: ")
    assert words in caught.value.what


PIECES = """
% @ ( ) [ ] { } , " = : -> b t0 f32 key[] const param ~ return assign loc slice ... 1 -1 1e999 nan True None \\ //
sha256: 2*t0 ** ^ floordiv mod( é \0 graph "\\ud800" c64[ 0x1 1_0 t0//0 999999999999999999999999999999""".split()
CUTS = st.tuples(st.integers(0, len(FULL)), st.integers(0, 12), st.sampled_from(["", *PIECES]) | st.text(max_size=3))


@settings(max_examples=400)
@given(st.lists(CUTS, min_size=1, max_size=3))
@example([(0, len(FULL), "graph @m() -> () {return}")])
def test_no_text_does_anything_but_parse_or_be_refused(cuts: list[tuple[int, int, str]]) -> None:
    text = FULL
    for at, length, piece in cuts:
        text = text[:at] + piece + text[at + length :]
    try:
        graph = parse(text)
    except IRError as error:
        assert error.what.startswith("line ")
    else:
        assert back(graph) == graph

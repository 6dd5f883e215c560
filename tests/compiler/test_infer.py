"""The shape and dtype rule where sizes are unknown: what must agree is found, guarded, or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from kgc.compiler import infer, interpret, ops  # noqa: F401
from kgc.compiler.builder import Builder
from kgc.compiler.dims import Dim
from kgc.compiler.errors import DTypeError, KgcError, ShapeError
from kgc.compiler.graph import Graph
from kgc.compiler.ir import Value
from kgc.compiler.op import REGISTRY as OPS
from kgc.compiler.parser import parse
from kgc.compiler.types import parse_type
from kgc.compiler.verifier import verify


def trace(types: Sequence[str], body: Callable[..., Any], names: dict[str, Dim] | None = None) -> Graph:
    """The graph of `body` on inputs %x0, %x1, … of these types."""
    names = {} if names is None else names
    with Builder("main") as built:
        out = body(*[built.input(f"x{i}", parse_type(text, names)) for i, text in enumerate(types)])
        return verify(built.finish(out if isinstance(out, list | tuple) else [out]))


def head(graph: Graph) -> str:
    """Types of inputs and outputs, as the text names them."""
    return str(graph).split("{", 1)[0].split("(", 1)[1].rstrip()


def run(graph: Graph, *shapes: tuple[int, ...]) -> list[tuple[int, ...]]:
    outputs, _ = interpret.evaluate(graph, [jnp.ones(shape, "float32") for shape in shapes])
    return [out.shape for out in outputs]


UNIFIED = [
    # two unknown sizes that must agree do, the younger by the older's name
    (["f32[b, t0, 64]", "f32[b, t1, 64]"], lambda x, y: x + y,
     "%x0: f32[b, t0, 64], %x1: f32[b, t0, 64]) -> (f32[b, t0, 64])"),
    (["f32[b, t0]", "f32[b1, t1]"], lambda x, y: x + y, "%x0: f32[b, t0], %x1: f32[b, t0]) -> (f32[b, t0])"),
    (["f32[b, 64]", "f32[b1, 64]"], lambda x, y: x + y, "%x0: f32[b, 64], %x1: f32[b, 64]) -> (f32[b, 64])"),
    (["f32[b, t0]", "f32[12]"], lambda x, y: x + y, "%x0: f32[b, 12], %x1: f32[12]) -> (f32[b, 12])"),
    (["f32[b, t0, u]", "f32[b, u1, t1]"], lambda x, y: OPS["matmul"](x, y),
     "%x0: f32[b, t0, t1], %x1: f32[b, t1, t2]) -> (f32[b, t0, t2])"),
    # nothing more than necessary
    (["f32[b, t0, 4]", "f32[b1, t1, 4]"], lambda x, y: OPS["concatenate"]([x, y], 1),
     "%x0: f32[b, t0, 4], %x1: f32[b, t1, 4]) -> (f32[b, t1 + t0, 4])"),
    (["f32[b, t0, h0, 4]", "f32[b1, t1, h1, 4]"], lambda x, y: OPS["concatenate"]([x, y], 1),
     "%x0: f32[b, t0, t1, 4], %x1: f32[b, t2, t1, 4]) -> (f32[b, t2 + t0, t1, 4])"),
    (["f32[b, t0, 4]", "f32[b, 1, 4]"], lambda x, y: x + y,
     "%x0: f32[b, t0, 4], %x1: f32[b, 1, 4]) -> (f32[b, t0, 4])"),
    # sizes in attributes
    (["f32[b, t0, 4]", "f32[b, t1, 4]"], lambda x, y: OPS["reshape"](x, y.shape),
     "%x0: f32[b, t0, 4], %x1: f32[b, t0, 4]) -> (f32[b, t0, 4])"),
    (["f32[b, t0]", "f32[b, t1]"], lambda x, y: x + OPS["full"]((y.shape[0], y.shape[1]), 1.0),
     "%x0: f32[b, t0], %x1: f32[b, t0]) -> (f32[b, t0])"),
    # divisibility
    (["f32[b, t0]"], lambda x: OPS["reshape"](x, (-1, 4)), "%x0: f32[b, 4*d0]) -> (f32[b*d0, 4])"),
    (["f32[b, t0, 2]"], lambda x: OPS["reshape"](x, (x.shape[0], -1, 4)), "%x0: f32[b, 2*d0, 2]) -> (f32[b, d0, 4])"),
    (["f32[b, t0]"], lambda x: OPS["split"](x, 3, axis=1)[0], "%x0: f32[b, 3*d0]) -> (f32[b, d0])"),
    (["f32[b, h, w, 3]"], lambda x: OPS["reshape"](x, (x.shape[0], -1)),
     "%x0: f32[b, t0, t1, 3]) -> (f32[b, 3*t0*t1])"),
]  # fmt: skip


@pytest.mark.parametrize(("types", "body", "wanted"), UNIFIED, ids=[wanted for *_, wanted in UNIFIED])
def test_what_must_agree_becomes_the_types_of_the_inputs(types: Any, body: Any, wanted: str) -> None:
    graph = trace(types, body)
    assert head(graph) == wanted
    again = parse(str(graph))
    assert verify(again) == graph


def test_input_types_are_the_guards() -> None:
    graph = trace(["f32[b, t0]"], lambda x: OPS["reshape"](x, (-1, 4)))
    assert run(graph, (2, 8)) == [(4, 4)]
    with pytest.raises(ShapeError, match=r"'x0' does not fit the graph @main, which takes f32\[b.*4\*d"):
        run(graph, (2, 6))
    graph = trace(["f32[b, t0]", "f32[b1, t1]"], lambda x, y: x + y)
    assert run(graph, (2, 3), (2, 3)) == [(2, 3)]
    for other in ((2, 4), (3, 3), (2, 1), (1, 3)):
        with pytest.raises(ShapeError, match="'x1' does not fit"):
            run(graph, (2, 3), other)
    with pytest.raises(ShapeError, match="'x0' does not fit"):
        run(graph, (2, 3, 1), (2, 3))


def test_an_earlier_axis_may_be_bound_by_a_later_one() -> None:
    graph = parse("graph @m(%x: f32[t0*t1, t1]) -> (f32[t0*t1, t1]) {\n  return %x\n}")
    assert run(graph, (12, 3)) == [(12, 3)]
    with pytest.raises(ShapeError):
        run(graph, (13, 3))


REFUSED = [
    (["f32[b, t0, 64]", "f32[b, 64]"], lambda x, y: x + y),  # a batch is no time
    (["f32[b, 64]", "f32[t0, 64]"], lambda x, y: x + y),
    (["f32[b, 64]", "f32[12, 64]"], lambda x, y: x + y),  # nor a number
    (["f32[b, 784]", "f32[100, 3]"], lambda x, y: OPS["matmul"](x, y)),
    (["f32[2, 3]", "f32[2, 4]"], lambda x, y: x + y),
]


@pytest.mark.parametrize(("types", "body"), REFUSED)
def test_what_cannot_agree_is_refused_at_the_users_line(types: Any, body: Any) -> None:
    with pytest.raises(ShapeError) as caught:
        trace(types, body)
    assert caught.value.where is not None and caught.value.where.file == __file__
    assert caught.value.received and all(part.split("[")[0] in caught.value.received for part in types)


def test_a_batch_is_not_bound_to_a_number() -> None:
    """`f32[b, 3]` and `(12, 3)` would silently fix the batch."""
    with pytest.raises(ShapeError):
        trace(["f32[b, 3]"], lambda x: x + np.ones((12, 3), "float32"))


STRIDED = (["f32[b, t0, 4]", "f32[b, t1, 4]", "f32[2, 4, 4]"],
           lambda x, y, k: OPS["conv"](x, k, 2, "same") + OPS["conv"](y, k, 2, "same"))  # fmt: skip


def test_what_only_numbers_tell_gets_a_name_of_its_own() -> None:
    graph = trace(*STRIDED)
    assert head(graph) == "%x0: f32[b, t0, 4], %x1: f32[b, t1, 4], %x2: f32[2, 4, 4]) -> (f32[b, r0, 4])"
    assert run(graph, (2, 5, 4), (2, 6, 4), (2, 4, 4)) == [(2, 3, 4)]
    assert verify(parse(str(graph))) == graph


def test_a_size_that_fails_on_data_names_op_line_and_shapes() -> None:
    graph = trace(*STRIDED)
    with pytest.raises(ShapeError) as caught:
        run(graph, (2, 5, 4), (2, 7, 4), (2, 4, 4))
    error = caught.value
    assert error.what.startswith("add cannot take this data") and error.received == "float32[2, 3, 4], float32[2, 4, 4]"
    assert error.where is graph.nodes[-1].loc and error.where is not None and error.where.file == __file__


def test_a_result_that_is_not_what_the_graph_says_is_caught() -> None:
    text = "graph @m(%x: f32[b, 4]) -> (f32[r0, 2]) {\n  %0: f32[r0, 2] = reshape(%x, newshape=(-1, 2))\n  return %0\n}"
    graph = parse(text)
    assert run(graph, (3, 4)) == [(6, 2)]
    node = graph.nodes[0]
    node.results[0].type = parse_type("f32[7, 2]")
    with pytest.raises(
        ShapeError, match=r"reshape gives shape \(6, 2\) on this data, where the graph expects f32\[7, 2\]"
    ):
        run(graph, (3, 4))


def test_results_share_names_only_where_they_must() -> None:
    graph = trace(["f32[b, h, w, 3]", "f32[3, 3, 3, 8]"], lambda x, k: OPS["conv"](x, k, padding="same"))
    assert head(graph).endswith("-> (f32[b, t0, t1, 8])")
    graph = trace(["f32[b, h, w, 3]", "f32[3, 3, 3, 8]"], lambda x, k: OPS["conv"](x, k))
    assert head(graph).endswith("-> (f32[b, max(t0 - 2, 0), max(t1 - 2, 0), 8])")


def test_dtypes_follow_jax() -> None:
    assert head(trace(["bf16[b]"], lambda x: x * 2.0)).endswith("-> (bf16[b])")
    assert head(trace(["i32[b]"], lambda x: x * 2.0)).endswith("-> (~f32[b])")
    assert head(trace(["i32[b]", "f32[b]"], lambda x, y: x * y)).endswith("-> (f32[b])")
    assert head(trace(["bf16[b]", "f32[b]"], lambda x, y: x * y)).endswith("-> (f32[b])")


def test_results_are_remembered_by_type_value_and_kind_of_literal() -> None:
    add, full = OPS["add"], OPS["full"]
    kinds = {str(trace(["i32[b]"], lambda x, n=n: x + n).outputs[0].type).split("[")[0] for n in (1, 1.0, True)}
    assert kinds == {"i32", "~f32"}
    assert {trace([], lambda n=n: full((2,), n, dtype=None)).outputs[0].dtype for n in (1, 1.0)} == {"float32"}
    x = Value(parse_type("f32[b, 3]"))
    first = infer.result_types(add, (x, 1.0), (), "", None)
    count = len(add.memo)
    assert infer.result_types(add, (x, 2.0), (), "", None) is first and len(add.memo) == count


def test_an_error_shows_operands_and_attributes_that_are_not_default() -> None:
    with pytest.raises(KgcError) as caught:
        trace(["f32[b, 5]"], lambda x: OPS["reshape"](x, (x.shape[0], 4)))
    assert "5]" in str(caught.value.received)
    with pytest.raises(DTypeError, match="indices must be integers"):
        trace(["f32[b, 5]", "f32[b]"], lambda x, y: OPS["take"](x, y))

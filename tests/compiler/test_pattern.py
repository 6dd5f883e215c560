"""Patterns: what they fit, what they bind, and what is no pattern."""

from __future__ import annotations

from typing import Any

import pytest

from kgc.compiler import pattern
from kgc.compiler.errors import ArgumentError
from kgc.compiler.graph import Graph
from kgc.compiler.ir import Value

from .writing import body, table, x_of


def bindings(text: str, graph: Graph) -> list[dict[str, Any]]:
    """How a pattern fits the last node, names of arguments in place of Values."""
    parsed = pattern.parse(text)
    uses: dict[Value, int] = {}
    for value in (*graph.roots(), *(value for node in graph.nodes for value in node.uses())):
        uses[value] = uses.get(value, 0) + 1
    found = parsed.matches(graph.nodes[-1].results[0], {}, uses)
    return [{name: shown(value) for name, value in match.items()} for match in found]


def shown(value: Any) -> Any:
    if isinstance(value, Value):
        return value.name or value.node.op.name  # type: ignore[union-attr]
    return tuple(shown(item) for item in value) if isinstance(value, tuple) else value


SPLIT = "%0: f32[b, 2], %1: f32[b, 2] = split(%x, 2, axis=1)"
MATCHES = [
    ("log(softmax(z, axis))", ("%0 = softmax(%x, axis=0)", "%1 = log(%0)"), [{"z": "x", "axis": 0}]),
    ("log(softmax(z))", ("%0 = softmax(%x)", "%1 = log(%0)"), [{"z": "x"}]),
    ("log(softmax(z))", ("%0 = softmax(%x, axis=0)", "%1 = log(%0)"), []),
    ("log(softmax(z, 0))", ("%0 = softmax(%x, axis=0)", "%1 = log(%0)"), [{"z": "x"}]),
    ("log(softmax(z, axis=-1))", ("%0 = softmax(%x)", "%1 = log(%0)"), [{"z": "x"}]),
    ("log(softmax(z, ...))", ("%0 = softmax(%x, axis=0)", "%1 = log(%0)"), [{"z": "x"}]),
    ("log(p := softmax(_, ...))", ("%0 = softmax(%x, axis=0)", "%1 = log(%0)"), [{"p": "softmax"}]),
    ("log(once(z))", ("%0 = sin(%x)", "%1 = log(%0)"), [{"z": "sin"}]),
    ("log(once(z))", ("%0 = sin(%x)", "%2 = cos(%0)", "%1 = log(%0)"), []),
    ("log(once(z))", ("%1 = log(%x)",), [{"z": "x"}]),
    ("add(sin(a), b)", ("%0 = sin(%x)", "%1 = add(%0, %y)"), [{"a": "x", "b": "y"}]),
    ("add(sin(a), b)", ("%0 = sin(%x)", "%1 = add(%y, %0)"), [{"a": "x", "b": "y"}]),
    ("subtract(sin(a), b)", ("%0 = sin(%x)", "%1 = subtract(%y, %0)"), []),
    ("add(a, b)", ("%1 = add(%x, %y)",), [{"a": "x", "b": "y"}, {"a": "y", "b": "x"}]),
    ("add(a, a)", ("%1 = add(%x, %y)",), []),
    ("subtract(a, a)", ("%1 = subtract(%x, %x)",), [{"a": "x"}]),
    ("add(multiply(a, b), multiply(a, c))", ("%0 = multiply(%y, %x)", "%1 = multiply(%x, 2.0)", "%2 = add(%0, %1)"),
     [{"a": "x", "b": "y", "c": 2.0}, {"a": "x", "b": 2.0, "c": "y"}]),
    ("add(a, 1)", ("%1 = add(1.0, %x)",), [{"a": "x"}]),
    ("add(a, 1.0)", ("%1 = add(%x, 1)",), [{"a": "x"}]),
    ("add(a, 0.0)", ("%1 = add(%x, -0.0)",), []),
    ("add(a, -2.5)", ("%1 = add(%x, -2.5)",), [{"a": "x"}]),
    ("multiply(a, 1)", ("%1 = multiply(%x, True)",), []),
    ("multiply(a, 1)", ("%1 = multiply(%x, %y)",), []),
    ("concatenate([a, b], 1)", ("%1: f32[b, 8] = concatenate([%x, %y], axis=1)",), [{"a": "x", "b": "y"}]),
    ("concatenate([a], axis)", ("%1: f32[b, 8] = concatenate([%x, %y], axis=1)",), []),
    ("concatenate(xs, 1)", ("%1: f32[b, 8] = concatenate([%x, %y], axis=1)",), [{"xs": ("x", "y")}]),
    ("reshape(z, (_, 2, n))", ("%1: f32[b, 2, 2] = reshape(%x, newshape=(-1, 2, 2))",), [{"z": "x", "n": 2}]),
    ("reshape(z, (n, 2, n))", ("%1: f32[b, 2, 2] = reshape(%x, newshape=(-1, 2, 2))",), []),
    ("sin(split(z, ...)[1])", (SPLIT, "%2: f32[b, 2] = sin(%1)"), [{"z": "x"}]),
    ("sin(split(z, ...)[0])", (SPLIT, "%2: f32[b, 2] = sin(%1)"), []),
    ("sin(split(z, ...))", (SPLIT, "%2: f32[b, 2] = sin(%1)"), []),
    ("ELEMENTWISE(z)", ("%1 = tanh(%x)",), [{"z": "x"}]),
    ("ELEMENTWISE(z)", ("%1 = add(%x, %y)",), []),
    ("ELEMENTWISE(z, ...)", ("%1 = subtract(%x, %y)",), [{"z": "x"}]),
    ("CONTRACTS(z, ...)", ("%1 = tanh(%x)",), []),
    ('cast(z, "float32")', ("%1 = cast(%x, dtype=\"float32\")",), [{"z": "x"}]),
    ("sum(z, None, True)", ("%1: f32[1, 1] = sum(%x, keepdims=True)",), [{"z": "x"}]),
    ("sum(z, keepdims=False)", ("%1: f32[] = sum(%x)",), [{"z": "x"}]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "nodes", "wanted"), MATCHES)
def test_patterns(text: str, nodes: tuple[str, ...], wanted: list[dict[str, Any]]) -> None:
    assert bindings(text, body(*nodes)) == wanted


def test_optional_operands_left_out_are_none() -> None:
    head = "%x: f32[b, 4], %m: f32[4]"
    without = body("%0 = batch_normalization(%x, %m, %m, axis=1)", head=head)
    scaled = body("%0 = batch_normalization(%x, %m, %m, axis=1, scale=%m)", head=head)
    assert bindings("batch_normalization(a, _, _, 1)", without) and not bindings(
        "batch_normalization(a, _, _, 1)", scaled
    )
    assert bindings("batch_normalization(a, m, m, 1, scale=s)", scaled) == [{"a": "x", "m": "m", "s": "m"}]
    assert bindings("batch_normalization(a, m, m, 1, scale=s)", without) == [{"a": "x", "m": "m", "s": None}]


BAD = [
    "",
    "log(",
    "x + y",
    "log(x.y)",
    "log(**x)",
    "log(softmax(x)[i])",
    "log(lambda: 1)",
    "log(f'{x}')",
    "once(x, y)[0]",
]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError):
        rules = table(text, lambda: None)
        rules(body("%0 = log(%x)"))


def test_rows_are_checked_when_they_are_written() -> None:
    with pytest.raises(ArgumentError, match="the outermost part of a pattern is the call of an op"):
        table("x", x_of)
    with pytest.raises(ArgumentError, match="the pattern does not bind y"):
        table("log(x)", lambda x, y: x)
    with pytest.raises(ArgumentError, match="'sofmax', which is no op and no trait") as caught:
        table("log(sofmax(x))", x_of)(body("%0 = log(%x)"))
    assert "softmax" in str(caught.value.hint)
    for text in ("log(log(x, 1))", "log(log(x, base=1))", "log(softmax())", "log(log())"):
        with pytest.raises(ArgumentError, match="a pattern"):
            table(text, lambda: None)(
                body("%1 = log(%x)", "%0 = log(%1)", "%2 = softmax(%x)", "%3 = log(%2)", returns="%0, %3")
            )

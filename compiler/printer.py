"""Graphs as text: MLIR's layout, JAX's types and dimension syntax.  `parser.parse` reads it back to an equal graph.

    graph @mlp(%x: f32[b, 784]) -> (f32[b, 10]) {
      param %dense.kernel: f32[784, 10]
      %0: f32[b, 10] = matmul(%x, %dense.kernel)
      return %0
    }

Attributes at their default are left out; symbols are named in order of appearance over the whole text; regions stand
first, as graphs of their own.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import re
from typing import Any

import numpy as np

from . import attrs, dims
from .dims import Dim
from .ir import GraphParts, Node, Value
from .types import TensorType

INLINE = 64
"""Constants of more elements are printed as their hash, and live beside the text."""

_PLAIN = re.compile(r"[A-Za-z_0-9][\w./-]*")


def text(graph: GraphParts, *, locations: bool = False) -> str:
    """The graph as text, its regions before it; with `loc("file":line, "layer")` after each node if asked."""
    return _Printer(locations, canonical=False).module(graph)


def canonical_text(graph: GraphParts) -> str:
    """Text in which the graph's name does not count: equal graphs have equal canonical text."""
    return _Printer(False, canonical=True).module(graph)


def symbol_names(graph: GraphParts) -> dict[str, str]:
    """The graph's unknown sizes: process-wide name -> the name that the text has for it."""
    printer = _Printer(False, canonical=False)
    printer.module(graph)
    return {name: str(shown) for name, shown in printer.symbols.items()}


def external_constants(graph: GraphParts) -> dict[str, np.ndarray]:
    """Constants too large for the text, by the name they have there (`sha256:…`), regions' included."""
    found = {constant_name(array): array for array in graph.consts.values() if array.size > INLINE}
    for node in graph.nodes:
        for region in node.regions():
            found.update(external_constants(region))
    return found


def constant_name(array: np.ndarray) -> str:
    """`sha256:` and the hash of dtype, shape and bytes."""
    head = f"{array.dtype.name}{array.shape}".encode()
    return "sha256:" + hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()


def reference(name: str, mark: str = "%") -> str:
    """A name as the text has it, quoted where it needs to be."""
    return mark + (name if _PLAIN.fullmatch(name) else json.dumps(name))


class _Printer:
    def __init__(self, locations: bool, canonical: bool) -> None:
        self.locations, self.canonical, self.name = locations, canonical, ""
        self.symbols: dict[str, int | Dim] = {}
        self.counts: dict[str, int] = {}
        self.regions: dict[str, str] = {}
        self.done: list[str] = []
        self.types: dict[TensorType, str] = {}  # one object a type, and most nodes have a type of another's

    def module(self, graph: GraphParts) -> str:
        self.name = "main" if self.canonical else graph.name
        body = self.graph(graph, self.name)
        return "\n\n".join([*self.done, body])

    def graph(self, graph: GraphParts, name: str) -> str:
        names = {value: reference(value.name) for value in graph.arguments()}
        if self.canonical:
            names.update((value, f"%c{index}") for index, value in enumerate(graph.consts))
        inputs = ", ".join(f"{names[value]}: {self.type(value.type)}" for value in graph.inputs)
        lines: list[str] = []
        for word, group in (("param", graph.params), ("state", graph.state)):
            lines.extend(f"  {word} {names[value]}: {self.type(value.type)}" for value in group)
        for value, array in graph.consts.items():
            shown = f" = {_inline(array)}" if array.size <= INLINE else f" {constant_name(array)}"
            lines.append(f"  const {names[value]}: {self.type(value.type)}{shown}")
        count = 0
        taken = set(names.values())
        for node in graph.nodes:
            for result in node.results:
                while f"%{count}" in taken:
                    count += 1
                names[result] = f"%{count}"
                count += 1
            lines.append("  " + self.node(node, names))
        lines.append(("  return " + ", ".join(names.get(value, "%?") for value in graph.outputs)).rstrip())
        lines.extend(f"  assign {names[target]} = {names.get(value, '%?')}" for target, value in graph.assigns)
        labels = graph.output_names or [""] * len(graph.outputs)
        outputs = ", ".join(
            (f"{reference(label, '')}: " if label else "") + self.type(value.type)
            for label, value in zip(labels, graph.outputs, strict=True)
        )
        return "\n".join([f"graph {reference(name, '@')}({inputs}) -> ({outputs}) {{", *lines, "}"])

    def node(self, node: Node, names: dict[Value, str]) -> str:
        results = ", ".join(f"{names[result]}: {self.type(result.type)}" for result in node.results)
        parts: list[str] = []
        positional = True
        arguments = node.op.arguments(node.operands, node.attrs)
        for name, kind, default, value in zip(node.op.params, node.op.kinds, node.op.defaults, arguments, strict=True):
            if kind == "attr":
                positional = False
                if attrs.key(value) != _default_key(default, node.op.name, name):
                    parts.append(f"{name}={self.attribute(value)}")
            elif value is None:
                positional = False
            else:
                shown = self.operand(value, names)
                parts.append(shown if positional else f"{name}={shown}")
        line = f"{results} = {node.op.name}({', '.join(parts)})"
        if self.locations and node.loc is not None:
            line += f"  loc({json.dumps(node.loc.file)}:{node.loc.line}, {json.dumps(node.loc.scope)})"
        return line

    def operand(self, value: Any, names: dict[Value, str]) -> str:
        if type(value) is Value:
            return names.get(value, "%?")
        if attrs.kind_of(value) is tuple:
            return f"[{', '.join(self.operand(item, names) for item in value)}]"
        return _scalar(value)

    def attribute(self, value: Any) -> str:
        kind = attrs.kind_of(value)
        if kind is Dim:
            return str(self.named(value))
        if kind is tuple:
            inside = ", ".join(self.attribute(item) for item in value)
            return f"({inside},)" if len(value) == 1 else f"({inside})"
        if kind is slice:
            return f"slice({', '.join(self.attribute(part) for part in (value.start, value.stop, value.step))})"
        if hasattr(value, "digest"):
            return self.region(value)
        return _scalar(value)

    def region(self, graph: Any) -> str:
        digest = graph.digest()
        if digest not in self.regions:
            name = f"region{len(self.regions)}" if self.canonical else graph.name
            taken = {self.name, *self.regions.values()}
            base, count = name, 0
            while name in taken:
                count += 1
                name = f"{base}_{count}"
            self.regions[digest] = name
            self.done.append(self.graph(graph, name))
        return reference(self.regions[digest], "@")

    def type(self, type_: TensorType) -> str:
        known = self.types.get(type_)
        if known is None:
            shown = type_ if type_.is_static else type_.substitute(self.naming(type_.symbols))
            known = self.types[type_] = str(shown)
        return known

    def named(self, size: Dim) -> int | Dim:
        return size.substitute(self.naming(size.symbols))

    def naming(self, symbols: tuple[str, ...]) -> dict[str, int | Dim]:
        for name in symbols:
            if name not in self.symbols:
                kind = name[0]
                count = self.counts[kind] = self.counts.get(kind, -1) + 1
                self.symbols[name] = dims.symbol("b" if kind == "b" and not count else f"{kind}{count}")
        return {name: self.symbols[name] for name in symbols}


_defaults: dict[tuple[str, str], Any] = {}


def _default_key(default: Any, op: str, name: str) -> Any:
    known = _defaults.get((op, name))
    if known is None:
        empty = default is inspect.Parameter.empty
        known = ("required",) if empty else attrs.key(attrs.normalize(default, op, name))
        _defaults[op, name] = known
    return known


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value)
    if value is Ellipsis:
        return "..."
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return repr(value)


def _inline(array: np.ndarray) -> str:
    def nested(item: Any) -> str:
        return f"[{', '.join(nested(part) for part in item)}]" if attrs.kind_of(item) is list else _scalar(item)

    plain = array if array.dtype.kind in "iub" else np.array([_shortest(x) for x in array.flat]).reshape(array.shape)
    return nested(plain.tolist())


def _shortest(number: Any) -> float:
    """The float whose text is shortest among those that this element reads back from."""
    short = float(str(number))
    return short if type(number)(short).tobytes() == number.tobytes() else float(number)

"""A graph by its layers as text, as a Mermaid flowchart, as a DOT graph; and all of it as JSON.

Mermaid: https://mermaid.js.org/syntax/flowchart.html.  DOT: https://graphviz.org/doc/info/lang.html.
"""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

from . import groups

if TYPE_CHECKING:
    from ...compiler.graph import Graph
    from ...compiler.ir import Node, Value


def layers(graph: Graph) -> str:
    """A line a layer: what it gives, its ops, what it takes, its weights, and the user's line.

    model @mlp(%x: f32[b, 784])
      %dense: f32[b, 64] = dense(%x)   matmul, add, relu   50,240 weights   model.py:7
      return %head
    """
    parts = groups.group(graph)
    names, shown = groups.names(graph, parts), _types(graph)
    rows: list[list[str]] = []
    for one in parts:
        given = ", ".join(f"%{names[value]}: {shown[value]}" for value in one.gives)
        taken = ", ".join(f"%{names[value]}" for value in one.uses)
        held = groups.count(one.weights)
        rows.append(
            [f"{given} = {one.label}({taken})", one.ops(), f"{held:,} weights" if held else "", groups.where(one)]
        )
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
    body = [
        "  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    inputs = ", ".join(f"%{value.name}: {shown[value]}" for value in graph.inputs)
    outputs = ", ".join(f"%{names.get(value, value.name)}" for value in graph.outputs)
    return "\n".join([f"model @{graph.name}({inputs})", *body, f"  return {outputs}"]) + "\n"


def mermaid(graph: Graph) -> str:
    """A flowchart: inputs and outputs rounded, a box a layer, arrows with types."""
    nodes, edges = _boxes(graph)
    lines = ["flowchart TD"]
    for key, kind, title, below in nodes:
        text = _mermaid_text(title) + (f"<br/><small>{_mermaid_text(below)}</small>" if below else "")
        lines.append(f'  {key}(["{text}"])' if kind else f'  {key}["{text}"]')
    lines += [f'  {a} -->|"{_mermaid_text(label)}"| {b}' for a, b, label in edges]
    return "\n".join(lines) + "\n"


def dot(graph: Graph) -> str:
    """The same for Graphviz."""
    nodes, edges = _boxes(graph)
    lines = [f"digraph {_dot_text(graph.name)} {{", '  node [shape=box, fontname="Helvetica"];']
    for key, kind, title, below in nodes:
        label = _dot_text(f"{title}\n{below}" if below else title)
        lines.append(f"  {key} [label={label}{', style=rounded' if kind else ''}];")
    lines += [f"  {a} -> {b} [label={_dot_text(label)}];" for a, b, label in edges]
    return "\n".join([*lines, "}"]) + "\n"


def as_json(graph: Graph) -> str:
    """The whole graph, op by op.

    Types are texts (`f32[b, 4]`); operands `{"value": name}`, literals or lists of these; attributes JSON's own kinds
    where they have one, `{"text": …}` as in the IR's text otherwise, and `{"graph": …}` for regions.
    """
    return json.dumps(_graph(graph, _types(graph)), indent=1) + "\n"


def _graph(graph: Graph, shown: dict[Value, str]) -> dict[str, Any]:
    names = {value: value.name for value in graph.arguments()}
    taken, number = set(names.values()), 0
    for node in graph.nodes:
        for result in node.results:
            while str(number) in taken:
                number += 1
            names[result] = str(number)
            number += 1

    def argument(value: Value) -> dict[str, Any]:
        return {"name": value.name, "type": shown[value]}

    def operand(item: Any) -> Any:
        if item in names if hasattr(item, "node") else False:
            return {"value": names[item]}
        return [operand(part) for part in item] if isinstance(item, tuple) else item

    def of(node: Node) -> dict[str, Any]:
        found: dict[str, Any] = {
            "op": node.op.name,
            "operands": {n: operand(v) for n, v in zip(node.op.operand_names, node.operands, strict=True)},
            "attributes": {n: _attribute(v, shown) for n, v in zip(node.op.attr_names, node.attrs, strict=True)},
            "results": [{"name": names[result], "type": shown[result]} for result in node.results],
        }
        if node.loc is not None:
            found["location"] = {"file": node.loc.file, "line": node.loc.line, "scope": node.loc.scope}
        return found

    return {
        "name": graph.name,
        "inputs": [argument(value) for value in graph.inputs],
        "params": [argument(value) for value in graph.params],
        "state": [argument(value) for value in graph.state],
        "constants": [argument(value) | {"data": array.tolist()} for value, array in graph.consts.items()],
        "nodes": [of(node) for node in graph.nodes],
        "outputs": [names[value] for value in graph.outputs],
        "output_names": list(graph.output_names),
        "assigns": [{"state": target.name, "value": names[value]} for target, value in graph.assigns],
    }


def _attribute(value: Any, shown: dict[Value, str]) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else {"text": str(value)}
    if isinstance(value, tuple):
        return [_attribute(item, shown) for item in value]
    return {"graph": _graph(value, shown)} if hasattr(value, "nodes") else {"text": str(value)}


def _types(graph: Graph) -> dict[Value, str]:
    """Every value's type, regions' too, with unknown sizes named in order of appearance."""
    from ...runtime.artifact.execution import short_names

    found: dict[Value, str] = {}

    def enter(one: Graph, env: Any) -> None:
        every = [*one.arguments(), *(result for node in one.nodes for result in node.results)]
        found.update((value, str(value.type.substitute(env))) for value in every)
        for node in one.nodes:
            for region in node.regions():
                enter(region, env)

    def symbols(one: Graph) -> list[str]:
        inner = [name for node in one.nodes for region in node.regions() for name in symbols(region)]
        return list(dict.fromkeys([*one.symbols(), *inner]))

    enter(graph, short_names(symbols(graph)))
    return found


def _boxes(graph: Graph) -> tuple[list[tuple[str, bool, str, str]], list[tuple[str, str, str]]]:
    """Boxes (key, whether it is an input or output, title, line below), and arrows (from, to, label)."""
    parts, shown = groups.group(graph), _types(graph)
    keys: dict[Value, str] = {}
    nodes: list[tuple[str, bool, str, str]] = []
    for index, value in enumerate(graph.inputs):
        keys[value] = f"i{index}"
        nodes.append((f"i{index}", True, value.name, ""))
    edges: dict[tuple[str, str, str], None] = {}
    for index, one in enumerate(parts):
        held = groups.count(one.weights)
        below = one.ops() + (f"; {held:,} weights" if held else "")
        nodes.append((f"n{index}", False, one.label, below))
        keys.update((value, f"n{index}") for value in one.gives)
        edges.update(((keys[value], f"n{index}", shown[value]), None) for value in one.uses)
    for index, value in enumerate(graph.outputs):
        name = graph.output_names[index] if graph.output_names else ""
        nodes.append((f"o{index}", True, name or "output", ""))
        if value in keys:
            edges[keys[value], f"o{index}", shown[value]] = None
    return nodes, list(edges)


def _mermaid_text(text: str) -> str:
    """Text within quotes: markup and quotes as entities."""
    return html.escape(text, quote=True).replace("\n", " ").replace("`", "&#96;")


def _dot_text(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{plain}"'

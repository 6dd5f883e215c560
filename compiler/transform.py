"""What a pass did to the parameters, as a graph: the old params and state in, the new params out, by name.

A pass that changes weights returns the graph that needs the new ones together with the graph that makes them.  Being
graphs, transforms are verified, printed, composed and evaluated like any other; the runtime caches what they give.

    graph @transform() -> (conv.kernel.folded: f32[3, 3, 8, 16]) {
      param %conv.kernel: f32[3, 3, 8, 16]
      state %bn.moving_variance: f32[16]
      …
    }
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from . import attrs, interpret
from .graph import Graph
from .ir import Node, Operand, Value


class PassResult(NamedTuple):
    """What a pass that changes parameters returns.

    Attributes:
        graph: its params and state are old ones, or outputs of `transform`, by name.  State that the transform makes
            may be assigned where it is a `stack` of old state (see `stacks`), which is then assigned part by part.
        transform: None where all of them are as they were.
        notes: what the pass decided, and why, where that is not plain from the graph.
    """

    graph: Graph
    transform: Graph | None = None
    notes: tuple[str, ...] = ()


def live(nodes: Iterable[Node], roots: Iterable[Value]) -> tuple[list[Node], set[Value]]:
    """The nodes that `roots` need, in order, and every Value that these nodes and the roots use."""
    used = set(roots)
    kept: list[Node] = []
    for node in reversed(list(nodes)):
        if any(result in used for result in node.results):
            kept.append(node)
            used.update(node.uses())
    kept.reverse()
    return kept, used


def moved(operand: Operand, new: Mapping[Value, Any]) -> Operand:
    """The operand with Values replaced by those in `new`; the very same object where nothing is."""
    if type(operand) is Value:
        return new.get(operand, operand)
    if attrs.is_tuple(operand):
        items = tuple([moved(item, new) for item in operand])
        return items if any(a is not b for a, b in zip(items, operand, strict=True)) else operand
    return operand


def copied(node: Node, new: dict[Value, Any]) -> Node:
    """The node on the operands in `new`: itself where none changes, else a copy, whose results are put into `new`."""
    operands = tuple([moved(operand, new) for operand in node.operands])
    if all(a is b for a, b in zip(operands, node.operands, strict=True)):
        return node
    made = Node(node.op, operands, node.attrs, tuple([result.type for result in node.results]), node.loc)
    new.update(zip(node.results, made.results, strict=True))
    return made


def build(
    outputs: Mapping[str, Value],
    nodes: Iterable[Node],
    params: Iterable[Value],
    state: Iterable[Value],
    consts: Mapping[Value, np.ndarray],
) -> Graph | None:
    """The transform with these outputs by name, and of the rest what they need; None where there are none."""
    if not outputs:
        return None
    kept, used = live(nodes, outputs.values())
    return Graph(
        "transform",
        (),
        [value for value in params if value in used],
        [value for value in state if value in used],
        {value: array for value, array in consts.items() if value in used},
        kept,
        outputs.values(),
        (),
        outputs,
    )


def restrict(transform: Graph | None, names: Collection[str]) -> Graph | None:
    """The transform that makes those params only."""
    if transform is None:
        return None
    outputs = {k: v for k, v in zip(transform.output_names, transform.outputs, strict=True) if k in names}
    return build(outputs, transform.nodes, transform.params, transform.state, transform.consts)


def compose(first: Graph | None, second: Graph | None) -> Graph | None:
    """One transform for `first` and then `second`, which may take what `first` makes; it gives what either gives."""
    if first is None or second is None:
        return second if first is None else first
    outputs = dict(zip(first.output_names, first.outputs, strict=True))
    params, state, consts = list(first.params), list(first.state), dict(first.consts)
    taken = {value.name: value for value in first.arguments()}
    new: dict[Value, Any] = {}
    for group, mine in ((second.params, params), (second.state, state)):
        for value in group:
            known = outputs.get(value.name, taken.get(value.name))
            if known is None:
                mine.append(value)
                taken[value.name] = value
            else:
                new[value] = known
    for value, array in second.consts.items():
        name = value.name
        while name in taken:
            name += "_"
        taken[name] = new[value] = Value(value.type, name=name)
        consts[taken[name]] = array
    nodes = [*first.nodes, *(copied(node, new) for node in second.nodes)]
    outputs |= {k: new.get(v, v) for k, v in zip(second.output_names, second.outputs, strict=True)}
    return build(outputs, nodes, params, state, consts)


def stacks(transform: Graph | None) -> dict[str, list[str]]:
    """What of the transform's outputs is nothing but a stack of old params, or of old state: the members by name."""
    if transform is None:
        return {}
    found: dict[str, list[str]] = {}
    for group in (transform.params, transform.state):
        old = set(group)
        for name, value in zip(transform.output_names, transform.outputs, strict=True):
            node = value.node
            if node is not None and node.op.name == "stack" and node.attr("axis") == 0:
                members = list(node.uses())
                if len(members) == len(node.operand("x")) and all(member in old for member in members):
                    found[name] = [member.name for member in members]
    return found


def apply(transform: Graph | None, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The new params by name, from the arrays of the old params and state by name."""
    if transform is None:
        return {}
    params, state = ([arrays[value.name] for value in group] for group in (transform.params, transform.state))
    made, _ = interpret.evaluate(transform, (), params, state)
    return dict(zip(transform.output_names, made, strict=True))

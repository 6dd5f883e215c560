"""The means of passes: rebuild a graph node by node, or by a table of local rules.

A whole-graph pass gives `rebuild` a function that says what becomes of each node.  A local rule is a row: a pattern
(`pattern.py` has the language) and the function that makes what replaces it, by calling ops:

    RULES = Rules("stabilize_loss")

    @RULES.row("log(softmax(x, axis))")
    def log_of_softmax(x: Value, axis: int) -> Value:
        return log_softmax(x, axis)

New nodes take the location of the node they replace.  What does not change is shared between the old graph and the
new one; neither is ever modified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from . import attrs, builder, infer, unify
from .builder import Builder
from .errors import GraphError, IRError
from .graph import Graph
from .ir import Node, Value
from .location import Location
from .transform import PassResult, build, copied, live, moved

Visit = Callable[[Node], "Value | Sequence[Value] | None"]


class Recorder(Builder):
    """A builder whose new nodes are at the location `at`: that of the node they replace."""

    at: Location | None = None

    def record(
        self, op: Any, operands: tuple[Any, ...], static: tuple[Any, ...], loc: Location | None = None
    ) -> tuple[Value, ...]:
        """Add one node; its results."""
        loc = loc or self.at
        types, substitution = infer.result_types(op, operands, static, "", loc)
        node = Node(op, operands, static, types, loc, substitution)
        self.nodes.append(node)
        return node.results


class Rewriter(Recorder):
    """Builds one graph out of another with the same arguments.

    Attributes:
        new: what replaces the old graph's Values, where something does.
        variables: the params of the old graph; none in a region.
        derived: parameters added by `derive`, with the Value of the transform that makes each.
    """

    def __init__(self, source: Graph, region: bool = False) -> None:
        super().__init__(source.name)
        self.source = source
        self.inputs, self.params, self.state = list(source.inputs), list(source.params), list(source.state)
        self.consts = dict(source.consts)
        self._names.update(value.name for value in source.arguments())
        self.new: dict[Value, Any] = {}
        self.derived: dict[Value, Value] = {}
        self.makers = Recorder("transform")
        self.makers._names = self._names
        self._made: dict[Any, Value] = {}
        self.variables = set[Value]() if region else {*source.params}
        changing = {target for target, _ in source.assigns}
        self._fixed = set[Value]() if region else {*source.params, *source.state, *source.consts} - changing

    def replace(self, node: Node, made: Value | Sequence[Value]) -> None:
        """From here on `made` stands where the old graph has the results of `node`."""
        results = (made,) if isinstance(made, Value) else tuple(made)
        self.new.update(zip(node.results, (moved(result, self.new) for result in results), strict=True))

    def is_fixed(self, value: Any) -> bool:
        """Whether `value` is a param, a constant, state that the graph does not assign, or made from those by `derive`;
        never so inside a region."""
        return isinstance(value, Value) and (value in self._fixed or value in self.derived)

    def derive(
        self, name: str, make: Callable[..., Value], values: Sequence[Value | None], static: Mapping[str, Any]
    ) -> Value:
        """A new param, which the transform makes as `make(*values, **static)`; the same demand gives the same one."""
        key = (make, tuple(map(id, values)), tuple((k, attrs.key(static[k])) for k in sorted(static)))
        known = self._made.get(key)
        if known is not None:
            return known
        if not all(value is None or self.is_fixed(value) for value in values):
            raise GraphError(f"the parameter '{name}' cannot be made of values that are computed in the graph")
        self.makers.at = self.at
        with self.makers:
            made = make(*[value if value is None else self.derived.get(value, value) for value in values], **static)
        param = self._made[key] = Value(made.type, name=self.unique(name))
        places = [index for index, other in enumerate(self.params) if other is values[0]]
        self.params.insert(places[0] + 1 if places else len(self.params), param)
        self.derived[param] = made
        return param

    def result(self) -> PassResult:
        """The new graph, and what makes its new params; the old graph itself where nothing changed."""
        source = self.source
        outputs = [moved(value, self.new) for value in source.outputs]
        assigns = [(target, moved(value, self.new)) for target, value in source.assigns]
        kept = len(self.nodes) == len(source.nodes) and all(map(_is, self.nodes, source.nodes))
        if kept and all(map(_is, (*outputs, *(v for _, v in assigns)), source.roots())):
            return PassResult(source)
        used = {*outputs, *(value for _, value in assigns), *(value for node in self.nodes for value in node.uses())}
        params = [value for value in self.params if value in used or value not in self.derived]
        consts = {value: array for value, array in self.consts.items() if value in used or value in source.consts}
        made = Graph(
            source.name, self.inputs, params, self.state, consts, self.nodes, outputs, assigns, source.output_names
        )
        old = set(source.nodes)
        env = unify.solve(node for node in self.nodes if node.substitution and node not in old)
        transform = build(
            {param.name: self.derived[param] for param in params if param in self.derived},
            self.makers.nodes,
            source.params,
            source.state,
            {**source.consts, **self.makers.consts},
        )
        return PassResult(made.substitute(env) if env else made, transform)


def rebuild(graph: Graph, visit: Visit) -> Graph:
    """The graph with every node, in order, as `visit` wants it.

    `visit` is given the node on its new operands.  It returns None to keep it, or what replaces its results: Values
    that it was given, or results of ops that it calls.
    """
    new = Rewriter(graph)
    with new:
        for node in graph.nodes:
            new.at = node.loc
            candidate = copied(node, new.new)
            made = visit(candidate)
            if made is None:
                new.nodes.append(candidate)
            else:
                new.replace(node, made)
    return new.result().graph


def replace(graph: Graph, **fields: Any) -> Graph:
    """The graph with some of its fields (those of `Graph`) replaced."""
    given = {name: getattr(graph, name) for name in Graph.__slots__ if not name.startswith("_")} | fields
    return Graph(**given)


def rename(graph: Graph, names: Mapping[str, str]) -> Graph:
    """The graph with arguments renamed, old name to new."""
    new: dict[Value, Any] = {
        value: Value(value.type, name=names[value.name]) for value in graph.arguments() if value.name in names
    }
    if not new:
        return graph
    nodes = [copied(node, new) for node in graph.nodes]

    def of(values: Iterable[Value]) -> list[Value]:
        return [new.get(value, value) for value in values]

    return replace(
        graph,
        inputs=of(graph.inputs),
        params=of(graph.params),
        state=of(graph.state),
        consts={new.get(value, value): array for value, array in graph.consts.items()},
        nodes=nodes,
        outputs=of(graph.outputs),
        assigns=[tuple(of(pair)) for pair in graph.assigns],
    )


def without_dead(graph: Graph) -> Graph:
    """The graph without the nodes that nothing needs; its arguments stay."""
    kept, _ = live(graph.nodes, graph.roots())
    return graph if len(kept) == len(graph.nodes) else replace(graph, nodes=kept)


def map_regions(graph: Graph, function: Callable[[Graph], Graph]) -> Graph:
    """The graph with `function` of every region in the region's place; it must keep inputs and outputs as they are."""

    def of(value: Any) -> Any:
        if attrs.is_tuple(value):
            items = tuple([of(item) for item in value])
            return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
        if not isinstance(value, Graph):
            return value
        made = function(value)
        if [v.type for v in (*made.inputs, *made.outputs)] != [v.type for v in (*value.inputs, *value.outputs)]:
            raise IRError(f"a pass changed the signature of the region @{value.name}")
        return made

    if not any(next(node.regions(), None) is not None for node in graph.nodes):
        return graph
    new: dict[Value, Any] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        made = copied(node, new)
        static = of(made.attrs)
        if static is not made.attrs:
            made = Node(made.op, made.operands, static, tuple([result.type for result in made.results]), made.loc)
            new.update(zip(node.results, made.results, strict=True))
        nodes.append(made)
    if not new:
        return graph
    assigns = [(target, new.get(value, value)) for target, value in graph.assigns]
    return replace(graph, nodes=nodes, outputs=[new.get(value, value) for value in graph.outputs], assigns=assigns)


def again(value: Value, *operands: Any) -> Value:
    """`value` computed anew by the same op, with the same attributes and at the same location, on other operands."""
    node: Any = value.node
    return _current().record(node.op, operands, node.attrs, node.loc)[value.index]


def at(node: Node) -> None:
    """In a replacement: the nodes that follow are where `node` is, not where the one that they replace is."""
    _current().at = node.loc or _current().at


def is_fixed(value: Any) -> bool:
    """Whether `derive` may use it: a param, a constant or unassigned state of the graph that is being rewritten."""
    return _current().is_fixed(value)


def is_param(value: Any) -> bool:
    """Whether it is a param of the graph that is being rewritten; never so inside a region."""
    return isinstance(value, Value) and value in _current().variables


def is_derived(value: Any) -> bool:
    """Whether it is a param that `derive` made in this rewriting."""
    return isinstance(value, Value) and value in _current().derived


def derive(name: str, make: Callable[..., Value], *values: Value | None, **static: Any) -> Value:
    """In a replacement: a new param made of params, state and constants, for inference.

    Args:
        name: of the new param; made unique.
        make: called as `make(*values, **static)` with symbolic tensors; what it computes goes into the transform.
        values: each with `is_fixed`, or None; the new param is listed behind the first.
        static: attributes; the same `make`, values and attributes give the same param.
    """
    return _current().derive(name, make, values, static)


def _current() -> Rewriter:
    found = builder.current()
    if not isinstance(found, Rewriter):
        raise GraphError("this is for passes: no graph is being rewritten here")
    return found


def _is(a: object, b: object) -> bool:
    return a is b

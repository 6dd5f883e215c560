"""A table of local rules, and the driver that applies one to a graph until no row fits.

A sweep visits the nodes in order.  Patterns look from a node to what it uses, and that is final when the node is
visited; what a replacement adds is visited at once, before the next node.  So one sweep leaves nothing to do but for
uses that it took away itself (`once(…)`), for which it is repeated.  Counts of uses are kept exact all along.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from . import pattern
from .errors import ArgumentError, IRError
from .graph import Graph
from .ir import Node, Value
from .op import Op
from .rewrite import Rewriter, map_regions
from .transform import PassResult, compose, copied, live

Replacement = Callable[..., "Value | Sequence[Value] | None"]
Function = TypeVar("Function", bound=Replacement)

_CHAIN = 64
"""Replacements of replacements at one node before we say that rows undo each other."""
_SWEEPS = 64


@dataclass(frozen=True)
class Row:
    """A pattern and what replaces it."""

    text: str
    root: pattern.Call
    named: str | None
    function: Replacement
    wanted: tuple[str, ...]


@dataclass
class Rules:
    """A table of rows under the name of its pass; called with a graph, it is a pass.

    Nodes that nothing needs are dropped on the way.
    """

    name: str
    rows: list[Row] = field(default_factory=list[Row])
    _by_op: dict[Op, list[Row]] = field(default_factory=dict[Op, list[Row]], repr=False)

    def row(self, text: str) -> Callable[[Function], Function]:
        """Add the decorated function as a row.

        It is called with what the pattern binds, by name, and calls ops to make what replaces the node that the
        pattern matches; or it returns something bound; or None where the rule does not apply after all.  A
        replacement of another type than the node's (shape, dtype, weak-type flag) is no replacement either: the row
        is passed over.  An inner node that the pattern does not demand `once(…)` may be used elsewhere, and then stays.

        Raises:
            ArgumentError: the pattern cannot be read, or does not bind what the function wants.
        """
        parsed = pattern.parse(text)
        named, root = (parsed.name, parsed.inner) if isinstance(parsed, pattern.Named) else (None, parsed)
        if not isinstance(root, pattern.Call):
            raise ArgumentError("the outermost part of a pattern is the call of an op", received=text)

        def add(function: Function) -> Function:
            parameters = inspect.signature(function).parameters.values()
            names = parsed.names()
            unbound = [p.name for p in parameters if p.name not in names and p.default is p.empty]
            if unbound:
                raise ArgumentError(f"the pattern does not bind {', '.join(unbound)}", received=text)
            wanted = tuple(p.name for p in parameters if p.name in names)
            self.rows.append(Row(text, root, named, function, wanted))
            self._by_op.clear()
            return function

        return add

    def of(self, op: Op) -> list[Row]:
        """Rows whose outermost call may be that op, in the order they were added."""
        found = self._by_op.get(op)
        if found is None:
            for row in self.rows if not self._by_op else ():
                pattern.check(row.root)
            found = self._by_op[op] = [row for row in self.rows if row.root.fits(op)]
        return found

    def __call__(self, graph: Graph, *, region: bool = False) -> PassResult:
        """Apply the rows until none fits.

        Raises:
            IRError: rows undo each other.
        """
        graph = map_regions(graph, lambda inner: self(inner, region=True).graph)
        transform: Graph | None = None
        for _ in range(_SWEEPS):
            made = _Sweep(self, graph, region).run()
            if made.graph is graph:
                break
            graph, transform = made.graph, compose(transform, made.transform)
        return PassResult(graph, transform)


class _Sweep(Rewriter):
    def __init__(self, rules: Rules, source: Graph, region: bool) -> None:
        super().__init__(source, region)
        self.rules = rules
        self.uses: dict[Value, int] = {}
        for value in source.roots():
            self.count(value, 1)
        for node in reversed(source.nodes):
            if not self.dead(node):
                for value in node.uses():
                    self.count(value, 1)

    def count(self, value: Value, change: int) -> None:
        self.uses[value] = self.uses.get(value, 0) + change

    def dead(self, node: Node) -> bool:
        return not any(self.uses.get(result) for result in node.results)

    def run(self) -> PassResult:
        with self:
            for node in self.source.nodes:
                if not self.dead(node):
                    self.visit(node, ())
        self.nodes = [node for node in self.nodes if not self.dead(node)]
        return self.result()

    def visit(self, old: Node, before: tuple[Row, ...]) -> None:
        node = copied(old, self.new)
        if node is not old:
            for a, b in zip(old.results, node.results, strict=True):
                self.uses[b] = self.uses.pop(a, 0)
        found = self.replacement(node)
        if found is None:
            self.nodes.append(node)
            return
        row, results, added = found
        if len(before) == _CHAIN:
            last = dict.fromkeys(r.text for r in (*before[-8:], row))
            raise IRError(f"rows of {self.rules.name} undo each other: {', '.join(last)}", where=old.loc)
        counts = [self.uses.get(result, 0) for result in node.results]
        for inner in added:
            for value in inner.uses():
                self.count(value, 1)
        for value, result, count in zip(node.results, results, counts, strict=True):
            self.count(result, count)
            self.count(value, -count)
        if self.dead(node):
            self.release(node)
        else:  # the replacement wraps what it replaces
            self.nodes.append(node)
        for inner in added:
            self.visit(inner, (*before, row))
        self.replace(old, results)

    def replacement(self, node: Node) -> tuple[Row, tuple[Value, ...], list[Node]] | None:
        """The first row that fits, what it puts in place of the results, and the nodes that it adds for this."""
        for row in self.rules.of(node.op):
            start: pattern.Bindings = {row.named: node.results[0]} if row.named else {}
            for bound in row.root.node(node, start, self.uses):
                self.at, mark = node.loc, len(self.nodes)
                made = row.function(**{name: bound[name] for name in row.wanted})
                added = self.nodes[mark:]
                del self.nodes[mark:]
                if made is None:
                    continue
                results = tuple(made if isinstance(made, Sequence) else [made])
                if not all(type(result) is Value for result in results) or len(results) != len(node.results):
                    raise IRError(f"the row {row.text} of {self.rules.name} gives {results!r} for {node!r}")
                pairs = list(zip(results, node.results, strict=True))
                if all(a.type is b.type for a, b in pairs) and any(a is not b for a, b in pairs):
                    return row, results, live(added, results)[0]
        return None

    def release(self, node: Node) -> None:
        """Take away the uses of a node that has died, and of those that die with it."""
        waiting = [node]
        while waiting:
            for value in waiting.pop().uses():
                self.count(value, -1)
                if value.node is not None and not self.uses[value] and self.dead(value.node):
                    waiting.append(value.node)

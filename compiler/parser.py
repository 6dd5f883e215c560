"""IR text to graphs, by recursive descent, with errors that name the line of the text.

`parse(str(graph)) == graph`.  Nothing in the text can name anything but registered ops: parsing executes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from . import (
    attrs,
    dims,
    ops as ops,  # registers what the text may name
)
from .dims import Dim
from .errors import ArgumentError, IRError
from .graph import Graph
from .ir import Node, Value
from .location import Location
from .op import REGISTRY, Op
from .scanner import Scanner
from .types import TensorType, parse_type

_WORDS: dict[str, Any] = {"True": True, "False": False, "None": None, "...": Ellipsis}


def parse(text: str, consts: Mapping[str, np.ndarray] | None = None) -> Graph:
    """The last graph of the text; the graphs before it are regions it may name.

    Args:
        text: what `str(graph)` gives.
        consts: constants that are too large for the text, by their `sha256:…` name.

    Raises:
        ArgumentError: it is no text.
        IRError: the text is malformed; the message names its line.
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentError(
            "parse() takes the text of a graph", received=type(text).__name__, hint="a file's is `Path(…).read_text()`."
        )
    return _Parser(text, consts or {}).module()


class _Parser(Scanner):
    def __init__(self, text: str, consts: Mapping[str, np.ndarray]) -> None:
        super().__init__(text)
        self.consts = consts
        self.symbols: dict[str, Dim] = {}
        self.types: dict[str, TensorType] = {}
        self.graphs: dict[str, Graph] = {}

    def type(self) -> TensorType:
        text = self.match("type", "a type")
        if text not in self.types:
            try:
                self.types[text] = parse_type(text, self.symbols)
            except IRError as error:
                raise self.error(error.what, error.hint) from None
        return self.types[text]

    def module(self) -> Graph:
        graph: Graph | None = None
        while not self.peek("graph") or graph is None:
            self.skip()
            if self.at >= len(self.text) and graph is not None:
                return graph
            graph = self.graph()
        while self.at < len(self.text):
            graph = self.graph()
            self.skip()
        return graph

    def graph(self) -> Graph:
        if not self.keyword("graph"):
            raise self.error("`graph @name(…)` is expected")
        name = self.name("@")
        if name in self.graphs:
            raise self.error(f"a graph @{name} exists")
        values: dict[str, Value] = {}
        inputs: list[Value] = []
        self.expect("(")
        while not self.take(")"):
            inputs.append(self.argument(values))
            if not self.peek(")"):
                self.expect(",")
        self.expect("->")
        declared, labels = self.outputs()
        self.expect("{")
        groups: dict[str, list[Value]] = {"param": [], "state": []}
        consts: dict[Value, np.ndarray] = {}
        nodes: list[Node] = []
        while not self.keyword("return"):
            if self.peek("%"):
                nodes.append(self.node(values))
                continue
            for word, group in groups.items():
                if self.keyword(word):
                    group.append(self.argument(values))
                    break
            else:
                if not self.keyword("const"):
                    raise self.error("a node, `param`, `state`, `const` or `return` is expected")
                value = self.argument(values)
                consts[value] = self.constant(value.type)
        outputs: list[Value] = []
        while self.peek("%"):
            outputs.append(self.use(values))
            if not self.take(","):
                break
        assigns: list[tuple[Value, Value]] = []
        while self.keyword("assign"):
            target = self.use(values)
            self.expect("=")
            assigns.append((target, self.use(values)))
        self.expect("}")
        if [value.type for value in outputs] != declared:
            returned = [str(value.type) for value in outputs]
            raise self.error(f"@{name} returns {returned} where its head says {list(map(str, declared))}")
        made = Graph(name, inputs, groups["param"], groups["state"], consts, nodes, outputs, assigns, labels)
        return self.graphs.setdefault(name, made)

    def outputs(self) -> tuple[list[TensorType], list[str]]:
        self.expect("(")
        types: list[TensorType] = []
        labels: list[str] = []
        while not self.take(")"):
            mark = self.at
            label = self.maybe("name")
            if label is not None and self.take(":"):
                labels.append(self.unquote(label) if label[0] == '"' else label)
            else:
                self.at = mark
            types.append(self.type())
            if not self.peek(")"):
                self.expect(",")
        if labels and len(labels) != len(types):
            raise self.error("either every output has a name or none")
        return types, labels

    def argument(self, values: dict[str, Value]) -> Value:
        name = self.name("%")
        self.expect(":")
        return self.define(values, name, Value(self.type(), name=name))

    def define(self, values: dict[str, Value], name: str, value: Value) -> Value:
        if name in values:
            raise self.error(f"%{name} is defined twice")
        values[name] = value
        return value

    def use(self, values: dict[str, Value]) -> Value:
        name = self.name("%")
        if name not in values:
            raise self.error(f"%{name} is not defined before this use")
        return values[name]

    def constant(self, type_: TensorType) -> np.ndarray:
        if type_.dtype == "key" or not type_.is_static:
            raise self.error(f"a constant cannot be {type_}")
        dtype = np.dtype(type_.aval.dtype)
        if not self.take("="):
            sha = self.match("sha", "`= [numbers]` or `sha256:…`")
            if sha not in self.consts:
                raise self.error(f"constant {sha} does not come with the text")
            array = self.consts[sha]
        else:
            numbers = self.nested(0)
            try:
                array = np.array(numbers, dtype=dtype).reshape(type_.shape)
            except (ValueError, TypeError, OverflowError):
                raise self.error(f"the numbers do not make a {type_}") from None
        if array.shape != type_.shape or array.dtype != dtype:
            raise self.error(f"the constant is {array.dtype}{list(array.shape)}, not {type_}")
        return array

    def nested(self, depth: int) -> Any:
        if depth > 32:
            raise self.error("a constant is nested too deeply")
        if not self.take("["):
            return self.scalar_here()
        items: list[Any] = []
        while not self.take("]"):
            items.append(self.nested(depth + 1))
            if not self.peek("]"):
                self.expect(",")
        return items

    def scalar_here(self) -> Any:
        for word in ("True", "False"):
            if self.keyword(word):
                return word == "True"
        return self.number(self.match("scalar", "a number"))

    def node(self, values: dict[str, Value]) -> Node:
        names: list[str] = []
        types: list[TensorType] = []
        while True:
            names.append(self.name("%"))
            if names[-1] in values:
                raise self.error(f"%{names[-1]} is defined twice")
            self.expect(":")
            types.append(self.type())
            if not self.take(","):
                break
        self.expect("=")
        word = self.match("word", "an op")
        op = REGISTRY.get(word)
        if op is None:
            raise self.error(f"there is no op '{word}'")
        operands, static = self.call(op, values)
        node = Node(op, operands, static, tuple(types), self.location())
        for name, result in zip(names, node.results, strict=True):
            self.define(values, name, result)
        return node

    def call(self, op: Op, values: dict[str, Value]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        self.expect("(")
        given: dict[str, Any] = {}
        while not self.take(")"):
            mark = self.at
            word = self.maybe("word")
            if word is not None and self.take("="):
                name = word
            else:
                self.at = mark
                if len(given) >= len(op.params):
                    raise self.error(f"{op.name} takes {len(op.params)} arguments")
                name = op.params[len(given)]
            if name not in op.params or name in given:
                raise self.error(f"{op.name} has no place for '{name}'", f"it is {op.usage()}.")
            kind = op.kinds[op.params.index(name)]
            given[name] = self.value(values) if kind == "attr" else self.operand(values, kind)
            if not self.peek(")"):
                self.expect(",")
        for name, kind, default in zip(op.params, op.kinds, op.defaults, strict=True):
            if name not in given:
                if default is op.signature.empty:
                    raise self.error(f"{op.name} lacks '{name}'", f"it is {op.usage()}.")
                given[name] = attrs.normalize(default, op.name, name) if kind == "attr" else default
        return tuple(given[name] for name in op.operand_names), tuple(given[name] for name in op.attr_names)

    def operand(self, values: dict[str, Value], kind: str) -> Any:
        if kind == "list":
            self.expect("[")
            items: list[Any] = []
            while not self.take("]"):
                items.append(self.operand(values, "one"))
                if not self.peek("]"):
                    self.expect(",")
            return tuple(items)
        if self.peek("%"):
            return self.use(values)
        value = self.value(values)
        if type(value) not in (int, float, bool):
            raise self.error(f"`{value}` cannot be an operand")
        return value

    def value(self, values: dict[str, Value], depth: int = 0) -> Any:
        if depth > 64:
            raise self.error("an attribute is nested too deeply")
        if self.peek('"'):
            return self.unquote(self.match("string", "a string"))
        if self.peek("@"):
            name = self.name("@")
            if name not in self.graphs:
                raise self.error(f"no graph @{name} stands before this use")
            return self.graphs[name]
        if self.peek("("):
            return self.tuple(values, depth)
        if self.keyword("slice"):
            parts = self.tuple(values, depth)
            if len(parts) != 3:
                raise self.error("a slice has three parts")
            return slice(*parts)
        for word, value in _WORDS.items():
            if self.take("...") if word == "..." else self.keyword(word):
                return value
        number = self.maybe("number")
        return self.number(number) if number is not None else self.size()

    def tuple(self, values: dict[str, Value], depth: int) -> tuple[Any, ...]:
        self.expect("(")
        items: list[Any] = []
        while not self.take(")"):
            items.append(self.value(values, depth + 1))
            if not self.peek(")"):
                self.expect(",")
        return tuple(items)

    def size(self) -> int | Dim:
        """A dimension expression: everything up to the comma or parenthesis that ends it."""
        self.skip()
        depth, end = 0, self.at
        while end < len(self.text) and (depth or self.text[end] not in ",)]}\n"):
            depth += (self.text[end] == "(") - (self.text[end] == ")")
            end += 1
        text = self.text[self.at : end]
        try:
            size = dims.parse(text, self.symbols)
        except IRError as error:
            raise self.error(error.what, error.hint) from None
        self.at = end
        return size

    def location(self) -> Location | None:
        if not self.keyword("loc"):
            return None
        self.expect("(")
        file = self.unquote(self.match("string", "a file name"))
        self.expect(":")
        line = self.number(self.match("name", "a line number"))
        self.expect(",")
        scope = self.unquote(self.match("string", "a layer path"))
        self.expect(")")
        if not isinstance(line, int):
            raise self.error("a line number is expected")
        return Location(file, line, scope)

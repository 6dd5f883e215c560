"""Finds attention in a graph: softmax(query · key, scaled and masked) · value, however it is written."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from . import masks
from .attrs import is_tuple
from .contractions import Contraction, Factor, contraction, factor, permutation, transposed
from .graph import Graph
from .ir import Node, Value
from .masks import Masks, Step
from .orders import Orders
from .types import is_float

_PRODUCTS = ("matmul", "einsum", "lax.dot_general")
_CASTS = ("cast", "lax.convert_element_type")
_STEPS = 32
"""Steps between the product and its softmax that are looked at."""
_KEEPS = ("stop_gradient", "expand_dims", "lax.broadcast_in_dim", "reshape", "lax.reshape")


class Attention(NamedTuple):
    """Attention as it was found.

    Attributes:
        node: the product with the values.
        last: that, or the last of transposes behind it that undo what theirs is of the op's.
        query, key, value: tensors and the letters of their axes.
        letters: of the result of `last`.
        batch: letters of the axes of the scores before those of queries and keys; two at most.
        row, column: letters of queries and keys.
        size, width: letters of what a query and a key have in common, and of what a value is.
    """

    node: Node
    last: Node
    query: Factor
    key: Factor
    value: Factor
    letters: Sequence[int]
    batch: Sequence[int]
    row: int
    column: int
    size: int
    width: int
    masks: Masks


class Search:
    """Looks at the nodes of one graph."""

    def __init__(self, graph: Graph) -> None:
        self.users, self.roots = graph.users(), set(graph.roots())
        self.orders = Orders(graph.consts)

    def attention(self, node: Node) -> Attention | None:
        """The attention whose product with the values is this node."""
        product = contraction(node.results[0]) if node.op.name in _PRODUCTS else None
        if product is None or not is_float(node.results[0].dtype):
            return None
        for weights, values in product.ways():
            found = self._weights(node, weights)
            if found is None or set(weights.letters) - set(product.letters) != {weights.letters[-1]}:
                continue
            scores, read = found
            *batch, row, column = weights.letters
            width = [letter for letter in values.letters if letter not in weights.letters]
            if len(batch) > 2 or len(width) != 1 or set(values.letters) != {*batch, column, *width}:
                continue
            letters = dict(zip(scores.letters, weights.letters, strict=True))
            for query, key in scores.ways():
                query, key = (f._replace(letters=tuple(letters.get(x, -1) for x in f.letters)) for f in (query, key))
                real = all(_is_real(x.value) for x in (query, key, values))
                if real and _has(query, {*batch, row, -1}) and _has(key, {*batch, column, -1}):
                    query, first = self._unscaled(query)
                    key, second = self._unscaled(key)
                    read.scale *= first * second
                    last, order = self._last(node, product.letters, (*batch[:1], row, *batch[1:], *width))
                    return Attention(node, last, query, key, values, order, batch, row, column, -1, width[0], read)
        return None

    def _weights(self, node: Node, weights: Factor) -> tuple[Contraction, Masks] | None:
        """The product whose softmax is `weights`, a factor of `node`, and what was done to it in between; where nothing
        on the way has another use."""
        on_the_way = [made for value in node.uses() for made in _chain(value, weights.value)]
        value = weights.value
        while value.node is not None and value.node.op.name in _CASTS and _is_real(value.node.operands[0]):
            on_the_way.append(value.node)
            value = value.node.operands[0]
        logits = self._softmax(value, on_the_way) if len(weights.letters) > 1 else None
        if logits is None or not is_float(logits.dtype):
            return None
        for scores, steps, nodes in self._peeled(logits, logits.shape, set()):
            product = contraction(scores)
            if product is not None:
                base, _ = transposed(scores)
                nodes = [*on_the_way, *nodes, *_chain(scores, base), base.node]
                read = masks.read(steps, self.orders, logits.dtype) if self._closed(nodes, node) else None
                return None if read is None else (product, read)
        return None

    def _closed(self, nodes: Sequence[Any], last: Node) -> bool:
        """Whether what the nodes compute is used by them and `last` alone."""
        own = {*nodes, last}
        results = [result for node in nodes for result in node.results]
        return not any(r in self.roots or any(user not in own for user in self.users.get(r, ())) for r in results)

    # exp(x) / sum(exp(x))
    def _softmax(self, value: Value, nodes: list[Node]) -> Value | None:
        """What `value` is softmax of, over the last axis; `nodes` grows by those that compute it."""
        node: Any = value.node
        if node is None or not node.operands or type(node.operands[0]) is not Value:
            return None
        if node.op.name == "softmax":
            nodes.append(node)
            return node.operands[0] if _is_last(node.attr("axis"), value) else None
        if node.op.name not in ("divide", "lax.div"):
            return None
        powers, total = node.operands
        exp: Any = powers.node
        if exp is None or exp.op.name not in ("exp", "lax.exp") or not self._reduces(total, "sum", powers, nodes):
            return None
        nodes += [node, exp]
        shifted: Any = exp.operands[0].node
        if shifted is not None and shifted.op.name in ("subtract", "lax.sub"):
            x, highest = shifted.operands
            reduced: list[Node] = []
            if self._reduces(highest, "max", x, reduced):
                nodes += [shifted, *reduced]
                return x
        return exp.operands[0]

    def _reduces(self, value: Any, name: str, x: Any, nodes: list[Node]) -> bool:
        """Whether `value` is the sum, or the maximum, of `x` over its last axis, which is kept as one element."""
        if type(value) is not Value or type(x) is not Value or value.shape != (*x.shape[:-1], 1):
            return False
        while value.node is not None:
            node: Any = value.node
            nodes.append(node)
            if node.op.name == name:
                return node.operands[0] is x and _is_last(node.attr("axis"), x)
            if node.op.name == f"lax.reduce_{name}":
                return node.operands[0] is x and _is_last(node.attr("axes"), x)
            inner = [operand for operand in node.operands if self.orders.number(operand) is None]
            lowest = node.op.name == "lax.max" and -math.inf in map(self.orders.number, node.operands)
            if len(inner) != 1 or type(inner[0]) is not Value or not (lowest or node.op.name in _KEEPS):
                return False
            if inner[0].shape not in (x.shape[:-1], (*x.shape[:-1], 1)) or not _keeps_axes(node, x.ndim - 1):
                return False
            value = inner[0]
        return False

    # What is done to scores
    def _peeled(
        self, value: Value, shape: Any, seen: set[Value], depth: int = _STEPS
    ) -> Iterator[tuple[Value, list[Step], list[Node]]]:
        """What `value` may be made of: a tensor of that shape, the steps from it, first to last, and their nodes; each
        tensor once, however many ways lead to it."""
        seen.add(value)
        yield value, [], []
        node = value.node
        if node is None or node.op.name in _PRODUCTS or not depth:
            return
        for inner, step in self._steps(node):
            if type(inner) is Value and inner not in seen and inner.shape == shape and is_float(inner.dtype):
                for found, steps, nodes in self._peeled(inner, shape, seen, depth - 1):
                    yield found, [*steps, step], [*nodes, node]

    def _steps(self, node: Any) -> Iterator[tuple[Any, Step]]:
        name, number = node.op.name, self.orders.number
        if name in _CASTS:
            if node.results[0].dtype == "float32":
                yield node.operands[0], Step("scale")
        elif name in ("multiply", "lax.mul", "divide", "lax.div"):
            scaled = self._scaled(node)
            if scaled is not None:
                yield scaled[0], Step("scale", scaled[1])
        elif name in ("add", "lax.add", "subtract", "lax.sub"):
            left, right = node.operands
            if number(right) is None and type(right) is Value:
                yield left, Step("add", -1.0 if "sub" in name else 1.0, right)
            if number(left) is None and type(left) is Value and "sub" not in name:
                yield right, Step("add", 1.0, left)
        elif name in ("where", "lax.select_n"):
            condition = node.operands[0]
            yes, no = node.operands[1:] if name == "where" else reversed(node.operands[1])
            if type(condition) is not Value or (name == "lax.select_n" and condition.dtype != "bool"):
                return
            for inner, other, when in ((yes, no, True), (no, yes, False)):
                fill = number(other)
                if fill is not None:
                    yield inner, Step("keep", float(fill), condition, when)

    def _scaled(self, node: Any) -> tuple[Value, float] | None:
        """What the node multiplies, and by which number; None where it does something else."""
        name = node.op.name
        if name in ("divide", "lax.div"):
            x, number = node.operands[0], self.orders.number(node.operands[1])
            number = 1 / number if number else None
        elif name in ("multiply", "lax.mul"):
            left, right = node.operands
            x, number = left, self.orders.number(right)
            if number is None:
                x, number = right, self.orders.number(left)
        else:
            return None
        if number is None or not math.isfinite(number) or type(x) is not Value:
            return None
        result = node.results[0]
        return (x, float(number)) if x.shape == result.shape and x.dtype == result.dtype else None

    def _unscaled(self, given: Factor) -> tuple[Factor, float]:
        """The factor without numbers that it is multiplied by, and their product."""
        product = 1.0
        while given.value.node is not None and (found := self._scaled(given.value.node)) is not None:
            product *= found[1]
            given = factor(found[0], given.letters)
        return given, product

    # The result
    def _last(self, node: Node, letters: Sequence[int], made: Sequence[int]) -> tuple[Node, Sequence[int]]:
        """The transposes behind the product that lead to the order `made` belong to it."""
        last, order = node, tuple(letters)
        while order != tuple(made):
            users = self.users.get(last.results[0], [])
            axes = permutation(users[0]) if len(users) == 1 and last.results[0] not in self.roots else None
            if axes is None:
                return node, letters
            last, order = users[0], tuple(order[axis] for axis in axes)
        return last, order


def _is_real(value: Any) -> bool:
    return type(value) is Value and is_float(value.dtype)


def _has(tensor: Factor, letters: set[int]) -> bool:
    return len(tensor.letters) == len(letters) and set(tensor.letters) == letters


def _chain(value: Value, base: Value) -> list[Node]:
    """The nodes from `base` to `value`, where that is a transpose of it."""
    found: list[Node] = []
    while value is not base:
        node = value.node
        if node is None or permutation(node) is None:
            return []
        found.append(node)
        value = node.operands[0]
    return found


def _is_last(axis: Any, x: Value) -> bool:
    if is_tuple(axis):
        return len(axis) == 1 and _is_last(axis[0], x)
    return type(axis) is int and axis % x.ndim == x.ndim - 1


def _keeps_axes(node: Any, count: int) -> bool:
    """Whether the first axes, `count` of them, stay where they are."""
    if node.op.name == "lax.broadcast_in_dim":
        return tuple(node.attr("broadcast_dimensions"))[:count] == tuple(range(count))
    if node.op.name == "expand_dims":
        axis = node.attr("axis")
        return axis in (-1, count, (-1,), (count,))
    return True

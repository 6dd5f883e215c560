"""Sums of products of two tensors as letters for axes, however they are written: `matmul`, `einsum`, `lax.dot_general`,
with transposes before and behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .dims import same
from .ir import Node, Value

Letters = tuple[int, ...]


class Factor(NamedTuple):
    """One of the two tensors that are multiplied, and the letters of its axes."""

    value: Value
    letters: Letters


class Contraction(NamedTuple):
    """`result[letters] = sum of left[of_left] * right[of_right]` over the letters that the result does not have."""

    left: Value
    right: Value
    of_left: Letters
    of_right: Letters
    letters: Letters

    def ways(self) -> Iterator[tuple[Factor, Factor]]:
        """The two factors, either first."""
        left, right = Factor(self.left, self.of_left), Factor(self.right, self.of_right)
        yield left, right
        yield right, left


def transposed(value: Value) -> tuple[Value, Letters]:
    """What `value` is a transpose of, and for each axis of `value` the axis of it; `value` itself where it is none."""
    order = tuple(range(value.ndim))
    while value.node is not None and (axes := permutation(value.node)) is not None:
        value = value.node.operands[0]
        order = tuple(axes[axis] for axis in order)
    return value, order


def permutation(node: Node) -> Letters | None:
    """For each axis of a transpose's result the axis of its operand; None where the node is no transpose."""
    if node.op.name == "transpose":
        rank, axes = node.results[0].ndim, node.attr("axes")
        return tuple(range(rank - 1, -1, -1)) if axes is None else tuple(axis % rank for axis in axes)
    return tuple(node.attr("permutation")) if node.op.name == "lax.transpose" else None


def contraction(value: Value) -> Contraction | None:
    """`value` as a contraction, transposes of it and of its operands taken into the letters; None where it is none."""
    made, order = transposed(value)
    found = _direct(made.node) if made.node is not None else None
    if found is None:
        return None
    left, right = (factor(x, of) for x, of in ((found.left, found.of_left), (found.right, found.of_right)))
    letters = tuple(found.letters[axis] for axis in order)
    return Contraction(left.value, right.value, left.letters, right.letters, letters)


def arranged(letters: Letters, wanted: Sequence[int]) -> Letters | None:
    """The permutation that brings axes of these letters into the wanted order; None where it does nothing."""
    order = tuple(letters.index(letter) for letter in wanted)
    return None if order == tuple(range(len(order))) else order


def factor(value: Value, letters: Letters) -> Factor:
    """A tensor whose axes have these letters as a factor: what it is a transpose of, and the letters of that."""
    base, order = transposed(value)
    return Factor(base, tuple(letters[order.index(axis)] for axis in range(base.ndim)))


def _direct(node: Node) -> Contraction | None:
    name = node.op.name
    if name == "einsum":
        operands: Any = node.operand("operands")
        letters = _einsum(node.attr("subscripts"))
    elif name in ("matmul", "lax.dot_general"):
        operands = node.operands
        letters = None
    else:
        return None
    if len(operands) != 2 or any(type(x) is not Value for x in operands):
        return None
    left, right = operands
    if name == "matmul":
        letters = _matmul(left, right)
    elif name == "lax.dot_general":
        letters = _dot_general(left.ndim, right.ndim, node)
    if letters is None:
        return None
    found = Contraction(left, right, *letters)
    return found if _is_plain(found, node.results[0]) else None


def _einsum(subscripts: str) -> tuple[Letters, Letters, Letters] | None:
    before, arrow, after = subscripts.replace(" ", "").partition("->")
    terms = before.split(",")
    if not arrow or len(terms) != 2 or "." in subscripts:
        return None
    return tuple(map(ord, terms[0])), tuple(map(ord, terms[1])), tuple(map(ord, after))


def _matmul(left: Value, right: Value) -> tuple[Letters, Letters, Letters] | None:
    rank = left.ndim
    if rank < 2 or right.ndim not in (2, rank):
        return None
    batch = tuple(range(rank - 2))
    row, summed, column = range(rank, rank + 3)
    of_right = (*batch, summed, column) if right.ndim == rank else (summed, column)
    return (*batch, row, summed), of_right, (*batch, row, column)


def _dot_general(left: int, right: int, node: Node) -> tuple[Letters, Letters, Letters] | None:
    if node.attr("precision") is not None:
        return None
    summed, batch = node.attr("dimension_numbers")
    of_left, of_right = list(range(left)), list(range(left, left + right))
    for a, b in (*zip(*summed, strict=True), *zip(*batch, strict=True)):
        of_right[b] = a
    free_left = [of_left[axis] for axis in range(left) if axis not in (*summed[0], *batch[0])]
    free_right = [of_right[axis] for axis in range(right) if axis not in (*summed[1], *batch[1])]
    return tuple(of_left), tuple(of_right), (*batch[0], *free_left, *free_right)


def _is_plain(found: Contraction, result: Value) -> bool:
    """Whether no letter is repeated or summed alone, and every letter is of one size."""
    sizes: dict[int, Any] = {}
    for letters, value in ((found.of_left, found.left), (found.of_right, found.right), (found.letters, result)):
        if len(set(letters)) != len(letters) or len(letters) != value.ndim:
            return False
        if not all(same(sizes.setdefault(a, size), size) for a, size in zip(letters, value.shape, strict=True)):
            return False
    left, right, made = map(set, (found.of_left, found.of_right, found.letters))
    return left - right <= made and right - left <= made

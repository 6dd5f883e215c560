"""Solve what the nodes of one graph demand of unknown sizes (union-find over symbols).

Equalities belong to a graph, never to a tensor: an `Input` may serve two models, of which one demands more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from . import dims, infer
from .dims import Dim
from .errors import ShapeError
from .ir import Node


def solve(nodes: Iterable[Node]) -> dict[str, int | Dim]:
    """What each symbol stands for, so that the substitutions of all nodes hold together.

    Raises:
        ShapeError: two nodes demand different numbers of one size; it names both.
    """
    env: dict[str, int | Dim] = {}
    reason: dict[str, Node] = {}
    for node in nodes:
        for name, size in node.substitution:
            _equate(dims.symbol(name), size, node, env, reason)
    return {name: _resolve(size, env) for name, size in env.items()}


def _resolve(size: int | Dim, env: dict[str, int | Dim]) -> int | Dim:
    for _ in range(len(env) + 1):
        done = dims.substitute(size, env)
        if done is size or isinstance(done, int):
            return done
        size = done
    return size


def _equate(a: int | Dim, b: int | Dim, node: Node, env: dict[str, int | Dim], reason: dict[str, Node]) -> None:
    left, right = _resolve(a, env), _resolve(b, env)
    if left is right or (isinstance(left, int) and left == right):
        return
    if isinstance(left, int) and isinstance(right, int):
        raise _contradiction(a, left, right, node, reason)
    found = infer.pair(left, right)
    if found is not None and dims.symbol(found[0]) is not found[1]:
        env[found[0]] = found[1]
        reason[found[0]] = node
        return
    one, other = _multiple(left), _multiple(right)
    if one and other:
        (k, x), (m, y) = one, other
        common, quotient = math.lcm(k, m), dims.fresh("d")
        env[x], env[y] = common // k * quotient, common // m * quotient
        reason[x] = reason[y] = node
        return
    if isinstance(left, int) or isinstance(right, int):
        raise _contradiction(a, left, right, node, reason)
    # Neither side can be expressed by the other: the check of concrete shapes at specialisation decides.


def _multiple(size: int | Dim) -> tuple[int, str] | None:
    """(k, t) when the size is k*t."""
    if not isinstance(size, Dim) or len(size.symbols) != 1:
        return None
    (name,) = size.symbols
    one, two = size.substitute({name: 1}), size.substitute({name: 2})
    return (one, name) if isinstance(one, int) and two == 2 * one and size.substitute({name: 5}) == 5 * one else None


def _contradiction(
    wanted: int | Dim, left: int | Dim, right: int | Dim, node: Node, reason: dict[str, Node]
) -> ShapeError:
    names = wanted.symbols if isinstance(wanted, Dim) else ()
    first = next((reason[name] for name in names if name in reason), None)
    before = ""
    if first is not None and first.loc is not None:
        before = f"; {first.op.name} at {first.loc.file}:{first.loc.line} made it {left}"
    layer = f" in layer '{node.loc.scope}'" if node.loc is not None and node.loc.scope else ""
    return ShapeError(
        f"one size would have to be {left} and {right}: {node.op.name}{layer} makes it {right}{before}",
        where=node.loc,
        received=", ".join(str(value.type) for value in node.uses()),
        hint="the two places see the same unknown axis of an `Input`; give that axis one number or use two inputs.",
    )

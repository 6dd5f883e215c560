"""Patterns of nodes, written as the IR writes calls: `log(once(softmax(x, axis)))`.

A pattern is read like a line of IR: arguments stand in the order of the op's parameters, operands and attributes
alike, and those left out are at their default.  In their places stand

    x           any operand or attribute, handed to the replacement under that name; twice the same name, twice the same
    _           anything
    ...         as the last positional argument: whatever the parameters not named here are
    0.5, "valid", None, (1, 1)      that literal operand or attribute (1 is 1.0, but never True)
    [a, b]      a list operand of so many members
    log(x)      the result of that op, whose first two operands match either way round if it is commutative
    TRAINING(x, ...)                the result of any op with that trait
    split(x, ...)[1]                that result of an op with several
    once(p)     what matches p and is used nowhere else
    y := p      what matches p, handed over as y
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import attrs
from .errors import ArgumentError
from .ir import Node, Value
from .op import REGISTRY, Op, Trait

Bindings = dict[str, Any]
Uses = Mapping[Value, int]


class Pattern:
    """A parsed pattern: `matches` finds how it fits an operand or an attribute."""

    def names(self) -> set[str]:
        """Names it binds."""
        return set()

    def matches(self, item: Any, bound: Bindings, uses: Uses) -> Iterator[Bindings]:
        """Each way to fit `item`, given what is bound already; `uses` counts the uses of Values."""
        raise NotImplementedError


@dataclass
class Anything(Pattern):
    """`_`, or a name."""

    name: str

    def names(self) -> set[str]:
        return set() if self.name == "_" else {self.name}

    def matches(self, item: Any, bound: Bindings, uses: Uses) -> Iterator[Bindings]:
        if self.name == "_":
            yield bound
        elif self.name not in bound:
            yield {**bound, self.name: item}
        elif _same(bound[self.name], item):
            yield bound


@dataclass
class Exactly(Pattern):
    """A literal."""

    value: Any

    def matches(self, item: Any, bound: Bindings, uses: Uses) -> Iterator[Bindings]:
        if type(item) is not Value and _equal(self.value, item):
            yield bound


@dataclass
class Members(Pattern):
    """A tuple attribute or a list operand, member by member."""

    items: Sequence[Pattern]

    def names(self) -> set[str]:
        return set[str]().union(*(item.names() for item in self.items))

    def matches(self, item: Any, bound: Bindings, uses: Uses) -> Iterator[Bindings]:
        if attrs.is_tuple(item) and len(item) == len(self.items):
            yield from _all(list(zip(self.items, item, strict=True)), bound, uses)


@dataclass
class Once(Pattern):
    """A Value with this one use."""

    inner: Pattern

    def names(self) -> set[str]:
        return self.inner.names()

    def matches(self, item: Any, bound: Bindings, uses: Uses) -> Iterator[Bindings]:
        if type(item) is Value and uses.get(item, 0) == 1:
            yield from self.inner.matches(item, bound, uses)


@dataclass
class Named(Pattern):
    """What matches, under a name."""

    name: str
    inner: Pattern

    def names(self) -> set[str]:
        return {self.name} | self.inner.names()

    def matches(self, item: Any, bound: Bindings, uses: Uses) -> Iterator[Bindings]:
        for found in self.inner.matches(item, bound, uses):
            yield {**found, self.name: item}


@dataclass
class Call(Pattern):
    """The result of an op."""

    head: str
    positional: Sequence[Pattern]
    keywords: Mapping[str, Pattern]
    rest: bool
    index: int | None = None
    plans: dict[Op, list[dict[str, Pattern]]] = field(default_factory=dict[Op, list[dict[str, Pattern]]])

    def names(self) -> set[str]:
        return set[str]().union(*(p.names() for p in (*self.positional, *self.keywords.values())))

    def fits(self, op: Op) -> bool:
        """Whether the head means that op."""
        if self.head in Trait.__members__:
            return (
                op.has(Trait[self.head])
                and len(self.positional) <= len(op.params)
                and set(self.keywords) <= set(op.params)
            )
        return op.name == self.head

    def matches(self, item: Any, bound: Bindings, uses: Uses) -> Iterator[Bindings]:
        if type(item) is not Value or item.node is None or not self.fits(item.node.op):
            return
        if item.index == self.index or (self.index is None and len(item.node.results) == 1):
            yield from self.node(item.node, bound, uses)

    def node(self, node: Node, bound: Bindings, uses: Uses) -> Iterator[Bindings]:
        """Each way to fit the node's operands and attributes."""
        plans = self.plans.get(node.op)
        if plans is None:
            plans = self.plans[node.op] = self._plan(node.op)
        arguments = dict(zip(node.op.params, node.op.arguments(node.operands, node.attrs), strict=True))
        for plan in plans:
            yield from _all([(pattern, arguments[name]) for name, pattern in plan.items()], bound, uses)

    def _plan(self, op: Op) -> list[dict[str, Pattern]]:
        plan = dict(zip(op.params, self.positional, strict=False)) | dict(self.keywords)
        if len(self.positional) > len(op.params) or not set(plan) <= set(op.params):
            raise ArgumentError(
                f"a pattern calls {op.name} with arguments it does not have", hint=f"it is {op.usage()}."
            )
        for name, kind, default in zip(op.params, op.kinds, op.defaults, strict=True):
            if name in plan or self.rest:
                continue
            if default is op.signature.empty and self.head in Trait.__members__:
                return []
            if default is op.signature.empty:
                raise ArgumentError(f"a pattern of {op.name} lacks '{name}'", hint="write `...` for whatever it is.")
            plan[name] = Exactly(attrs.normalize(default, op.name, name) if kind == "attr" else default)
        if not op.has(Trait.COMMUTATIVE):
            return [plan]
        first, second = op.operand_names[:2]
        return [plan, {**plan, first: plan.get(second, Anything("_")), second: plan.get(first, Anything("_"))}]

    def check(self) -> None:
        """Refuse a head that is neither an op nor a trait."""
        if self.head not in REGISTRY and self.head not in Trait.__members__:
            near = difflib.get_close_matches(self.head, [*REGISTRY, *Trait.__members__], 3)
            raise ArgumentError(
                f"a pattern names '{self.head}', which is no op and no trait",
                hint=f"did you mean {' or '.join(near)}?" if near else None,
            )
        for inner in (*self.positional, *self.keywords.values()):
            check(inner)


def check(pattern: Pattern) -> None:
    """Refuse a pattern that names ops which do not exist (they may be registered after it is written).

    Raises:
        ArgumentError: it names something that is no op and no trait.
    """
    if isinstance(pattern, Call):
        pattern.check()
    elif isinstance(pattern, Once | Named):
        check(pattern.inner)
    elif isinstance(pattern, Members):
        for item in pattern.items:
            check(item)


def parse(text: str) -> Pattern:
    """The pattern that `text` writes.

    Raises:
        ArgumentError: the text is no pattern.
    """
    try:
        tree = ast.parse(f"({text.strip()})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        raise ArgumentError(f"{text!r} is no pattern", hint='write it as `"log(softmax(x, axis))"`.') from None
    return _read(tree, text)


def _read(tree: ast.expr, text: str) -> Pattern:
    match tree:
        case ast.Name(id=name):
            return Anything(name)
        case ast.Constant(value=value) if value is not Ellipsis:
            return Exactly(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return Exactly(-value)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return Members([_read(item, text) for item in items])
        case ast.NamedExpr(target=ast.Name(id=name), value=inner):
            return Named(name, _read(inner, text))
        case ast.Call(func=ast.Name(id="once"), args=[inner], keywords=[]):
            return Once(_read(inner, text))
        case ast.Call(func=ast.Name() | ast.Attribute() as head, args=args, keywords=keywords):
            rest = bool(args) and isinstance(args[-1], ast.Constant) and args[-1].value is Ellipsis
            positional = [_read(item, text) for item in (args[:-1] if rest else args)]
            named = {keyword.arg or "**": _read(keyword.value, text) for keyword in keywords}
            return Call(ast.unparse(head), positional, named, rest)
        case ast.Subscript(value=inner, slice=ast.Constant(value=int(index))):
            call = _read(inner, text)
            if isinstance(call, Call):
                call.index = index
                return call
        case _:
            pass
    raise ArgumentError(f"`{ast.unparse(tree)}` has no meaning in a pattern", received=text)


def _all(pairs: list[tuple[Pattern, Any]], bound: Bindings, uses: Uses) -> Iterator[Bindings]:
    if not pairs:
        yield bound
        return
    (pattern, item), *others = pairs
    for found in pattern.matches(item, bound, uses):
        yield from _all(others, found, uses)


def _same(left: Any, right: Any) -> bool:
    if type(left) is Value or type(right) is Value:
        return left is right
    if attrs.is_tuple(left) and attrs.is_tuple(right):
        return len(left) == len(right) and all(map(_same, left, right))
    return attrs.key(left) == attrs.key(right)


def _equal(wanted: Any, item: Any) -> bool:
    if type(wanted) in (int, float) and type(item) in (int, float) and type(wanted) is not type(item):
        return wanted == item
    return attrs.key(wanted) == attrs.key(item)

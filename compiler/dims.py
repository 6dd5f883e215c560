"""Named dimensions: sizes that are not known yet.

`Dim` stands over JAX's shape polymorphism, in one process-wide scope, so that dims made anywhere can meet. A symbol's
first letter says what it is: `b` a batch, `t` another unknown size of an input, `d` a quotient introduced by
unification, `r` a size known only when the program is specialised. Names such as `t1041` are unique in the process;
a graph prints them as `t0`, `t1`, … in order of appearance, and so does an error.

Arithmetic gives ints or Dims. A comparison is decided for every size the dim may have (each is at least 1), or raises.
"""

from __future__ import annotations

import ast
import itertools
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from jax import core, export
from jax.errors import InconclusiveDimensionOperation

from .errors import GraphError, IRError

_SCOPE = export.SymbolicScope()
_counter = itertools.count(1000)
_interned: dict[Any, Dim] = {}
_NAME = re.compile(r"[A-Za-z_]\w*")
_WRITTEN = re.compile(r"(?:[A-Za-z_]\w*+|\d++(?!\w)|[-+/%^(),\s]|\*(?!\*))*+", re.ASCII)
_HIGHEST_POWER = 16
_LONGEST = 4096  # characters of a size
_WIDEST = 1 << 14  # a product's terms grow with the product of its factors' texts
_FUNCTIONS = frozenset({"mod", "floordiv", "max", "min"})


class Dim:
    """An unknown size, or an expression of unknown sizes.  Made by `fresh`, by arithmetic, or by `parse`."""

    __slots__ = ("_code", "_hash", "_symbols", "_text", "expr")

    expr: Any

    def __init__(self, expr: Any) -> None:
        self.expr = expr
        self._hash = hash(expr)
        self._text = str(expr)
        self._symbols: tuple[str, ...] | None = None
        self._code: Any = None

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the symbols in it, each once, in order of appearance."""
        if self._symbols is None:
            found = (name for name in _NAME.findall(self._text) if name not in _FUNCTIONS)
            self._symbols = tuple(dict.fromkeys(found))
        return self._symbols

    @property
    def is_symbol(self) -> bool:
        """Whether it is one bare symbol."""
        return self.symbols == (self._text,)

    @property
    def is_batch(self) -> bool:
        """Whether it is a bare batch symbol."""
        return self._text[0] == "b" and self.is_symbol

    def substitute(self, env: Mapping[str, int | Dim]) -> int | Dim:
        """The expression with symbols replaced by sizes; symbols not in `env` stay."""
        if not any(name in env for name in self.symbols):
            return self
        if self._code is None:
            self._code = compile(self._text.replace("^", "**"), "<dim>", "eval")
        scope: dict[str, Any] = dict(_NAMESPACE)
        for name in self.symbols:
            size = env.get(name)
            scope[name] = _symbol_expr(name) if size is None else unwrap(size)
        return wrap(eval(self._code, scope))

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return self._text

    def __hash__(self) -> int:
        return self._hash

    # Arithmetic: what JAX can express stays a Dim.
    def __add__(self, other: Any) -> Any:
        return _arith(operator.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return _arith(operator.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return _arith(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        return _arith(operator.sub, other, self)

    def __mul__(self, other: Any) -> Any:
        return _arith(operator.mul, self, other)

    def __rmul__(self, other: Any) -> Any:
        return _arith(operator.mul, other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _arith(_floordiv, self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _arith(_floordiv, other, self)

    def __mod__(self, other: Any) -> Any:
        return _arith(operator.mod, self, other)

    def __rmod__(self, other: Any) -> Any:
        return _arith(operator.mod, other, self)

    def __neg__(self) -> Any:
        return wrap(-self.expr)

    # Comparison: decided, or an error.
    def __eq__(self, other: object) -> bool:
        if other is self:
            return True
        if isinstance(other, bool) or not isinstance(other, int | Dim):
            return False
        mine, theirs = self.expr, unwrap(other)
        if bool(mine == theirs):
            return True
        if _decide(operator.gt, mine, theirs) or _decide(operator.lt, mine, theirs):
            return False
        raise _undecided(self, "==", other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> bool:
        return _compare("<", operator.lt, self, other)

    def __le__(self, other: Any) -> bool:
        return _compare("<=", operator.le, self, other)

    def __gt__(self, other: Any) -> bool:
        return _compare(">", operator.gt, self, other)

    def __ge__(self, other: Any) -> bool:
        return _compare(">=", operator.ge, self, other)

    def __bool__(self) -> bool:
        return True  # a size is at least 1

    def __index__(self) -> int:
        raise GraphError(
            f"the size {self} is not known while the model is traced, and a number is needed here",
            hint="use it as a size (`ops.zeros((x.shape[0], n))`), loop with an RNN or `ops.scan`-like op, or give "
            "`Input(shape=…)` a number for that axis.",
        )

    def __int__(self) -> int:
        return self.__index__()

    def __float__(self) -> float:
        return float(self.__index__())


def fresh(kind: str = "t") -> Dim:
    """A new symbol: kind `b` batch, `t` unknown, `d` quotient, `r` result known only by numbers."""
    return symbol(f"{kind}{next(_counter)}")


def symbol(name: str) -> Dim:
    """The symbol of that exact process-wide name."""
    made = wrap(_symbol_expr(name))
    if not isinstance(made, Dim):
        raise IRError(f"{name!r} is no symbol")
    return made


def number_of(name: str) -> int:
    """Age of a symbol: older symbols have smaller numbers."""
    digits = name.lstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
    return int(digits) if digits.isdigit() else 0


def wrap(size: Any) -> int | Dim:
    """A size as JAX has it, as ours: an int or an interned Dim."""
    if isinstance(size, int):
        return size
    if isinstance(size, Dim):
        return size
    if hasattr(size, "__index__") and not export.is_symbolic_dim(size):
        return operator.index(size)
    found = _interned.get(size)
    if found is None:
        found = _interned[size] = Dim(size)
    return found


def unwrap(size: int | Dim) -> Any:
    """A size as JAX wants it."""
    return size.expr if isinstance(size, Dim) else size


def substitute(size: int | Dim, env: Mapping[str, int | Dim]) -> int | Dim:
    """`size` with symbols replaced."""
    return size.substitute(env) if isinstance(size, Dim) else size


def same(a: int | Dim, b: int | Dim) -> bool:
    """Whether two sizes are known to be equal (Dims are interned in a normal form)."""
    return a is b or (isinstance(a, int) and isinstance(b, int) and a == b)


def solve(size: int | Dim, actual: int | Dim, env: dict[str, int | Dim]) -> bool:
    """Bind the one unknown symbol of a linear `size` so that it equals `actual`; False when it cannot.

    Extends `env`.  When more than one symbol is unknown nothing is bound and True is returned: a later axis may tell.
    `actual` is a Dim where a region is typed inside a graph of unknown sizes.
    """
    if not isinstance(size, Dim):
        return same(size, actual)
    unknown = [name for name in size.symbols if name not in env]
    if not unknown:
        return same(size.substitute(env), actual)
    if len(unknown) > 1:
        return True
    (name,) = unknown
    if size.is_symbol:
        env[name] = actual
        return True
    first, second = (size.substitute({**env, name: probe}) for probe in (1, 2))
    slope = second - first
    if not (isinstance(slope, int) and isinstance(first, int)):
        return True
    if slope == 0 or not same((actual - first) % slope, 0):
        return False
    value = 1 + (actual - first) // slope
    if not same(size.substitute({**env, name: value}), actual):
        return False
    env[name] = value
    return True


def parse(text: str, names: dict[str, Dim]) -> int | Dim:
    """A size in JAX's dimension syntax (`2*t0 + 1`, `floordiv(t0, 2)`); `names` maps its symbols and is extended."""
    try:
        # Python would read floats and hexadecimal numbers, and warn of some.
        if len(text) > _LONGEST or not _WRITTEN.fullmatch(text):
            raise ValueError
        tree = ast.parse(text.strip().replace("^", "**"), mode="eval")
        return wrap(_evaluate(tree.body, text, names))
    except (SyntaxError, ValueError, ArithmeticError, MemoryError, RecursionError):
        raise IRError(f"{text!r:.80} is no dimension", hint="write a number, a name, or `2*t0 + 1`.") from None


def _evaluate(tree: ast.expr, text: str, names: dict[str, Dim]) -> Any:
    match tree:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return value
        case ast.Name(id=name):
            if name not in names:
                names[name] = fresh("b" if name[0] == "b" else name[0] if name[0] in "dr" else "t")
            return names[name].expr
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, text, names)
        case ast.BinOp(
            left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.FloorDiv() | ast.Mod() as kind, right=right
        ):
            sides = _evaluate(left, text, names), _evaluate(right, text, names)
            if isinstance(kind, ast.Mult) and len(str(sides[0])) * len(str(sides[1])) > _WIDEST:
                raise ValueError
            return _BINARY[type(kind)](*sides)
        case ast.BinOp(left=ast.Name() as left, op=ast.Pow(), right=ast.Constant(value=int(power))) if (
            0 < power <= _HIGHEST_POWER
        ):
            return _evaluate(left, text, names) ** power
        case ast.Call(func=ast.Name(id=name), args=[left, right], keywords=[]) if name in _FUNCTIONS:
            return _NAMESPACE[name](_evaluate(left, text, names), _evaluate(right, text, names))
        case _:
            raise IRError(f"{text!r:.80} is no dimension", hint="write a number, a name, or `2*t0 + 1`.")


def _symbol_expr(name: str) -> Any:
    made = _symbols.get(name)
    if made is None:
        (made,) = export.symbolic_shape(name, scope=_SCOPE)
        _symbols[name] = made
    return made


_symbols: dict[str, Any] = {}


def _floordiv(left: Any, right: Any) -> Any:
    return left // right  # `operator.floordiv` has no types


def _arith(function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    for side in (left, right):
        if isinstance(side, bool) or not isinstance(side, int | Dim):
            return NotImplemented
    return wrap(function(unwrap(left), unwrap(right)))


def _decide(function: Callable[[Any, Any], Any], left: Any, right: Any) -> bool:
    try:
        return bool(function(left, right))
    except InconclusiveDimensionOperation:
        return False


def _compare(sign: str, function: Callable[[Any, Any], Any], left: Dim, right: Any) -> bool:
    if isinstance(right, bool) or not isinstance(right, int | Dim):
        return NotImplemented
    try:
        return bool(function(left.expr, unwrap(right)))
    except InconclusiveDimensionOperation:
        raise _undecided(left, sign, right) from None


def _undecided(left: Dim, sign: str, right: object) -> GraphError:
    return GraphError(
        f"`{left} {sign} {right}` cannot be decided: {left} is a size that is not known while the model is traced",
        hint="give `Input(shape=…)` a number for that axis, or write the model so that it does not branch on it.",
    )


_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: _floordiv,
    ast.Mod: operator.mod,
}
_NAMESPACE: dict[str, Callable[[Any, Any], Any]] = {
    "mod": operator.mod,
    "floordiv": _floordiv,
    "max": core.max_dim,
    "min": core.min_dim,
}

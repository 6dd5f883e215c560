"""What every symbolic tensor offers: operators that record ops, and clear refusals where a number would be needed.

`Value` (inside a traced `call`) and the frontend's `KerasTensor` (between layer calls) both derive from this.  The
operators look their op up by name in the registry, so this file knows no op.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from .errors import GraphError

OPERATORS: dict[str, Callable[..., Any]] = {}
"""Ops by name, filled by the op registry."""


def _binary(name: str) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        return OPERATORS[name](self, other)

    return method


def _reflected(name: str) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        return OPERATORS[name](other, self)

    return method


def _unary(name: str) -> Callable[[Any], Any]:
    def method(self: Any) -> Any:
        return OPERATORS[name](self)

    return method


class TensorMethods:
    """Operators of a symbolic tensor."""

    __slots__ = ()
    __array_ufunc__ = None  # NumPy leaves `array * tensor` to us

    __add__, __radd__ = _binary("add"), _reflected("add")
    __sub__, __rsub__ = _binary("subtract"), _reflected("subtract")
    __mul__, __rmul__ = _binary("multiply"), _reflected("multiply")
    __truediv__, __rtruediv__ = _binary("divide"), _reflected("divide")
    __floordiv__, __rfloordiv__ = _binary("floor_divide"), _reflected("floor_divide")
    __mod__, __rmod__ = _binary("mod"), _reflected("mod")
    __pow__, __rpow__ = _binary("power"), _reflected("power")
    __matmul__, __rmatmul__ = _binary("matmul"), _reflected("matmul")
    __and__, __rand__ = _binary("logical_and"), _reflected("logical_and")
    __or__, __ror__ = _binary("logical_or"), _reflected("logical_or")
    __xor__, __rxor__ = _binary("logical_xor"), _reflected("logical_xor")
    __lt__, __le__ = _binary("less"), _binary("less_equal")
    __gt__, __ge__ = _binary("greater"), _binary("greater_equal")
    __neg__, __abs__, __invert__ = _unary("negative"), _unary("absolute"), _unary("logical_not")
    __getitem__ = _binary("getitem")

    def __bool__(self) -> bool:
        self._refuse("the truth of", "`ops.where` chooses by element; a Python `if` cannot wait for data.")

    def __len__(self) -> int:
        self._refuse("the length of", "`x.shape[0]` is its first size.")

    def __iter__(self) -> Any:
        self._refuse("iteration over", "`ops.unstack`, or index it: `for i in range(x.shape[0]): x[i]`.")

    def __float__(self) -> float:
        self._refuse("a number from", "compute with `ops`; `ops.cast` changes the dtype.")

    def __int__(self) -> int:
        self._refuse("a number from", "compute with `ops`; `ops.cast` changes the dtype.")

    def __index__(self) -> int:
        self._refuse("an index from", "`ops.take` picks by a tensor of indices.")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        self._refuse("a NumPy array of", "use the function of the same name in `kgc.ops`.")

    def _refuse(self, wanted: str, hint: str) -> NoReturn:
        raise GraphError(
            f"{wanted} a symbolic tensor is asked for, and it has no values until the model runs",
            received=repr(self),
            hint=hint,
        )

"""The `@op` decorator: an op is defined once, as the JAX function that means it.

From that one function come the public function (its call), the lowering (its body), the shape and dtype rule
(`infer.result_types`), the text format (its signature) and the documentation.  A parameter annotated `Tensor`,
`Tensor | None` or `Sequence[Tensor]` is an operand; every other parameter is a static attribute.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np
from jax import core

from . import attrs as attributes, builder as building, importing, infer
from .attrs import kind_of
from .dims import Dim
from .errors import ArgumentError, DTypeError, KgcError
from .ir import Value
from .tensor import OPERATORS
from .types import TensorType

Tensor = Any
"""Annotation of an operand: a Value, an array, a Variable, or a Python scalar."""


class Trait(enum.Flag):
    """What passes may know of an op."""

    ELEMENTWISE = enum.auto()  # each element of the result depends on the same element of each operand
    BROADCASTS = enum.auto()  # operands of different shapes are broadcast, as in NumPy
    PROMOTES = enum.auto()  # operands of different dtypes are promoted, as in JAX
    COMMUTATIVE = enum.auto()  # the first two operands may be swapped
    CREATES = enum.auto()  # may have no operand: makes its result from attributes
    MOVES = enum.auto()  # moves, repeats or picks elements and computes none
    REDUCES = enum.auto()
    CONTRACTS = enum.auto()  # matrix product or convolution: where the FLOPs are
    POOLS = enum.auto()
    NORMALIZES = enum.auto()
    LOSS = enum.auto()
    RANDOM = enum.auto()  # takes a key operand
    CONTROL = enum.auto()  # holds regions
    TRAINING = enum.auto()  # has a `training` attribute, and does nothing where it is False
    IMPORTED = enum.auto()  # a `lax` primitive from a traced jaxpr
    OPAQUE = enum.auto()  # runs Python of the user's, which may do anything: neither folded nor merged


Sample = tuple[Any, ...]
_KINDS = {"Tensor": "one", "Tensor | None": "optional", "Sequence[Tensor]": "list"}
_REQUIRED = inspect.Parameter.empty
REGISTRY: dict[str, Op] = {}


class Op:
    """A registered op; calling it computes on arrays and records on symbolic tensors.  Made by `@op`."""

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str,
        traits: Trait,
        samples: Sequence[Sample],
        check: Callable[..., None] | None,
        shape: Callable[..., Any] | None,
        flops: Callable[..., Any] | None,
        version: int,
    ) -> None:
        self.fn, self.name, self.traits, self.samples = fn, name, traits, tuple(samples)
        self.check, self.shape, self.flops, self.version = check, shape, flops, version
        self.__doc__, self.__name__, self.__module__ = fn.__doc__, name, fn.__module__
        self.__wrapped__ = fn
        self.signature = inspect.signature(fn)
        parameters = list(self.signature.parameters.values())
        self.params = tuple(p.name for p in parameters)
        self.kinds = tuple(
            _KINDS.get(p.annotation if isinstance(p.annotation, str) else "", "attr") for p in parameters
        )
        self.defaults = tuple(p.default for p in parameters)
        pairs = list(zip(self.params, self.kinds, strict=True))
        self.operand_names = tuple(p for p, kind in pairs if kind != "attr")
        self.attr_names = tuple(p for p, kind in pairs if kind == "attr")
        self.many = str(self.signature.return_annotation).startswith("tuple")
        self.memo: dict[Any, Any] = {}
        self.relaxed = bool(traits & (Trait.BROADCASTS | Trait.PROMOTES))
        self._positions = {p: i for i, p in enumerate(self.params)}

    def has(self, trait: Trait) -> bool:
        """Whether the op has that trait."""
        return bool(self.traits & trait)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """Arguments in the order of the parameters, defaults filled in."""
        count = len(args)
        if count > len(self.params):
            raise ArgumentError(
                f"{self.name}() takes at most {len(self.params)} arguments",
                received=f"{count} arguments",
                hint=f"it is {self.usage()}.",
            )
        values = [*args, *self.defaults[count:]]
        for name, value in kwargs.items():
            position = self._positions.get(name)
            if position is None or position < count:
                problem = "got twice" if position is not None else "does not have"
                raise ArgumentError(
                    f"{self.name}() {problem} the argument '{name}'",
                    received=f"{name}={value!r:.60}",
                    hint=f"it is {self.usage()}.",
                )
            values[position] = value
        first_missing = count < len(values) and values[count] is _REQUIRED
        if any(value is _REQUIRED for value in values[count:]) if kwargs else first_missing:
            missing = [p for p, value in zip(self.params, values, strict=True) if value is _REQUIRED]
            raise ArgumentError(
                f"{self.name}() lacks {', '.join(missing)}",
                received=f"{count + len(kwargs)} argument{'s' if count + len(kwargs) != 1 else ''}",
                hint=f"it is {self.usage()}.",
            )
        return values

    def usage(self) -> str:
        """The call as a user writes it."""
        bare = [p.replace(annotation=_REQUIRED) for p in self.signature.parameters.values()]
        return f"{self.name}{inspect.Signature(bare)}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        values = self.bind(args, kwargs)
        symbolic = traced = False
        for position, kind in enumerate(self.kinds):
            if kind == "attr":
                continue
            value = values[position]
            if kind == "list":
                if not issubclass(kind_of(value), (list, tuple)):
                    raise DTypeError(
                        f"{self.name}() takes a list of tensors for '{self.params[position]}'", received=repr(value)
                    )
                items = [self._resolve(item) for item in value]
                values[position] = items
            else:
                if value is None and kind == "optional":
                    continue
                items = (self._resolve(value),)
                values[position] = items[0]
            for item in items:
                if item is NotImplemented:
                    return _defer(self, args, kwargs)
                if type(item) is Value:
                    symbolic = True
                elif isinstance(item, core.Tracer):
                    traced = True
        current = building.current()
        if traced and importing.is_active():
            return importing.bind(self, values)
        if current is not None and (
            symbolic or not self.operand_names or self.has(Trait.CREATES) or self._sized(values)
        ):
            if importing.is_active():
                return importing.bind(self, values)
            return self.record(current, values)
        if symbolic:
            raise building.no_trace(f"{self.name}()", describe(value for value in values if type(value) is Value))
        return self.eager(values)

    def _sized(self, values: Sequence[Any]) -> bool:
        """Whether an attribute holds a size that is unknown: then even a call on numbers must be recorded."""
        return any(
            attributes.has_dims(self._static(name, value))
            for name, kind, value in zip(self.params, self.kinds, values, strict=True)
            if kind == "attr"
        )

    def _static(self, name: str, value: Any) -> Any:
        """An attribute, normalised; sizes may be JAX's, from a tracer's shape."""
        if type(value) in (int, float, str, bool, type(None)):
            return value
        return attributes.normalize(importing.wrapped(value), self.name, name)

    def _resolve(self, value: Any) -> Any:
        kind = kind_of(value)
        if kind is Value or kind in (int, float, bool, np.ndarray):
            return value
        if hasattr(kind, "__kgc_record__"):
            return NotImplemented
        resolve = getattr(kind, "__kgc_operand__", None)
        if resolve is not None:
            return resolve(value)
        if kind is list or kind is tuple:
            return np.asarray(value)
        if kind is Dim and building.current() is not None:
            return REGISTRY["dim_size"](value)  # a size among tensors is a number that is known when the model runs
        if value is None or isinstance(value, str) or not (hasattr(value, "shape") or hasattr(value, "__array__")):
            raise DTypeError(
                f"{self.name}() takes a tensor, an array or a number",
                received=f"{kind.__module__}.{kind.__qualname__}: {value!r:.60}".removeprefix("builtins."),
                hint=f"it is {self.usage()}.",
            )
        return value

    def record(self, current: building.Builder, values: list[Any]) -> Any:
        """Record one node in `current`; its result, or a tuple of them."""
        operands: list[Any] = []
        static: list[Any] = []
        for name, kind, value in zip(self.params, self.kinds, values, strict=True):
            if kind == "attr":
                static.append(attributes.normalize(value, self.name, name))
            elif kind == "list":
                operands.append(tuple([current.operand(item) for item in value]))
            else:
                operands.append(None if value is None else current.operand(value))
        results = current.record(self, tuple(operands), tuple(static))
        return self.packed(results)

    def packed(self, results: tuple[Any, ...]) -> Any:
        """What a call returns: the result, or a tuple of them where the op is declared to give one."""
        return results if self.many or len(results) != 1 else results[0]

    def eager(self, values: Sequence[Any]) -> Any:
        """The body on arrays, after the checks and on the attributes that a recorded call would have."""
        normal = [
            self._static(name, value) if kind == "attr" else value
            for name, kind, value in zip(self.params, self.kinds, values, strict=True)
        ]
        if self.check is not None:
            self.check(
                *[value if kind == "attr" else _typed(value) for kind, value in zip(self.kinds, normal, strict=True)]
            )
        values = [infer.lowered(v) if kind == "attr" else v for kind, v in zip(self.kinds, normal, strict=True)]
        try:
            return self.run(values)
        except (TypeError, ValueError) as refusal:
            flat = [item for value in values for item in (value if issubclass(kind_of(value), list) else [value])]
            if isinstance(refusal, KgcError) or any(isinstance(item, core.Tracer) for item in flat):
                raise
            operands = tuple([_typed(v) for kind, v in zip(self.kinds, normal, strict=True) if kind != "attr"])
            static = tuple([v for kind, v in zip(self.kinds, normal, strict=True) if kind == "attr"])
            raise infer.refused(self, operands, static, refusal) from None

    def arguments(self, operands: Sequence[Any], static: Sequence[Any]) -> list[Any]:
        """Operands and attributes in the order of the parameters."""
        left, right = iter(operands), iter(static)
        return [next(right) if kind == "attr" else next(left) for kind in self.kinds]

    def run(self, values: Sequence[Any]) -> Any:
        """The body on arrays (or JAX tracers), with JAX's strict checks lifted where the op's contract says so."""
        if self.relaxed and infer.strict():
            with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
                return self.fn(*values)
        return self.fn(*values)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


_types: dict[Any, TensorType] = {}


def _typed(value: Any) -> Any:
    """An operand as checks see it: arrays by their type, numbers and None as they are."""
    if issubclass(kind_of(value), list):
        return tuple([_typed(item) for item in value])
    if value is None or isinstance(value, int | float | bool):
        return value
    array = value if hasattr(value, "dtype") else np.asarray(value)
    known = _types.get((array.shape, array.dtype))
    if known is None:
        known = _types[array.shape, array.dtype] = building.typed(array)
    return known


def _defer(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Let the higher floor's tensor record the call (a `KerasTensor` between layer calls)."""
    for value in (*args, *kwargs.values()):
        for item in value if issubclass(kind_of(value), (list, tuple)) else (value,):
            record = getattr(kind_of(item), "__kgc_record__", None)
            if record is not None:
                return record(item, op, args, kwargs)
    raise DTypeError(f"{op.name}() was given a tensor that nothing records")


def op(
    *traits: Trait,
    samples: Iterable[Sample],
    name: str | None = None,
    check: Callable[..., None] | None = None,
    shape: Callable[..., Any] | None = None,
    flops: Callable[..., Any] | None = None,
    version: int = 1,
) -> Callable[[Callable[..., Any]], Op]:
    """Register the decorated JAX function as an op.

    Args:
        traits: at least one.
        samples: calls that the generic tests make, at least one: positional arguments, then optionally a dict of
            keyword arguments; where an operand stands, the text of its type (`"f32[b, 3]"`); within an attribute,
            `"$2*t"` is a size by those types' names, and a graph is its text.
        name: name in the text, when it is not the function's (`lax.dot_general`).
        check: called with the parameters, TensorTypes in place of tensors; raises where JAX's message would not help.
        shape: called like `check`; returns the result's type, or a tuple of them, in place of the body's rule.
        flops: called like `check`; floating point operations of one call, forward.
        version: raised when the meaning changes, so that stored IR can tell.

    Raises:
        ArgumentError: no trait, no sample, or the name is taken.
    """
    found = list(samples)

    def register(fn: Callable[..., Any]) -> Op:
        known = name or fn.__name__
        if not traits or not found:
            raise ArgumentError(f"op '{known}' cannot be registered without traits and samples")
        if known in REGISTRY:
            raise ArgumentError(f"an op '{known}' exists")
        combined = traits[0]
        for trait in traits[1:]:
            combined |= trait
        made = Op(fn, known, combined, found, check, shape, flops, version)
        REGISTRY[known] = OPERATORS[known] = made
        return made

    return register


def describe(values: Iterable[Any]) -> str:
    """Types of operands, for messages."""
    return ", ".join(
        str(v.type) if type(v) is Value else str(v) if isinstance(v, TensorType) else repr(v) for v in values
    )

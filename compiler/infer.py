"""The shape and dtype rule of every op: `jax.eval_shape` of its body, memoised by operand types and attributes.

Sizes may be unknown.  Where JAX then refuses, the rule is run again under substitutions (two unknown sizes that must
agree; an unknown size that must be a multiple), then at three sets of numbers, whose undecided sizes get a fresh name.
A substitution belongs to the node; `unify` solves those of a graph, which become the types of its inputs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import jax

from . import attrs, dims
from .attrs import kind_of
from .dims import Dim
from .errors import DTypeError, KgcError, ShapeError
from .ir import Value
from .location import Location
from .types import TensorType, from_aval, tensor_type

Substitution = tuple[tuple[str, "int | Dim"], ...]
Inferred = tuple[tuple[TensorType, ...], Substitution]

_jax: Any = jax  # whose annotations are in part unknown to pyright
_PROBES = ((5040, 64), (15120, 192), (25200, 320))
"""Numbers for unknown sizes and for batches: highly composite, so that divisibility does not refuse them."""
_MOST_CANDIDATES = 512
"""Substitutions that are tried: the likely ones come first, and text may ask for millions."""

REFUSALS = (
    TypeError,
    ValueError,
    ArithmeticError,
    IndexError,
    NotImplementedError,
    jax.errors.InconclusiveDimensionOperation,
)


MEMO_ROWS = 4096
"""Rows that the memo of one op may have."""


def strict() -> bool:
    """Whether the process asked JAX to refuse rank or dtype promotion."""
    config: Any = _jax.config
    return config.jax_numpy_rank_promotion != "allow" or config.jax_numpy_dtype_promotion != "standard"


def result_types(
    op: Any, operands: tuple[Any, ...], static: tuple[Any, ...], scope: str, loc: Location | None
) -> Inferred:
    """Types of the results of `op` on these operands, and what must be equal for them to hold.

    Raises:
        ShapeError, DTypeError: the op cannot take these operands; or whatever the op's `check` raises.
    """
    key = (tuple([_signature(operand) for operand in operands]), attrs.key(static))
    found: Inferred | None = op.memo.get(key)
    if found is None:
        if len(op.memo) >= MEMO_ROWS:  # symbols are unique in the process, so rows of models long gone pile up
            op.memo.clear()
        spec = tuple([_typed(operand) for operand in operands])
        found = op.memo[key] = _infer(op, spec, static, scope, loc)
    return found


def _signature(operand: Any) -> Any:
    kind = kind_of(operand)
    if kind is Value:
        return operand.type
    return tuple([_signature(item) for item in operand]) if kind is tuple else kind


def _typed(operand: Any) -> Any:
    kind = kind_of(operand)
    if kind is Value:
        return operand.type
    return tuple([_typed(item) for item in operand]) if kind is tuple else operand


def _infer(op: Any, spec: tuple[Any, ...], static: tuple[Any, ...], scope: str, loc: Location | None) -> Inferred:
    try:
        if op.check is not None:
            op.check(*op.arguments(spec, static))
        if op.shape is not None:
            types: Any = op.shape(*op.arguments(spec, static))
            return (types if issubclass(kind_of(types), tuple) else (types,)), ()
    except KgcError as error:
        if loc is not None:
            error.where = loc
        error.hint = error.hint or f"it is {op.usage()}."
        if scope and error.what.startswith(f"{op.name}: "):
            error.what = f"{op.name} in layer '{scope}': {error.what.removeprefix(f'{op.name}: ')}"
        raise
    try:
        return evaluate(op, spec, static), ()
    except REFUSALS as refusal:
        if isinstance(refusal, KgcError):
            raise
        if any(not type_.is_static for type_ in _types(spec)):
            for candidate in itertools.islice(_substitutions(op, spec, static), _MOST_CANDIDATES):
                env = dict(candidate)
                try:
                    return evaluate(op, _substituted(spec, env), attrs.substitute_attr(static, env)), candidate
                except REFUSALS:
                    continue
            by_numbers = _probe(op, spec, static)
            if by_numbers is not None:
                return by_numbers, ()
        raise refused(op, spec, static, refusal, scope, loc) from None


def evaluate(op: Any, spec: tuple[Any, ...], static: tuple[Any, ...]) -> tuple[TensorType, ...]:
    """The rule itself: the body over abstract values."""
    leaves = list(_types(spec))

    def body(*arrays: Any) -> Any:
        arrivals = iter(arrays)

        def fill(item: Any) -> Any:
            if isinstance(item, TensorType):
                return next(arrivals)
            return [fill(part) for part in item] if kind_of(item) is tuple else item

        return op.run(op.arguments([fill(item) for item in spec], lowered(static)))

    out = _jax.eval_shape(body, *[leaf.aval for leaf in leaves])
    return tuple([from_aval(item) for item in (out if issubclass(kind_of(out), (tuple, list)) else (out,))])


def lowered(value: Any) -> Any:
    """Attributes as bodies take them: sizes as JAX has them."""
    kind = kind_of(value)
    if kind is Dim:
        return value.expr
    if kind is tuple:
        return tuple([lowered(item) for item in value])
    if kind is slice:
        return slice(lowered(value.start), lowered(value.stop), lowered(value.step))
    return value


def _types(spec: Any) -> Iterator[TensorType]:
    for item in spec:
        if isinstance(item, TensorType):
            yield item
        elif type(item) is tuple:
            yield from _types(item)


def _substituted(item: Any, env: dict[str, int | Dim]) -> Any:
    if isinstance(item, TensorType):
        return item.substitute(env)
    return tuple([_substituted(part, env) for part in item]) if kind_of(item) is tuple else item


def _substitutions(op: Any, spec: tuple[Any, ...], static: tuple[Any, ...]) -> Iterator[Substitution]:
    """What could make the operands fit: what demands least first, then what is likeliest."""
    types = list(_types(spec))
    symbols = dict.fromkeys(name for type_ in types for name in type_.symbols)
    batches = sorted({name for name in (*symbols, *_attr_symbols(static)) if name[0] == "b"}, key=dims.number_of)
    merged: Substitution = tuple((name, dims.symbol(batches[0])) for name in batches[1:])
    aligned: dict[str, int | Dim] = {}
    for left, right in itertools.combinations(types, 2):
        for a, b in zip(reversed(left.shape), reversed(right.shape), strict=False):
            found = pair(a, b)
            if found is not None and not any(isinstance(size, int) and size == 1 for size in (a, b)):
                aligned.setdefault(*found)
    if merged:
        yield merged
    if len(aligned) > 1:  # `concatenate` wants all axes equal but one
        yield from (tuple({**dict(merged), name: size}.items()) for name, size in aligned.items())
    if aligned:
        yield tuple({**dict(merged), **aligned}.items())
    for left, right in itertools.combinations(types, 2):
        for a, b in itertools.islice(itertools.product(left.shape, right.shape), 16):
            found = pair(a, b)
            if found is not None:
                yield (*merged, found)
    for a, name in itertools.product((size for type_ in types for size in type_.shape), _attr_symbols(static)):
        found = pair(a, dims.symbol(name))
        if found is not None:
            yield (*merged, found)
    known = sorted(set(_numbers(static)), reverse=True)
    for type_ in types:
        known_part = math.prod(size for size in type_.shape if isinstance(size, int)) or 1
        for size in type_.shape:
            if isinstance(size, Dim) and size.is_symbol and not size.is_batch:
                factors = {number // math.gcd(number, known_part) for number in known if number > 1}
                others = [
                    dims.symbol(n) for n in dict.fromkeys(_attr_symbols(static)) if n[0] != "b" and n != str(size)
                ]
                for factor in sorted(factors - {1}):
                    yield from ((*merged, (str(size), factor * other)) for other in others)
                    yield (*merged, (str(size), factor * dims.fresh("d")))


def pair(a: int | Dim, b: int | Dim) -> tuple[str, int | Dim] | None:
    """The substitution under which two sizes are equal: younger := older, a batch only with a batch."""
    if a is b or not (isinstance(a, Dim) or isinstance(b, Dim)):
        return None
    for unknown, other in sorted(((a, b), (b, a)), key=lambda sides: -dims.number_of(str(sides[0]))):
        if not isinstance(unknown, Dim):
            continue
        if isinstance(other, int):
            env: dict[str, int | Dim] = {}
            if not unknown.is_batch and len(unknown.symbols) == 1 and dims.solve(unknown, other, env) and env:
                return next(iter(env.items()))
        elif unknown.is_symbol and str(unknown) not in other.symbols:
            derived = str(unknown)[0] == "r" or str(other)[0] == "r"
            if unknown.is_batch == other.is_batch or derived:
                return str(unknown), other
    return None


def _attr_symbols(value: Any) -> list[str]:
    if type(value) is Dim:
        return list(value.symbols)
    return [name for item in value for name in _attr_symbols(item)] if kind_of(value) is tuple else []


def _numbers(value: Any) -> Iterator[int]:
    """Numbers by which an attribute may want a size to be divisible."""
    if type(value) is int:
        yield value
    elif kind_of(value) is tuple:
        yield math.prod(item for item in value if type(item) is int and item > 0)
        for item in value:
            yield from _numbers(item)


def _probe(op: Any, spec: tuple[Any, ...], static: tuple[Any, ...]) -> tuple[TensorType, ...] | None:
    """The rule at three sets of numbers; None when it refuses those too."""
    types = list(_types(spec))
    symbols = dict.fromkeys([*(name for type_ in types for name in type_.symbols), *_attr_symbols(static)])
    runs: list[tuple[TensorType, ...]] = []
    envs: list[dict[str, int | Dim]] = []
    for size, batch in _PROBES:
        env: dict[str, int | Dim] = {name: batch if name[0] == "b" else size for name in symbols}
        envs.append(env)
        try:
            runs.append(evaluate(op, _substituted(spec, env), attrs.substitute_attr(static, env)))
        except REFUSALS:
            return None
    found: list[TensorType] = []
    for results in zip(*runs, strict=True):
        if len({result.rank for result in results}) != 1:
            return None
        rank = results[0].rank
        peers = [type_ for type_ in types if type_.rank == rank]
        shape: list[int | Dim] = []
        for axis in range(rank):
            numbers = [result.shape[axis] for result in results]
            one = len({id(peer.shape[axis]) for peer in peers}) == 1
            name = peers[0].shape[axis] if one else None
            if len(set(numbers)) == 1:
                shape.append(numbers[0])
            elif isinstance(name, Dim) and all(name.substitute(e) == n for e, n in zip(envs, numbers, strict=True)):
                shape.append(name)
            else:
                shape.append(dims.fresh("r"))
        found.append(tensor_type(tuple(shape), results[0].dtype, results[0].weak))
    return tuple(found)


def refused(
    op: Any,
    spec: tuple[Any, ...],
    static: tuple[Any, ...],
    refusal: Exception,
    scope: str = "",
    loc: Location | None = None,
) -> KgcError:
    """The error for operands that the body of an op refused."""
    received: Sequence[str] = [
        f"{name}: {_shown(item)}" for name, item in zip(op.operand_names, spec, strict=True) if item is not None
    ] + [
        f"{name}={value!r}"
        for name, value in zip(op.attr_names, static, strict=True)
        if repr(value) != repr(op.signature.parameters[name].default)
    ]
    what = f"{op.name} in layer '{scope}'" if scope else op.name
    reason = _reason(refusal)
    if "incompatible shapes for broadcasting" in reason.lower():
        shapes = " and ".join(str(type_.shape) for type_ in _types(spec))
        return ShapeError(
            f"{what}: the shapes {shapes} cannot be broadcast together",
            where=loc,
            received=", ".join(received),
            hint="aligned from the right, sizes must be equal, or one of them 1.",
        )
    kind = DTypeError if "dtype" in reason and "shape" not in reason else ShapeError
    return kind(
        f"{what} cannot take these operands: {reason}",
        where=loc,
        received=", ".join(received),
        hint=f"it is {op.usage()}.",
    )


def _reason(refusal: Exception) -> str:
    """The first sentence of what JAX says; it quotes sizes, which are names of ours."""
    first = next((line.strip() for line in str(refusal).splitlines() if line.strip()), type(refusal).__name__)
    first = first.replace("'", "`").rstrip(".")
    return first if len(first) <= 200 else first[:200] + "…"


def _shown(item: Any) -> str:
    return f"[{', '.join(_shown(part) for part in item)}]" if kind_of(item) is tuple else str(item)

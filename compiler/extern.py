"""Python functions that stay themselves in a graph: a gradient rule of the user's own, a call back to the host.

Importing such a function as equations would lose its rule, so the node is one op `extern`, whose attribute names the
function in a table of this process.  The name is a hash of the function's code and of what it closes over, so the
same function traced again, or in another process that has it, gives the same text.

While a mixing `call` is traced, `intercepting()` sees `jax.custom_jvp` and `jax.custom_vjp` objects as they are called;
from an equation alone the function could not be had back, and its jaxpr knows one set of sizes only.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
import sys
import threading
import types
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import core
from jax.interpreters import batching

from . import attrs, importing
from .dims import Dim
from .errors import GraphError
from .ir import Value
from .lax_codec import is_prng_key
from .op import REGISTRY, Tensor, Trait, op
from .refusals import is_refusal

_jax: Any = jax  # whose annotations are in part unknown to pyright


class Extern:
    """A function of the table.

    Attributes:
        name: what the user calls it.
        kind: "gradient" (has a rule of its own) or "callback" (runs on the host).
        function: (arrays, static attributes) -> list of arrays.
        tree: structure of what it returns, once it has been traced.
    """

    def __init__(self, name: str, kind: str, function: Callable[[list[Any], tuple[Any, ...]], list[Any]]) -> None:
        self.name, self.kind, self.function = name, kind, function
        self.tree: Any = None


def enter(sha: str, function: Extern) -> None:
    """Enter a function under a name that its maker chose, a hash of what it computes."""
    _table.setdefault(sha, function)


_MAY_CYCLE = (types.FunctionType, functools.partial, jax.custom_jvp, jax.custom_vjp, list, dict)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_table: dict[str, Extern] = {}


def lookup(sha: str) -> Extern:
    """The function of that name.

    Raises:
        GraphError: this process has none.
    """
    found = _table.get(sha)
    if found is None:
        raise GraphError(
            f"the graph calls a Python function that this process does not have: @extern({sha!r})",
            hint="text holds only its name: trace the model that made it first, in this process.",
        )
    return found


def register(
    name: str, kind: str, parts: Iterable[Any], function: Callable[[list[Any], tuple[Any, ...]], list[Any]]
) -> str:
    """Enter a function; its name in the table.  `parts` are what tells it from other functions."""
    seen: dict[int, int] = {}
    sha = hashlib.sha256("\n".join([name, kind, *(_fingerprint(part, seen) for part in parts)]).encode()).hexdigest()[
        :16
    ]
    if sha not in _table:
        _table[sha] = Extern(name, kind, function)
    return sha


def _fingerprint(value: Any, seen: dict[int, int]) -> str:
    """Text that differs where behaviour may differ.  Objects that cannot be read count by identity: the table keeps
    the function alive, and the function keeps them.  `seen` numbers what may hold itself."""
    if isinstance(value, core.Tracer | Value):
        raise GraphError(
            "a function with a gradient rule of its own closes over a tensor of the model",
            received=f"{value}",
            hint="hand it in as an argument: the rule has to see everything that it differentiates.",
        )
    kind: Any = value.__class__
    if issubclass(kind, _MAY_CYCLE):
        if id(value) in seen:
            return f"again:{seen[id(value)]}"
        seen[id(value)] = len(seen)
    if issubclass(kind, types.FunctionType):
        cells = [_cell(cell) for cell in value.__closure__ or ()]
        module = sys.modules.get(value.__module__)
        named = module is not None and vars(module) is value.__globals__
        inside = (value.__code__, value.__defaults__, value.__kwdefaults__, named or id(value.__globals__), *cells)
        return f"def {value.__module__}.{value.__qualname__}({', '.join(_fingerprint(part, seen) for part in inside)})"
    if issubclass(kind, types.BuiltinFunctionType) and issubclass(type(value.__self__), types.ModuleType):
        return f"builtin:{value.__module__}.{value.__qualname__}"
    if issubclass(kind, types.CodeType):
        return f"code:{value.co_code.hex()}:{value.co_names}:{_fingerprint(value.co_consts, seen)}"
    if issubclass(kind, types.MethodType):
        return f"method:{_fingerprint(value.__func__, seen)}:{id(value.__self__)}"
    if issubclass(kind, jax.custom_jvp | jax.custom_vjp):
        rules = [
            getattr(value, rule, None) for rule in ("fun", "jvp", "fwd", "bwd", "nondiff_argnums", "symbolic_zeros")
        ]
        return f"{kind.__name__}:{', '.join(_fingerprint(rule, seen) for rule in rules)}"
    if issubclass(kind, functools.partial):
        return f"partial:{_fingerprint((value.func, value.args, value.keywords), seen)}"
    if kind.__name__ == "PjitFunction":
        return f"jit:{_fingerprint(value.__wrapped__, seen)}"
    if issubclass(kind, _jax.tree_util.PyTreeDef):
        return f"tree:{value}"
    if issubclass(kind, tuple | list):
        return f"{kind.__name__}({', '.join(_fingerprint(part, seen) for part in value)})"
    if issubclass(kind, dict):
        return f"dict({', '.join(f'{key!r}: {_fingerprint(part, seen)}' for key, part in value.items())})"
    if issubclass(kind, np.ndarray | jax.Array) and not is_prng_key(value.dtype):
        array: np.ndarray = np.asarray(value)
        return f"array:{array.dtype}{array.shape}{hashlib.sha256(array.tobytes()).hexdigest()}"
    if issubclass(
        kind, int | float | complex | str | bytes | slice | np.generic | type | types.ModuleType | Dim | types.NoneType
    ):
        return f"{kind.__name__}:{value!r}"
    if kind.__module__.partition(".")[0] == "jax" and not callable(value):
        return _ADDRESS.sub("", repr(value))
    return f"id:{id(value)}"


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None


@op(
    Trait.IMPORTED | Trait.OPAQUE,
    samples=[(["f32[b, 3]"], register("identity", "gradient", [], lambda arrays, static: arrays))],
    name="extern",
)
def extern(operands: Sequence[Tensor], sha: str, static: tuple[Any, ...] = ()) -> Any:
    """A Python function of this process that keeps its own gradient rule, or runs on the host.

    Shape: what the function returns; for one on the host, `static` says it.
    """
    results = lookup(sha).function(list(operands), static)
    return results[0] if len(results) == 1 else tuple(results)


AFTER = register("after", "callback", [], lambda arrays, static: arrays[:1])
"""Gives its first operand; the others are computed because they do something on the host."""

_SAME = {
    "jax._src.nn.functions.relu": "relu",
    "jax._src.nn.functions.relu6": "relu6",
    "jax._src.nn.functions.log1mexp": "lax.log1mexp",
    "jax._src.lax.other.logaddexp": "lax.logaddexp",
    "jax._src.lax.other.logaddexp2": "lax.logaddexp2",
    "jax._src.numpy.lax_numpy._i0": "lax.i0",
    "jax._src.numpy.linalg._det": "lax.det",
    "jax._src.scipy.special.logit": "lax.logit",
    "jax._src.scipy.special.xlogy": "lax.xlogy",
    "jax._src.scipy.special.xlog1py": "lax.xlog1py",
}
"""JAX's own functions that have a gradient rule, and the ops that are exactly they."""
_lock = threading.Lock()
_depth = 0
_originals: dict[type, Callable[..., Any]] = {}


@contextlib.contextmanager
def intercepting() -> Generator[None]:
    """Calls of functions with a gradient rule of their own become ops, in threads in which importing is active."""
    global _depth
    with _lock:
        if not _depth:
            for kind in (jax.custom_jvp, jax.custom_vjp):
                _originals[kind] = _any(kind).__call__
                _any(kind).__call__ = _interceptor(_originals[kind])
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if not _depth:
                for kind, original in _originals.items():
                    _any(kind).__call__ = original


def _any(value: Any) -> Any:
    return value


def _interceptor(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not importing.is_active():
            return original(self, *args, **kwargs)
        return _called(self, original, args, kwargs)

    return call


def _called(custom: Any, original: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Bind the call of a custom_jvp or custom_vjp object as an op."""
    leaves, tree = _jax.tree.flatten((args, kwargs))
    arrays = [leaf for leaf in leaves if _is_tensor(leaf)]
    same = REGISTRY.get(_SAME.get(f"{custom.__module__}.{custom.__qualname__}", ""))
    if same is not None and importing.is_body(same.name):
        return original(custom, *args, **kwargs)
    if same is not None and len(leaves) == len(arrays) == len(same.params):
        return importing.bind(same, arrays)
    static = [importing.ARRAY if _is_tensor(leaf) else leaf for leaf in leaves]
    name = getattr(custom, "__name__", type(custom).__name__)

    def function(given: list[Any], _: tuple[Any, ...]) -> list[Any]:
        arrivals = iter(given)
        filled = [next(arrivals) if _is_tensor(leaf) else leaf for leaf in static]
        positional, keyword = _jax.tree.unflatten(tree, filled)
        try:
            results, made.tree = _jax.tree.flatten(original(custom, *positional, **keyword))
        except Exception as error:
            if is_refusal(error):
                raise _closes_over(name, error) from error
            raise
        return results

    parts = [custom, [repr(leaf) if leaf is importing.ARRAY else leaf for leaf in static], str(tree)]
    sha = register(name, "gradient", parts, function)
    made = lookup(sha)
    results = importing.bind(extern, [arrays, sha, ()])
    return _jax.tree.unflatten(made.tree, importing.results_of(results))


def _is_tensor(leaf: Any) -> bool:
    return leaf is importing.ARRAY or isinstance(leaf, jax.Array | np.ndarray | Value)


def _closes_over(name: str, error: Exception) -> GraphError:
    """The error for a rule that reads a variable of the model."""
    return GraphError(
        f"{name}, which has a gradient rule of its own, reads a tensor of the model that is not among its arguments",
        received=str(error).splitlines()[0],
        hint="hand it in as an argument: the rule has to see everything that it differentiates.",
    )


def _batched(arrays: Sequence[Any], axes: Sequence[Any], *, call: importing.Call) -> tuple[Any, Any]:
    """`jax.vmap` inside a `call` over one of our ops."""
    if call.op is extern:
        return _mapped(arrays, tuple(axes), call)
    ranks = {jnp.ndim(array) - (axis is not None) for array, axis in zip(arrays, axes, strict=True)}
    if call.op.has(Trait.ELEMENTWISE) and len(ranks) == 1:
        return importing.op_p.bind(*_aligned(arrays, axes), call=call), [0]
    found = _jax.vmap(call.apply, tuple(axes))(*arrays)
    return found, [0] * len(found)


def _aligned(arrays: Sequence[Any], axes: Sequence[Any]) -> list[Any]:
    """Operands with the mapped axis first, repeated where they have none."""
    size = next(array.shape[axis] for array, axis in zip(arrays, axes, strict=True) if axis is not None)
    return [
        jnp.broadcast_to(array, (size, *array.shape)) if axis is None else jnp.moveaxis(array, axis, 0)
        for array, axis in zip(arrays, axes, strict=True)
    ]


def _mapped(arrays: Sequence[Any], axes: tuple[Any, ...], call: importing.Call) -> tuple[Any, Any]:
    """The Python function that maps another one, which keeps its gradient rule."""

    def function(given: list[Any], _: tuple[Any, ...]) -> list[Any]:
        return list(_jax.vmap(call.apply, axes)(*given))

    parts = [repr(call.operands), repr(attrs.key(call.static)), repr(axes)]
    sha = register(f"vmap of {lookup(call.static[0]).name}", "gradient", parts, function)
    results = importing.bind(extern, [list(arrays), sha, ()])
    found = importing.results_of(results)
    return found, [0] * len(found)


batching.primitive_batchers[importing.op_p] = _batched

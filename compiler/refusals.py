"""Whether an error inside a `call` means that JAX or NumPy was handed our tensors.

A `call` is traced with symbolic tensors first.  Where it gives them to `jax.numpy`, JAX refuses; the frontend then
rolls back and traces again with JAX's own tracers (`jaxpr.trace_mixing`), on which everything of JAX works, methods
of arrays (`x.astype`, `x.at`) and sizes in `jnp.zeros(x.shape)` too.
"""

from __future__ import annotations

import dis
import re
import types
from collections.abc import Iterator

import jax

from .builder import Builder
from .dims import Dim
from .errors import DTypeError, GraphError, KgcError, ShapeError
from .ir import Value
from .location import Location, is_ours

_NAMES = tuple(f"{kind.__module__}.{kind.__qualname__}" for kind in (Value, Dim))
_CONVERSION = "Triggering __jax_array__()"  # what JAX says of a Variable where it takes arrays only
_MARKS = (*_NAMES, "<tensor ", "'Value'", "'Dim'", "<class 'kgc.", "<Variable path=", _CONVERSION)
_OBJECT = re.compile(r"<class 'kgc\.(?:\w+\.)*(\w+)'>|<(Variable) path=")
_METHODS = frozenset(name for name in dir(jax.Array) if not name.startswith("__"))
_RAISE = dis.opmap["RAISE_VARARGS"]
_NOT_KNOWN = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


def is_refusal(error: BaseException) -> bool:
    """Whether tracing the same call again with JAX's tracers may help.

    So it is when JAX or NumPy names our class in its complaint; when JAX asked a tensor or an unknown size for
    numbers; when a tracer of JAX (inside `lax.scan`, `jax.grad`) met one of our tensors; and when our tensor was asked
    for a method that JAX's arrays have.  `float(x)`, `np.asarray(x)` and the like, called by the user, are our own
    errors and no refusals.
    """
    if isinstance(error, AttributeError):
        return isinstance(error.obj, Value) and error.name in _METHODS
    if isinstance(error, GraphError):
        frames = [frame for frame, _ in _frames(error)]
        return bool(frames) and (frames[-1].f_code is Builder.operand.__code__ or _through_jax(error))
    return not isinstance(error, KgcError) and any(mark in str(error) for mark in _MARKS)


def explained(error: Exception, types: str) -> Exception:
    """The error a user should see for what JAX raised in a mixing call; `error` itself where it is no matter of JAX's.

    Args:
        error: what came out of the call.
        types: the tensors the call was given.
    """
    if isinstance(error, KgcError):
        return error
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    where = user_line(error)
    if isinstance(error, _NOT_KNOWN):
        return GraphError(
            f"the values of a tensor are asked for, and it has none until the model runs: {reason}",
            where=where,
            received=types,
            hint="`jnp.where` and `jax.lax.cond` choose by data; `jax.numpy` and `ops` compute, NumPy cannot.",
        )
    if isinstance(error, jax.errors.InconclusiveDimensionOperation):
        return GraphError(
            f"an answer depends on a size that is not known while the model is traced: {reason}",
            where=where,
            received=types,
            hint="give `Input(shape=…)` a number for that axis, or use `ops`, which finds what must hold for the size.",
        )
    if isinstance(error, jax.errors.UnexpectedTracerError):
        return GraphError(
            f"a tensor left the function that made it: {reason}",
            where=where,
            received=types,
            hint="inside `jax.lax.scan`, `jax.jit` and the like, return tensors; assign variables outside.",
        )
    if isinstance(error, TypeError | ValueError | IndexError | NotImplementedError) and _through_jax(error):
        handed = _OBJECT.search(str(error))
        if handed is not None or _CONVERSION in str(error):
            return DTypeError(
                f"JAX was handed a {'Variable' if handed is None else handed[1] or handed[2]}, which is no array",
                where=where,
                received=types,
                hint="hand `variable.value` to `jax.numpy`; `ops` takes the variable itself.",
            )
        kind = DTypeError if "dtype" in reason and "shape" not in reason else ShapeError
        return kind(
            f"JAX refuses: {reason}",
            where=where,
            received=types,
            hint="the function of the same name in `kgc.ops` says more; unknown sizes are named (`b`, `t0`).",
        )
    return error


def user_line(error: BaseException) -> Location | None:
    """The innermost line of the user's in the error's traceback."""
    found: Location | None = None
    for frame, lasti in _frames(error):
        if not is_ours(frame.f_globals.get("__name__", "")):
            found = Location(code=frame.f_code, lasti=lasti)
    return found


def _frames(error: BaseException) -> Iterator[tuple[types.FrameType, int]]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lasti
        traceback = traceback.tb_next


def _through_jax(error: BaseException) -> bool:
    """Whether code of JAX was running; JAX may have taken its frames out, and then says so in a note."""
    after = False
    raised = True
    for frame, lasti in _frames(error):
        name = frame.f_globals.get("__name__", "")
        if name.partition(".")[0] in ("jax", "jaxlib"):
            after = True
        elif not is_ours(name):
            after, raised = False, frame.f_code.co_code[lasti] == _RAISE
    notes: list[str] = getattr(error, "__notes__", [])
    return after or (not raised and any("JAX" in note for note in notes))

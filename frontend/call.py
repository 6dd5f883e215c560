"""What happens when a layer is called: building, casting, the `training` flag, tracing, and running on arrays."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import jax
import numpy as np
from jax import core

from ..compiler import builder as building, location
from ..compiler.dims import Dim
from ..compiler.errors import ArgumentError, DTypeError, GraphError, KgcError, ShapeError
from ..compiler.ir import Value
from ..compiler.types import dtype_name, from_aval, is_float
from ..runtime import seeds
from ..runtime.program import Program
from . import constraints, masks, mixing, regularizers, symbolic, trace, tree
from .signatures import first_argument, signature
from .variable import Variable

_PROGRAMS_KEPT = 64
"""Programs that a bare layer keeps, one for each shape it was called on."""


def prepare(cls: type) -> None:
    """Make a subclass's own `build` mark the layer as built, also when a user calls it."""
    build = cls.__dict__.get("build")
    if build is None:
        return

    @functools.wraps(build)
    def marked(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = build(self, *args, **kwargs)
        self.built = True
        self._build_shapes = args[0] if len(args) == 1 and not kwargs else (args, kwargs)
        return result

    cls.build = marked  # pyright: ignore[reportAttributeAccessIssue]


def traced(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Outputs of `layer` on Values, recorded in the current trace."""
    tracing = trace.current()
    if tracing is None:
        raise GraphError(f"layer '{layer.name}' was called on a tensor of a finished trace")
    builder = tracing.builder
    before, builder.loc = builder.loc, location.here(builder.loc)  # in a `call` of the user's, their line in it
    try:
        return _recorded(layer, tracing, args, kwargs)
    finally:
        builder.loc = before


@location.boundary
def _recorded(layer: Any, tracing: trace.Trace, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    flat = list(tree.leaves((args, kwargs)))
    for leaf in flat:
        if type(leaf) is not Value:
            _check_argument(layer, leaf)
    training, args, kwargs = resolve_training(layer, tracing, args, kwargs)
    kwargs = masks.fill(layer, args, kwargs)
    given = first_argument(type(layer).call, args, kwargs)
    incoming = masks.incoming(given, kwargs)
    compute = layer.compute_dtype
    if layer.autocast and is_float(compute) and any(_is_cast(leaf, compute) for leaf in flat):
        args, kwargs = tree.map_leaves(lambda leaf: _cast(leaf, compute), (args, kwargs))
    with tracing.layer(layer, training):
        try:
            _check_input(layer, args, kwargs)
            _ensure_built(layer, args, kwargs)
            outputs = mixing.run(layer.call, args, kwargs)
        except TypeError as error:
            if isinstance(error, KgcError):
                raise
            raise _misuse(layer, args, kwargs) or error from None
        masks.propagate(layer, given, outputs, incoming)
        layer._locked = True
        if len(tracing.callers) > 1:  # a layer inside a `call` has no call node; summaries show what it returns
            layer._traced_types = [leaf.type for leaf in tree.leaves(outputs) if type(leaf) is Value]
        if layer.activity_regularizer is not None:
            for leaf in tree.leaves(outputs):
                penalty = layer.activity_regularizer(leaf)
                batch = trace.op("cast")(trace.op("dim_size")(leaf.shape[0]), "float32")
                tracing.losses.append(penalty / batch)
    return outputs


def _check_input(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """What kgc's layers refuse, in words of their own; before weights are made for it."""
    check = getattr(layer, "check_input", None)
    if check is not None:
        first = next(iter(signature(type(layer).call).parameters), "")
        given = args or ((kwargs[first],) if first in kwargs else ())
        if given:
            check(*[tree.map_leaves(_typed, arg) for arg in given])


def bind(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `layer.call` by name.

    Raises:
        ArgumentError: `call` does not take them.
        DTypeError: `training` is neither True nor False.
    """
    error = _misuse(layer, args, kwargs)
    if error is not None:
        raise error
    given = signature(type(layer).call).bind(*args, **kwargs).arguments
    if given.get("training") is not None:
        _check_training(layer, given["training"])
    return given


def _misuse(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ArgumentError | None:
    """The error for arguments that `call` does not have, or lacks."""
    wanted = signature(type(layer).call)
    try:
        wanted.bind(*args, **kwargs)
    except TypeError as error:
        given = [str(tree.map_leaves(_typed, arg)) for arg in args]
        given += [f"{name}={tree.map_leaves(_typed, arg)}" for name, arg in kwargs.items() if name != "training"]
        return ArgumentError(
            f"layer '{layer.name}' cannot be called with these arguments: {error}",
            received=", ".join(given) or "nothing",
            hint=f"it is {_usage(layer)}; several tensors of one argument go in as a list.",
        )
    return None


def _usage(layer: Any) -> str:
    parameters = signature(type(layer).call).parameters.values()
    return f"call{inspect.Signature([p.replace(annotation=p.empty) for p in parameters])}"


def _check_training(layer: Any, training: Any, positional: bool = False) -> None:
    if not isinstance(training, bool | int | np.bool_):
        raise DTypeError(
            f"layer '{layer.name}' takes `training` as True or False",
            received=f"training={_typed(training)}",
            hint=f"it is {_usage(layer)}; several tensors of one argument go in as a list."
            if positional
            else "the phase is known when the model is traced, and cannot follow from data.",
        )


def resolve_training(
    layer: Any, tracing: trace.Trace, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[bool | None, tuple[Any, ...], dict[str, Any]]:
    """The explicit argument, else the enclosing call's, else the phase, else the signature's default, else False.

    The phase is what `fit`, `evaluate` or `predict` says; a plain call has none.  It stands before the default, for
    many layers of users have `training=False` there and are meant to train in `fit`.

    Returns what nested calls inherit (None when nobody said), and the arguments with `training` where `call` takes it.
    """
    parameters = signature(type(layer).call).parameters
    if "training" not in parameters:
        explicit = kwargs.get("training")
        takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        if explicit is not None and not takes_all:
            kwargs = {key: value for key, value in kwargs.items() if key != "training"}
        return explicit, args, kwargs
    position = list(parameters).index("training")
    explicit = args[position] if position < len(args) else kwargs.get("training")
    if explicit is not None:
        _check_training(layer, explicit, position < len(args))
        return bool(explicit), args, kwargs
    inherited = tracing.enclosing_training()
    default = parameters["training"].default
    default = default if isinstance(default, bool) else None
    value = inherited if inherited is not None else bool(default)
    tracing.by_default |= inherited is None and value
    if position < len(args):
        args = (*args[:position], value, *args[position + 1 :])
    else:
        kwargs = {**kwargs, "training": value}
    return inherited if inherited is not None else default, args, kwargs


def _check_argument(layer: Any, leaf: Any) -> None:
    if isinstance(leaf, symbolic.KerasTensor):
        raise symbolic.foreign_tensor(f"layer '{layer.name}'", leaf)
    if type(leaf) is Value:
        if trace.current() is None:
            raise building.no_trace(f"layer '{layer.name}'", str(leaf.type))
        return
    if isinstance(leaf, symbolic.Operation):
        raise DTypeError(
            f"layer '{layer.name}' was called on a layer, not on a tensor",
            received=repr(leaf),
            hint=f"call that one first: `{layer.name}({leaf.name}(x))`.",
        )
    module = type(leaf).__module__.partition(".")[0]
    if module in ("torch", "tensorflow", "keras"):
        raise DTypeError(
            f"layer '{layer.name}' was called on an object of {module}",
            received=f"{type(leaf).__module__}.{type(leaf).__qualname__}",
            hint="take `Input` and layers from kgc alone: `import kgc as keras`."
            if module == "keras"
            else "convert it: `np.asarray(tensor)`.",
        )


def _is_cast(leaf: Any, dtype: str) -> bool:
    """Whether a layer that computes in `dtype` casts this argument."""
    if type(leaf) is Value:
        return leaf.type.dtype != dtype and is_float(leaf.type.dtype)
    if isinstance(leaf, jax.Array | np.ndarray):
        return leaf.dtype.name != dtype and is_float(dtype_name(leaf.dtype))
    return False


def _cast(leaf: Any, dtype: str) -> Any:
    if not _is_cast(leaf, dtype):
        return leaf
    if type(leaf) is Value or isinstance(leaf, core.Tracer):
        return trace.op("cast")(leaf, dtype)
    return leaf.astype(dtype)


def _typed(leaf: Any) -> Any:
    return leaf.type if type(leaf) is Value else from_aval(leaf) if hasattr(leaf, "shape") else leaf


def shapes(structure: Any) -> Any:
    """Shapes as `build` takes them: tuples with None where unknown, nested as the tensors are."""
    return tree.map_leaves(lambda leaf: _public(leaf.shape) if hasattr(leaf, "shape") else None, structure)


def _public(shape: Any) -> tuple[int | None, ...]:
    return tuple(size if isinstance(size, int) else None for size in shape)


def _ensure_built(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if layer.built:
        return
    names = [name for name in signature(type(layer).build).parameters]
    if len(names) <= 1:
        given = first_argument(type(layer).call, args, kwargs)
        arguments: dict[str, Any] = {names[0]: shapes(given)} if names else {}
    else:
        bound = signature(type(layer).call).bind(*args, **kwargs).arguments
        by_shape = {f"{name}_shape": value for name, value in bound.items()}
        arguments = {name: shapes(by_shape[name]) for name in names if name in by_shape}
    made = len(layer._variables)
    try:
        layer.build(**arguments)
    except BaseException:
        del layer._variables[made:]  # a call with other shapes may follow, and builds anew
        raise
    layer.built = True


def make_weight(
    layer: Any,
    shape: Any,
    initializer: Any,
    dtype: Any,
    trainable: bool,
    autocast: bool,
    regularizer: Any,
    constraint: Any,
    aggregation: str,
    name: str | None,
) -> Variable:
    """A new variable of `layer` (see `Layer.add_weight`)."""
    tracing = trace.current()
    late = next((caller for caller in ([*tracing.callers] if tracing is not None else []) if caller._locked), None)
    if layer._locked or late is not None:
        owner = layer if late is None else late
        raise GraphError(
            f"layer '{owner.name}' makes a weight in a call after its first",
            received=f"weight '{name or 'variable'}' of shape {shape} of layer '{layer.name}'",
            hint="make weights and layers in `__init__` or `build`, and keep them on `self`; or once: "
            "`if self.w is None: self.w = self.add_weight(…)`.",
        )
    sizes = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
    if any(not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 0 for size in sizes):
        unknown = any(size is None or isinstance(size, Dim) for size in sizes)
        raise ShapeError(
            f"layer '{layer.name}' needs known sizes for its weight '{name or 'variable'}'",
            received=f"shape={sizes}",
            hint="give `Input(shape=…)` a size for that axis." if unknown else "sizes are integers of at least 0.",
        )
    dtype = dtype_name(dtype or layer.variable_dtype)
    if initializer is None:
        initializer = "glorot_uniform" if is_float(dtype) else "zeros"
    scopes = [*trace.around(), *(tracing.scopes if tracing is not None else [])]
    if not scopes or scopes[-1] != layer.name:
        scopes.append(layer.name)
    variable = Variable(initializer, tuple(int(s) for s in sizes), dtype, trainable, autocast, aggregation, name=name)
    variable.path = "/".join([*scopes, variable.name])
    variable.trainable = trainable and layer._trainable
    variable.regularizer = regularizers.get(regularizer)
    variable.constraint = constraints.get(constraint)
    layer._variables.append(variable)
    return variable


def add_loss(layer: Any, loss: Any) -> None:
    """Keep a loss that `call` added."""
    tracing = trace.current()
    if tracing is None:
        raise GraphError(
            f"add_loss() of '{layer.name}' was called outside `call`",
            received=f"{loss!r:.60}",
            hint="call it inside `call`.",
        )
    for item in loss if isinstance(loss, list | tuple) else [loss]:
        tracing.losses.append(item)


def losses(layer: Any) -> list[Any]:
    """Losses of the last eager call, and the regularisation of all trained weights."""
    penalties = [v.regularizer(v.value) for v in layer.trainable_weights if v.regularizer is not None]
    return [*layer._eager_losses, *penalties]


# On arrays
def eager(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Trace the layer for these shapes (once), compile, run."""
    leaves = list(tree.leaves((args, kwargs)))
    arrays = [to_array(layer, leaf) if _is_array(leaf) else leaf for leaf in leaves]
    types = tuple(from_aval(a) if _is_array(a) else ("static", type(a), a) for a in arrays)
    beside = {index: mask for index, leaf in enumerate(leaves) if (mask := masks.of(leaf)) is not None}
    masked = tuple((index, from_aval(mask)) for index, mask in beside.items())
    key = (types, str(tree.map_leaves(lambda _: 0, (args, kwargs))), layer.trainable_flags(), masked)
    try:
        found = layer._programs.get(key)
    except TypeError as error:
        raise DTypeError(
            f"layer '{layer.name}' was called with an argument it cannot take",
            received=str(error),
            hint="besides tensors, a call takes numbers, text and None.",
        ) from None
    if found is None:
        if len(layer._programs) >= _PROGRAMS_KEPT:
            layer._programs.clear()
        found = layer._programs[key] = _compile(layer, args, kwargs, arrays, masked)
    program, structure, count, masked_outputs = found
    given = [*[a for a in arrays if _is_array(a)], *beside.values()]
    outputs = program(given, call_address() if program.random else None)
    layer._eager_losses = outputs[count + len(masked_outputs) :]
    for index, mask in zip(masked_outputs, outputs[count:], strict=False):
        masks.attach(outputs[index], mask)
    return tree.pack(structure, outputs[:count])


@location.boundary
def _compile(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], arrays: list[Any], masked: Any) -> Any:
    training = bool(kwargs.get("training") or False)
    with trace.Trace(layer.name, None) as tracing:
        tracing.builder.loc = location.here()
        filled: list[Any] = []
        for index, array in enumerate(arrays):
            filled.append(tracing.builder.input(f"x{index}", from_aval(array)) if _is_array(array) else array)
        for index, type_ in masked:
            masks.attach(filled[index], tracing.builder.input(f"mask{index}", type_))
        outputs = layer.run_traced(*tree.pack((args, kwargs), filled))
        flat = list(tree.leaves(outputs))
        symbolic.check_outputs(layer, flat)
        with_mask = [index for index, leaf in enumerate(flat) if masks.of(leaf) is not None]
        graph = tracing.finish([*flat, *[masks.of(flat[index]) for index in with_mask], *tracing.losses])
    return Program(graph, tracing.variables, training=training), outputs, len(flat), with_mask


def call_address() -> np.ndarray:
    """Address of the random numbers of one call outside `fit`."""
    return np.array([seeds.word(), 1, seeds.next_call("call"), 0, 0], np.uint32)


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "shape") and hasattr(leaf, "dtype")


def to_array(layer: Any, leaf: Any) -> Any:
    """A NumPy or JAX array of a dtype that JAX has here."""
    _check_argument(layer, leaf)
    if isinstance(leaf, Variable):
        return leaf.value
    if isinstance(leaf, jax.Array):
        return leaf
    array = np.asarray(leaf)
    return array.astype(np.dtype(from_aval(array).aval.dtype), copy=False)

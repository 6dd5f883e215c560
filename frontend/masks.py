"""Masks: which steps of a sequence count.  They travel beside tensors, from layer to layer, as in Keras.

A mask is a bool tensor of the sequence's first axes.  Between layers it is a `KerasTensor` in the attribute
`_keras_mask` of the tensor that it belongs to, and an argument of the calls that take it: so summaries and files show
it as Keras's do.  Inside a trace it is a Value that the trace keeps beside the tensor's.  On arrays it is an attribute
again.  Only layers pass masks on; `ops` do not.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from typing import Any

import jax
from jax import core

from ..compiler import location
from ..compiler.ir import Value
from . import symbolic, trace, tree
from .signatures import signature


def of(tensor: Any) -> Any:
    """The mask that travels beside a tensor; None where it has none."""
    if type(tensor) is Value or isinstance(tensor, core.Tracer):
        tracing = trace.current()
        return None if tracing is None else tracing.mask(tensor)
    return getattr(tensor, "_keras_mask", None)


def attach(tensor: Any, mask: Any) -> None:
    """From here on, `mask` travels beside `tensor`."""
    if type(tensor) is Value or isinstance(tensor, core.Tracer):
        tracing = trace.current()
        if tracing is not None:
            tracing.set_mask(tensor, mask)
    elif isinstance(tensor, symbolic.KerasTensor | jax.Array):
        tensor._keras_mask = mask  # pyright: ignore[reportAttributeAccessIssue]


def any_of(structure: Any) -> bool:
    """Whether a tensor of the structure has a mask."""
    return any(of(leaf) is not None for leaf in tree.leaves(structure))


def fill(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, recorded: bool = False) -> dict[str, Any]:
    """The keyword arguments, with the masks that the layer's `call` has parameters for.

    As in Keras: a `call` with one tensor argument gets its mask as `mask`; one with several gets that of `x` as
    `x_mask`, but not in the call that is `recorded` between layers: there these are found when the model is traced.
    What the caller gives stands.
    """
    takes = _mask_parameters(type(layer).call)
    if not takes or not any_of((args, kwargs)):
        return kwargs
    try:
        given = signature(type(layer).call).bind(*args, **kwargs).arguments
    except TypeError:
        return kwargs  # an error of its own follows
    tensors = {name: value for name, value in given.items() if name not in takes and _is_tensors(value)}
    wanted = {f"{name}_mask": value for name, value in tensors.items()}
    if len(tensors) == 1:
        wanted = {"mask": next(iter(tensors.values()))}
    elif recorded:
        return kwargs
    found = {
        name: tree.map_leaves(of, value)
        for name, value in wanted.items()
        if name in takes and given.get(name) is None and any_of(value)
    }
    return {**kwargs, **found} if found else kwargs


@functools.cache
def _mask_parameters(function: Any) -> frozenset[str]:
    """Parameters of a `call` that take masks."""
    parameters = signature(function).parameters
    return frozenset(
        name
        for name, parameter in parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        and (name == "mask" or (name.endswith("_mask") and name.removesuffix("_mask") in parameters))
    )


def _is_tensors(value: Any) -> bool:
    leaves = list(tree.leaves(value))
    return bool(leaves) and all(hasattr(leaf, "shape") and hasattr(leaf, "dtype") for leaf in leaves)


def incoming(first: Any, kwargs: dict[str, Any]) -> Any:
    """The masks that come into a call: its `mask` argument, else those that travel with its first argument.

    Asked before the call, which may take masks away.  None where there is none at all.
    """
    given = kwargs.get("mask")
    if given is not None:
        return given
    return tree.map_leaves(of, first) if any_of(first) else None


def propagate(layer: Any, first: Any, outputs: Any, previous: Any) -> None:
    """After a call: give the outputs the masks that the layer computes.

    Args:
        first: the first argument of the call.
        previous: the masks that came in (see `incoming`).
    """
    own = layer._computes_masks
    if not own and previous is None:
        return
    flat = [leaf for leaf in tree.leaves(outputs) if hasattr(leaf, "dtype")]
    if all(of(leaf) is not None for leaf in flat):
        return
    if not own and not layer.supports_masking:
        if not layer._locked or trace.current() is None:
            _warn(layer)
        return
    previous = tree.map_leaves(lambda _: None, first) if previous is None else previous
    made = layer.compute_mask(first, previous)
    if made is None:
        return
    for leaf, mask in zip(flat, tree.leaves(made), strict=False):
        if mask is not None and of(leaf) is None:
            attach(leaf, mask)


def _warn(layer: Any) -> None:
    where = location.here()
    warnings.warn_explicit(
        f"layer '{layer.name}' ({type(layer).__name__}) was given a tensor with a mask, and does not pass masks on: "
        "the layers after it see none. Hint: set `self.supports_masking = True` in it, or write `compute_mask`.",
        UserWarning,
        where.file if where is not None else "<unknown>",
        where.line if where is not None else 0,
    )

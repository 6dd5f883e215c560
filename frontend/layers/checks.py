"""What layers refuse: wrong constructor arguments and inputs, in words that name the layer and say what to do."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ...compiler.errors import ArgumentError, DTypeError, ShapeError, nearest
from ...compiler.ops.checks import known
from ...compiler.types import TensorType, is_float
from .. import ops, tree

FORMATS = ("channels_last", "channels_first")
SPATIAL = {1: "steps", 2: "height, width", 3: "depth, height, width"}


def label(layer: Any) -> str:
    """The layer as errors name it: `Conv2D 'conv2d_1'`."""
    return f"{type(layer).__name__} '{layer.name}'"


# Arguments
def positive(layer: Any, what: str, value: Any) -> int:
    """A positive int.

    Raises:
        ArgumentError: anything else.
    """
    number = _integer(value)
    if number is None or number < 1:
        raise ArgumentError(
            f"{label(layer)} takes {what} as a positive int",
            received=f"{what}={value!r}",
            hint=f"for example `{type(layer).__name__}(…, {what}=32)`.",
        )
    return number


def per_axis(layer: Any, what: str, value: Any, count: int) -> tuple[int, ...]:
    """A positive int for each spatial axis; a single one stands for all.

    Raises:
        ArgumentError: another number of them, or one that is not positive.
    """
    given = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value] * count
    numbers = [number for number in map(_integer, given) if number is not None and number > 0]
    if len(given) != count or len(numbers) != count:
        form = f"a positive int, or {count} of them, one for each spatial axis" if count > 1 else "a positive int"
        example = f"{what}=2" if count == 1 else f"{what}=2` or `{what}=({', '.join(['2'] * count)})"
        raise ArgumentError(
            f"{label(layer)} takes {what} as {form}", received=f"{what}={value!r}", hint=f"for example `{example}`."
        )
    return tuple(numbers)


def compact(sizes: tuple[int, ...]) -> int | tuple[int, ...]:
    """One size where all are equal: ops take it for all axes, and the text leaves it out where it is the default."""
    return sizes[0] if len(set(sizes)) == 1 else sizes


def word(layer: Any, what: str, value: Any, allowed: Sequence[str]) -> str:
    """One of the allowed words, in lower case.

    Raises:
        ArgumentError: anything else.
    """
    found = value.lower() if isinstance(value, str) else value
    if found not in allowed:
        raise ArgumentError(
            f"{label(layer)} takes {what} as one of {', '.join(map(repr, allowed))}",
            received=f"{what}={value!r}",
            hint=nearest(str(value), allowed),
        )
    return found


def data_format(layer: Any, value: Any) -> str:
    """`channels_last` (also for None) or `channels_first`.

    Raises:
        ArgumentError: anything else.
    """
    return word(layer, "data_format", FORMATS[0] if value is None else value, FORMATS)


def number(layer: Any, what: str, value: Any, least: float | None = None, most: float | None = None) -> Any:
    """An int or float within the limits, as given.

    Raises:
        ArgumentError: anything else.
    """
    plain = value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value
    right = isinstance(plain, int | float) and not isinstance(plain, bool)
    if not right or (least is not None and not plain >= least) or (most is not None and not plain <= most):
        limits = f" of at least {least}" if most is None and least is not None else ""
        limits = limits if most is None else f" from {least} to {most}"
        raise ArgumentError(
            f"{label(layer)} takes {what} as a number{limits}",
            received=f"{what}={value!r}",
            hint=f"for example `{what}={most / 2 if most is not None else least or 1.0}`.",
        )
    return plain


def unsupported(layer: Any, **given: Any) -> None:
    """Refuse arguments that kgc does not support and that are set.

    Raises:
        ArgumentError: one is neither None nor False.
    """
    for what, value in given.items():
        if value is not None and value is not False:
            raise ArgumentError(
                f"{label(layer)} does not support {what}", received=f"{what}={value!r}", hint="leave it out."
            )


def _integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


# Inputs
def one_tensor(layer: Any, inputs: Any) -> TensorType:
    """The type of a layer's only input.

    Raises:
        DTypeError: a list of tensors, or something else.
    """
    if isinstance(inputs, TensorType):
        return inputs
    several = any(isinstance(leaf, TensorType) for leaf in tree.leaves(inputs))
    raise DTypeError(
        f"{label(layer)} takes one tensor",
        received=f"inputs: {inputs}",
        hint="join them first, for example with `layers.Concatenate()`, or call the layer on each."
        if several
        else "call it on what `Input()` or another layer returned, or on an array: `np.asarray(…)`.",
    )


def axes(layer: Any, inputs: Any, names: str) -> TensorType:
    """The type of the only input, which has these axes ("batch, height, width, channels").

    Raises:
        ShapeError: another number of axes.
    """
    found = one_tensor(layer, inputs)
    count = names.count(",") + 1
    if found.rank == count:
        return found
    hint = f"`Input(shape=…)` takes {count - 1} sizes here, for the batch is left out."
    if found.rank == count - 1:
        hint = "an axis is missing: `layers.Reshape` adds one of size 1; `Input(shape=…)` is given without the batch."
    elif found.rank == 2:
        hint = "a flat vector has no spatial axes: `layers.Reshape` gives it some."
    raise ShapeError(f"{label(layer)} takes {count} axes ({names})", received=f"inputs: {found}", hint=hint)


def image_axes(rank: int, data_format: str) -> str:
    """Names of the axes of a batch of images (rank 2), of sequences (1), of volumes (3)."""
    return f"batch, {SPATIAL[rank]}, channels" if data_format == FORMATS[0] else f"batch, channels, {SPATIAL[rank]}"


def fits(layer: Any, inputs: TensorType, axis: int, wanted: int | None, what: str) -> Any:
    """The size of an axis that weights are made for; `wanted` is the size that they already have, if they exist.

    Raises:
        ShapeError: the size is unknown, or another one than `wanted`.
    """
    size = inputs.shape[axis]
    if not known(size):
        raise ShapeError(
            f"{label(layer)} expects {what} (axis {axis}) to be known",
            received=f"inputs: {inputs}",
            hint="give `Input(shape=…)` a size for that axis, or pool over what makes it unknown first.",
        )
    if wanted is not None and size != wanted:
        raise ShapeError(
            f"{label(layer)} was built for {what} (axis {axis}) of size {wanted}",
            received=f"inputs: {inputs}",
            hint="a layer's weights fit one size of input; use another layer for another size.",
        )
    return size


def as_float(layer: Any, x: Any) -> Any:
    """`x`, cast to the layer's compute dtype where it holds integers or booleans."""
    return x if is_float(x.dtype) or not is_float(layer.compute_dtype) else ops.cast(x, layer.compute_dtype)

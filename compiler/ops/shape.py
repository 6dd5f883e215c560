"""Ops that change the shape, or move and repeat elements."""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..dims import Dim
from ..errors import ArgumentError, GraphError, ShapeError
from ..op import Tensor, Trait, op
from .checks import as_tuple, check_axes, check_axis, check_choice, differ, known, product, shape_of

Shape = tuple[Any, ...]
"""A tuple of ints and sizes; -1 stands for what is left, where an op says so."""


def _sizes(op_name: str, shape: Any, what: str) -> tuple[Any, ...]:
    sizes = as_tuple(shape)
    if not all(type(size) is int or isinstance(size, Dim) for size in sizes):
        raise ArgumentError(f"{op_name}: {what} must be a tuple of ints and sizes", received=f"{what}={shape!r}")
    return sizes


def _check_reshape(x: Any, newshape: Any) -> None:
    new, old = _sizes("reshape", newshape, "newshape"), shape_of(x)
    free = [size for size in new if type(size) is int and size < 0]
    if len(free) > 1 or any(size != -1 for size in free):
        raise ArgumentError("reshape: at most one size may be -1, and none below", received=f"newshape={newshape!r}")
    left, right = list(old), [size for size in new if not known(size) or size >= 0]
    for size in [size for size in right if not known(size)]:  # what stands on both sides cancels out
        position = next((i for i, other in enumerate(left) if other is size), None)
        if position is not None:
            del left[position]
            right = [other for other in right if other is not size] + [size] * (sum(o is size for o in right) - 1)
    have, want = product(left), product(right)
    if known(have) and known(want):
        fits = (have % want == 0 if want else have == 0) if free else have == want
    else:  # the body decides, or what must be equal is found by substitution
        fits = bool(free) or not _surely_differ(have, want)
    if not fits:
        raise ShapeError(
            f"reshape: {product(old)} elements do not make the shape {new}",
            received=f"x: {x}",
            hint="one size may be -1, for what is left.",
        )


def _surely_differ(a: Any, b: Any) -> bool:
    """Whether two sizes differ whatever the unknown ones are."""
    try:
        return bool(a != b)
    except GraphError:
        return False


@op(
    Trait.MOVES,
    samples=[
        ("f32[b, 4, 3]", {"newshape": (-1, 12)}),
        ("f32[b, 12]", ("$b", 4, 3)),
        ("f32[b, t, 4]", ("$b", "$2*t", 2)),
        ("f32[b, t]", (-1, 4)),
        ("f32[2, 3]", -1),
    ],
    check=_check_reshape,
)
def reshape(x: Tensor, newshape: Shape | int) -> Tensor:
    """x with another shape of the same number of elements; one size may be -1, for what is left.  Shape: newshape."""
    new = as_tuple(newshape)
    # JAX takes unknown sizes on trust; a mismatch must be refused, so that substitutions are tried.
    if not any(type(size) is int and size == -1 for size in new) and product(jnp.shape(x)) != product(new):
        raise ValueError(f"{jnp.shape(x)} cannot be shown to have as many elements as {tuple(new)}")
    return jnp.reshape(x, new)


def _check_transpose(x: Any, axes: Any) -> None:
    rank = len(shape_of(x))
    if axes is not None and len(check_axes("transpose", axes, rank, "axes")) != rank:
        raise ArgumentError(
            f"transpose: axes must name all {rank} axes once",
            received=f"axes={axes!r}, x: {x}",
            hint="axis 0 is the batch, which stays first: `ops.transpose(x, (0, 2, 1))`.",
        )


@op(
    Trait.MOVES,
    samples=[("f32[b, 3, 4]", (0, 2, 1)), ("f32[b, t]",), ("f32[2, 3, 4]", {"axes": (-1, 0, 1)})],
    check=_check_transpose,
)
def transpose(x: Tensor, axes: tuple[int, ...] | None = None) -> Tensor:
    """Axes in another order, reversed without `axes`.  Shape: axis i is axis axes[i] of x."""
    return jnp.transpose(x, axes)


def _check_concatenate(xs: Sequence[Any], axis: Any) -> None:
    received = ", ".join(map(str, xs))
    if not xs:
        raise ArgumentError("concatenate: the list is empty", received="xs: []")
    rank = len(shape_of(xs[0]))
    if any(len(shape_of(x)) != rank for x in xs):
        raise ShapeError("concatenate: all tensors must have the same number of axes", received=received)
    position = check_axis("concatenate", axis, rank)
    for other in range(rank):
        sizes = [shape_of(x)[other] for x in xs]
        if other != position and any(differ(sizes[0], size) for size in sizes):
            raise ShapeError(
                f"concatenate: sizes on axis {other} differ; only axis {position} may differ",
                received=received,
                hint="`axis` says along which axis they are joined.",
            )


@op(
    Trait.MOVES | Trait.PROMOTES,
    samples=[
        (["f32[b, 3]", "f32[b, 2]"], {"axis": -1}),
        (["f32[b, t, 2]", "f32[b, t, 2]", "f32[b, 1, 2]"], {"axis": 1}),
        (["f32[2, 3]", "i32[1, 3]"],),
        (["f32[b]"],),
    ],
    check=_check_concatenate,
)
def concatenate(xs: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Tensors joined along an axis.  Shape: the sizes on that axis are summed, the others agree."""
    return jnp.concatenate(xs, axis)


def _check_stack(x: Sequence[Any], axis: Any) -> None:
    received = ", ".join(map(str, x))
    if not x:
        raise ArgumentError("stack: the list is empty", received="x: []")
    shapes = [shape_of(item) for item in x]
    check_axis("stack", axis, len(shapes[0]) + 1)
    for shape in shapes:
        if len(shape) != len(shapes[0]) or any(differ(a, b) for a, b in zip(shape, shapes[0], strict=True)):
            raise ShapeError(
                "stack: all tensors must have the same shape",
                received=received,
                hint="`ops.concatenate` joins along an axis.",
            )


@op(
    Trait.MOVES | Trait.PROMOTES,
    samples=[(["f32[b, 3]", "f32[b, 3]"],), (["f32[b, t]", "f32[b, t]"], {"axis": -1}), (["f32[]", 1.0],)],
    check=_check_stack,
)
def stack(x: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Tensors of one shape along a new axis.  Shape: theirs, with their number at `axis`."""
    return jnp.stack(x, axis)


def _check_squeeze(x: Any, axis: Any) -> None:
    shape = shape_of(x)
    if axis is None:
        return
    for position in check_axes("squeeze", axis, len(shape)):
        if known(shape[position]) and shape[position] != 1:
            raise ShapeError(
                f"squeeze: axis {position} has size {shape[position]}, not 1",
                received=f"x: {x}",
                hint="only an axis of size 1 can go; index it, or reduce over it.",
            )


@op(
    Trait.MOVES,
    samples=[("f32[b, 1, 3]", {"axis": 1}), ("f32[2, 1, 1]",), ("f32[1, b, 1]", (0, -1))],
    check=_check_squeeze,
)
def squeeze(x: Tensor, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """x without those axes of size 1 (None: without all that have it).  Shape: the other axes."""
    return jnp.squeeze(x, axis)


def _check_expand_dims(x: Any, axis: Any) -> None:
    axes = as_tuple(axis)
    check_axes("expand_dims", axes, len(shape_of(x)) + len(axes))


@op(Trait.MOVES, samples=[("f32[b, 3]", 1), ("f32[b]", {"axis": -1}), ("f32[b]", (0, 2))], check=_check_expand_dims)
def expand_dims(x: Tensor, axis: int | tuple[int, ...]) -> Tensor:
    """New axes of size 1, at those positions of the result.  Shape: that of x and the new axes."""
    return jnp.expand_dims(x, axis)


def _check_broadcast_to(x: Any, shape: Any) -> None:
    new, old = _sizes("broadcast_to", shape, "shape"), shape_of(x)
    bad = len(new) < len(old) or any(
        differ(a, b) and a != 1 for a, b in zip(reversed(old), reversed(new), strict=False)
    )
    if bad:
        raise ShapeError(
            f"broadcast_to: x cannot be broadcast to {tuple(new)}",
            received=f"x: {x}",
            hint="aligned from the right, each size of x must be 1 or that of the shape.",
        )


@op(
    Trait.MOVES | Trait.BROADCASTS,
    samples=[("f32[3]", (2, 3)), ("f32[b, 1]", ("$b", 4)), ("f32[]", ("$b", 2)), (1.5, ("$b", 2))],
    check=_check_broadcast_to,
)
def broadcast_to(x: Tensor, shape: Shape) -> Tensor:
    """x repeated along new axes and axes of size 1.  Shape: `shape`."""
    return jnp.broadcast_to(x, shape)


_MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def _check_pad(x: Any, pad_width: Any, mode: Any, constant_values: Any) -> None:
    check_choice("pad", "mode", mode, _MODES)
    if mode != "constant" and constant_values is not None:
        raise ArgumentError(
            f'pad: constant_values is used with mode="constant" only, not with "{mode}"',
            received=f"constant_values={constant_values}",
        )
    pairs = _widths(pad_width, len(shape_of(x)))
    if mode not in ("constant", "edge"):  # JAX writes out every reflection
        for size, widths in zip(shape_of(x), pairs, strict=True):
            most = _MOST_REFLECTIONS * max(size - 1, 1) if isinstance(size, int) else 1 << 20
            if any(isinstance(width, int) and width > most for width in widths):
                raise ArgumentError(
                    f'pad: mode="{mode}" repeats an axis at most {_MOST_REFLECTIONS} times',
                    received=f"x: {x}, pad_width={pad_width!r}",
                )


_MOST_REFLECTIONS = 256


def _widths(pad_width: Any, rank: int) -> Any:
    """(before, after) for each axis."""
    if isinstance(pad_width, int | Dim):
        pairs = ((pad_width, pad_width),) * rank
    else:
        pairs = as_tuple(pad_width)
        if len(pairs) == 2 and all(isinstance(one, int) for one in pairs):
            pairs = (pairs,)
        pairs = tuple(as_tuple(pair) for pair in pairs) * (rank if len(pairs) == 1 else 1)
    good = all(len(pair) == 2 and all(not isinstance(one, int) or one >= 0 for one in pair) for pair in pairs)
    if len(pairs) != rank or not good:
        raise ArgumentError(
            f"pad: pad_width must be an int, or (before, after) for each of the {rank} axes, none negative",
            received=f"pad_width={pad_width!r}",
        )
    return pairs


@op(
    Trait.MOVES,
    samples=[
        ("f32[b, 3]", ((0, 0), (1, 2))),
        ("f32[b, t]", 1, {"constant_values": 2.0}),
        ("f32[2, 4]", ((0, 0), (2, 1)), {"mode": "reflect"}),
        ("i32[3]", ((1, 1),)),
    ],
    check=_check_pad,
)
def pad(x: Tensor, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Tensor:
    """x with more elements around it: pad_width is an int, or (before, after) for each axis.  Shape: grown by those.

    mode: "constant" (constant_values, by default 0), "edge", "reflect", "symmetric" or "wrap", as in NumPy.
    """
    widths = _widths(pad_width, jnp.ndim(x))
    if mode != "constant":
        return jnp.pad(x, widths, mode)
    return jnp.pad(x, widths, mode, constant_values=0 if constant_values is None else constant_values)


def _check_flip(x: Any, axis: Any) -> None:
    check_axes("flip", axis, len(shape_of(x)))


@op(Trait.MOVES, samples=[("f32[b, 3]", {"axis": 1}), ("f32[2, 3]",), ("f32[b, t, 2]", (1, 2))], check=_check_flip)
def flip(x: Tensor, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """Elements along the axes (None: along all) in reverse order.  Shape: that of x."""
    return jnp.flip(x, axis)


def _check_tile(x: Any, repeats: Any) -> None:
    _sizes("tile", repeats, "repeats")


@op(
    Trait.MOVES,
    samples=[("f32[b, 3]", (1, 2)), ("f32[b, t]", (1, 2)), ("f32[3]", 2), ("f32[3]", (2, 1))],
    check=_check_tile,
)
def tile(x: Tensor, repeats: int | tuple[int, ...]) -> Tensor:
    """x, whole, that many times along each axis (aligned from the right).  Shape: each size times its repeats."""
    return jnp.tile(x, repeats)


def _check_repeat(x: Any, repeats: Any, axis: Any) -> None:
    shape = shape_of(x)
    counts = as_tuple(repeats)
    if any(type(one) is int and one < 0 for one in counts):
        raise ArgumentError("repeat: repeats must not be negative", received=f"repeats={repeats!r}")
    size = product(shape) if axis is None else shape[check_axis("repeat", axis, len(shape))]
    if len(counts) > 1 and not (known(size) and size == len(counts)):
        raise ShapeError(
            f"repeat: {len(counts)} repeats for {size} elements", received=f"x: {x}, repeats={repeats!r}, axis={axis}"
        )


@op(
    Trait.MOVES,
    samples=[
        ("f32[b, 3]", 2, {"axis": 1}),
        ("f32[b, t]", 2, {"axis": 1}),
        ("f32[2, 3]", 2),
        ("f32[b, 3]", (1, 0, 2), {"axis": 1}),
    ],
    check=_check_repeat,
)
def repeat(x: Tensor, repeats: int | tuple[int, ...], axis: int | None = None) -> Tensor:
    """Each element along the axis that many times in a row; of the flattened tensor without an axis.

    Shape: the size on the axis times repeats, or the sum of a tuple of them.
    """
    counts = np.asarray(repeats) if isinstance(repeats, tuple | list) else repeats
    return jnp.repeat(x, counts, axis)


def _check_split(x: Any, indices_or_sections: Any, axis: Any) -> None:
    shape = shape_of(x)
    size = shape[check_axis("split", axis, len(shape))]
    if isinstance(indices_or_sections, tuple):
        return
    count = indices_or_sections
    if type(count) is not int or count < 1:
        raise ArgumentError(
            "split: indices_or_sections must be a positive int, or a tuple of positions",
            received=repr(indices_or_sections),
        )
    if known(size) and size % count:
        raise ShapeError(
            f"split: {size} elements on axis {axis} do not make {count} equal parts",
            received=f"x: {x}",
            hint="give the positions at which to cut, as a tuple.",
        )


@op(
    Trait.MOVES,
    samples=[
        ("f32[b, 6]", 3, {"axis": 1}),
        ("f32[b, 6]", (1, 4), {"axis": -1}),
        ("f32[b, t]", 2, {"axis": 1}),
        ("f32[4]", 1),
    ],
    check=_check_split,
)
def split(x: Tensor, indices_or_sections: int | tuple[int, ...], axis: int = 0) -> tuple[Tensor, ...]:
    """Parts of x along an axis: that many equal ones, or those between positions.  Shapes: x cut on the axis."""
    if isinstance(indices_or_sections, list):  # JAX takes positions as a tuple or an array
        indices_or_sections = tuple(indices_or_sections)
    return tuple(jnp.split(x, indices_or_sections, axis))

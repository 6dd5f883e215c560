"""Layers that join tensors: Add, Concatenate, and their kin; and the same as functions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ...compiler.errors import ArgumentError, DTypeError, ShapeError
from ...compiler.ops.checks import differ, known
from ...compiler.ops.linalg import einsum
from ...compiler.types import TensorType
from .. import masks, ops
from ..layer import Layer
from ..layer_config import base_config
from ..saving.registry import serializable
from . import checks

_LETTERS = "abcdefghijklmnop"


class Merge(Layer):
    """Base of layers that take a list of tensors, element by element.

    Tensors of fewer axes get axes of size 1 after the batch; sizes are then broadcast.  Where one tensor holds floats,
    those of integers and booleans become floats.
    """

    least = 1
    """How many tensors it takes at least."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def merge(self, tensors: list[Any]) -> Any:
        """One tensor of several of one dtype and number of axes."""
        raise NotImplementedError

    def merge_masked(self, tensors: list[Any], counted: list[Any]) -> Any:
        """One tensor of several, some of which have masks (None where one has none): by default these play no part."""
        return self.merge(tensors)

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse what is no list of tensors that can be broadcast together."""
        types = self._list(inputs)
        if any(x.rank < 1 for x in types):
            raise ShapeError(
                f"{checks.label(self)} takes tensors with a batch axis",
                received=_received(types),
                hint="a scalar has no axes.",
            )
        for position in range(1 - max(x.rank for x in types), 0):
            sizes = [x.shape[position] for x in types if x.rank > -position]
            widest = next((size for size in sizes if known(size) and size != 1), 1)
            if any(differ(size, widest) and size != 1 for size in sizes):
                raise ShapeError(
                    f"{checks.label(self)} cannot broadcast its inputs together: sizes on axis {position} differ",
                    received=_received(types),
                    hint="sizes must agree or be 1; `layers.Concatenate` joins what differs.",
                )
        batches = [x.shape[0] for x in types]
        if any(differ(batches[0], batch) for batch in batches):
            raise ShapeError(
                f"{checks.label(self)} was given batches of different sizes",
                received=_received(types),
                hint="the first axis is the batch: all inputs must have as many samples.",
            )

    def _list(self, inputs: Any) -> list[TensorType]:
        if not isinstance(inputs, list | tuple) or not all(isinstance(x, TensorType) for x in inputs):
            raise DTypeError(
                f"{checks.label(self)} takes a list of tensors",
                received=f"inputs: {inputs}",
                hint=f"`layers.{type(self).__name__}()([x, y])`.",
            )
        if len(inputs) < self.least:
            raise ArgumentError(
                f"{checks.label(self)} takes at least {self.least} tensor{'s' if self.least > 1 else ''}",
                received=f"{len(inputs)}",
                hint=f"`layers.{type(self).__name__}()([x, y])`.",
            )
        return list(inputs)

    def call(self, inputs: Any) -> Any:
        rank = max(len(x.shape) for x in inputs)
        found = [masks.of(x) for x in inputs]
        tensors: list[Any] = []
        counted: list[Any] = []
        for x, mask in zip(self._of_one_dtype(inputs), found, strict=True):
            missing = tuple(range(1, 1 + rank - len(x.shape)))
            if mask is not None:
                mask = ops.expand_dims(mask, tuple(range(len(mask.shape), len(x.shape))))
            tensors.append(ops.expand_dims(x, missing) if missing else x)
            counted.append(ops.expand_dims(mask, missing) if missing and mask is not None else mask)
        return self.merge(tensors) if all(mask is None for mask in found) else self.merge_masked(tensors, counted)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Steps that count in one of the inputs; None where an input has no mask."""
        if not isinstance(previous_mask, list | tuple) or any(mask is None for mask in previous_mask):
            return None
        return functools.reduce(ops.logical_or, previous_mask)

    def _of_one_dtype(self, inputs: Sequence[Any]) -> list[Any]:
        mixed = len({x.dtype for x in inputs}) > 1
        return [checks.as_float(self, x) for x in inputs] if mixed else list(inputs)


@serializable("keras.layers", kind="layer")
class Add(Merge):
    """Sum of tensors: a list of f32[b, …] → f32[b, …]."""

    def merge(self, tensors: list[Any]) -> Any:
        """The sum."""
        return functools.reduce(ops.add, tensors)


@serializable("keras.layers", kind="layer")
class Subtract(Merge):
    """The first of two tensors less the second."""

    least = 2

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse what is no pair of tensors that can be broadcast together."""
        super().check_input(inputs, *rest)
        if len(inputs) != 2:
            raise ArgumentError(
                f"{checks.label(self)} takes two tensors",
                received=f"{len(inputs)}",
                hint="`layers.Subtract()([x, y])` is x - y.",
            )

    def merge(self, tensors: list[Any]) -> Any:
        """The difference."""
        return ops.subtract(*tensors)


@serializable("keras.layers", kind="layer")
class Multiply(Merge):
    """Product of tensors, element by element."""

    def merge(self, tensors: list[Any]) -> Any:
        """The product."""
        return functools.reduce(ops.multiply, tensors)

    def merge_masked(self, tensors: list[Any], counted: list[Any]) -> Any:
        """The product of what counts; zero where nothing does."""
        pairs = zip(tensors, counted, strict=True)
        product = self.merge([x if mask is None else ops.where(mask, x, ops.ones_like(x)) for x, mask in pairs])
        if any(mask is None for mask in counted):
            return product
        return ops.where(functools.reduce(ops.logical_or, counted), product, ops.zeros_like(product))


@serializable("keras.layers", kind="layer")
class Average(Merge):
    """Mean of tensors, element by element."""

    def merge(self, tensors: list[Any]) -> Any:
        """The mean."""
        return ops.divide(functools.reduce(ops.add, tensors), float(len(tensors)))


@serializable("keras.layers", kind="layer")
class Maximum(Merge):
    """Largest of tensors, element by element."""

    def merge(self, tensors: list[Any]) -> Any:
        """The maximum."""
        return functools.reduce(ops.maximum, tensors)

    def merge_masked(self, tensors: list[Any], counted: list[Any]) -> Any:
        """The maximum of what counts; the first where nothing does."""
        return _of_counted(ops.maximum, tensors, counted)


@serializable("keras.layers", kind="layer")
class Minimum(Merge):
    """Smallest of tensors, element by element."""

    def merge(self, tensors: list[Any]) -> Any:
        """The minimum."""
        return functools.reduce(ops.minimum, tensors)

    def merge_masked(self, tensors: list[Any], counted: list[Any]) -> Any:
        """The minimum of what counts; the first where nothing does."""
        return _of_counted(ops.minimum, tensors, counted)


@serializable("keras.layers", kind="layer")
class Concatenate(Merge):
    """Tensors joined along an axis: f32[b, …, m], f32[b, …, n] → f32[b, …, m + n].

    Args:
        axis: the axis along which sizes may differ; axis 0 is the batch.
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise ArgumentError(
                f"{checks.label(self)} takes axis as an int", received=f"axis={axis!r}", hint="-1 is the last axis."
            )
        self.axis = axis

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse what is no list of tensors that agree but for the axis."""
        types = self._list(inputs)
        rank = types[0].rank
        if any(x.rank != rank for x in types):
            raise ShapeError(
                f"{checks.label(self)} takes tensors of one number of axes",
                received=_received(types),
                hint="`layers.Reshape` adds axes of size 1, `layers.Flatten` takes all but the batch away.",
            )
        if not -rank <= self.axis < rank:
            raise ArgumentError(
                f"{checks.label(self)} joins along axis {self.axis}, and its inputs have {rank} axes",
                received=_received(types),
                hint=f"axes are from {-rank} to {rank - 1}; axis 0 is the batch.",
            )
        for position in range(rank):
            sizes = [x.shape[position] for x in types if known(x.shape[position])]
            if position != self.axis % rank and len(set(sizes)) > 1:
                raise ShapeError(
                    f"{checks.label(self)} joins along axis {self.axis}; sizes on axis {position} differ, and must not",
                    received=_received(types),
                    hint="`axis` says along which axis tensors are joined.",
                )

    def call(self, inputs: Any) -> Any:
        return ops.concatenate(self._of_one_dtype(inputs), self.axis)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The masks joined as the tensors are; an input without one counts whole.  None where no input has one."""
        if not isinstance(previous_mask, list | tuple) or all(mask is None for mask in previous_mask):
            return None
        widened: list[Any] = []
        for x, mask in zip(inputs, previous_mask, strict=True):
            if mask is None:
                widened.append(ops.ones_like(x, dtype="bool"))
                continue
            for _ in range(len(x.shape) - len(mask.shape)):
                mask = ops.expand_dims(mask, -1)
            widened.append(ops.logical_or(mask, ops.zeros_like(x, dtype="bool")))
        return ops.any(ops.concatenate(widened, self.axis), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "axis": self.axis}


@serializable("keras.layers", kind="layer")
class Dot(Merge):
    """Products of two tensors, summed over an axis of each: f32[b, …, n, …], f32[b, …, n, …] → f32[b, …, …].

    The axes of the result are the batch, those left of the first tensor, and those left of the second; two tensors of
    vectors give f32[b, 1].

    Args:
        axes: the axis of both, or one for each of them; axis 0 is the batch, and may not be summed.
        normalize: whether each is divided by its norm along the axis before: the result is a cosine.

    Raises:
        ArgumentError: `axes` is neither an int nor two.
    """

    least = 2

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        both: list[Any] = list(axes) if isinstance(axes, list | tuple) else [axes, axes]
        if len(both) != 2 or any(isinstance(axis, bool) or not isinstance(axis, int) for axis in both):
            raise ArgumentError(
                f"{checks.label(self)} takes axes as an int, or two of them, one for each tensor",
                received=f"axes={axes!r}",
                hint="`layers.Dot(axes=(2, 1))` is a product of matrices.",
            )
        self.axes, self.normalize = axes, normalize
        self._both: tuple[int, ...] = tuple(both)

    def _axes(self, ranks: Sequence[int]) -> tuple[int, ...]:
        """The axes, counted from 0; 0 also where a tensor does not have them."""
        return tuple(axis % rank if -rank <= axis < rank else 0 for axis, rank in zip(self._both, ranks, strict=True))

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse what is no pair of tensors that have these axes, of one size."""
        types = self._list(inputs)
        if len(types) != 2:
            raise ArgumentError(
                f"{checks.label(self)} takes two tensors",
                received=f"{len(types)}",
                hint="`layers.Dot(axes=1)([x, y])`.",
            )
        axes = self._axes([max(x.rank, 1) for x in types])
        if 0 in axes:
            raise ArgumentError(
                f"{checks.label(self)} sums over axes={self.axes}, which its inputs do not have, or which is the batch",
                received=_received(types),
                hint="axis 0 is the batch; -1 is the last axis.",
            )
        sizes = [x.shape[axis] for x, axis in zip(types, axes, strict=True)]
        for what, (a, b) in (("batches", (types[0].shape[0], types[1].shape[0])), (f"axes {axes}", sizes)):
            if differ(a, b):
                raise ShapeError(
                    f"{checks.label(self)} cannot multiply: the sizes of the {what} differ, {a} and {b}",
                    received=_received(types),
                    hint="`axes` says which axis of each tensor is summed over.",
                )

    def call(self, inputs: Any) -> Any:
        x, y = self._of_one_dtype(inputs)
        axes = self._axes([len(x.shape), len(y.shape)])
        if self.normalize:
            x, y = (self._normalized(checks.as_float(self, z), axis) for z, axis in zip((x, y), axes, strict=True))
        left, right = list(_LETTERS[: len(x.shape)]), list(_LETTERS[len(x.shape) :][: len(y.shape)])
        right[0], right[axes[1]] = left[0], left[axes[0]]
        rest = [letter for letter in (*left, *right[1:]) if letter != left[axes[0]]]
        z = einsum(f"{''.join(left)},{''.join(right)}->{''.join(rest)}", [x, y])
        return ops.expand_dims(z, 1) if len(rest) == 1 else z

    def _normalized(self, x: Any, axis: int) -> Any:
        norm = ops.sum(ops.square(x), axis, keepdims=True)
        return ops.multiply(x, ops.rsqrt(ops.maximum(norm, 1e-14)))  # a vector of norm below 1e-7 is divided by 1e-7

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: the axes that masks spoke of are gone."""
        return None

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "axes": self.axes, "normalize": self.normalize}


def _of_counted(op: Callable[..., Any], tensors: list[Any], counted: list[Any]) -> Any:
    """`op` over the tensors, one after the other, each where its mask says that it counts (None: everywhere)."""
    result, valid = tensors[0], counted[0]
    for x, mask in zip(tensors[1:], counted[1:], strict=True):
        merged = op(result, x)
        if valid is not None:
            merged = ops.where(valid, merged, x)
        result = merged if mask is None else ops.where(mask, merged, result)
        valid = None if valid is None or mask is None else ops.logical_or(valid, mask)
    return result


def _received(types: Sequence[Any]) -> str:
    return ", ".join(map(str, types))


def _function(layer: type[Merge]) -> Callable[..., Any]:
    def merge(inputs: Sequence[Any], **kwargs: Any) -> Any:
        return layer(**kwargs)(inputs)

    merge.__name__ = merge.__qualname__ = layer.__name__.lower()
    merge.__doc__ = f"`{layer.__name__}(**kwargs)(inputs)`: {layer.__doc__}"
    return merge


add = _function(Add)
subtract = _function(Subtract)
multiply = _function(Multiply)
average = _function(Average)
maximum = _function(Maximum)
minimum = _function(Minimum)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """`Concatenate(axis, **kwargs)(inputs)`: tensors joined along an axis."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Sequence[Any], axes: int | Sequence[int] = -1, **kwargs: Any) -> Any:
    """`Dot(axes, **kwargs)(inputs)`: products of two tensors, summed over an axis of each."""
    return Dot(axes=axes, **kwargs)(inputs)

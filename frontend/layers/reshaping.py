"""Layers that change the shape: Flatten, Reshape, Permute, RepeatVector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...compiler.errors import ArgumentError, ShapeError
from ...compiler.ops.checks import known, product
from ...compiler.types import TensorType
from .. import ops
from ..layer import Layer
from ..layer_config import base_config
from ..saving.registry import serializable
from . import checks


@serializable("keras.layers", kind="layer")
class Flatten(Layer):
    """All axes but the batch as one: f32[b, h, w, c] → f32[b, h*w*c].

    Args:
        data_format: order of the axes in the input; "channels_first" moves the channels last before flattening.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = checks.data_format(self, data_format)

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse what has no batch axis."""
        if checks.one_tensor(self, inputs).rank < 1:
            raise ShapeError(
                f"{checks.label(self)} takes a tensor with a batch axis",
                received=f"inputs: {inputs}",
                hint="a scalar has no axes.",
            )

    def call(self, inputs: Any) -> Any:
        rank = len(inputs.shape)
        if self.data_format == "channels_first" and rank > 2:
            inputs = ops.transpose(inputs, (0, *range(2, rank), 1))
        return ops.reshape(inputs, (inputs.shape[0], product(inputs.shape[1:])))

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "data_format": self.data_format}


@serializable("keras.layers", kind="layer")
class Reshape(Layer):
    """Another shape for each sample, the batch axis as it is.

    Args:
        target_shape: sizes without the batch; one may be -1, for what is left.

    Raises:
        ArgumentError: more than one -1, or something that is no size.
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = target_shape if isinstance(target_shape, Sequence) and not isinstance(target_shape, str) else None
        if sizes is None or not all(hasattr(size, "__index__") and int(size) >= -1 for size in sizes):
            raise ArgumentError(
                f"{checks.label(self)} takes target_shape as a tuple of ints, of which one may be -1",
                received=f"target_shape={target_shape!r}",
                hint="leave the batch out: `layers.Reshape((28, 28, 1))`.",
            )
        self.target_shape = tuple(int(size) for size in sizes)
        if self.target_shape.count(-1) > 1:
            raise ArgumentError(
                f"{checks.label(self)} takes target_shape with one -1 at most",
                received=f"target_shape={target_shape!r}",
                hint="-1 stands for what the other sizes leave.",
            )

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse sizes that do not make the target shape."""
        x = checks.one_tensor(self, inputs)
        if x.rank < 1:
            raise ShapeError(
                f"{checks.label(self)} takes a tensor with a batch axis",
                received=f"inputs: {x}",
                hint="a scalar has no axes.",
            )
        self._sizes(x)

    def _sizes(self, x: TensorType) -> tuple[int, ...]:
        """The target shape, with its -1 replaced where all sizes of a sample are known."""
        own, target = x.shape[1:], self.target_shape
        if not all(known(size) for size in own):
            return target
        have: Any = product(own)
        want = math.prod(size for size in target if size != -1)
        free = -1 in target
        if (have % want if want else have) if free else have != want:
            raise ShapeError(
                f"{checks.label(self)} cannot make {target} of the {have} elements of a sample",
                received=f"inputs: {x}",
                hint="the sizes must multiply to the same number; one may be -1, for what is left.",
            )
        return tuple((have // want if want else 0) if size == -1 else size for size in target)

    def call(self, inputs: Any) -> Any:
        return ops.reshape(inputs, (inputs.shape[0], *self._sizes(inputs)))

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "target_shape": self.target_shape}


@serializable("keras.layers", kind="layer")
class Permute(Layer):
    """The axes of each sample in another order, the batch axis as it is.

    Args:
        dims: for each axis of the result, which axis of the input it is, counted from 1: `(2, 1)` turns
            f32[b, t, c] into f32[b, c, t].

    Raises:
        ArgumentError: `dims` does not name each axis once.
    """

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = tuple(dims) if isinstance(dims, Sequence) and not isinstance(dims, str) else ()
        if not given or set(given) != set(range(1, len(given) + 1)) or len(set(given)) != len(given):
            raise ArgumentError(
                f"{checks.label(self)} takes dims as a tuple that names each axis once",
                received=f"dims={dims!r}",
                hint="axes are counted from 1, for the batch is left out: `layers.Permute((2, 1))`.",
            )
        self.dims = tuple(map(int, given))

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse another number of axes than `dims` names."""
        x = checks.one_tensor(self, inputs)
        if x.rank != len(self.dims) + 1:
            raise ShapeError(
                f"{checks.label(self)} has dims={self.dims}, and takes a tensor of {len(self.dims) + 1} axes",
                received=f"inputs: {x}",
                hint="dims names all axes but the batch.",
            )

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, (0, *self.dims))

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "dims": self.dims}


@serializable("keras.layers", kind="layer")
class RepeatVector(Layer):
    """Each vector n times in a row: f32[b, c] → f32[b, n, c].

    Args:
        n: a positive int.
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = checks.positive(self, "n", n)

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse what are no vectors."""
        checks.axes(self, inputs, "batch, channels")

    def call(self, inputs: Any) -> Any:
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, 1)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "n": self.n}

"""Pooling: maxima and means over windows, and over all spatial axes.

The three bases serve any number of spatial axes: `MaxPooling1D` is `MaxPooling` with `rank = 1`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...compiler.errors import ShapeError
from ...compiler.ops.checks import known
from .. import ops
from ..layer import Layer
from ..layer_config import base_config
from ..saving.registry import serializable
from . import checks

Sizes = int | Sequence[int]


class Pooling(Layer):
    """Base of pooling over windows of `rank` spatial axes.

    Args:
        pool_size: size of the window on each spatial axis, or one for all.
        strides: steps between windows, likewise; the size of the window by default.
        padding: "valid" (windows within the input) or "same" (size / strides, rounded up).
        data_format: "channels_last" (default), or "channels_first" where the channels are axis 1.

    Raises:
        ArgumentError: an argument is not of these.
    """

    rank: int

    def __init__(
        self,
        pool_size: Sizes,
        strides: Sizes | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pool_size = checks.per_axis(self, "pool_size", pool_size, self.rank)
        self.strides = self.pool_size if strides is None else checks.per_axis(self, "strides", strides, self.rank)
        self.padding = checks.word(self, "padding", padding, ("valid", "same"))
        self.data_format = checks.data_format(self, data_format)

    def pool(self, x: Any, *arguments: Any) -> Any:
        """The op, on the arguments that both kinds of pooling have."""
        raise NotImplementedError

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse another number of axes, and sizes smaller than the window."""
        x = checks.axes(self, inputs, checks.image_axes(self.rank, self.data_format))
        first = 1 if self.data_format == "channels_last" else 2
        for axis, window in enumerate(self.pool_size, first):
            size = x.shape[axis]
            if self.padding == "valid" and known(size) and size < window:
                raise ShapeError(
                    f"{checks.label(self)} has a window of {window} on axis {axis}, which has size {size} only",
                    received=f"inputs: {x}",
                    hint='take a smaller pool_size, or padding="same".',
                )

    def call(self, inputs: Any) -> Any:
        strides = None if self.strides == self.pool_size else checks.compact(self.strides)
        x = checks.as_float(self, inputs)
        return self.pool(x, checks.compact(self.pool_size), strides, self.padding, self.data_format)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {
            **base_config(self),
            "pool_size": self.pool_size,
            "padding": self.padding,
            "strides": self.strides,
            "data_format": self.data_format,
        }


class MaxPooling(Pooling):
    """Base of pooling by the maximum; windows of 2 by default."""

    def __init__(
        self,
        pool_size: Sizes = 2,
        strides: Sizes | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def pool(self, x: Any, *arguments: Any) -> Any:
        """Maxima over the windows."""
        return ops.max_pool(x, *arguments)


class AveragePooling(Pooling):
    """Base of pooling by the mean; padding counts for nothing."""

    def pool(self, x: Any, *arguments: Any) -> Any:
        """Means over the windows."""
        return ops.average_pool(x, *arguments)


class GlobalPooling(Layer):
    """Base of pooling over all of `rank` spatial axes.

    Args:
        data_format: "channels_last" (default), or "channels_first" where the channels are axis 1.
        keepdims: whether the spatial axes stay, with size 1.
    """

    rank: int

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = checks.data_format(self, data_format)
        self.keepdims = keepdims

    def reduce(self, x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
        """The reduction."""
        raise NotImplementedError

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse another number of axes."""
        checks.axes(self, inputs, checks.image_axes(self.rank, self.data_format))

    def call(self, inputs: Any) -> Any:
        first = 1 if self.data_format == "channels_last" else 2
        axes = tuple(range(first, first + self.rank))
        return self.reduce(checks.as_float(self, inputs), axes, self.keepdims)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "data_format": self.data_format, "keepdims": self.keepdims}


class GlobalAveragePooling(GlobalPooling):
    """Base of means over all spatial axes."""

    def reduce(self, x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
        """Means over the axes."""
        return ops.mean(x, axes, keepdims)


class GlobalMaxPooling(GlobalPooling):
    """Base of maxima over all spatial axes."""

    def reduce(self, x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
        """Maxima over the axes."""
        return ops.max(x, axes, keepdims)


@serializable("keras.layers", kind="layer")
class MaxPooling1D(MaxPooling):
    """Maximum over windows of sequences: f32[b, t, c] → f32[b, t', c].  Arguments: see `Pooling`."""

    rank = 1


@serializable("keras.layers", kind="layer")
class MaxPooling2D(MaxPooling):
    """Maximum over windows of images: f32[b, h, w, c] → f32[b, h', w', c].  Arguments: see `Pooling`."""

    rank = 2


@serializable("keras.layers", kind="layer")
class MaxPooling3D(MaxPooling):
    """Maximum over windows of volumes: f32[b, d, h, w, c] → f32[b, d', h', w', c].  Arguments: see `Pooling`."""

    rank = 3


@serializable("keras.layers", kind="layer")
class AveragePooling1D(AveragePooling):
    """Mean over windows of sequences: f32[b, t, c] → f32[b, t', c].  Arguments: see `Pooling`."""

    rank = 1


@serializable("keras.layers", kind="layer")
class AveragePooling2D(AveragePooling):
    """Mean over windows of images: f32[b, h, w, c] → f32[b, h', w', c].  Arguments: see `Pooling`."""

    rank = 2


@serializable("keras.layers", kind="layer")
class AveragePooling3D(AveragePooling):
    """Mean over windows of volumes: f32[b, d, h, w, c] → f32[b, d', h', w', c].  Arguments: see `Pooling`."""

    rank = 3


@serializable("keras.layers", kind="layer")
class GlobalAveragePooling1D(GlobalAveragePooling):
    """Mean over all steps of a sequence, or over those that its mask leaves: f32[b, t, c] → f32[b, c].

    Arguments: see `GlobalPooling`.  A call takes a mask, bool[b, t]; a sequence of which nothing is left gives NaN, as
    in Keras.
    """

    rank = 1

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(inputs)
        x = checks.as_float(self, inputs)
        steps = 1 if self.data_format == "channels_last" else 2
        weights = ops.expand_dims(ops.cast(mask, x.dtype), 3 - steps)
        total = ops.sum(ops.multiply(x, weights), steps, self.keepdims)
        return ops.divide(total, ops.sum(weights, steps, self.keepdims))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: no steps are left."""
        return None


@serializable("keras.layers", kind="layer")
class GlobalAveragePooling2D(GlobalAveragePooling):
    """Mean over all of an image: f32[b, h, w, c] → f32[b, c].  Arguments: see `GlobalPooling`."""

    rank = 2


@serializable("keras.layers", kind="layer")
class GlobalAveragePooling3D(GlobalAveragePooling):
    """Mean over all of a volume: f32[b, d, h, w, c] → f32[b, c].  Arguments: see `GlobalPooling`."""

    rank = 3


@serializable("keras.layers", kind="layer")
class GlobalMaxPooling1D(GlobalMaxPooling):
    """Maximum over all of a sequence: f32[b, t, c] → f32[b, c].  Arguments: see `GlobalPooling`."""

    rank = 1


@serializable("keras.layers", kind="layer")
class GlobalMaxPooling2D(GlobalMaxPooling):
    """Maximum over all of an image: f32[b, h, w, c] → f32[b, c].  Arguments: see `GlobalPooling`."""

    rank = 2


@serializable("keras.layers", kind="layer")
class GlobalMaxPooling3D(GlobalMaxPooling):
    """Maximum over all of a volume: f32[b, d, h, w, c] → f32[b, c].  Arguments: see `GlobalPooling`."""

    rank = 3

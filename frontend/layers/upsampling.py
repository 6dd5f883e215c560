"""Layers that enlarge by repetition or interpolation: UpSampling1D, 2D and 3D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...compiler.ops.image import METHODS, resize, upsample
from ..layer import Layer
from ..layer_config import base_config
from ..saving.registry import serializable
from . import checks

Sizes = int | Sequence[int]


@serializable("keras.layers", kind="layer")
class UpSampling1D(Layer):
    """Each step of sequences `size` times in a row: f32[b, t, c] → f32[b, t * size, c].

    Args:
        size: a positive int.
    """

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = checks.positive(self, "size", size)

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse another number of axes."""
        checks.axes(self, inputs, checks.image_axes(1, "channels_last"))

    def call(self, inputs: Any) -> Any:
        return upsample(inputs, self.size)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "size": self.size}


class UpSampling(Layer):
    """Base of what enlarges images and volumes.

    Args:
        size: factor for each spatial axis, or one for all.
        data_format: "channels_last" (default), or "channels_first" where the channels are axis 1.
    """

    rank: int

    def __init__(self, size: Sizes = 2, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = checks.per_axis(self, "size", size, self.rank)
        self.data_format = checks.data_format(self, data_format)

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse another number of axes."""
        checks.axes(self, inputs, checks.image_axes(self.rank, self.data_format))

    def call(self, inputs: Any) -> Any:
        return upsample(inputs, checks.compact(self.size), self.data_format)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "size": self.size, "data_format": self.data_format}


@serializable("keras.layers", kind="layer")
class UpSampling2D(UpSampling):
    """Larger images: f32[b, h, w, c] → f32[b, h * size[0], w * size[1], c].

    Args:
        size, data_format: see `UpSampling`.
        interpolation: "nearest" repeats pixels; "bilinear", "bicubic", "lanczos3" and "lanczos5" interpolate.
    """

    rank = 2

    def __init__(
        self, size: Sizes = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any
    ) -> None:
        super().__init__(size, data_format, **kwargs)
        self.interpolation = checks.word(self, "interpolation", interpolation, tuple(METHODS))

    def call(self, inputs: Any) -> Any:
        if self.interpolation == "nearest":
            return super().call(inputs)
        x = checks.as_float(self, inputs)
        first = 1 if self.data_format == "channels_last" else 2
        sizes = tuple(x.shape[axis] * factor for axis, factor in enumerate(self.size, first))
        return resize(x, sizes, self.interpolation, data_format=self.data_format)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**super().get_config(), "interpolation": self.interpolation}


@serializable("keras.layers", kind="layer")
class UpSampling3D(UpSampling):
    """Larger volumes: f32[b, d, h, w, c], each element repeated on the three axes.  Arguments: see `UpSampling`."""

    rank = 3

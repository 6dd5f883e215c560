"""Transposed convolutions, which enlarge: Conv1DTranspose, Conv2DTranspose, Conv3DTranspose."""

from __future__ import annotations

from typing import Any

from ...compiler.errors import ArgumentError
from .. import ops
from ..saving.registry import serializable
from . import checks
from .conv import BaseConv, Sizes


class BaseConvTranspose(BaseConv):
    """Base of transposed convolutions over `rank` spatial axes: the gradient of a convolution by its input.

    Args:
        filters, kernel_size, data_format, activation, use_bias, and those of the weights: as `BaseConv` has them.
        strides: steps between the windows over which two neighbours are spread; strides and dilation_rate cannot both
            be above 1.
        padding: "valid" (all that the windows cover) or "same" (size * strides).
        output_padding: elements added at the end of each spatial axis, less than its stride.  With it, "same" gives
            (size - 1) * strides + output_padding, and one more where the kernel's span is odd.
        dilation_rate: steps within a window.

    Raises:
        ArgumentError: an argument is not of these.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        output_padding: Sizes | None = None,
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        if "groups" in kwargs:
            raise ArgumentError(
                f"{type(self).__name__} does not have the argument 'groups'",
                received=f"groups={kwargs['groups']!r}",
                hint="split the channels with `ops.split`, and give each part a layer of its own.",
            )
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self.output_padding = None if output_padding is None else self._output_padding(output_padding)

    def _output_padding(self, value: Any) -> tuple[int, ...]:
        given = tuple(value) if isinstance(value, list | tuple) else (value,) * self.rank
        plain = all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in given)
        if len(given) != self.rank or not plain or any(n >= step for n, step in zip(given, self.strides, strict=True)):
            raise ArgumentError(
                f"{checks.label(self)} takes output_padding as an int"
                + (f", or {self.rank} of them," if self.rank > 1 else "")
                + " from 0 to less than the stride",
                received=f"output_padding={value!r}, strides={self.strides}",
                hint="it chooses between sizes that the same strides reduce to one; larger ones are what "
                "`layers.ZeroPadding` does.",
            )
        return given

    def kernel_shape(self, channels: int) -> tuple[int, ...]:
        """Shape of the kernel for inputs with that many channels."""
        return (*self.kernel_size, self.filters, channels)

    def convolve(self, x: Any) -> Any:
        """The transposed convolution itself."""
        more = None if self.output_padding is None else checks.compact(self.output_padding)
        strides, rate = checks.compact(self.strides), checks.compact(self.dilation_rate)
        return ops.conv_transpose(x, self.kernel, strides, self.padding, more, self.data_format, rate)

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse another number of axes, and channels that do not fit."""
        x = checks.axes(self, inputs, checks.image_axes(self.rank, self.data_format))
        wanted = self._channels if self.kernel is not None else None
        checks.fits(self, x, self.channel_axis, wanted, "the number of channels")

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        config = super().get_config()
        del config["groups"]
        return {**config, "output_padding": self.output_padding}


@serializable("keras.layers", kind="layer", aliases=("Convolution1DTranspose",))
class Conv1DTranspose(BaseConvTranspose):
    """activation(transposed convolution of sequences + bias): f32[b, t, c] → f32[b, t', filters].

    Arguments as `BaseConvTranspose` has them.
    """

    rank = 1


@serializable("keras.layers", kind="layer", aliases=("Convolution2DTranspose",))
class Conv2DTranspose(BaseConvTranspose):
    """activation(transposed convolution of images + bias): f32[b, h, w, c] → f32[b, h', w', filters].

    Arguments as `BaseConvTranspose` has them.
    """

    rank = 2


@serializable("keras.layers", kind="layer", aliases=("Convolution3DTranspose",))
class Conv3DTranspose(BaseConvTranspose):
    """activation(transposed convolution of volumes + bias): f32[b, d, h, w, c] → f32[b, d', h', w', filters].

    Arguments as `BaseConvTranspose` has them, but for the places of data_format and output_padding, which are Keras's.
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Sizes | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, strides, padding, output_padding, data_format, *args, **kwargs)

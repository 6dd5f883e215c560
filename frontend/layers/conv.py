"""Convolutions.

`BaseConv` holds what all of them share: arguments, weights, checks, bias and activation.  A convolution of another
rank says its `rank`; one that lays out or applies its kernel in another way overrides `kernel_shape` and `convolve`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...compiler.errors import ArgumentError, ShapeError
from ...compiler.ops.checks import known
from .. import activations, ops, regularizers
from ..layer import Layer
from ..layer_config import base_config
from ..saving.registry import serializable
from . import checks, weighted

Sizes = int | Sequence[int]


class BaseConv(Layer):
    """Base of convolutions over `rank` spatial axes.

    Args:
        filters: number of output channels.
        kernel_size: size of the kernel on each spatial axis, or one for all.
        strides: steps between windows, likewise.
        padding: "valid" (windows within the input) or "same" (size / strides, rounded up).
        data_format: "channels_last" (default), or "channels_first" where the channels are axis 1.
        dilation_rate: steps within a window, likewise; strides and dilation_rate cannot both be above 1.
        groups: into how many parts the channels are split; each gives filters / groups channels from its own.
        activation: applied at the end; none by default.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
        kernel_constraint, bias_constraint: of the two weights, and a penalty on the result.

    Raises:
        ArgumentError: an argument is not of these.
    """

    rank: int
    paddings: tuple[str, ...] = ("valid", "same")
    kernel: Any
    bias: Any

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        groups: int = 1,
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
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = checks.positive(self, "filters", filters)
        self.kernel_size = checks.per_axis(self, "kernel_size", kernel_size, self.rank)
        self.strides = checks.per_axis(self, "strides", strides, self.rank)
        self.padding = checks.word(self, "padding", padding, self.paddings)
        self.data_format = checks.data_format(self, data_format)
        self.dilation_rate = checks.per_axis(self, "dilation_rate", dilation_rate, self.rank)
        self.groups = checks.positive(self, "groups", groups)
        if self.filters % self.groups:
            raise ArgumentError(
                f"{checks.label(self)} needs groups that divide its filters",
                received=f"{filters=}, {groups=}",
                hint="each group gives filters / groups of the channels.",
            )
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ArgumentError(
                f"{checks.label(self)} cannot have both strides and dilation_rate above 1",
                received=f"{strides=}, {dilation_rate=}",
                hint="use one of them; a pooling layer after the convolution strides too.",
            )
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        weighted.keep(
            self,
            kernel=(kernel_initializer, kernel_regularizer, kernel_constraint),
            bias=(bias_initializer, bias_regularizer, bias_constraint),
        )

    @property
    def channel_axis(self) -> int:
        """The axis of the channels: -1 or 1."""
        return -1 if self.data_format == "channels_last" else 1

    def kernel_shape(self, channels: int) -> tuple[int, ...]:
        """Shape of the kernel for inputs with that many channels."""
        return (*self.kernel_size, channels // self.groups, self.filters)

    def convolve(self, x: Any) -> Any:
        """The convolution itself."""
        strides, rate = checks.compact(self.strides), checks.compact(self.dilation_rate)
        return ops.conv(x, self.kernel, strides, self.padding, self.data_format, rate)

    def build(self, input_shape: Any) -> None:
        self._channels = input_shape[self.channel_axis]
        weighted.make(self, "kernel", self.kernel_shape(self._channels))
        if self.use_bias:
            weighted.make(self, "bias", (self.filters,))

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse another number of axes, channels that do not fit, and sizes smaller than the kernel."""
        x = checks.axes(self, inputs, checks.image_axes(self.rank, self.data_format))
        wanted = self._channels if self.kernel is not None else None
        channels = checks.fits(self, x, self.channel_axis, wanted, "the number of channels")
        if channels % self.groups:
            raise ShapeError(
                f"{checks.label(self)} has {self.groups} groups, and they do not divide {channels} channels",
                received=f"inputs: {x}",
                hint="groups must divide the channels of the input as well as the filters.",
            )
        first = 1 if self.data_format == "channels_last" else 2
        for axis, window, rate in zip(
            range(first, first + self.rank), self.kernel_size, self.dilation_rate, strict=True
        ):
            span, size = (window - 1) * rate + 1, x.shape[axis]
            if self.padding == "valid" and known(size) and size < span:
                raise ShapeError(
                    f"{checks.label(self)} has a kernel that spans {span} on axis {axis}, which has size {size} only",
                    received=f"inputs: {x}",
                    hint='padding="same" keeps the size; or take a smaller kernel, or pool less before it.',
                )

    def call(self, inputs: Any) -> Any:
        x = self.convolve(checks.as_float(self, inputs))
        if self.bias is not None:
            shape = (1, self.filters, *[1] * self.rank)
            x = ops.add(x, self.bias if self.channel_axis == -1 else ops.reshape(self.bias, shape))
        return self.activation(x)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {
            **base_config(self),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "groups": self.groups,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            **weighted.config(self, "kernel", "bias"),
        }


@serializable("keras.layers", kind="layer", aliases=("Convolution1D",))
class Conv1D(BaseConv):
    """activation(convolution of sequences with a kernel + bias): f32[b, t, c] → f32[b, t', filters].

    Arguments as `BaseConv` has them; padding may also be "causal": a step sees itself and what came before it.
    """

    rank = 1
    paddings = ("valid", "same", "causal")

    def convolve(self, x: Any) -> Any:
        """The convolution itself, after zeros in front where it is causal."""
        if self.padding != "causal":
            return super().convolve(x)
        before = ((self.kernel_size[0] - 1) * self.dilation_rate[0], 0)
        x = ops.pad(x, ((0, 0), before, (0, 0)) if self.channel_axis == -1 else ((0, 0), (0, 0), before))
        return ops.conv(x, self.kernel, self.strides[0], "valid", self.data_format, self.dilation_rate[0])


@serializable("keras.layers", kind="layer", aliases=("Convolution2D",))
class Conv2D(BaseConv):
    """activation(convolution of images with a kernel + bias): f32[b, h, w, c] → f32[b, h', w', filters].

    Arguments as `BaseConv` has them: filters, kernel_size, strides, padding, data_format, dilation_rate, groups,
    activation, use_bias, and those of the weights.
    """

    rank = 2


@serializable("keras.layers", kind="layer", aliases=("Convolution3D",))
class Conv3D(BaseConv):
    """activation(convolution of volumes with a kernel + bias): f32[b, d, h, w, c] → f32[b, d', h', w', filters].

    Arguments as `BaseConv` has them.
    """

    rank = 3

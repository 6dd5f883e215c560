"""LSTM whose products are convolutions (Shi et al., 2015), over sequences of lines, images and volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...compiler.errors import ArgumentError, ShapeError
from ...compiler.ops.checks import differ, known
from ...compiler.ops.conv import window_count
from ...compiler.ops.conv_recurrent import conv_lstm as conv_lstm_op
from .. import activations, ops, tree
from ..saving.registry import serializable
from . import checks, weighted
from .fused_rnn import FusedRNN, of_cell
from .lstm import ForgetBias
from .rnn_cells import Noise, RecurrentCell, Run

Sizes = int | Sequence[int]


class ConvLSTMCell(RecurrentCell):
    """One step of `ConvLSTM`, on images with channels last: states and output are [batch, *sizes, filters]."""

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Sizes,
        *,
        strides: Sizes,
        padding: str,
        dilation_rate: Sizes,
        recurrent_activation: Any,
        unit_forget_bias: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, 4, **kwargs)
        self.rank, self.filters = rank, self.units
        self.kernel_size = checks.per_axis(self, "kernel_size", kernel_size, rank)
        self.strides = checks.per_axis(self, "strides", strides, rank)
        self.padding = checks.word(self, "padding", padding, ("valid", "same"))
        self.dilation_rate = checks.per_axis(self, "dilation_rate", dilation_rate, rank)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ArgumentError(
                f"{checks.label(self)} cannot have both strides and dilation_rate above 1",
                received=f"{strides=}, {dilation_rate=}",
                hint="use one of them.",
            )
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]

    def bias_start(self, initializer: Any) -> Any:
        return ForgetBias(initializer, self.units) if self.unit_forget_bias else initializer

    def build(self, input_shape: Any) -> None:
        weighted.make(self, "kernel", (*self.kernel_size, input_shape[-1], 4 * self.filters))
        shape = (*self.kernel_size, self.filters, 4 * self.filters)
        weighted.make(self, "recurrent_kernel", shape, like="recurrent")
        if self.use_bias:
            weighted.make(self, "bias", self.bias_shape(), initializer=self.bias_start(self.bias_initializer))

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """The layer around it checks."""

    def state_shape(self, step: Any) -> tuple[Any, ...]:
        """Shape of the states for inputs of that shape."""
        spans = [(n - 1) * rate + 1 for n, rate in zip(self.kernel_size, self.dilation_rate, strict=True)]
        sizes = zip(step[1:-1], spans, self.strides, strict=True)
        return (step[0], *[window_count(*axis, self.padding) for axis in sizes], self.filters)

    def draw(self, step: Any, training: bool) -> Noise:
        return (
            self.drawn(self.dropout, (4, *step), training),
            self.drawn(self.recurrent_dropout, (4, *self.state_shape(step)), training),
        )

    def _convolved(self, x: Any, kernel: Any, noise: Any, strides: Any, padding: str, rate: Any) -> Any:
        def conv(x: Any, kernel: Any) -> Any:
            return ops.conv(x, kernel, checks.compact(strides), padding, "channels_last", checks.compact(rate))

        if noise is None:
            return conv(x, kernel)
        parts = ops.split(kernel, 4, -1)
        return ops.concatenate([conv(ops.multiply(x, noise[k]), parts[k]) for k in range(4)], -1)

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        h, c = states
        of_x, of_h = self.noise(inputs.shape, training)
        ones = (1,) * self.rank
        x = self._convolved(inputs, self.kernel, of_x, self.strides, self.padding, self.dilation_rate)
        x = x if self.bias is None else ops.add(x, self.bias)
        sums = ops.add(x, self._convolved(h, self.recurrent_kernel, of_h, ones, "same", ones))
        i, f, g, o = ops.split(sums, 4, -1)
        gate = self.recurrent_activation
        c = ops.add(ops.multiply(gate(f), c), ops.multiply(gate(i), self.activation(g)))
        h = ops.multiply(gate(o), self.activation(c))
        return h, [h, c]

    def fused(self) -> bool:
        return type(self).call is ConvLSTMCell.call and self.named(self.activation, self.recurrent_activation)

    def sequence(self, x: Any, states: list[Any], run: Run) -> tuple[Any, list[Any]]:
        given = self.operands(x, run)
        del given["unroll"]
        output, *last = conv_lstm_op(
            x,
            self.kernel,
            self.recurrent_kernel,
            self.bias,
            *states,
            strides=checks.compact(self.strides),
            padding=self.padding,
            dilation_rate=checks.compact(self.dilation_rate),
            activation=activations.serialize(self.activation),
            recurrent_activation=activations.serialize(self.recurrent_activation),
            **given,
        )
        return output, last

    def gate_config(self) -> dict[str, Any]:
        return {
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "unit_forget_bias": self.unit_forget_bias,
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
        }


class ConvLSTM(FusedRNN):
    """Base of convolutional LSTMs over `rank` spatial axes.  The states are h and c, shaped as the output.

    Args:
        filters: number of output channels.
        kernel_size: size of both kernels on each spatial axis, or one for all.
        strides, padding, dilation_rate: of the inputs' convolution, as `Conv2D` has them; the hidden state's keeps its
            size.
        data_format: "channels_last" (default), or "channels_first" where the channels come before the spatial axes.
        activation: of the candidate and of the output.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer,
        bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint: of the three weights.
        unit_forget_bias: whether the bias of the forget gate begins at 1.
        activity_regularizer: penalty on the output.
        dropout, recurrent_dropout: share of the inputs' and the hidden state's elements that training drops, the same
            ones in every step, others for each gate.
        seed: makes the random numbers of dropout the layer's own.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask: as `RNN` has them.
    """

    rank: int
    cell: ConvLSTMCell  # pyright: ignore[reportIncompatibleVariableOverride]
    filters, kernel_size, strides = of_cell("filters"), of_cell("kernel_size"), of_cell("strides")
    padding, dilation_rate = of_cell("padding"), of_cell("dilation_rate")

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ) -> None:
        cell = ConvLSTMCell(
            self.rank,
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            dilation_rate=dilation_rate,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            unit_forget_bias=unit_forget_bias,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            weights={
                "kernel": (kernel_initializer, kernel_regularizer, kernel_constraint),
                "recurrent": (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
                "bias": (bias_initializer, bias_regularizer, bias_constraint),
            },
            **self.cell_arguments(kwargs),
            name="conv_lstm_cell",
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.data_format = checks.data_format(self, data_format)
        if self.unroll:
            raise ArgumentError(
                f"{checks.label(self)} does not support unroll", received="unroll=True", hint="leave it out."
            )

    def _last(self, shape: Any) -> Any:
        """A shape of sequences with the channels last."""
        return shape if self.data_format == "channels_last" else (*shape[:2], *shape[3:], shape[2])

    def build(self, input_shape: Any) -> None:
        shape = self._last(input_shape)
        self._image = (shape[0], *shape[2:])
        super().build(shape)

    def state_shape(self, batch: int, size: Any) -> tuple[int, ...]:
        if not all(map(known, self._image[1:])):
            raise ShapeError(
                f"{checks.label(self)} is stateful, and needs known sizes of its images",
                received=f"{self._image[1:]}",
                hint="give the Input its whole shape: `Input(batch_shape=…)`.",
            )
        return self.cell.state_shape((batch, *self._image[1:]))

    def first_states(self, x: Any) -> list[Any]:
        shape = self.cell.state_shape((x.shape[0], *x.shape[2:]))
        return [ops.zeros(shape, self.compute_dtype) for _ in self.state_size]

    def check_states(self, states: list[Any], sizes: list[Any]) -> None:
        for index, state in enumerate(states):
            shape: tuple[Any, ...] = tuple(getattr(state, "shape", ()))
            if len(shape) != self.rank + 2 or differ(shape[-1], self.filters):
                raise ShapeError(
                    f"{checks.label(self)} takes its initial state {index} shaped as its output",
                    received=f"initial_state[{index}]: {getattr(state, 'type', shape)}, with {self.filters} filters",
                    hint="states are what `return_state=True` gives after the output.",
                )

    def check_input(self, sequences: Any, *rest: Any) -> None:
        """Refuse other axes, other channels than the kernel's, images smaller than the kernel."""
        names = checks.image_axes(self.rank, self.data_format).replace("batch, ", "batch, time, ")
        x = checks.axes(self, sequences, names)
        kernel = self.cell.kernel
        axis = -1 if self.data_format == "channels_last" else 2
        checks.fits(self, x, axis, None if kernel is None else kernel.shape[-2], "the number of channels")
        first = 2 if axis == -1 else 3
        for place, window, rate in zip(
            range(first, first + self.rank), self.kernel_size, self.dilation_rate, strict=True
        ):
            span, size = (window - 1) * rate + 1, x.shape[place]
            if self.padding == "valid" and known(size) and size < span:
                raise ShapeError(
                    f"{checks.label(self)} has a kernel that spans {span} on axis {place}, which has size {size} only",
                    received=f"sequences: {x}",
                    hint='padding="same" keeps the size; or take a smaller kernel.',
                )
        self.check_batch(x)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        if self.data_format == "channels_last":
            return super().call(sequences, initial_state, mask, training)
        start = tree.map_leaves(lambda state: state if state is None else _moved(state, 1, -1), initial_state)
        returned = super().call(_moved(sequences, 2, -1), start, mask, training)
        outputs = list(returned) if isinstance(returned, tuple) else [returned]
        moved = [_moved(y, -1, 2 if self.return_sequences and not index else 1) for index, y in enumerate(outputs)]
        return tuple(moved) if isinstance(returned, tuple) else moved[0]

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        config = super().get_config()
        del config["units"]
        return {**config, "data_format": self.data_format}


def _moved(x: Any, source: int, target: int) -> Any:
    """x with one axis moved."""
    rank = len(x.shape)
    order = [axis for axis in range(rank) if axis != source % rank]
    order.insert(target % rank, source % rank)
    return ops.transpose(x, tuple(order))


@serializable("keras.layers", kind="layer")
class ConvLSTM1D(ConvLSTM):
    """LSTM over sequences of lines whose products are convolutions: f32[b, t, w, c] → f32[b, w', filters].

    Arguments as `ConvLSTM` has them.
    """

    rank = 1


@serializable("keras.layers", kind="layer")
class ConvLSTM2D(ConvLSTM):
    """LSTM over sequences of images whose products are convolutions: f32[b, t, h, w, c] → f32[b, h', w', filters].

    Arguments as `ConvLSTM` has them.
    """

    rank = 2


@serializable("keras.layers", kind="layer")
class ConvLSTM3D(ConvLSTM):
    """LSTM over sequences of volumes whose products are convolutions: f32[b, t, d, h, w, c] →
    f32[b, d', h', w', filters].

    Arguments as `ConvLSTM` has them.
    """

    rank = 3

"""LSTM: long short-term memory (Hochreiter & Schmidhuber, 1997), and its cell."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...compiler.ops.recurrent import lstm as lstm_op
from .. import activations, ops
from ..saving.registry import serializable
from .fused_rnn import FusedRNN
from .rnn_cells import RecurrentCell, Run


@serializable("keras.layers", kind="layer")
class LSTMCell(RecurrentCell):
    """One step of `LSTM`.

    i, f, g, o = x @ kernel + h @ recurrent_kernel + bias, cut in four;
    c = gate(f) * c + gate(i) * activation(g);  h = gate(o) * activation(c);  gate is `recurrent_activation`.

    Args:
        units: size of the output.
        activation: of the candidate and of the output.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer,
        bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint: of the three weights.
        unit_forget_bias: whether the bias of the forget gate begins at 1 (Jozefowicz et al., 2015).
        dropout, recurrent_dropout: share of the inputs' and the hidden state's elements that training drops, the same
            ones in every step.
        seed: makes the random numbers of dropout the cell's own.
    """

    def __init__(
        self,
        units: int,
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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            4,
            activation=activation,
            use_bias=use_bias,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            weights={
                "kernel": (kernel_initializer, kernel_regularizer, kernel_constraint),
                "recurrent": (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
                "bias": (bias_initializer, bias_regularizer, bias_constraint),
            },
            **kwargs,
        )
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]

    def bias_start(self, initializer: Any) -> Any:
        return ForgetBias(initializer, self.units) if self.unit_forget_bias else initializer

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        h, c = states
        of_x, of_h = self.noise(inputs.shape, training)
        sums = ops.add(
            self.projected(inputs, self.kernel, of_x, self.bias), self.projected(h, self.recurrent_kernel, of_h)
        )
        i, f, g, o = ops.split(sums, 4, -1)
        gate = self.recurrent_activation
        c = ops.add(ops.multiply(gate(f), c), ops.multiply(gate(i), self.activation(g)))
        h = ops.multiply(gate(o), self.activation(c))
        return h, [h, c]

    def fused(self) -> bool:
        return type(self).call is LSTMCell.call and self.named(self.activation, self.recurrent_activation)

    def sequence(self, x: Any, states: list[Any], run: Run) -> tuple[Any, list[Any]]:
        output, *last = lstm_op(
            x,
            self.kernel,
            self.recurrent_kernel,
            self.bias,
            *states,
            activation=activations.serialize(self.activation),
            recurrent_activation=activations.serialize(self.recurrent_activation),
            **self.operands(x, run),
        )
        return output, last

    def gate_config(self) -> dict[str, Any]:
        return {
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "unit_forget_bias": self.unit_forget_bias,
        }


class ForgetBias:
    """An initial bias whose part for the forget gate is 1."""

    def __init__(self, initializer: Any, units: int) -> None:
        self.initializer, self.units = initializer, units

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        value = np.array(self.initializer(tuple(shape), dtype=dtype))
        value[self.units : 2 * self.units] = 1
        return value


@serializable("keras.layers", kind="layer")
class LSTM(FusedRNN):
    """Long short-term memory over a sequence: f32[b, t, n] → f32[b, units].  The states are h and c.

    Args:
        units: size of the output.
        activation: of the candidate and of the output.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer,
        bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint: of the three weights.
        unit_forget_bias: whether the bias of the forget gate begins at 1 (Jozefowicz et al., 2015).
        dropout, recurrent_dropout: share of the inputs' and the hidden state's elements that training drops, the same
            ones in every step.
        seed: makes the random numbers of dropout the layer's own.
        activity_regularizer: penalty on the output.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as `RNN` has them.
        use_cudnn: "auto" or False; kgc has its own loop everywhere.
    """

    def __init__(
        self,
        units: int,
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
        unroll: bool = False,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        self.check_cudnn(use_cudnn)
        cell = LSTMCell(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            unit_forget_bias=unit_forget_bias,
            **self.cell_arguments(kwargs),
            name="lstm_cell",
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )

"""SimpleRNN: the plain recurrent layer, and its cell."""

from __future__ import annotations

from typing import Any

from ...compiler.ops.recurrent import simple_rnn as simple_rnn_op
from .. import activations, ops
from ..saving.registry import serializable
from .fused_rnn import FusedRNN
from .rnn_cells import RecurrentCell, Run


@serializable("keras.layers", kind="layer")
class SimpleRNNCell(RecurrentCell):
    """One step of `SimpleRNN`: h = activation(x @ kernel + h @ recurrent_kernel + bias).

    Args:
        units: size of the output.
        activation: of the sum.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer,
        bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint: of the three weights.
        dropout, recurrent_dropout: share of the inputs' and the hidden state's elements that training drops, the same
            ones in every step.
        seed: makes the random numbers of dropout the cell's own.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
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
            1,
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

    def call(self, sequence: Any, states: Any, training: bool = False) -> Any:
        h = states[0] if isinstance(states, list | tuple) else states
        of_x, of_h = self.noise(sequence.shape, training)
        y = ops.add(
            self.projected(sequence, self.kernel, of_x, self.bias), self.projected(h, self.recurrent_kernel, of_h)
        )
        y = self.activation(y)
        return y, [y] if isinstance(states, list | tuple) else y

    def fused(self) -> bool:
        return type(self).call is SimpleRNNCell.call and self.named(self.activation)

    def sequence(self, x: Any, states: list[Any], run: Run) -> tuple[Any, list[Any]]:
        output, *last = simple_rnn_op(
            x,
            self.kernel,
            self.recurrent_kernel,
            self.bias,
            *states,
            activation=activations.serialize(self.activation),
            **self.operands(x, run),
        )
        return output, last


@serializable("keras.layers", kind="layer")
class SimpleRNN(FusedRNN):
    """h = activation(x_t @ kernel + h @ recurrent_kernel + bias) over a sequence: f32[b, t, n] → f32[b, units].

    Args:
        units: size of the output.
        activation: of the sum.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer,
        bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint: of the three weights.
        dropout, recurrent_dropout: share of the inputs' and the hidden state's elements that training drops, the same
            ones in every step.
        seed: makes the random numbers of dropout the layer's own.
        activity_regularizer: penalty on the output.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as `RNN` has them.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        cell = SimpleRNNCell(
            units,
            activation=activation,
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
            **self.cell_arguments(kwargs),
            name="simple_rnn_cell",
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

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer; a seed only where there is one, for Keras's files have none here."""
        config = super().get_config()
        if config["seed"] is None:
            del config["seed"]
        return config

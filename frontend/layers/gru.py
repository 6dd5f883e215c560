"""GRU: gated recurrent unit (Cho et al., 2014), and its cell."""

from __future__ import annotations

from typing import Any

from ...compiler.ops.recurrent import gru as gru_op
from .. import activations, ops
from ..saving.registry import serializable
from .fused_rnn import FusedRNN
from .rnn_cells import RecurrentCell, Run


@serializable("keras.layers", kind="layer")
class GRUCell(RecurrentCell):
    """One step of `GRU`.

    With x_z, x_r, x_h = x @ kernel + bias, and h_z, h_r, h_h = h @ recurrent_kernel + recurrent bias:
    z = gate(x_z + h_z);  r = gate(x_r + h_r);  h = z * h + (1 - z) * activation(x_h + r * h_h).
    Unless `reset_after`, the last term is (r * h) @ the last third of recurrent_kernel, and there is one bias only.

    Args:
        units: size of the output.
        activation: of the candidate.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer,
        bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint: of the three weights.
        reset_after: whether the reset gate acts after the product of the hidden state (with a bias of its own), or
            before it.
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
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            3,
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
        self.reset_after = reset_after

    def bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _biases(self) -> tuple[Any, Any]:
        """Bias of the inputs' projection, and of the hidden state's."""
        if self.bias is None:
            return None, None
        bias = self.bias.value
        return (bias[0], bias[1]) if self.reset_after else (bias, None)

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        h = states[0] if isinstance(states, list | tuple) else states
        of_x, of_h = self.noise(inputs.shape, training)
        bias, recurrent_bias = self._biases()
        x_z, x_r, x_h = ops.split(self.projected(inputs, self.kernel, of_x, bias), 3, -1)
        gate = self.recurrent_activation
        if self.reset_after:
            h_z, h_r, h_h = ops.split(self.projected(h, self.recurrent_kernel, of_h, recurrent_bias), 3, -1)
            z, r = gate(ops.add(x_z, h_z)), gate(ops.add(x_r, h_r))
            own = ops.multiply(r, h_h)
        else:
            kernel, size = self.recurrent_kernel.value, 2 * self.units
            first, last = (None, None) if of_h is None else (of_h[:2], of_h[2:])
            h_z, h_r = ops.split(self.projected(h, kernel[:, :size], first), 2, -1)
            z, r = gate(ops.add(x_z, h_z)), gate(ops.add(x_r, h_r))
            own = self.projected(ops.multiply(r, h), kernel[:, size:], last)
        candidate = self.activation(ops.add(x_h, own))
        h = ops.add(ops.multiply(z, h), ops.multiply(ops.subtract(1.0, z), candidate))
        return h, [h] if isinstance(states, list | tuple) else h

    def fused(self) -> bool:
        return type(self).call is GRUCell.call and self.named(self.activation, self.recurrent_activation)

    def sequence(self, x: Any, states: list[Any], run: Run) -> tuple[Any, list[Any]]:
        output, *last = gru_op(
            x,
            self.kernel,
            self.recurrent_kernel,
            *self._biases(),
            *states,
            activation=activations.serialize(self.activation),
            recurrent_activation=activations.serialize(self.recurrent_activation),
            reset_after=self.reset_after,
            **self.operands(x, run),
        )
        return output, last

    def gate_config(self) -> dict[str, Any]:
        return {
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "reset_after": self.reset_after,
        }


@serializable("keras.layers", kind="layer")
class GRU(FusedRNN):
    """Gated recurrent unit over a sequence: f32[b, t, n] → f32[b, units].

    Args:
        units: size of the output.
        activation: of the candidate.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer,
        bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint: of the three weights.
        reset_after: whether the reset gate acts after the product of the hidden state (with a bias of its own), or
            before it.
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
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        self.check_cudnn(use_cudnn)
        cell = GRUCell(
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
            reset_after=reset_after,
            **self.cell_arguments(kwargs),
            name="gru_cell",
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

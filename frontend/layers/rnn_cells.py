"""What recurrent cells share: arguments, weights, dropout of one mask for a whole sequence; and cells in a stack.

A cell computes one step: `cell(inputs, states)` gives the output and the new states.  `RNN` runs it over a sequence.
A cell of ours offers `sequence` too, all steps at once by one op, which `RNN` prefers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from ...compiler.errors import ArgumentError, ShapeError
from ...compiler.ops.random import dropout as dropout_op
from ...compiler.ops.recurrent_cells import ACTIVATIONS
from ...runtime.seeds import check_seed
from .. import activations, ops, trace
from ..layer import Layer
from ..layer_config import base_config
from ..saving import config as configs
from ..saving.registry import entry_of, serializable
from ..signatures import signature
from . import checks, weighted

Noise = tuple[Any, Any]
_NOISE: ContextVar[dict[int, Noise] | None] = ContextVar("noise", default=None)  # while a sequence is run, by cell


class Run(NamedTuple):
    """How a sequence is run.

    Attributes:
        mask: bool [batch, time], or None; states and output stay where it is False.
        sequences: whether the outputs of all steps are wanted.
        backwards, unroll, training: as layers have them.
    """

    mask: Any
    sequences: bool
    backwards: bool
    unroll: bool
    training: bool


class RecurrentCell(Layer):
    """Base of the cells that have a kernel for inputs and one for the hidden state, cut into gates.

    Args:
        units: size of the hidden state.
        gates: into how many parts the kernels are cut.
        arguments: `weighted.keep`'s for kernel, recurrent and bias.
        dropout, recurrent_dropout: share of the inputs' and the hidden state's elements that training drops, the same
            ones in every step of a sequence.
        implementation: 2 drops the same inputs for all gates, 1 draws for each gate; recurrent dropout always does.
        seed: makes the cell's random numbers its own.
    """

    kernel: Any
    recurrent_kernel: Any
    bias: Any
    bias_initializer: Any

    def __init__(
        self,
        units: int,
        gates: int,
        *,
        activation: Any,
        use_bias: bool,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        weights: dict[str, tuple[Any, ...]],
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = checks.positive(self, "units", units)
        self.gates = gates
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        weighted.keep(self, **weights)
        self.recurrent_kernel = None
        self.dropout = checks.number(self, "dropout", dropout, 0, 1)
        self.recurrent_dropout = checks.number(self, "recurrent_dropout", recurrent_dropout, 0, 1)
        self.seed = None if seed is None else check_seed(seed)
        if implementation not in (0, 1, 2):
            raise ArgumentError(
                f"{checks.label(self)} takes implementation as 1 or 2",
                received=f"{implementation=}",
                hint="leave it out.",
            )
        self.implementation = 1 if self.recurrent_dropout else int(implementation)
        self.state_size: Any = self.units
        self.output_size = self.units

    def bias_shape(self) -> tuple[int, ...]:
        """Shape of the bias."""
        return (self.gates * self.units,)

    def bias_start(self, initializer: Any) -> Any:
        """The initializer of the bias, from the one that was given."""
        return initializer

    def build(self, input_shape: Any) -> None:
        weighted.make(self, "kernel", (input_shape[-1], self.gates * self.units))
        weighted.make(self, "recurrent_kernel", (self.units, self.gates * self.units), like="recurrent")
        if self.use_bias:
            weighted.make(self, "bias", self.bias_shape(), initializer=self.bias_start(self.bias_initializer))

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Zeros for each state."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, size), self.compute_dtype) for size in sizes]

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse other than one step of [batch, features], with the features that the kernel is for."""
        x = checks.axes(self, inputs, "batch, features")
        checks.fits(self, x, -1, None if self.kernel is None else self.kernel.shape[0], "the number of features")

    # Dropout
    def noise(self, step: Any, training: bool) -> Noise:
        """Factors on inputs of the shape `step`, and on the hidden state, or None: [1 or gates, batch, size] both."""
        current = (_NOISE.get() or {}).get(id(self))
        return current if current is not None else self.draw(step, training)

    def draw(self, step: Any, training: bool) -> Noise:
        """New noise."""
        shared = 1 if self.implementation == 2 else self.gates
        return (
            self.drawn(self.dropout, (shared, step[0], self.kernel.shape[0]), training),
            self.drawn(self.recurrent_dropout, (self.gates, step[0], self.units), training),
        )

    def drawn(self, rate: float, shape: tuple[Any, ...], training: bool) -> Any:
        """Factors of 0 with probability `rate`, else 1 / (1 - rate); None outside training."""
        tracing = trace.current()
        if not rate or not training or tracing is None:
            return None
        return dropout_op(ops.ones(shape, self.compute_dtype), tracing.key(tracing.stream, self.seed), rate=rate)

    # One step
    def projected(self, x: Any, kernel: Any, noise: Any, bias: Any = None) -> Any:
        """x @ kernel + bias, with the noise on x."""
        if noise is None:
            y = ops.matmul(x, kernel)
        elif noise.shape[0] == 1:
            y = ops.matmul(ops.multiply(x, noise[0]), kernel)
        else:
            count = noise.shape[0]
            parts = ops.split(kernel, count, -1)
            y = ops.concatenate([ops.matmul(ops.multiply(x, noise[k]), parts[k]) for k in range(count)], -1)
        return y if bias is None else ops.add(y, bias)

    # All steps
    def fused(self) -> bool:
        """Whether `sequence` can be used: the class's own `call`, and activations that the op has by name."""
        return False

    def sequence(self, x: Any, states: list[Any], run: Run) -> tuple[Any, list[Any]]:
        """(outputs, last states) of all steps by one op."""
        raise NotImplementedError

    def operands(self, x: Any, run: Run) -> dict[str, Any]:
        """What every recurrent op takes besides weights and states."""
        noise = self.noise((x.shape[0], *x.shape[2:]), run.training)
        return {
            "mask": run.mask,
            "input_noise": noise[0],
            "recurrent_noise": noise[1],
            "return_sequences": run.sequences,
            "go_backwards": run.backwards,
            "unroll": run.unroll,
        }

    def named(self, *functions: Any) -> bool:
        """Whether the op has these activations by name."""
        entries = [entry_of(function, ("activation",)) for function in functions]
        return all(entry is not None and entry.name in ACTIVATIONS for entry in entries)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same cell."""
        return {
            **base_config(self),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            **self.gate_config(),
            "use_bias": self.use_bias,
            **weighted.config(self, "kernel", "recurrent", "bias"),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }

    def gate_config(self) -> dict[str, Any]:
        """Arguments of this cell alone."""
        return {}


@contextmanager
def one_noise(cell: Any, step: Any, training: bool) -> Iterator[None]:
    """Inside, a cell of ours, or each of those in a stack, has the same noise in every step."""
    cells = cell.cells if isinstance(cell, StackedRNNCells) else [cell]
    drawn = {id(one): one.draw(step, training) for one in cells if isinstance(one, RecurrentCell)}
    token = _NOISE.set({**(_NOISE.get() or {}), **drawn})
    try:
        yield
    finally:
        _NOISE.reset(token)


def check_cell(owner: str, cell: Any) -> None:
    """Refuse what is no cell.

    Raises:
        ArgumentError: no layer, or one without a `state_size`.
    """
    if not isinstance(cell, Layer) or getattr(cell, "state_size", None) is None:
        what = "is no layer" if not isinstance(cell, Layer) else "has no `state_size`"
        raise ArgumentError(
            f"{owner} takes a cell, and this {what}",
            received=f"cell={cell!r:.80}",
            hint="a cell is a layer with `state_size` (an int, or a list of them) and `call(inputs, states)`, which "
            "returns the output and the list of new states.",
        )


@serializable("keras.layers", kind="layer")
class StackedRNNCells(Layer):
    """Cells one above the other: each takes the output of the one below.

    Args:
        cells: the cells, lowest first.  States are a list of one entry for each cell: a tensor where its
            `state_size` is one number, else a list.
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(cells, list | tuple) or not cells:
            raise ArgumentError(
                f"{checks.label(self)} takes a list of cells",
                received=f"cells={cells!r:.80}",
                hint="`[LSTMCell(8), …]`.",
            )
        for cell in cells:
            check_cell(checks.label(self), cell)
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """The state sizes of the cells, lowest first."""
        return [list(c.state_size) if isinstance(c.state_size, list | tuple) else c.state_size for c in self.cells]

    @property
    def output_size(self) -> Any:
        """Size of the uppermost cell's output."""
        top = self.cells[-1]
        return getattr(top, "output_size", first_size(top.state_size))

    def build(self, input_shape: Any) -> None:
        for cell in self.cells:
            if not cell.built:
                with ExitStack() as inside:
                    tracing = trace.current()
                    if tracing is not None:
                        inside.enter_context(tracing.layer(cell, None))
                    cell.build(input_shape)
            input_shape = (*input_shape[:-1], getattr(cell, "output_size", first_size(cell.state_size)))

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """The initial states of the cells."""
        return [initial_state(cell, batch_size) for cell in self.cells]

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        if len(states) != len(self.cells):
            raise ShapeError(
                f"{checks.label(self)} takes states for each of its {len(self.cells)} cells",
                received=f"{len(states)} states",
                hint="`get_initial_state(batch_size)` gives them.",
            )
        new = []
        for cell, state in zip(self.cells, states, strict=True):
            inputs, after = run_cell(cell, inputs, state, training)
            new.append(after)
        return inputs, new

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same stack."""
        return {**base_config(self), "cells": [configs.serialize_keras_object(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The stack of a config."""
        cells = [configs.deserialize(cell, configs.LAYER, "a cell") for cell in config["cells"]]
        return cls(**{**config, "cells": cells})


def first_size(state_size: Any) -> Any:
    """The first number of a `state_size`."""
    return first_size(state_size[0]) if isinstance(state_size, list | tuple) else state_size


def initial_state(cell: Any, batch_size: Any) -> Any:
    """A cell's initial state: a tensor where its `state_size` is one number, else a list."""
    make = getattr(cell, "get_initial_state", None)
    sizes = cell.state_size
    if make is not None:
        made = make(batch_size=batch_size)
    else:
        made = [ops.zeros((batch_size, size), cell.compute_dtype) for size in as_list(sizes)]
    return list(made) if isinstance(sizes, list | tuple) else as_list(made)[0]


def as_list(value: Any) -> list[Any]:
    """A list or tuple as a list; anything else as a list of one."""
    return list(value) if isinstance(value, list | tuple) else [value]


def run_cell(cell: Any, inputs: Any, state: Any, training: bool) -> tuple[Any, Any]:
    """One step: the output and the new state, nested as `state` is.

    Raises:
        ShapeError: the cell does not return an output and its states.
    """
    takes = "training" in signature(type(cell).call).parameters
    given = {"training": training} if takes else {}
    returned = cell(inputs, state if isinstance(cell, StackedRNNCells) else as_list(state), **given)
    if not isinstance(returned, list | tuple) or len(returned) != 2:
        raise ShapeError(
            f"the cell {checks.label(cell)} must return two things: its output and the list of its new states",
            received=f"{returned!r:.80}",
            hint="`return output, [output]` where the output is the only state.",
        )
    output, after = returned[0], as_list(returned[1])
    count = len(as_list(state))
    if len(after) != count:
        raise ShapeError(
            f"the cell {checks.label(cell)} must return {count} state{'s' if count != 1 else ''}, by its `state_size`",
            received=f"{', '.join(str(getattr(s, 'type', s)) for s in after) or 'none'}",
            hint="it returns new states nested as those that it was given.",
        )
    return output, after if isinstance(state, list | tuple) else after[0]

"""`RNN`: a cell over the steps of a sequence.

Cells of ours run as one op for the whole sequence (`compiler.ops.recurrent`), a stack of them one after the other.  Any
other cell is traced once, into the body of a `scan` op; with `unroll` it is traced for every step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...compiler.errors import ArgumentError, ShapeError
from ...compiler.ops.checks import differ, known
from ...compiler.types import TensorType
from .. import ops, regions, trace, tree
from ..layer import Layer
from ..layer_config import base_config
from ..saving import config as configs
from ..saving.registry import serializable
from ..variable import Variable
from . import checks
from .rnn_cells import Run, StackedRNNCells, as_list, check_cell, initial_state, one_noise, run_cell

SEQUENCE = "batch, time, features"


@serializable("keras.layers", kind="layer")
class RNN(Layer):
    """Runs a cell over axis 1 of its input: f32[b, t, …] → the last output, or all of them.

    Args:
        cell: a layer with `state_size` and `call(inputs, states)`, which gives the output and the new states; or a
            list of them, one above the other (`StackedRNNCells`).
        return_sequences: give the outputs of all steps, [b, t, …], not the last one only.
        return_state: give the last states too: (output, *states).
        go_backwards: from the last step to the first; the outputs are in that order too.
        stateful: start where the last call left off (until `reset_state()`); needs a fixed batch size.
        unroll: write all steps out in the graph, for which their number must be known.
        zero_output_for_mask: the output is zero where the mask is False; by default it is the one before.

    Called with `mask`, bool [b, t]: where it is False, states stay.  Called with `initial_state`: a tensor, or a list
    of one for each state; by default zeros, or what the cell's `get_initial_state` gives.
    """

    _shown_axes = False  # whether the input has exactly the axes of SEQUENCE

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(cell, list | tuple):
            cell = StackedRNNCells(cell)
        check_cell(checks.label(self), cell)
        self.cell = cell
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful, self.unroll = go_backwards, stateful, unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.supports_masking = True
        self.states: Any = None

    @property
    def state_size(self) -> list[Any]:
        """Sizes of the states."""
        return as_list(self.cell.state_size)

    # States
    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """The states before the first step of a sequence."""
        return as_list(initial_state(self.cell, batch_size))

    def first_states(self, x: Any) -> list[Any]:
        """The states before the first step of x."""
        return self.get_initial_state(x.shape[0])

    def build(self, input_shape: Any) -> None:
        if not self.cell.built:
            tracing = trace.current()
            step = (input_shape[0], *input_shape[2:])
            if tracing is None:
                with trace.within(self.name):
                    self.cell.build(step)
            else:
                with tracing.layer(self.cell, None):
                    self.cell.build(step)
            self.cell.built = True
        if self.stateful and self.states is None:
            self._make_states(input_shape[0])

    def _make_states(self, batch: int | None) -> None:
        if batch is None:
            raise ShapeError(
                f"{checks.label(self)} is stateful, and needs a fixed batch size",
                received="an unknown batch",
                hint="give the Input its whole shape: `Input(batch_shape=(32, 10, 8))`.",
            )
        tracing = trace.current()
        scopes = [self.name] if tracing is None else tracing.scopes

        def variable(size: Any) -> Variable:
            zeros = np.zeros(self.state_shape(batch, size), self.variable_dtype)
            made = Variable(zeros, trainable=False, name="rnn_state")
            made.path = "/".join([*trace.around(), *scopes, made.name])
            return made

        # In a list, and so no weights: neither files nor `get_weights` hold them.
        self.states = tree.map_leaves(variable, self.state_size)

    def state_shape(self, batch: int, size: Any) -> tuple[int, ...]:
        """Shape of the state of that size."""
        return (batch, size)

    def reset_state(self) -> None:
        """Begin anew: the states of a stateful layer become zeros."""
        for state in tree.leaves(self.states if self.states is not None else []):
            state.assign(np.zeros(state.shape, state.dtype))

    def reset_states(self) -> None:
        """As `reset_state`."""
        self.reset_state()

    # Checks
    def check_input(self, sequences: Any, *rest: Any) -> None:
        """Refuse other than one sequence."""
        x = checks.axes(self, sequences, SEQUENCE) if self._shown_axes else checks.one_tensor(self, sequences)
        if x.rank < 3:
            raise ShapeError(
                f"{checks.label(self)} takes a sequence for each sample: at least 3 axes (batch, time, …)",
                received=f"sequences: {x}",
                hint="`layers.Reshape` adds an axis of size 1; `Input(shape=…)` is given without the batch.",
            )
        self.check_features(x)
        if self.unroll and not known(x.shape[1]):
            raise ShapeError(
                f"{checks.label(self)} has unroll=True, and the number of steps is unknown",
                received=f"sequences: {x}",
                hint="give `Input(shape=…)` a size for axis 1, or leave `unroll` out.",
            )
        self.check_batch(x)

    def check_batch(self, x: TensorType) -> None:
        """Refuse another batch than that of the states."""
        if self.states is not None and any(differ(x.shape[0], v.shape[0]) for v in tree.leaves(self.states)):
            raise ShapeError(
                f"{checks.label(self)} is stateful, and was built for another batch size",
                received=f"sequences: {x}, states: {', '.join(str(v.type) for v in tree.leaves(self.states))}",
                hint="every batch must have the same size.",
            )

    def check_features(self, x: TensorType) -> None:
        """Refuse features that do not fit the cell's weights."""

    def _states_of(self, given: Any, x: Any) -> list[Any]:
        """The initial states as the cell takes them, from what the caller gave."""
        if given is None:
            return self.states if self.states is not None else self.first_states(x)
        wanted = self.state_size
        states = list(given) if isinstance(given, list | tuple) else [given]
        flat, sizes = list(tree.leaves(states)), list(tree.leaves(wanted))
        if len(flat) != len(sizes):
            raise ArgumentError(
                f"{checks.label(self)} takes {len(sizes)} initial state{'s' if len(sizes) != 1 else ''}",
                received=f"initial_state: {', '.join(_shown(s) for s in flat) or 'none'}",
                hint="`return_state=True` gives them after the output: `output, *states = layer(x)`.",
            )
        self.check_states(flat, sizes)
        return tree.pack(wanted, flat)

    def check_states(self, states: list[Any], sizes: list[Any]) -> None:
        """Refuse initial states of other sizes than the cell's."""
        for index, (state, size) in enumerate(zip(states, sizes, strict=True)):
            shape = tuple(getattr(state, "shape", ()))
            if len(shape) != 2 or differ(shape[1], size):
                raise ShapeError(
                    f"{checks.label(self)} takes its initial state {index} as [batch, {size}]",
                    received=f"initial_state[{index}]: {_shown(state)}",
                    hint="the last axis has the size of the cell's state.",
                )

    # Running
    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        x = checks.as_float(self, sequences)
        mask = self._one_mask(mask, x)
        states = self._states_of(initial_state, x)
        run = Run(mask, self.return_sequences, self.go_backwards, self.unroll, bool(training))
        output, last = self._run(x, states, run)
        if self.stateful:
            for variable, value in zip(tree.leaves(self.states), tree.leaves(last), strict=True):
                variable.assign(value)
        return (output, *last) if self.return_state else output

    def _one_mask(self, mask: Any, x: Any) -> Any:
        if isinstance(mask, list | tuple):
            mask = mask[0]
        if mask is None:
            return None
        if len(mask.shape) != 2 or any(differ(a, b) for a, b in zip(mask.shape, x.shape, strict=False)):
            raise ShapeError(
                f"{checks.label(self)} takes a mask of one truth value for each step: [batch, time]",
                received=f"mask: {_shown(mask)} for sequences: {_shown(x)}",
                hint="reduce it over the other axes, for example by `ops.any`.",
            )
        return mask if mask.dtype == "bool" else ops.cast(mask, "bool")

    def _run(self, x: Any, states: list[Any], run: Run) -> tuple[Any, list[Any]]:
        """(the last output, or all of them; the last states)."""
        found = self._by_ops(x, states, run)
        if found is not None:
            return self._masked_output(found[0], states, run), found[1]
        with one_noise(self.cell, (x.shape[0], *x.shape[2:]), run.training):
            if run.unroll:
                return self._unrolled(x, states, run)
            return self._scanned(x, states, run)

    def _by_ops(self, x: Any, states: list[Any], run: Run) -> tuple[Any, list[Any]] | None:
        """One op for each cell, where all cells have one."""
        tracing = trace.current()
        stack = isinstance(self.cell, StackedRNNCells)
        if tracing is None or (stack and type(self.cell) is not StackedRNNCells):
            return None
        cells: list[Any] = self.cell.cells if stack else [self.cell]
        if not all(getattr(cell, "fused", lambda: False)() for cell in cells):
            return None
        last: list[Any] = []
        for index, (cell, state) in enumerate(zip(cells, states if stack else [states], strict=True)):
            top = index == len(cells) - 1
            # The first cell turns the sequence round; from there on it is in the order of computing.
            turned = run._replace(sequences=run.sequences or not top, backwards=run.backwards and index == 0)
            steps = ops.flip(run.mask, 1) if run.backwards and index and run.mask is not None else run.mask
            with tracing.layer(cell, run.training):
                x, after = cell.sequence(x, as_list(state), turned._replace(mask=steps))
            last += [after if isinstance(state, list | tuple) else after[0]] if stack else after
        return x, last

    def _masked_output(self, output: Any, states: list[Any], run: Run) -> Any:
        """Outputs of the op, which are the hidden states, where the mask is False."""
        if run.mask is None or not (self.zero_output_for_mask or run.unroll):
            return output
        mask = ops.flip(run.mask, 1) if run.backwards else run.mask
        if self.zero_output_for_mask:
            shown = mask
        else:  # written out, Keras repeats the last output, which before the first step that counts is zero
            shown = ops.greater(ops.cumsum(ops.cast(mask, "int32"), 1), 0)
        shown = shown if run.sequences else shown[:, -1]
        return ops.where(ops.expand_dims(shown, -1), output, ops.zeros_like(output))

    def _step(self, x: Any, states: list[Any], tick: Any, before: Any, training: bool) -> tuple[Any, list[Any]]:
        """One step of the cell; `before` is what stands for a masked output, or None for the first state."""
        single = not isinstance(self.cell.state_size, list | tuple)
        output, new = run_cell(self.cell, x, states[0] if single else states, training)
        new = [new] if single else new
        if tick is None:
            return output, new
        if self.zero_output_for_mask:
            before = ops.zeros_like(output)
        elif before is None:
            before = self._first_state(states, output)
        kept = [_chosen(tick, a, b) for a, b in zip(tree.leaves(new), tree.leaves(states), strict=False)]
        return _chosen(tick, output, before), tree.pack(new, kept)

    def _first_state(self, states: list[Any], output: Any) -> Any:
        """The state that stands for the output of a masked step: as in Keras the first, of a stack the last cell's."""
        state = as_list(states[-1] if isinstance(self.cell, StackedRNNCells) else states[0])[0]
        if len(state.shape) != len(output.shape) or any(
            differ(a, b) for a, b in zip(state.shape, output.shape, strict=True)
        ):
            raise ShapeError(
                f"{checks.label(self)} repeats its cell's first state where the mask is False, and it is no output",
                received=f"state: {_shown(state)}, output: {_shown(output)}",
                hint="`zero_output_for_mask=True` puts zeros there.",
            )
        return state

    def _scanned(self, x: Any, states: list[Any], run: Run) -> tuple[Any, list[Any]]:
        rows = {"x": ops.swapaxes(x, 0, 1)}
        if run.mask is not None:
            rows["mask"] = ops.transpose(run.mask)

        def body(carry: Any, at: Any) -> tuple[Any, Any]:
            output, new = self._step(at["x"], carry, at.get("mask"), None, run.training)
            return new, output

        states = [*tree.map_leaves(_operand, states)]
        last, outputs = regions.scan(
            body, states, rows, what=f"the loop of {checks.label(self)}", reverse=run.backwards
        )
        if not run.sequences:
            return tree.map_leaves(lambda y: y[0 if run.backwards else -1], outputs), last
        turned = tree.map_leaves(lambda y: ops.flip(y, 0) if run.backwards else y, outputs)
        return tree.map_leaves(lambda y: ops.swapaxes(y, 0, 1), turned), last

    def _unrolled(self, x: Any, states: list[Any], run: Run) -> tuple[Any, list[Any]]:
        outputs: list[Any] = []
        order = range(x.shape[1])
        for step in reversed(order) if run.backwards else order:
            tick = None if run.mask is None else run.mask[:, step]
            if outputs or tick is None:
                before = outputs[-1] if outputs else None
            else:
                before = 0.0
            output, states = self._step(x[:, step], states, tick, before, run.training)
            outputs.append(output)
        return (ops.stack(outputs, 1) if run.sequences else outputs[-1]), states

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs: that of the input for sequences, none for states and for the last output."""
        mask = previous_mask[0] if isinstance(previous_mask, list | tuple) else previous_mask
        own = mask if self.return_sequences else None
        return [own, *[None] * len(list(tree.leaves(self.state_size)))] if self.return_state else own

    # Config
    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**self.run_config(), "cell": configs.serialize_keras_object(self.cell)}

    def run_config(self) -> dict[str, Any]:
        """The arguments that every recurrent layer has."""
        return {
            **base_config(self),
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": self.unroll,
            "zero_output_for_mask": self.zero_output_for_mask,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer of a config."""
        if "cell" in config:
            config = {**config, "cell": configs.deserialize(config["cell"], configs.LAYER, "a cell")}
        return cls(**config)


def _shown(x: Any) -> str:
    return str(getattr(x, "type", getattr(x, "shape", x)))


def _operand(state: Any) -> Any:
    return state.value if isinstance(state, Variable) else state


def _chosen(tick: Any, new: Any, old: Any) -> Any:
    """`new` for the samples whose step counts, else `old`."""
    shape = (new.shape[0], *[1] * (len(new.shape) - 1))
    return ops.where(ops.reshape(tick, shape), new, old)

"""The train step: gradients, optimizer and new state in one jitted function over donated arrays.

The graph takes inputs, targets, params and state to the total loss and the logs; gradient and update are added here.
Whatever a step replaces (trained params, assigned state, optimizer slots) is donated, and its slots are rebound before
any other code runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import jax
import numpy as np
from jax import lax

from ..compiler import interpret, pipeline
from ..compiler.errors import GraphError
from ..compiler.graph import Graph
from ..compiler.loops import convolves
from ..compiler.verifier import verify
from .interrupts import STEP
from .memory import MemoryLimit
from .optimizer_update import Stacking
from .program import Layout, data_names, feed, is_key
from .stacking import Place, Roll, Stack, cannot_store, decide, separate, store, with_stacks
from .store import STORE, Handle


class Optimizer(Protocol):
    """What the step needs of an optimizer: an update that JAX can trace, over flat lists of arrays.

    To be rolled, also `stacking`, and a fourth argument of `apply` (see `frontend.optimizer`)."""

    @property
    def apply(self) -> Callable[..., Any]: ...

    def scaled_loss(self, loss: Any, opt_state: Sequence[Any]) -> Any: ...


class TrainStep:
    """One step of training.

    Args:
        graph: its first output is the scalar to differentiate, the others are logs, named by `output_names`.
        handles: where params and state of the graph live, by name.
        trained: names of the params that the optimizer changes, in the order of its `build`.
        optimizer: see `Optimizer`.
        slots: the optimizer's own variables, in its order.
        jit: whether the step is one program; otherwise its ops run one by one.
        roll: whether equal blocks become loops, and their weights and slots are stored as stacks; see `stacking`.
        steps, rows: how often it will be called, and with how many rows at a time, as far as that is known.
        memory_limit: bytes that a program of steps may need (only with `jit`); see `memory`.

    `decisions` says what was rolled, or why nothing was, and what is computed again; `lasts` is the number of steps
    beyond which rolling, or not, was wrong.

    Calling it with the data inputs and the address of the step's random numbers trains once and returns the logs,
    scalars still on the device.  Several steps at once take data and addresses with a leading axis of steps, and give
    the logs of the last.  They are one program, a loop over the steps on the device; but where the graph has
    convolutions and the platform is the CPU they are run one by one, for in such a loop XLA computes the gradient of a
    convolution's weights 14 to 36 times slower.
    """

    def __init__(
        self,
        graph: Graph,
        handles: Mapping[str, Handle],
        trained: Sequence[str],
        optimizer: Optimizer,
        slots: Sequence[Handle],
        passes: Sequence[str] | None = None,
        *,
        jit: bool = True,
        roll: Roll = "never",
        steps: int | None = None,
        rows: int | None = None,
        memory_limit: int | None = None,
    ) -> None:
        self.source, self._jit = graph, jit
        self.lasts, self._usage = math.inf, {"steps": steps, "rows": rows}
        self._stacks: dict[str, Stack] = {}
        self.optimizer, self.trained = optimizer, list(trained)
        self._places: dict[str, Place] = {**handles}
        self._positions_of: list[int] | None = None
        self._slot_names = [f"optimizer {i}" for i in range(len(slots))]
        self._places.update(zip(self._slot_names, slots, strict=True))
        plain = pipeline.prepared(graph, passes, training=True)
        self.decisions: list[str] = []
        chosen = pipeline.Optimized(self._rolled(plain, handles, slots, roll))
        self.graph = verify(pipeline.finished(chosen, passes, training=True).graph)
        # Cutting stacks up within the step, and putting them together, would cost more: the first run takes them apart.
        self._to_separate: list[Handle] = [] if self._stacks else [*handles.values(), *slots]
        self._memory = None if memory_limit is None else MemoryLimit(memory_limit, self.graph)
        self.log_names = self.graph.output_names[1:]
        used = {value.name for value in (*self.graph.params, *self.graph.state)}
        used.update(self.trained, self._slot_names)
        self._handles = {name: place for name, place in self._places.items() if name in used}
        kept = {value.name for value in self.graph.inputs}
        data = data_names(graph)
        self._positions = [i for i, name in enumerate(data) if name in kept]
        self._assigned = [target.name for target, _ in self.graph.assigns]
        self._loops = jit and not (jax.default_backend() == "cpu" and any(map(convolves, self.graph.nodes)))
        self._lay_out()

    def _rolled(
        self, plain: pipeline.Optimized, handles: Mapping[str, Handle], slots: Sequence[Handle], roll: Roll
    ) -> Graph:
        """The graph, rolled if it may be: then what is trained, and the optimizer's slots, are stacks as its params."""
        if roll == "never":
            self.decisions = decide(plain, handles, roll).notes
            return plain.graph
        stacking: Stacking | str = getattr(self.optimizer, "stacking", _no_stacking)()
        kinds: dict[str, Any] | str = stacking if isinstance(stacking, str) else {}
        if not isinstance(stacking, str):
            kinds = {value.name: "not trained" for value in plain.graph.params}
            kinds.update(zip(self.trained, stacking.kinds, strict=True))
        decision = decide(plain, handles, roll, kinds=kinds, **self._usage)
        self.decisions = decision.notes
        if not decision.stacks or isinstance(stacking, str):
            return decision.optimized.graph
        position = {name: at for at, name in enumerate(self.trained)}
        name_of = {id(handle): name for name, handle in handles.items()}
        stacks = {name: [name_of[id(h)] for h in stack.members] for name, stack in decision.stacks.items()}
        own: dict[int, list[int]] = {}  # by trained param, its slots
        for at, owner in enumerate(stacking.owners):
            if owner is not None:
                own.setdefault(owner, []).append(at)
        slot_stacks: dict[str, list[str]] = {}
        for members in stacks.values():
            if members[0] in position:
                for row in zip(*[own.get(position[name], []) for name in members], strict=True):
                    slot_stacks[f"{self._slot_names[row[0]]} of blocks"] = [self._slot_names[at] for at in row]
        slot_handles = dict(zip(self._slot_names, slots, strict=True))
        places = {n: Stack([slot_handles[m] for m in members]) for n, members in slot_stacks.items()}
        reason = next(filter(None, map(cannot_store, places.values())), "")
        if reason:
            self.decisions = [f"roll_loops: not rolled: the optimizer: {reason}"]
            return plain.graph
        places.update(decision.stacks)
        store(places)
        self._stacks, self.lasts = places, decision.lasts
        self._places.update(places)
        trained = with_stacks(self.trained, {n: m for n, m in stacks.items() if m[0] in position})
        first = {name: members[0] for name, members in stacks.items()}
        self._positions_of = [position[first.get(name, name)] for name in trained]
        self.trained, self._slot_names = trained, with_stacks(self._slot_names, slot_stacks)
        return decision.optimized.graph

    def _lay_out(self) -> None:
        self.layout = Layout(self._handles)
        changed = [*self.trained, *self._assigned, *self._slot_names]
        self._written = sorted({self.layout.places[name][0] for name in changed})
        written = set(self._written)
        self._fixed = [at for at in range(len(self.layout.slots)) if at not in written]
        self._written_slots = [self.layout.slots[at] for at in self._written]
        self._fixed_slots = [self.layout.slots[at] for at in self._fixed]
        # Functions of their own, for JAX keeps traces by function, and these are of another layout.
        self.jitted = jax.jit(partial(self._step), donate_argnums=(0,))
        self._many = jax.jit(partial(self._steps), donate_argnums=(0,))
        self._version = -1
        self._arrays: tuple[Any, ...] = ()
        self._fixed_arrays: tuple[Any, ...] = ()
        self._compiled: dict[Any, Callable[..., Any]] = {}

    @property
    def outdated(self) -> bool:
        """Whether another model stored the weights of a loop so since that this step can no longer run."""
        return self._version != STORE.version and any(map(cannot_store, self._stacks.values()))

    def _restack(self) -> None:
        """Store as stacks again what another model took apart since."""
        reason = next(filter(None, map(cannot_store, self._stacks.values())), "")
        if reason:
            raise GraphError(
                f"a loop of @{self.graph.name} cannot take its weights any more: {reason}",
                hint="`compile` the model again, or with roll='never'.",
            )
        store(self._stacks)

    def arguments(self, sizes: Mapping[str, Any]) -> tuple[tuple[Any, ...], list[str]]:
        """Types on which `jitted` is called, and a name for each of its leaves, in order.

        Args:
            sizes: for the graph's unknown sizes, by symbol; others stay open.
        """
        graph = self.graph if not sizes else self.graph.substitute(sizes)
        slots = [jax.ShapeDtypeStruct(slot.array.shape, slot.array.dtype) for slot in self.layout.slots]
        data = [value for value in graph.inputs if not is_key(value)]
        avals = (
            tuple([slots[at] for at in self._written]),
            tuple([slots[at] for at in self._fixed]),
            tuple([jax.ShapeDtypeStruct(value.type.aval.shape, value.type.aval.dtype) for value in data]),
            jax.ShapeDtypeStruct((5,), np.uint32),
        )
        names = [""] * len(slots)
        for name, (at, index) in self.layout.places.items():
            if index is None or not names[at]:
                names[at] = name
        order = [names[at] for at in (*self._written, *self._fixed)]
        return avals, [*order, *(value.name for value in data), "address"]

    def _step(self, written: tuple[Any, ...], fixed: tuple[Any, ...], data: tuple[Any, ...], address: Any) -> Any:
        arrays: list[Any] = [None] * len(self.layout.slots)
        for at, array in (*zip(self._written, written, strict=True), *zip(self._fixed, fixed, strict=True)):
            arrays[at] = array
        values = {name: self.layout.pick(arrays, name) for name in self.layout.places}
        logs, new = self.compute(feed(self.graph, data, address), values)
        for name, value in new.items():
            self.layout.put(arrays, name, value)
        return tuple([arrays[at] for at in self._written]), logs

    def compute(self, inputs: Sequence[Any], values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The step as a pure function: the logs, and the new values of what it changes.

        Args:
            inputs: of the graph, in its order, keys among them.
            values: arrays of all params, state and the optimizer's own variables, by name (see `variables`).
        """
        graph = self.graph
        state = [values[value.name] for value in graph.state]
        trained = [values[name] for name in self.trained]
        slots = [values[name] for name in self._slot_names]
        position = {name: i for i, name in enumerate(self.trained)}

        def loss(given: list[Any]) -> Any:
            params = [given[position[v.name]] if v.name in position else values[v.name] for v in graph.params]
            outputs, assigned = interpret.evaluate(graph, inputs, params, state)
            return self.optimizer.scaled_loss(outputs[0], slots), (outputs[1:], assigned)

        (_, (logs, assigned)), grads = jax.value_and_grad(loss, has_aux=True)(trained)
        positions = () if self._positions_of is None else (self._positions_of,)
        params, new_slots = self.optimizer.apply(grads, trained, slots, *positions)
        new = dict(zip(self.trained, params, strict=True))
        new.update(zip(self._slot_names, new_slots, strict=True))
        new.update(zip(self._assigned, assigned, strict=True))
        return logs, new

    @property
    def variables(self) -> dict[str, Place]:
        """Where all that the step reads or changes lives, by the names that `compute` has for it."""
        return dict(self._handles)

    @property
    def changed(self) -> list[str]:
        """Names of the variables that a step changes."""
        return [*self.trained, *self._slot_names, *self._assigned]

    def _steps(self, written: tuple[Any, ...], fixed: tuple[Any, ...], data: tuple[Any, ...], addresses: Any) -> Any:
        def step(carried: tuple[Any, ...], given: Any) -> Any:
            new, logs = self._step(carried, fixed, *given)
            return tuple([value.astype(old.dtype) for value, old in zip(new, carried, strict=True)]), logs

        new, logs = lax.scan(step, written, (data, addresses))
        return new, [values[-1] for values in logs]

    def __call__(self, data: Sequence[Any], address: Any, steps: int = 1) -> dict[str, Any]:
        kept = tuple([data[i] for i in self._positions])
        with STORE.lock:
            if steps == 1 or self._loops:
                return self._run(kept, address, steps)
            logs: dict[str, Any] = {}
            for i in range(steps):
                logs = self._run(tuple([array[i] for array in kept]), address[i], 1)
            return logs

    def _run(self, data: tuple[Any, ...], address: Any, steps: int) -> dict[str, Any]:
        if self._version != STORE.version:
            separate(self._to_separate)
            self._to_separate = []
            if self.layout.moved():
                self._restack()
                self._lay_out()
            self._arrays = STORE.to_donate(self._written_slots)
            self._fixed_arrays = STORE.on_device(self._fixed_slots)
        arrays, self._arrays, self._version = self._arrays, (), -1
        if self._jit:
            program = self._program(arrays, data, address, steps)
            with STEP:
                new, logs = program(arrays, self._fixed_arrays, data, address)
                STORE.rebind(self._written_slots, new)
        else:  # gives no buffer away, so that an interrupt may end it anywhere
            new, logs = self._step(arrays, self._fixed_arrays, data, address)
            with STEP:
                STORE.rebind(self._written_slots, new)
        self._arrays, self._version = new, STORE.version
        return dict(zip(self.log_names, logs, strict=True))

    def _program(self, arrays: tuple[Any, ...], data: tuple[Any, ...], address: Any, steps: int) -> Callable[..., Any]:
        """What computes the steps on data of these shapes.

        It is compiled apart from being run: what fails or is interrupted here has given no buffer away."""
        shapes = (steps, *[(array.shape, array.dtype) for array in data])
        program = self._compiled.get(shapes)
        if program is None and self._memory is not None:
            program = self._compiled[shapes] = self._within(self._memory, arrays, data, address, steps)
        if program is None:
            jitted = self.jitted if steps == 1 else self._many
            program = self._compiled[shapes] = jitted.lower(arrays, self._fixed_arrays, data, address).compile()
        return program

    def _within(
        self, memory: MemoryLimit, arrays: tuple[Any, ...], data: tuple[Any, ...], address: Any, steps: int
    ) -> Callable[..., Any]:
        """The same within a limit of memory; `graph` is then the one that it was compiled of."""

        def compiled(graph: Graph) -> Any:
            self.graph = graph
            run = self._step if steps == 1 else self._steps
            jitted = jax.jit(lambda *given: run(*given), donate_argnums=(0,))  # its own: JAX keeps traces by function
            self.jitted, self._many = (jitted, self._many) if steps == 1 else (self.jitted, jitted)
            return jitted.lower(arrays, self._fixed_arrays, data, address).compile()

        rows = data if steps == 1 else tuple([jax.ShapeDtypeStruct(x.shape[1:], x.dtype) for x in data])
        try:
            found = memory.choose(rows, steps, (arrays, self._fixed_arrays, data, address), compiled)
        except BaseException:
            self.graph = memory.graph
            raise
        self.graph = found.graph
        self.decisions.append(found.note)
        return found.program


def _no_stacking() -> str:
    return "the optimizer does not say how it takes stacks of variables"

"""The train step: gradients, optimizer and new state in one jitted function over donated arrays.

The graph takes inputs, targets, params and state to the total loss and the logs; gradient and update are added here.
Whatever a step replaces (trained params, assigned state, optimizer slots) is donated, and its slots are rebound before
any other code runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import jax
from jax import lax

from ..compiler import interpret, pipeline
from ..compiler.graph import Graph
from ..compiler.op import Trait
from ..compiler.verifier import verify
from .interrupts import STEP
from .program import Layout, data_names, feed
from .store import STORE, Handle


class Optimizer(Protocol):
    """What the step needs of an optimizer: an update that JAX can trace, over flat lists of arrays."""

    def apply(self, grads: Sequence[Any], params: Sequence[Any], opt_state: Sequence[Any]) -> Any: ...

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
    ) -> None:
        self.source, self._jit = graph, jit
        self.graph = verify(pipeline.optimize(graph, passes, training=True).graph)
        self.optimizer, self.trained = optimizer, list(trained)
        self.log_names = self.graph.output_names[1:]
        used = {value.name for value in (*self.graph.params, *self.graph.state)}
        self._slot_names = [f"optimizer {i}" for i in range(len(slots))]
        self._handles: dict[str, Handle] = {n: h for n, h in handles.items() if n in used or n in set(trained)}
        self._handles.update(zip(self._slot_names, slots, strict=True))
        kept = {value.name for value in self.graph.inputs}
        data = data_names(graph)
        self._positions = [i for i, name in enumerate(data) if name in kept]
        self._assigned = [target.name for target, _ in self.graph.assigns]
        self._loops = jit and not (jax.default_backend() == "cpu" and _convolves(self.graph))
        self._lay_out()

    def _lay_out(self) -> None:
        self.layout = Layout(self._handles)
        changed = [*self.trained, *self._assigned, *self._slot_names]
        self._written = sorted({self.layout.places[name][0] for name in changed})
        written = set(self._written)
        self._fixed = [at for at in range(len(self.layout.slots)) if at not in written]
        self._written_slots = [self.layout.slots[at] for at in self._written]
        self._fixed_slots = [self.layout.slots[at] for at in self._fixed]
        self.jitted = jax.jit(self._step, donate_argnums=(0,))
        self._many = jax.jit(self._steps, donate_argnums=(0,))
        self._version = -1
        self._arrays: tuple[Any, ...] = ()
        self._fixed_arrays: tuple[Any, ...] = ()
        self._compiled: dict[Any, Callable[..., Any]] = {}

    def _step(self, written: tuple[Any, ...], fixed: tuple[Any, ...], data: tuple[Any, ...], address: Any) -> Any:
        arrays: list[Any] = [None] * len(self.layout.slots)
        for at, array in (*zip(self._written, written, strict=True), *zip(self._fixed, fixed, strict=True)):
            arrays[at] = array
        graph, layout = self.graph, self.layout
        state = [layout.pick(arrays, value.name) for value in graph.state]
        inputs = feed(graph, data, address)
        trained = [layout.pick(arrays, name) for name in self.trained]
        slots = [layout.pick(arrays, name) for name in self._slot_names]
        position = {name: i for i, name in enumerate(self.trained)}

        def loss(values: list[Any]) -> Any:
            params = [
                values[position[v.name]] if v.name in position else layout.pick(arrays, v.name) for v in graph.params
            ]
            outputs, assigned = interpret.evaluate(graph, inputs, params, state)
            return self.optimizer.scaled_loss(outputs[0], slots), (outputs[1:], assigned)

        (_, (logs, assigned)), grads = jax.value_and_grad(loss, has_aux=True)(trained)
        params, new_slots = self.optimizer.apply(grads, trained, slots)
        for name, value in (
            *zip(self.trained, params, strict=True),
            *zip(self._slot_names, new_slots, strict=True),
            *zip(self._assigned, assigned, strict=True),
        ):
            layout.put(arrays, name, value)
        return tuple([arrays[at] for at in self._written]), logs

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
            if self.layout.moved():
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
        if program is None:
            jitted = self.jitted if steps == 1 else self._many
            program = self._compiled[shapes] = jitted.lower(arrays, self._fixed_arrays, data, address).compile()
        return program


def _convolves(graph: Graph) -> bool:
    """Whether there is a convolution in the graph, or in a region of it."""
    return any(
        (node.op.has(Trait.CONTRACTS) and "conv" in node.op.name) or any(map(_convolves, node.regions()))
        for node in graph.nodes
    )

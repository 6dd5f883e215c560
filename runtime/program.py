"""From a verified graph to a jitted function over the store.

A `Layout` says which slots a set of named variables lives in; a `Program` is the optimised graph, jitted, with its
layout.  Everything that `fit`, `evaluate`, `predict` and `model(x)` compute goes through a Program or a TrainStep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax

from ..compiler import attrs, interpret, pipeline, transform as transforms
from ..compiler.errors import GraphError
from ..compiler.graph import Graph
from ..compiler.ir import Value
from ..compiler.verifier import verify
from .stacking import Place, Roll, Stack, cannot_store, decide, is_together, store
from .store import STORE, Handle, Slot

KEY = "key"
"""Graph input that takes the random key of a call: of (seed, purpose, run, epoch, step)."""
SEEDLESS_KEY = "seedless_key"
"""The same without the process-wide seed, for layers with a seed of their own."""


class Layout:
    """Where named variables live: distinct slots, and for each name a slot's position and the part of a stack."""

    def __init__(self, handles: Mapping[str, Place]) -> None:
        self.handles = dict(handles)
        self.slots: list[Slot] = []
        self.places: dict[str, tuple[int, int | slice | None]] = {}
        position: dict[int, int] = {}
        for name, handle in self.handles.items():
            at = position.setdefault(id(handle.slot), len(self.slots))
            if at == len(self.slots):
                self.slots.append(handle.slot)
            self.places[name] = (at, handle.index)

    def moved(self) -> bool:
        """Whether a handle was stacked, or unstacked, since; of a stack, any of its members."""
        return any(
            self.slots[self.places[n][0]] is not h.slot or (isinstance(h, Stack) and not is_together(h.members))
            for n, h in self.handles.items()
        )

    def pick(self, arrays: Sequence[Any], name: str) -> Any:
        """The named variable's array among the slots' arrays."""
        at, index = self.places[name]
        return arrays[at] if index is None else arrays[at][index]

    def put(self, arrays: list[Any], name: str, value: Any) -> None:
        """Replace the named variable's array among the slots' arrays."""
        at, index = self.places[name]
        arrays[at] = value if index is None else arrays[at].at[index].set(value)


class Program:
    """A graph made ready to run.

    Args:
        graph: unoptimised; its params and state are named as in `handles`.
        handles: where the params and state live.
        training: whether passes must keep what only training needs.
        passes: names of the passes to run (None: all).
        roll: whether equal blocks become loops; see `stacking`.
        owns: whether the weights of loops may be stored stacked for this program: nobody is known to train them.

    `decisions` says what was rolled, or why nothing was.  A loop takes weights that are stored stacked as they are; of
    others, which are stacked when a model is trained, it has a copy, and so of weights that passes made from several
    (a folded batch normalization), made once and kept until a weight changes.

    Calling it with the data inputs (in the graph's order, without the key) gives the outputs, and rebinds assigned
    state.
    """

    def __init__(
        self,
        graph: Graph,
        handles: Mapping[str, Handle],
        *,
        training: bool = False,
        passes: Sequence[str] | None = None,
        roll: Roll = "never",
        owns: bool = False,
    ) -> None:
        decision = decide(pipeline.prepared(graph, passes, training=training), handles, roll)
        made = pipeline.finished(decision.optimized, passes, training=training)
        self.source, self.graph = graph, verify(made.graph)
        self.decisions, self._transform_of_all = decision.notes, made.transform
        kept = {value.name for value in (*self.graph.params, *self.graph.state)}
        self._stacks = {name: stack for name, stack in decision.stacks.items() if name in kept}
        if owns:
            store({name: stack for name, stack in self._stacks.items() if not cannot_store(stack)})
        self._handles: dict[str, Place] = {**handles, **self._stacks}
        names = data_names(graph)
        wanted = data_names(self.graph)
        self.positions = [names.index(name) for name in wanted]
        self.random = len(wanted) < len(self.graph.inputs)
        self._arrays: tuple[Any, ...] = ()
        self._version = -1
        self._lay_out()

    @property
    def variables(self) -> dict[str, Place]:
        """Where all params and state of the unoptimised graph live, by name."""
        return {name: place for name, place in self._handles.items() if name not in self._stacks}

    @property
    def transform_of_all(self) -> Graph | None:
        """What makes all the params that passes have made, from those of the unoptimised graph (see `transform`)."""
        return self._transform_of_all

    def _lay_out(self) -> None:
        own = [value.name for value in (*self.graph.params, *self.graph.state)]
        assigned = {target.name for target, _ in self.graph.assigns}
        store({name: stack for name, stack in self._stacks.items() if name in assigned})
        stored = {name for name, stack in self._stacks.items() if is_together(stack.members)}
        self._copied = {name: stack for name, stack in self._stacks.items() if name not in stored}
        self.transform = self._transform_of_all
        if stored and self.transform is not None:
            self.transform = transforms.restrict(self.transform, set(self.transform.output_names) - stored)
        self._computed = self.transform
        if self._copied and self.transform is not None:
            self._computed = transforms.restrict(self.transform, set(self.transform.output_names) - self._copied.keys())
        sources = own
        if self.transform is not None:
            made = set(self.transform.output_names)
            sources = [name for name in own if name not in made]
        if self._computed is not None:
            sources += [v.name for v in (*self._computed.params, *self._computed.state)]
        missing = [name for name in sources if name not in self._handles]
        if missing:
            raise GraphError(f"no variable is bound to {', '.join(missing)} of @{self.graph.name}")
        self.layout = Layout({name: self._handles[name] for name in dict.fromkeys(sources)})
        self.assigned = [target.name for target, _ in self.graph.assigns]
        self._written = sorted({self.layout.places[name][0] for name in self.assigned})
        self._written_slots = [self.layout.slots[at] for at in self._written]
        # Functions of their own, for JAX keeps traces by function, and somebody may hold those of another layout.
        self.jitted = jax.jit(partial(self._run))
        repeats = self._computed is not None and _repeats(self._computed)
        self._transformed = self._transform if repeats else jax.jit(partial(self._transform))
        self._version = -1

    def _run(self, data: tuple[Any, ...], arrays: tuple[Any, ...], made: tuple[Any, ...], key: Any) -> Any:
        graph = self.graph
        position = {name: i for i, name in enumerate(self.transform.output_names)} if self.transform else {}
        inputs = feed(graph, data, key)

        def variable(name: str) -> Any:
            return made[position[name]] if name in position else self.layout.pick(arrays, name)

        params = [variable(value.name) for value in graph.params]
        state = [variable(value.name) for value in graph.state]
        outputs, assigned = interpret.evaluate(graph, inputs, params, state)
        changed = list(arrays)
        for name, value in zip(self.assigned, assigned, strict=True):
            self.layout.put(changed, name, value)
        return outputs, [changed[at] for at in self._written]

    def evaluate(self, data: Sequence[Any], arrays: tuple[Any, ...], made: tuple[Any, ...], key: Any) -> list[Any]:
        """The outputs as a pure function of what the optimised graph takes and of `arrays()`, for who traces it."""
        return self._run(tuple(data), arrays, made, key)[0]

    def _transform(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        if self._computed is None:
            return ()
        params = [self.layout.pick(arrays, value.name) for value in self._computed.params]
        state = [self.layout.pick(arrays, value.name) for value in self._computed.state]
        return tuple(interpret.evaluate(self._computed, (), params, state)[0])

    def _made(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        """What the transform makes, in its order: computed in one program, or stacked on the host."""
        if self.transform is None:
            return ()
        with jax.ensure_compile_time_eval():  # kept, so no tracers, not even inside somebody's `jax.jit`
            computed = iter(self._transformed(arrays))
            return tuple(
                [
                    jax.device_put(self._copied[name].read()) if name in self._copied else next(computed)
                    for name in self.transform.output_names
                ]
            )

    def arrays(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The slots' arrays, and what the passes' parameter transformation makes of them (cached by store version)."""
        with STORE.lock:  # what another thread gives away meanwhile must not pass for current
            if self._version != STORE.version:
                if self.layout.moved() or any(is_together(stack.members) for stack in self._copied.values()):
                    self._lay_out()
                arrays = STORE.on_device(self.layout.slots)
                self._arrays = (arrays, self._made(arrays))
                self._version = STORE.version
            return self._arrays

    def __call__(self, data: Sequence[Any], key: Any = None) -> list[Any]:
        """Outputs on `data`: arrays in the order of the unoptimised graph's inputs, the key left out.

        Args:
            key: the address of its random numbers, uint32 and the seed first, where the graph draws random numbers.
        """
        with STORE.lock:
            arrays, made = self.arrays()
            outputs, written = self.jitted(tuple([data[i] for i in self.positions]), arrays, made, key)
            if written:
                STORE.rebind(self._written_slots, written)
                if self.transform is None:  # what the next call takes is known: nothing needs to be gathered again
                    changed = list(arrays)
                    for at, array in zip(self._written, written, strict=True):
                        changed[at] = array
                    self._arrays, self._version = (tuple(changed), made), STORE.version
        return outputs

    def op_by_op(self, data: Sequence[Any], key: Any = None) -> list[Any]:
        """As a call, but its ops run one by one, without a program of the whole."""
        with STORE.lock:
            arrays, made = self.arrays()
            outputs, written = self._run(tuple([data[i] for i in self.positions]), arrays, made, key)
            if written:
                STORE.rebind(self._written_slots, written)
        return outputs


def _repeats(transform: Graph) -> bool:
    """Whether it is the same few ops for each of many blocks: then they run one by one before all are compiled."""
    kinds = {
        (node.op, attrs.key(node.attrs), tuple([value.type for value in node.uses()]))
        for node in transform.nodes
        if node.op.name != "stack"
    }
    return len(kinds) * 8 <= len(transform.nodes)


def feed(graph: Graph, data: Sequence[Any], address: Any) -> list[Any]:
    """The graph's inputs: `data` in order, with the random keys of `address` in their places."""
    given = iter(data)
    return [derive_key(address, value.name) if is_key(value) else next(given) for value in graph.inputs]


def is_key(value: Value) -> bool:
    """Whether a graph's input takes a random key: told by its type, for a user's input may have any name."""
    return value.type.dtype == "key"


def data_names(graph: Graph) -> list[str]:
    """Names of the inputs that take data, in order."""
    return [value.name for value in graph.inputs if not is_key(value)]


def derive_key(address: Any, name: str = KEY) -> Any:
    """The random key of an address: uint32 numbers, the first of which is the seed."""
    key = jax.random.key(0 if name.startswith(SEEDLESS_KEY) else address[0])
    for part in range(1, address.shape[0]):
        key = jax.random.fold_in(key, address[part])
    return key

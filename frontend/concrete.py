"""`run_eagerly`: before each step, the layers, losses and metrics run on that step's arrays, for the user to look on.

The step itself is computed from the graph, as always, by gradients that JAX takes of it.  Nothing of the user's can see
numbers there: JAX differentiates by tracing.  So what he wrote in `call` is run once more for each step, on the arrays,
weights and random numbers of that step; what it prints and what a debugger shows there are the step's numbers.  Its
results are dropped, and so is what it assigns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import jax.numpy as jnp

from ..compiler import builder as building, location
from ..runtime.data.batches import Batch
from ..runtime.program import KEY, SEEDLESS_KEY, derive_key
from . import trace, tree
from .compiled import regularization


class ConcreteTrace(trace.Trace):
    """What layers take for a trace, but nothing is recorded: variables, inputs and results are arrays.

    Args:
        name: of the graph that would be traced.
        training: the phase.
        address: of the step's random numbers.
    """

    concrete = True

    def __init__(self, name: str, training: bool, address: Any) -> None:
        super().__init__(name, training)
        self._address = address
        self._stack = ExitStack()
        self._iterations: list[int] = []

    def __enter__(self) -> ConcreteTrace:
        self._stack.enter_context(trace.pushed(self))
        self._stack.enter_context(building.suspended())
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def read(self, variable: Any) -> Any:
        """The variable's array, or what was last assigned here."""
        if id(variable) not in self._now:
            self._now[id(variable)] = jnp.asarray(variable.lend())
        return self._now[id(variable)]

    def assign(self, variable: Any, value: Any) -> None:
        """Later reads in this trace are `value`; the variable stays as it is."""
        self._now[id(variable)] = value

    def key(self, stream: str, seed: int | None = None) -> Any:
        """The key of the step's own draw."""
        name = KEY if seed is None else SEEDLESS_KEY
        if name not in self._keys:
            self._keys[name] = derive_key(self._address, name)
        key = super().key(stream, seed)
        for number in self._iterations:
            key = trace.op("fold_in")(key, number)
        return key

    def loop(self, body: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any, reverse: bool) -> tuple[Any, Any]:
        """What `regions.scan` does, iteration by iteration, with the random numbers of the loop in the graph."""
        rows = list(tree.leaves(xs))
        length = len(rows[0])
        carry, results = init, {}
        sites, taken = dict(self._sites), set(self._taken_sites)
        for number in range(length):
            at = length - 1 - number if reverse else number
            self._sites, self._taken_sites = dict(sites), set(taken)  # the body is traced once
            self._iterations.append(number)
            carry, results[at] = body(carry, tree.pack(xs, [row[at] for row in rows]))
            self._iterations.pop()
        columns = zip(*[tree.leaves(results[at]) for at in range(length)], strict=True)
        return carry, tree.pack(results[0], [jnp.stack(column) for column in columns])


def look(model: Any, batch: Batch, address: Any, *, training: bool, losses: bool) -> None:
    """Run the layers on a batch of one step, and with `losses` the losses and metrics too.

    Args:
        address: of the step's random numbers.
    """
    with ConcreteTrace(f"{model.name}_step", training, address) as tracing:
        tracing.training_stack.append(None)
        inputs = [jnp.asarray(leaf) for leaf in batch.x]
        flat = list(tree.leaves(_outputs(model, inputs)))
        if losses:
            _judge(model, tracing, batch, flat)


@location.boundary
def _outputs(model: Any, inputs: Sequence[Any]) -> Any:
    return model.functional._run_nodes(inputs)


def _judge(model: Any, tracing: ConcreteTrace, batch: Batch, outputs: list[Any]) -> None:
    compiled = model._require_compiled("fit")
    targets = iter(batch.y)
    weights = batch.weights or (None,) * len(outputs)
    y = [jnp.asarray(next(targets)) if wanted else None for wanted in compiled.wanted]
    w = [None if weight is None else jnp.asarray(weight) for weight in weights]
    extra = [*tracing.losses, *regularization(model.trainable_weights)]
    total, parts = compiled.total_loss(y, outputs, w, extra)
    compiled.record(total, parts, y, outputs, w, batch.rows)

"""The workloads as a person would train them in JAX and optax: what kgc and Keras are measured against.

One jitted step with donated state, losses and accuracy summed on the device, batches gathered on the host. Also run by
path, in processes that time a cold start: it imports nothing of the project.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

Tree = dict[str, Any]
Losses = Callable[[Any, Any], tuple[jax.Array, jax.Array | None]]

_MODELS = runpy.run_path(str(Path(__file__).with_name("handwritten_models.py")))


def sparse(logits: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array | None]:
    """Cross-entropy of each row, and which rows are right."""
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    return losses, jnp.argmax(logits, -1) == labels


def categorical(logits: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array | None]:
    """The same, of targets as vectors."""
    return optax.softmax_cross_entropy(logits, target), jnp.argmax(logits, -1) == jnp.argmax(target, -1)


def squared(output: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array | None]:
    """The mean square of each row."""
    return jnp.mean(jnp.square(output - target), tuple(range(1, output.ndim))), None


def two_losses(output: Tree, target: Tree) -> tuple[jax.Array, jax.Array | None]:
    """Those of the ticket model, weighted."""
    priority = optax.sigmoid_binary_cross_entropy(output["priority"], target["priority"])[:, 0]
    return priority + 0.2 * optax.softmax_cross_entropy(output["department"], target["department"]), None


LOSSES: dict[str, Losses] = {
    "mlp": sparse, "conv": sparse, "autoencoder": squared, "ensemble": squared, "ticket": two_losses,
    "resnet": categorical, "transformer": sparse,
}  # fmt: skip


def _rows(tree: Any, rows: Any) -> Any:
    return {key: value[rows] for key, value in tree.items()} if isinstance(tree, dict) else tree[rows]


def _length(tree: Any) -> int:
    return len(next(iter(tree.values())) if isinstance(tree, dict) else tree)


class Handwritten:
    """One workload with Keras's three verbs: `fit`, `evaluate`, `predict`; and `call`, the jitted function itself."""

    def __init__(self, name: str) -> None:
        forward: Callable[..., Any] = _MODELS["FORWARD"][name]
        losses_of = LOSSES[name]
        random = np.random.default_rng(0)
        self.params, self.state = jax.device_put(_MODELS["INIT"][name](random))
        self.random, self.key, self.steps = random, jax.random.key(0), 0
        optimizer = optax.rmsprop(0.001, decay=0.9, eps=1e-7)
        self.slots = optimizer.init(self.params)

        def measured(params: Tree, state: Tree, x: Any, y: Any, key: Any, training: bool) -> Any:
            output, state = forward(params, state, x, key, training)
            losses, right = losses_of(output, y)
            correct = jnp.float32(0) if right is None else jnp.sum(right).astype(jnp.float32)
            return jnp.mean(losses), (state, {"loss": jnp.sum(losses), "correct": correct})

        def step(params: Tree, state: Tree, slots: Any, sums: Tree, x: Any, y: Any, key: Any, number: Any) -> Any:
            key = jax.random.fold_in(key, number)
            gradients, (state, more) = jax.grad(measured, has_aux=True)(params, state, x, y, key, True)
            updates, slots = optimizer.update(gradients, slots, params)
            return optax.apply_updates(params, updates), state, slots, jax.tree.map(jnp.add, sums, more)

        def test(params: Tree, state: Tree, sums: Tree, x: Any, y: Any) -> Tree:
            return jax.tree.map(jnp.add, sums, measured(params, state, x, y, None, False)[1][1])

        self._step = jax.jit(step, donate_argnums=(0, 1, 2, 3))
        self._test = jax.jit(test, donate_argnums=2)
        self.forward = lambda params, state, x: forward(params, state, x, None, False)[0]
        self._call = jax.jit(self.forward)

    def _zero(self) -> Tree:
        return {"loss": np.float32(0), "correct": np.float32(0)}

    def _logs(self, sums: Tree, rows: int) -> dict[str, float]:
        return {"loss": float(sums["loss"]) / rows, "accuracy": float(sums["correct"]) / rows}

    def fit(self, x: Any, y: Any, batch: int) -> dict[str, float]:
        """One shuffled epoch; mean loss and accuracy."""
        count = _length(x)
        order = self.random.permutation(count)
        params, state, slots, sums = self.params, self.state, self.slots, jax.device_put(self._zero())
        for i in range(0, count, batch):
            rows = order[i : i + batch]
            number = np.uint32(self.steps)
            self.steps += 1
            params, state, slots, sums = self._step(
                params, state, slots, sums, _rows(x, rows), _rows(y, rows), self.key, number
            )
        self.params, self.state, self.slots = params, state, slots
        return self._logs(sums, count)

    def evaluate(self, x: Any, y: Any, batch: int) -> dict[str, float]:
        """Mean loss and accuracy."""
        count, sums = _length(x), jax.device_put(self._zero())
        for i in range(0, count, batch):
            rows = slice(i, i + batch)
            sums = self._test(self.params, self.state, sums, _rows(x, rows), _rows(y, rows))
        return self._logs(sums, count)

    def predict(self, x: Any, batch: int) -> Any:
        """Outputs for all rows."""
        starts = range(0, _length(x), batch)
        parts = [self._call(self.params, self.state, _rows(x, slice(i, i + batch))) for i in starts]
        return jax.tree.map(lambda *leaves: np.concatenate([np.asarray(leaf) for leaf in leaves]), *parts)

    def call(self, x: Any) -> Any:
        """Outputs for one batch."""
        return self._call(self.params, self.state, x)

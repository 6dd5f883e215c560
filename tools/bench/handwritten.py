"""The workloads as a person would write them in JAX and optax: what kgc and Keras are measured against.

One jitted step with donated state, losses and accuracy summed on the device, batches gathered on the host. Also run by
path, in processes that time a cold start: it imports nothing of the project.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

Tree = dict[str, Any]


def glorot(random: np.random.Generator, *shape: int) -> np.ndarray:
    """Glorot's uniform distribution for a kernel of Keras's layout."""
    window = int(np.prod(shape[:-2]))
    limit = np.sqrt(6.0 / (window * (shape[-2] + shape[-1])))
    return random.uniform(-limit, limit, shape).astype("float32")


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, "float32")


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, "float32")


def init_mlp(random: np.random.Generator) -> tuple[Tree, Tree]:
    sizes = (784, 64, 64, 10)
    params = {f"w{i}": glorot(random, *sizes[i : i + 2]) for i in range(3)}
    return params | {f"b{i}": zeros(sizes[i + 1]) for i in range(3)}, {}


def mlp(params: Tree, state: Tree, x: jax.Array, training: bool) -> tuple[jax.Array, Tree]:
    for i in range(2):
        x = jax.nn.relu(x @ params[f"w{i}"] + params[f"b{i}"][None])
    return x @ params["w2"] + params["b2"][None], state


def init_conv(random: np.random.Generator) -> tuple[Tree, Tree]:
    params: Tree = {"dense": glorot(random, 32, 10), "bias": zeros(10)}
    state: Tree = {}
    for i, (inputs, outputs) in enumerate([(1, 16), (16, 32)]):
        params |= {f"conv{i}": glorot(random, 3, 3, inputs, outputs), f"gamma{i}": ones(outputs)}
        params |= {f"beta{i}": zeros(outputs)}
        state |= {f"mean{i}": zeros(outputs), f"variance{i}": ones(outputs)}
    return params, state


def conv(params: Tree, state: Tree, x: jax.Array, training: bool) -> tuple[jax.Array, Tree]:
    new = dict(state)
    for i in range(2):
        x = jax.lax.conv_general_dilated(
            x, params[f"conv{i}"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        mean, variance = state[f"mean{i}"], state[f"variance{i}"]
        if training:
            new[f"mean{i}"] = 0.99 * mean + 0.01 * jnp.mean(x, (0, 1, 2))
            new[f"variance{i}"] = 0.99 * variance + 0.01 * jnp.var(x, (0, 1, 2))
            mean, variance = jnp.mean(x, (0, 1, 2)), jnp.var(x, (0, 1, 2))
        scale = params[f"gamma{i}"] * jax.lax.rsqrt(variance + 1e-3)
        x = jax.nn.relu((x - mean[None, None, None]) * scale[None, None, None] + params[f"beta{i}"][None, None, None])
        if i == 0:
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return jnp.mean(x, (1, 2)) @ params["dense"] + params["bias"][None], new


FORWARD = {"mlp": mlp, "conv": conv}
INIT = {"mlp": init_mlp, "conv": init_conv}


class Handwritten:
    """One workload with Keras's three verbs: `fit`, `evaluate`, `predict`; and `call`, the jitted function itself."""

    def __init__(self, name: str) -> None:
        forward: Callable[..., Any] = FORWARD[name]
        random = np.random.default_rng(0)
        self.params, self.state = jax.device_put(INIT[name](random))
        self.random = random
        optimizer = optax.rmsprop(0.001, decay=0.9, eps=1e-7)
        self.slots = optimizer.init(self.params)

        def measured(params: Tree, state: Tree, x: jax.Array, y: jax.Array, training: bool) -> Any:
            logits, state = forward(params, state, x, training)
            losses = optax.softmax_cross_entropy_with_integer_labels(logits, y)
            sums = {"loss": jnp.sum(losses), "correct": jnp.sum(jnp.argmax(logits, -1) == y).astype(jnp.float32)}
            return jnp.mean(losses), (state, sums)

        def step(params: Tree, state: Tree, slots: Any, sums: Tree, x: jax.Array, y: jax.Array) -> Any:
            gradients, (state, more) = jax.grad(measured, has_aux=True)(params, state, x, y, True)
            updates, slots = optimizer.update(gradients, slots, params)
            return optax.apply_updates(params, updates), state, slots, jax.tree.map(jnp.add, sums, more)

        def test(params: Tree, state: Tree, sums: Tree, x: jax.Array, y: jax.Array) -> Tree:
            return jax.tree.map(jnp.add, sums, measured(params, state, x, y, False)[1][1])

        self._step = jax.jit(step, donate_argnums=(0, 1, 2, 3))
        self._test = jax.jit(test, donate_argnums=2)
        self._call = jax.jit(lambda params, state, x: forward(params, state, x, False)[0])

    def _zero(self) -> Tree:
        return {"loss": np.float32(0), "correct": np.float32(0)}

    def _logs(self, sums: Tree, rows: int) -> dict[str, float]:
        return {"loss": float(sums["loss"]) / rows, "accuracy": float(sums["correct"]) / rows}

    def fit(self, x: np.ndarray, y: np.ndarray, batch: int) -> dict[str, float]:
        """One shuffled epoch; mean loss and accuracy."""
        order = self.random.permutation(len(x))
        params, state, slots, sums = self.params, self.state, self.slots, jax.device_put(self._zero())
        for i in range(0, len(x), batch):
            rows = order[i : i + batch]
            params, state, slots, sums = self._step(params, state, slots, sums, x[rows], y[rows])
        self.params, self.state, self.slots = params, state, slots
        return self._logs(sums, len(x))

    def evaluate(self, x: np.ndarray, y: np.ndarray, batch: int) -> dict[str, float]:
        """Mean loss and accuracy."""
        sums = jax.device_put(self._zero())
        for i in range(0, len(x), batch):
            sums = self._test(self.params, self.state, sums, x[i : i + batch], y[i : i + batch])
        return self._logs(sums, len(x))

    def predict(self, x: np.ndarray, batch: int) -> np.ndarray:
        """Logits of all rows."""
        parts = [self._call(self.params, self.state, x[i : i + batch]) for i in range(0, len(x), batch)]
        return np.concatenate([np.asarray(part) for part in parts])

    def call(self, x: np.ndarray) -> jax.Array:
        """Logits of one batch."""
        return self._call(self.params, self.state, x)

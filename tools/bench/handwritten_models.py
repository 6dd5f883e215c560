"""The workloads' models as a person would write them in JAX: parameters, and functions of them.

Run by path (see `handwritten`): it imports nothing of the project.  A forward function takes parameters, state, inputs,
a random key and whether it trains; it returns outputs and new state.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Tree = dict[str, Any]
Made = tuple[Tree, Tree]

TAGS, WORDS, DEPARTMENTS = 12, 10_000, 4
TOKENS, WIDTH, HEADS, BLOCKS = 5_000, 64, 4, 2
NHWC = ("NHWC", "HWIO", "NHWC")


def glorot(random: np.random.Generator, *shape: int) -> np.ndarray:
    """Glorot's uniform distribution for a kernel of Keras's layout."""
    window = int(np.prod(shape[:-2]))
    limit = np.sqrt(6.0 / (window * (shape[-2] + shape[-1])))
    return random.uniform(-limit, limit, shape).astype("float32")


def table(random: np.random.Generator, *shape: int) -> np.ndarray:
    return random.uniform(-0.05, 0.05, shape).astype("float32")


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, "float32")


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, "float32")


def dense(params: Tree, name: str, x: jax.Array) -> jax.Array:
    bias = params[f"{name}.b"]
    return x @ params[name] + bias.reshape((1,) * (x.ndim - 1) + bias.shape)


def conv2d(params: Tree, name: str, x: jax.Array, padding: str = "VALID") -> jax.Array:
    x = jax.lax.conv_general_dilated(x, params[name], (1, 1), padding, dimension_numbers=NHWC)
    return jax.nn.relu(x + params[f"{name}.b"][None, None, None])


def upward(params: Tree, name: str, x: jax.Array) -> jax.Array:
    """A transposed convolution; its kernel is [h, w, out, in]."""
    kernel = params[name]
    x = jax.lax.conv_transpose(x, kernel, (1, 1), "VALID", dimension_numbers=NHWC, transpose_kernel=True)
    return jax.nn.relu(x + params[f"{name}.b"][None, None, None])


def max_pool(x: jax.Array, size: int) -> jax.Array:
    window = (1, size, size, 1)
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")


def init_mlp(random: np.random.Generator) -> Made:
    sizes = (784, 64, 64, 10)
    params = {f"d{i}": glorot(random, *sizes[i : i + 2]) for i in range(3)}
    return params | {f"d{i}.b": zeros(sizes[i + 1]) for i in range(3)}, {}


def mlp(params: Tree, state: Tree, x: jax.Array, key: Any, training: bool) -> Any:
    for i in range(2):
        x = jax.nn.relu(dense(params, f"d{i}", x))
    return dense(params, "d2", x), state


def init_conv(random: np.random.Generator) -> Made:
    params: Tree = {"dense": glorot(random, 32, 10), "dense.b": zeros(10)}
    state: Tree = {}
    for i, (inputs, outputs) in enumerate([(1, 16), (16, 32)]):
        params |= {f"conv{i}": glorot(random, 3, 3, inputs, outputs), f"gamma{i}": ones(outputs)}
        params |= {f"beta{i}": zeros(outputs)}
        state |= {f"mean{i}": zeros(outputs), f"variance{i}": ones(outputs)}
    return params, state


def conv(params: Tree, state: Tree, x: jax.Array, key: Any, training: bool) -> Any:
    new = dict(state)
    for i in range(2):
        x = jax.lax.conv_general_dilated(x, params[f"conv{i}"], (1, 1), "SAME", dimension_numbers=NHWC)
        mean, variance = state[f"mean{i}"], state[f"variance{i}"]
        if training:
            new[f"mean{i}"] = 0.99 * mean + 0.01 * jnp.mean(x, (0, 1, 2))
            new[f"variance{i}"] = 0.99 * variance + 0.01 * jnp.var(x, (0, 1, 2))
            mean, variance = jnp.mean(x, (0, 1, 2)), jnp.var(x, (0, 1, 2))
        scale = params[f"gamma{i}"] * jax.lax.rsqrt(variance + 1e-3)
        x = jax.nn.relu((x - mean[None, None, None]) * scale[None, None, None] + params[f"beta{i}"][None, None, None])
        if i == 0:
            x = max_pool(x, 2)
    return dense(params, "dense", jnp.mean(x, (1, 2))), new


AUTOENCODER = {"e0": (1, 16), "e1": (16, 32), "e2": (32, 32), "e3": (32, 16)}
DECODER = {"u0": (1, 16), "u1": (16, 32), "u2": (32, 16), "u3": (16, 1)}


def init_autoencoder(random: np.random.Generator) -> Made:
    params: Tree = {name: glorot(random, 3, 3, *sizes) for name, sizes in AUTOENCODER.items()}
    params |= {name: glorot(random, 3, 3, *sizes[::-1]) for name, sizes in DECODER.items()}
    return params | {f"{name}.b": zeros(sizes[1]) for name, sizes in (AUTOENCODER | DECODER).items()}, {}


def autoencoder(params: Tree, state: Tree, x: jax.Array, key: Any, training: bool) -> Any:
    x = max_pool(conv2d(params, "e1", conv2d(params, "e0", x)), 3)
    x = jnp.max(conv2d(params, "e3", conv2d(params, "e2", x)), (1, 2))
    x = upward(params, "u1", upward(params, "u0", x.reshape(-1, 4, 4, 1)))
    x = jnp.repeat(jnp.repeat(x, 3, axis=1), 3, axis=2)
    return upward(params, "u3", upward(params, "u2", x)), state


def init_ensemble(random: np.random.Generator) -> Made:
    params: Tree = {f"d{i}": glorot(random, 128, 1) for i in range(3)}
    return params | {f"d{i}.b": zeros(1) for i in range(3)}, {}


def ensemble(params: Tree, state: Tree, x: jax.Array, key: Any, training: bool) -> Any:
    return (dense(params, "d0", x) + dense(params, "d1", x) + dense(params, "d2", x)) / 3.0, state


def init_ticket(random: np.random.Generator) -> Made:
    params: Tree = {}
    for name, units in (("title", 128), ("body", 32)):
        params[f"{name}.table"] = table(random, WORDS, 64)
        params[f"{name}.x"], params[f"{name}.h"] = glorot(random, 64, 4 * units), glorot(random, units, 4 * units)
        params[f"{name}.b"] = np.concatenate([zeros(units), ones(units), zeros(2 * units)])
    for name, units in (("priority", 1), ("department", DEPARTMENTS)):
        params |= {name: glorot(random, 128 + 32 + TAGS, units), f"{name}.b": zeros(units)}
    return params, {}


def lstm(params: Tree, name: str, x: jax.Array) -> jax.Array:
    """The last state; the inputs' share of all gates is one product before the loop."""
    recurrent = params[f"{name}.h"]
    gates = jnp.swapaxes(x @ params[f"{name}.x"] + params[f"{name}.b"][None, None], 0, 1)

    def step(carry: Any, given: jax.Array) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(given + h @ recurrent, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    start = jnp.zeros((x.shape[0], recurrent.shape[0]))
    return jax.lax.scan(step, (start, start), gates)[0][0]


def ticket(params: Tree, state: Tree, x: Tree, key: Any, training: bool) -> Any:
    words = {name: params[f"{name}.table"][x[name].astype(jnp.int32)] for name in ("title", "body")}
    joined = jnp.concatenate([lstm(params, "title", words["title"]), lstm(params, "body", words["body"]), x["tags"]], 1)
    return {name: dense(params, name, joined) for name in ("priority", "department")}, state


RESNET = {"c0": (3, 32), "c1": (32, 64), "c2": (64, 64), "c3": (64, 64), "c4": (64, 64), "c5": (64, 64), "c6": (64, 64)}


def init_resnet(random: np.random.Generator) -> Made:
    params: Tree = {name: glorot(random, 3, 3, *sizes) for name, sizes in RESNET.items()}
    params |= {f"{name}.b": zeros(sizes[1]) for name, sizes in RESNET.items()}
    return params | {
        "d0": glorot(random, 64, 256),
        "d0.b": zeros(256),
        "d1": glorot(random, 256, 10),
        "d1.b": zeros(10),
    }, {}


def resnet(params: Tree, state: Tree, x: jax.Array, key: Any, training: bool) -> Any:
    x = max_pool(conv2d(params, "c1", conv2d(params, "c0", x)), 3)
    x = x + conv2d(params, "c3", conv2d(params, "c2", x, "SAME"), "SAME")
    x = x + conv2d(params, "c5", conv2d(params, "c4", x, "SAME"), "SAME")
    x = jax.nn.relu(dense(params, "d0", jnp.mean(conv2d(params, "c6", x), (1, 2))))
    if training:
        x = jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x / 0.5, 0.0)
    return dense(params, "d1", x), state


def init_transformer(random: np.random.Generator) -> Made:
    params: Tree = {"table": table(random, TOKENS, WIDTH), "head": glorot(random, WIDTH, 10), "head.b": zeros(10)}
    for i in range(BLOCKS):
        for name in ("q", "k", "v", "o"):
            params |= {f"{name}{i}": glorot(random, WIDTH, WIDTH), f"{name}{i}.b": zeros(WIDTH)}
        params |= {f"up{i}": glorot(random, WIDTH, 4 * WIDTH), f"up{i}.b": zeros(4 * WIDTH)}
        params |= {f"down{i}": glorot(random, 4 * WIDTH, WIDTH), f"down{i}.b": zeros(WIDTH)}
    for i in range(2 * BLOCKS + 1):
        params |= {f"gamma{i}": ones(WIDTH), f"beta{i}": zeros(WIDTH)}
    return params, {}


def layer_norm(params: Tree, i: int, x: jax.Array) -> jax.Array:
    mean = jnp.mean(x, -1, keepdims=True)
    variance = jnp.mean(jnp.square(x), -1, keepdims=True) - jnp.square(mean)
    x = (x - mean) * jax.lax.rsqrt(variance + 1e-6)
    return x * params[f"gamma{i}"][None, None] + params[f"beta{i}"][None, None]


def transformer(params: Tree, state: Tree, x: jax.Array, key: Any, training: bool) -> Any:
    x = params["table"][x]
    for i in range(BLOCKS):
        y = layer_norm(params, 2 * i, x)
        q, k, v = (dense(params, f"{name}{i}", y).reshape(*y.shape[:2], HEADS, -1) for name in "qkv")
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(q.shape[-1]).astype("float32")
        y = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), v).reshape(x.shape)
        x = x + dense(params, f"o{i}", y)
        y = jax.nn.relu(dense(params, f"up{i}", layer_norm(params, 2 * i + 1, x)))
        x = x + dense(params, f"down{i}", y)
    return dense(params, "head", jnp.mean(layer_norm(params, 2 * BLOCKS, x), 1)), state


FORWARD = {
    "mlp": mlp, "conv": conv, "autoencoder": autoencoder, "ensemble": ensemble, "ticket": ticket, "resnet": resnet,
    "transformer": transformer,
}  # fmt: skip
INIT = {
    "mlp": init_mlp, "conv": init_conv, "autoencoder": init_autoencoder, "ensemble": init_ensemble,
    "ticket": init_ticket, "resnet": init_resnet, "transformer": init_transformer,
}  # fmt: skip

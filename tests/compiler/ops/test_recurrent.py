"""Recurrent ops against a plain loop in NumPy's manner, and their own gradient rule against JAX's."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgc.compiler import builder, importing
from kgc.compiler.errors import ArgumentError, DTypeError, ShapeError
from kgc.compiler.ops import recurrence
from kgc.compiler.ops.conv_recurrent import conv_lstm
from kgc.compiler.ops.recurrent import gru, lstm, simple_rnn
from kgc.compiler.ops.recurrent_cells import ACTIVATIONS
from kgc.compiler.types import parse_type

B, T, N, U = 3, 5, 4, 2


quickly = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def draw(*shape: int, seed: int = 0) -> Any:
    return jnp.asarray(np.random.default_rng([seed, *shape]).uniform(-1, 1, shape).astype("float32"))


MASK = jnp.asarray(np.random.default_rng(1).random((B, T)) < 0.6)


def arguments(parts: int, states: int, *, biases: int = 1) -> list[Any]:
    made = [draw(B, T, N), draw(N, parts * U), draw(U, parts * U)]
    made += [draw(parts * U, seed=i) for i in range(biases)]
    return made + [draw(B, U, seed=i) for i in range(states)]


CASES: dict[str, tuple[Any, list[Any]]] = {
    "simple_rnn": (simple_rnn, arguments(1, 1)),
    "lstm": (lstm, arguments(4, 2)),
    "gru": (gru, arguments(3, 1, biases=2)),
    "conv_lstm": (
        conv_lstm,
        [draw(B, T, 5, N), draw(3, N, 4 * U), draw(2, U, 4 * U), draw(4 * U), draw(B, 3, U), draw(B, 3, U, seed=1)],
    ),
}


def total(fn: Any, name: str, plain: bool, **options: Any) -> Any:
    """A scalar of all results; with `plain` by the loop that JAX differentiates itself."""

    def run(*args: Any) -> Any:
        importing._local.body = name if plain else ""
        out = fn.fn(*args, **options)
        return sum(jnp.sum(y * jnp.cos(jnp.arange(y.size, dtype="float32").reshape(y.shape))) for y in out)

    return run


@pytest.mark.parametrize("in_loop", [False, True])
@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_the_gradient_rule_is_that_of_the_plain_loop(
    name: str, every: bool, in_loop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "conv_lstm" and in_loop:
        pytest.skip("its inputs are always projected before the loop")
    monkeypatch.setattr(recurrence, "_in_loop", lambda x, kernel: in_loop)
    fn, args = CASES[name]
    options: dict[str, Any] = {"return_sequences": every, "go_backwards": every}
    if every:
        options["mask"] = MASK
    which = tuple(range(len(args)))
    own, plain = (quickly(jax.value_and_grad(total(fn, name, p, **options), which))(*args) for p in (False, True))
    for left, right in zip(jax.tree.leaves(own), jax.tree.leaves(plain), strict=True):
        np.testing.assert_allclose(left, right, rtol=2e-5, atol=2e-5)


def test_lstm_is_the_loop_that_one_would_write() -> None:
    x, kernel, recurrent, bias, h, c = CASES["lstm"][1]
    outputs = []
    at = (h, c)
    for t in range(T):
        i, f, g, o = jnp.split(x[:, t] @ kernel + at[0] @ recurrent + bias[None], 4, -1)
        new = jax.nn.sigmoid(f) * at[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
        after = (jax.nn.sigmoid(o) * jnp.tanh(new), new)
        tick = MASK[:, t, None].repeat(U, 1)
        at = tuple(jnp.where(tick, a, b) for a, b in zip(after, at, strict=True))
        outputs.append(at[0])
    sequence, last_h, last_c = lstm(x, kernel, recurrent, bias, h, c, MASK)
    np.testing.assert_allclose(sequence, jnp.stack(outputs, 1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last_h, at[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last_c, at[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_backwards_is_forwards_over_the_turned_sequence(name: str) -> None:
    fn, args = CASES[name]
    back = fn(*args, go_backwards=True, mask=MASK)
    forth = fn(jnp.flip(args[0], 1), *args[1:], mask=jnp.flip(MASK, 1))
    for left, right in zip(back, forth, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_noise_of_ones_changes_nothing_and_of_zeros_takes_away(name: str) -> None:
    fn, args = CASES[name]
    x, states = args[0], args[-1]
    ones, of_states = jnp.ones((1, B, *x.shape[2:])), jnp.ones((1, *states.shape))
    plain = fn(*args)
    same = fn(*args, input_noise=ones, recurrent_noise=of_states)
    for left, right in zip(plain, same, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)
    nothing = fn(*args, input_noise=ones * 0)
    empty = fn(x * 0, *args[1:])
    for left, right in zip(nothing, empty, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation: str) -> None:
    x, kernel, recurrent, bias, h = CASES["simple_rnn"][1]
    (sequence, last) = simple_rnn(x[:, :1], kernel, recurrent, bias, h, activation=activation)
    wanted = ACTIVATIONS[activation](x[:, 0] @ kernel + h @ recurrent + bias[None])
    np.testing.assert_allclose(sequence[:, 0], wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["gru"])
def test_a_second_derivative(name: str) -> None:
    """In reverse over reverse, and forward over the plain loop that JAX's `jvp` of the op takes."""
    fn, args = CASES[name]

    def slope(kernel: Any, plain: bool) -> Any:
        run = total(fn, name, plain)
        return jnp.sum(jax.grad(lambda k: run(args[0], k, *args[2:]))(kernel) ** 2)

    own, plain = (quickly(jax.grad(lambda k, p=p: slope(k, p)))(args[1]) for p in (False, True))
    np.testing.assert_allclose(own, plain, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("op", "types", "options", "error", "what"),
    [
        (lstm, ["f32[b, 4]", "f32[4, 8]", "f32[2, 8]"], {}, ShapeError, "batch, time, features"),
        (lstm, ["f32[b, t, 4]", "f32[3, 8]", "f32[2, 8]"], {}, ShapeError, "do not fit together"),
        (lstm, ["f32[b, t, 4]", "f32[4, 6]", "f32[2, 6]"], {}, ShapeError, "do not fit together"),
        (gru, ["f32[b, t, 4]", "f32[4, 6]", "f32[2, 6]", "f32[5]"], {}, ShapeError, "bias must have the shape (6)"),
        (lstm, ["f32[b, 3, 4]", "f32[4, 8]", "f32[2, 8]"], {"mask": "bool[b, 2]"}, ShapeError, "mask must have"),
        (lstm, ["f32[b, 3, 4]", "f32[4, 8]", "f32[2, 8]"], {"mask": "f32[b, 3]"}, DTypeError, "mask must be bool"),
        (gru, ["f32[b, 3, 4]", "f32[4, 6]", "f32[2, 6]"], {"activation": "none"}, ArgumentError, "one of"),
        (
            lstm, ["f32[b, 3, 4]", "f32[4, 8]", "f32[2, 8]"], {"input_noise": "f32[3, b, 4]"}, ShapeError,
            "input_noise must have the shape (1 or 4",
        ),
        (conv_lstm, ["f32[b, 3, 4]", "f32[4, 8]", "f32[2, 8]"], {}, ShapeError, "1 to 3 spatial ones"),
        (
            conv_lstm, ["f32[b, 3, 5, 4]", "f32[2, 4, 8]", "f32[2, 2, 8]"], {"h": "f32[b, 5, 2]"}, ShapeError,
            "h must have the shape",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit(op: Any, types: list[str], options: dict[str, Any], error: Any, what: str) -> None:
    names: dict[str, Any] = {}
    with builder.Builder() as current:
        values = [current.input("x", parse_type(text, names)) for text in types]
        given = {
            key: current.input(key, parse_type(value, names)) if "[" in value else value
            for key, value in options.items()
        }
        with pytest.raises(error) as caught:
            op(*values, **given)
    assert what in caught.value.what

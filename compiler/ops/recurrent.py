"""Recurrent layers over a whole sequence, one op each: SimpleRNN, LSTM, GRU.  The loop is in `recurrence.py`."""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..errors import DTypeError, ShapeError
from ..op import Tensor, Trait, op
from .checks import check_choice, check_float, differ, dtype_of, product, shape_of
from .recurrence import MATRIX, Loop, reset_before, sequence
from .recurrent_cells import ACTIVATIONS, gru_cell, lstm_cell, simple_cell


def _check(
    op_name: str,
    parts: int,
    x: Any,
    kernel: Any,
    recurrent_kernel: Any,
    states: dict[str, Any],
    mask: Any,
    **others: Any,
) -> None:
    of_x, of_kernel, of_recurrent = shape_of(x), shape_of(kernel), shape_of(recurrent_kernel)
    received = f"x: {x}, kernel: {kernel}, recurrent_kernel: {recurrent_kernel}"
    check_float(op_name, x=x, kernel=kernel, recurrent_kernel=recurrent_kernel)
    if len(of_x) != 3 or len(of_kernel) != 2 or len(of_recurrent) != 2:
        raise ShapeError(f"{op_name}: x needs the axes batch, time, features; kernels need two", received=received)
    units = of_recurrent[0]
    if differ(of_x[2], of_kernel[0]) or differ(of_kernel[1], parts * units) or differ(of_recurrent[1], parts * units):
        raise ShapeError(
            f"{op_name}: x, kernel and recurrent_kernel do not fit together",
            received=received,
            hint=f"they are [batch, time, n], [n, {parts} * units] and [units, {parts} * units].",
        )
    wanted: dict[str, tuple[Any, ...]] = {
        **{name: (of_x[0], units) for name in states},
        "bias": (parts * units,),
        "recurrent_bias": (parts * units,),
        "mask": of_x[:2],
        "input_noise": (None, of_x[0], of_x[2]),
        "recurrent_noise": (None, of_x[0], units),
    }
    for name, value in {**states, **others, "mask": mask}.items():
        if value is None or name not in wanted:
            continue
        shape = shape_of(value)
        fits = len(shape) == len(wanted[name])
        fits = fits and not any(differ(a, b) for a, b in zip(shape, wanted[name], strict=True) if b is not None)
        if not fits or (wanted[name][0] is None and shape[0] not in (1, parts)):
            sizes = ", ".join("1 or " + str(parts) if size is None else str(size) for size in wanted[name])
            raise ShapeError(
                f"{op_name}: {name} must have the shape ({sizes})", received=f"{name}: {value}, {received}"
            )
    if mask is not None and dtype_of(mask) != "bool":
        raise DTypeError(f"{op_name}: mask must be bool", received=f"mask: {mask}")


def _check_activations(op_name: str, **names: Any) -> None:
    for what, name in names.items():
        check_choice(op_name, what, name, tuple(ACTIVATIONS))


def _check_simple_rnn(
    x: Any, kernel: Any, recurrent_kernel: Any, bias: Any, h: Any, mask: Any, input_noise: Any, recurrent_noise: Any,
    activation: Any, *rest: Any,
) -> None:  # fmt: skip
    others = {"bias": bias, "input_noise": input_noise, "recurrent_noise": recurrent_noise}
    _check("simple_rnn", 1, x, kernel, recurrent_kernel, {"h": h}, mask, **others)
    _check_activations("simple_rnn", activation=activation)


def _check_lstm(
    x: Any, kernel: Any, recurrent_kernel: Any, bias: Any, h: Any, c: Any, mask: Any, input_noise: Any,
    recurrent_noise: Any, activation: Any, recurrent_activation: Any, *rest: Any,
) -> None:  # fmt: skip
    others = {"bias": bias, "input_noise": input_noise, "recurrent_noise": recurrent_noise}
    _check("lstm", 4, x, kernel, recurrent_kernel, {"h": h, "c": c}, mask, **others)
    _check_activations("lstm", activation=activation, recurrent_activation=recurrent_activation)


def _check_gru(
    x: Any, kernel: Any, recurrent_kernel: Any, bias: Any, recurrent_bias: Any, h: Any, mask: Any, input_noise: Any,
    recurrent_noise: Any, activation: Any, recurrent_activation: Any, *rest: Any,
) -> None:  # fmt: skip
    others = {"bias": bias, "recurrent_bias": recurrent_bias, "input_noise": input_noise}
    _check("gru", 3, x, kernel, recurrent_kernel, {"h": h}, mask, **others, recurrent_noise=recurrent_noise)
    _check_activations("gru", activation=activation, recurrent_activation=recurrent_activation)


def _flops(x: Any, kernel: Any, recurrent_kernel: Any, *rest: Any) -> Any:
    steps = shape_of(x)
    return 2 * steps[0] * steps[1] * (product(shape_of(kernel)) + product(shape_of(recurrent_kernel)))


# The ops
@op(
    Trait.CONTRACTS,
    samples=[
        ("f32[b, t, 3]", "f32[3, 2]", "f32[2, 2]"),
        ("f32[2, 4, 3]", "f32[3, 2]", "f32[2, 2]", "f32[2]", "f32[2, 2]", "bool[2, 4]", {"go_backwards": True}),
        ("f32[2, 3, 3]", "f32[3, 2]", "f32[2, 2]", {"return_sequences": False, "unroll": True, "activation": "elu"}),
        (
            "f32[b, t, 3]", "f32[3, 2]", "f32[2, 2]",
            {"input_noise": "f32[1, b, 3]", "recurrent_noise": "f32[1, b, 2]"},
        ),
    ],
    check=_check_simple_rnn,
    flops=_flops,
)  # fmt: skip
def simple_rnn(
    x: Tensor,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None = None,
    h: Tensor | None = None,
    mask: Tensor | None = None,
    input_noise: Tensor | None = None,
    recurrent_noise: Tensor | None = None,
    activation: str = "tanh",
    return_sequences: bool = True,
    go_backwards: bool = False,
    unroll: bool = False,
) -> tuple[Tensor, ...]:
    """h = activation(x_t @ kernel + h @ recurrent_kernel + bias) over all steps of a sequence.

    Shapes: x (batch, time, n), kernel (n, units), recurrent_kernel (units, units), bias (units) give the hidden states
    (batch, time, units), or the last one (batch, units) unless `return_sequences`, and the last one again.

    h: the state before the first step, by default zeros.  mask: bool (batch, time); where it is False, the state stays.
    input_noise, recurrent_noise: factors on x and h in the products, the same in every step: (1, batch, n or units).
    go_backwards: from the last step to the first; the hidden states are in that order too.
    unroll: write out all steps.
    """
    loop = Loop(go_backwards, unroll, return_sequences)
    entry, cell = _entry(x, kernel, bias, input_noise), simple_cell(activation)
    return sequence("simple_rnn", cell, entry, MATRIX, recurrent_kernel, None, [h], mask, recurrent_noise, loop)


@op(
    Trait.CONTRACTS,
    samples=[
        ("f32[b, t, 3]", "f32[3, 8]", "f32[2, 8]"),
        (
            "f32[2, 4, 3]", "f32[3, 8]", "f32[2, 8]", "f32[8]", "f32[2, 2]", "f32[2, 2]", "bool[2, 4]",
            {"go_backwards": True},
        ),
        ("f32[b, 3, 3]", "f32[3, 8]", "f32[2, 8]", {"return_sequences": False, "unroll": True}),
        (
            "f32[2, t, 3]", "f32[3, 8]", "f32[2, 8]",
            {"input_noise": "f32[4, 2, 3]", "recurrent_noise": "f32[4, 2, 2]", "recurrent_activation": "softsign"},
        ),
    ],
    check=_check_lstm,
    flops=_flops,
)  # fmt: skip
def lstm(
    x: Tensor,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None = None,
    h: Tensor | None = None,
    c: Tensor | None = None,
    mask: Tensor | None = None,
    input_noise: Tensor | None = None,
    recurrent_noise: Tensor | None = None,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    return_sequences: bool = True,
    go_backwards: bool = False,
    unroll: bool = False,
) -> tuple[Tensor, ...]:
    """Long short-term memory (Hochreiter & Schmidhuber 1997, with forget gates) over all steps of a sequence.

    i, f, g, o = x_t @ kernel + h @ recurrent_kernel + bias, cut in four;
    c = gate(f) * c + gate(i) * activation(g);  h = gate(o) * activation(c);  gate is `recurrent_activation`.

    Shapes: x (batch, time, n), kernel (n, 4 * units), recurrent_kernel (units, 4 * units), bias (4 * units) give the
    hidden states (batch, time, units), or the last one (batch, units) unless `return_sequences`, then the last h and c.

    h, c, mask, go_backwards, unroll: as in `simple_rnn`.  input_noise, recurrent_noise: likewise, one for all gates or
    one for each: (1 or 4, batch, n or units).
    """
    loop = Loop(go_backwards, unroll, return_sequences)
    entry, cell = _entry(x, kernel, bias, input_noise), lstm_cell(activation, recurrent_activation)
    return sequence("lstm", cell, entry, MATRIX, recurrent_kernel, None, [h, c], mask, recurrent_noise, loop)


@op(
    Trait.CONTRACTS,
    samples=[
        ("f32[b, t, 3]", "f32[3, 6]", "f32[2, 6]"),
        (
            "f32[2, 4, 3]", "f32[3, 6]", "f32[2, 6]", "f32[6]", "f32[6]", "f32[2, 2]", "bool[2, 4]",
            {"go_backwards": True},
        ),
        ("f32[b, 3, 3]", "f32[3, 6]", "f32[2, 6]", {"return_sequences": False, "unroll": True, "reset_after": False}),
        (
            "f32[2, t, 3]", "f32[3, 6]", "f32[2, 6]",
            {"input_noise": "f32[3, 2, 3]", "recurrent_noise": "f32[3, 2, 2]", "reset_after": False},
        ),
        ("f32[2, t, 3]", "f32[3, 6]", "f32[2, 6]", {"recurrent_noise": "f32[3, 2, 2]", "recurrent_bias": "f32[6]"}),
    ],
    check=_check_gru,
    flops=_flops,
)  # fmt: skip
def gru(
    x: Tensor,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None = None,
    recurrent_bias: Tensor | None = None,
    h: Tensor | None = None,
    mask: Tensor | None = None,
    input_noise: Tensor | None = None,
    recurrent_noise: Tensor | None = None,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    reset_after: bool = True,
    return_sequences: bool = True,
    go_backwards: bool = False,
    unroll: bool = False,
) -> tuple[Tensor, ...]:
    """Gated recurrent unit (Cho et al. 2014) over all steps of a sequence.

    With x_z, x_r, x_h = x_t @ kernel + bias, and h_z, h_r, h_h = h @ recurrent_kernel + recurrent_bias:
    z = gate(x_z + h_z);  r = gate(x_r + h_r);  h = z * h + (1 - z) * activation(x_h + r * h_h).
    Unless `reset_after`, the last term is (r * h) @ the last third of recurrent_kernel, as the paper has it first.

    Shapes: x (batch, time, n), kernel (n, 3 * units), recurrent_kernel (units, 3 * units), biases (3 * units) give
    the hidden states (batch, time, units), or the last one (batch, units) unless `return_sequences`; then the last one.

    h, mask, go_backwards, unroll: as in `simple_rnn`.  input_noise, recurrent_noise: likewise, one for all gates or one
    for each: (1 or 3, batch, n or units).
    """
    loop = Loop(go_backwards, unroll, return_sequences)
    entry, cell = _entry(x, kernel, bias, input_noise), gru_cell(activation, recurrent_activation)
    step = None
    if not reset_after:
        step = reset_before(recurrent_kernel, recurrent_bias, recurrent_noise, activation, recurrent_activation)
    states, bias = [h], recurrent_bias
    return sequence("gru", cell, entry, MATRIX, recurrent_kernel, bias, states, mask, recurrent_noise, loop, step)


def _entry(x: Tensor, kernel: Tensor, bias: Any, noise: Any) -> tuple[Any, Any, Any, Any, Any]:
    return jnp.matmul, jnp.swapaxes(x, 0, 1), kernel, bias, noise

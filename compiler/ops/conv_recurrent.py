"""The convolutional LSTM over a whole sequence, as one op.

The convolution of the inputs is one for all steps and samples, before the loop.  Inside a loop XLA's gradients of a
convolution are slow on CPU, so the loop back takes the hidden state's by a forward convolution with the turned kernel,
and leaves the kernel's for one convolution after it.  16 filters of 3×3 over f32[8, 8, 32, 32, 3], gradient of
everything, two shared cores, best of 7 in ms: convolutions in the loop 1130 (2260 with all gates in one), patches and
matrix products in their place 179, this 137.  Patches serve where the hidden state is multiplied by noise.
"""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import functools
import itertools
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax import lax

from ..errors import DTypeError, ShapeError
from ..op import Tensor, Trait, op
from .checks import check_choice, check_float, differ, dtype_of, per_axis, product, shape_of
from .conv import window_count
from .recurrence import Loop, Product, sequence
from .recurrent_cells import ACTIVATIONS, lstm_cell


def _conv(x: Any, kernel: Any, strides: Any, padding: Any, rates: Any) -> Any:
    letters = "DHW"[-(kernel.ndim - 2) :]
    layout = f"N{letters}C"
    return lax.conv_general_dilated(
        x, kernel, strides, padding, rhs_dilation=rates, dimension_numbers=(layout, f"{letters}IO", layout)
    )


def _same(window: int) -> tuple[int, int]:
    """Padding that keeps the size, at stride 1."""
    return (window - 1) // 2, window // 2


@functools.cache
def _product(rank: int) -> Product:
    """The convolution of the hidden state, which keeps its size."""
    ones = (1,) * rank

    def apply(h: Any, kernel: Any) -> Any:
        return _conv(h, kernel, ones, [_same(n) for n in kernel.shape[:rank]], ones)

    def patches(h: Any, kernel: Any) -> Any:
        window = kernel.shape[:rank]
        padded = jnp.pad(h, ((0, 0), *[_same(n) for n in window], (0, 0)))
        pieces = [
            padded[(slice(None), *[slice(i, i + n) for i, n in zip(start, h.shape[1:-1], strict=True)])]
            for start in itertools.product(*map(range, window))
        ]
        return jnp.concatenate(pieces, -1) @ kernel.reshape(-1, kernel.shape[-1])

    def turn(kernel: Any) -> Any:
        return jnp.swapaxes(jnp.flip(kernel, range(rank)), -1, -2)

    def back(r: Any, turned: Any) -> Any:
        return _conv(r, turned, ones, [_same(n)[::-1] for n in turned.shape[:rank]], ones)

    def weight(h: Any, r: Any, kernel: Any) -> Any:
        images = _merged(h)

        def of_kernel(kernel: Any) -> Any:
            return apply(images, kernel)

        pull: Any = cast(Any, jax.vjp)(of_kernel, kernel)[1]
        return pull(_merged(r))[0]

    return Product(apply, patches, turn, back, weight)


def _merged(x: Any) -> Any:
    """Steps and samples in one axis."""
    return x.reshape((x.shape[0] * x.shape[1], *x.shape[2:]))


def _check(
    x: Any, kernel: Any, recurrent_kernel: Any, bias: Any, h: Any, c: Any, mask: Any, input_noise: Any,
    recurrent_noise: Any, strides: Any, padding: Any, dilation_rate: Any, activation: Any, recurrent_activation: Any,
    *rest: Any,
) -> None:  # fmt: skip
    of_x, of_kernel, of_recurrent = shape_of(x), shape_of(kernel), shape_of(recurrent_kernel)
    received = f"x: {x}, kernel: {kernel}, recurrent_kernel: {recurrent_kernel}"
    check_float("conv_lstm", x=x, kernel=kernel, recurrent_kernel=recurrent_kernel)
    rank = len(of_x) - 3
    if rank not in (1, 2, 3) or len(of_kernel) != rank + 2 or len(of_recurrent) != rank + 2:
        raise ShapeError(
            "conv_lstm: x needs the axes batch, time, 1 to 3 spatial ones and channels; kernels one axis less",
            received=received,
        )
    filters = of_recurrent[-2]
    if differ(of_x[-1], of_kernel[-2]) or any(differ(k[-1], 4 * filters) for k in (of_kernel, of_recurrent)):
        raise ShapeError(
            "conv_lstm: x, kernel and recurrent_kernel do not fit together",
            received=received,
            hint="kernels are (*kernel_size, channels, 4 * filters) and (*kernel_size, filters, 4 * filters).",
        )
    check_choice("conv_lstm", "padding", padding, ("valid", "same"))
    per_axis("conv_lstm", "strides", strides, rank)
    per_axis("conv_lstm", "dilation_rate", dilation_rate, rank)
    state = (of_x[0], *_sizes(of_x[2:-1], of_kernel, strides, padding, dilation_rate), filters)
    wanted = {
        "bias": (bias, (4 * filters,)), "h": (h, state), "c": (c, state), "mask": (mask, of_x[:2]),
        "input_noise": (input_noise, (None, of_x[0], *of_x[2:])), "recurrent_noise": (recurrent_noise, (None, *state)),
    }  # fmt: skip
    for name, (value, sizes) in wanted.items():
        shape = shape_of(value)
        if value is not None and (
            len(shape) != len(sizes) or any(differ(a, b) for a, b in zip(shape, sizes, strict=True) if b is not None)
        ):
            raise ShapeError(f"conv_lstm: {name} must have the shape {sizes}", received=f"{name}: {value}, {received}")
    if mask is not None and dtype_of(mask) != "bool":
        raise DTypeError("conv_lstm: mask must be bool", received=f"mask: {mask}")
    check_choice("conv_lstm", "activation", activation, tuple(ACTIVATIONS))
    check_choice("conv_lstm", "recurrent_activation", recurrent_activation, tuple(ACTIVATIONS))


def _sizes(sizes: tuple[Any, ...], kernel: tuple[Any, ...], strides: Any, padding: str, rates: Any) -> list[Any]:
    """Sizes of the spatial axes after the convolution of the inputs."""
    rank = len(sizes)
    spans = [(n - 1) * rate + 1 for n, rate in zip(kernel, per_axis("conv_lstm", "rate", rates, rank), strict=False)]
    steps = per_axis("conv_lstm", "strides", strides, rank)
    return [window_count(*axis, padding) for axis in zip(sizes, spans, steps, strict=True)]


def _flops(x: Any, kernel: Any, recurrent_kernel: Any, *rest: Any) -> Any:
    shape, of_kernel = shape_of(x), shape_of(kernel)
    strides, padding, rates = rest[6:9]
    sizes = product(_sizes(shape[2:-1], of_kernel, strides, padding, rates))
    return 2 * shape[0] * shape[1] * sizes * (product(of_kernel) + product(shape_of(recurrent_kernel)))


@op(
    Trait.CONTRACTS,
    samples=[
        ("f32[b, t, 4, 4, 2]", "f32[2, 2, 2, 8]", "f32[2, 2, 2, 8]"),
        (
            "f32[2, 3, 5, 2]", "f32[2, 2, 4]", "f32[2, 1, 4]", "f32[4]", "f32[2, 5, 1]", "f32[2, 5, 1]", "bool[2, 3]",
            {"padding": "same", "go_backwards": True},
        ),
        (
            "f32[2, 3, 5, 5, 1]", "f32[3, 2, 1, 4]", "f32[3, 2, 1, 4]",
            {"strides": 2, "return_sequences": False, "input_noise": "f32[4, 2, 5, 5, 1]"},
        ),
        (
            "f32[2, 2, 5, 1]", "f32[3, 1, 4]", "f32[3, 1, 4]",
            {"dilation_rate": 2, "recurrent_noise": "f32[4, 2, 1, 1]", "activation": "softsign"},
        ),
        ("f32[1, 2, 3, 3, 3, 1]", "f32[2, 2, 2, 1, 4]", "f32[2, 2, 2, 1, 4]"),
    ],
    check=_check,
    flops=_flops,
)  # fmt: skip
def conv_lstm(
    x: Tensor,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None = None,
    h: Tensor | None = None,
    c: Tensor | None = None,
    mask: Tensor | None = None,
    input_noise: Tensor | None = None,
    recurrent_noise: Tensor | None = None,
    strides: int | tuple[int, ...] = 1,
    padding: str = "valid",
    dilation_rate: int | tuple[int, ...] = 1,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    return_sequences: bool = True,
    go_backwards: bool = False,
) -> tuple[Tensor, ...]:
    """LSTM whose products are convolutions (Shi et al. 2015), over all steps of a sequence of images.

    i, f, g, o = conv(x_t, kernel) + conv(h, recurrent_kernel) + bias, cut in four along the channels; then as `lstm`.

    Shapes: x (batch, time, *sizes, channels), kernel (*kernel_size, channels, 4 * filters), recurrent_kernel
    (*kernel_size, filters, 4 * filters), bias (4 * filters) give the hidden states (batch, time, *new sizes, filters),
    or the last one unless `return_sequences`, then the last h and c.  strides, padding and dilation_rate are those of
    the inputs' convolution; the hidden state's keeps its size.

    h, c, mask, go_backwards: as in `lstm`.  input_noise, recurrent_noise: factors on x and h in the convolutions, the
    same in every step, for all gates or for each: (1 or 4, batch, *sizes, channels or filters).
    """
    rank = kernel.ndim - 2
    steps = per_axis("conv_lstm", "strides", strides, rank)
    rates = per_axis("conv_lstm", "dilation_rate", dilation_rate, rank)

    def apply(x: Any, kernel: Any) -> Any:
        y = _conv(_merged(x), kernel, steps, padding.upper(), rates)
        return y.reshape((*x.shape[:2], *y.shape[1:]))

    entry = (apply, jnp.swapaxes(x, 0, 1), kernel, bias, input_noise)
    cell = lstm_cell(activation, recurrent_activation)
    loop = Loop(go_backwards, False, return_sequences)
    return sequence(
        "conv_lstm", cell, entry, _product(rank), recurrent_kernel, None, [h, c], mask, recurrent_noise, loop
    )

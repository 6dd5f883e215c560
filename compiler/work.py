"""How much work the steps of a program are: floating point operations, and functions that cost many of them.

The counts are those of XLA's own cost analysis (`compiled.cost_analysis()["flops"]`), so the two can be compared:
an addition is one operation, a multiplication and the addition behind it two, padding is not multiplied, and functions
such as `exp` are counted apart.  Operations on integers and booleans count as others do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .flat import Block, Shape, Step


@dataclass(frozen=True, slots=True)
class Work:
    """What one run of a step, or of a program, takes.

    Attributes:
        flops: operations.
        functions: calls of transcendental functions (`exp`, `log`, `tanh`, `rsqrt`, …), each many operations.
    """

    flops: int
    functions: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(self.flops + other.flops, self.functions + other.functions)

    def __mul__(self, times: int) -> Work:
        return Work(self.flops * times, self.functions * times)


def of(step: Step) -> Work:
    """The work of one run of a step, without that of its bodies."""
    name = step.primitive
    rule = _RULES.get(name)
    if rule is not None:
        return rule(step)
    size = max((spec.size for spec in step.result_specs), default=0)
    if name in _MOVES or step.bodies:
        return Work(0)
    flops, functions = _EACH.get(name, (1, 0))
    return Work(flops * size, functions * size)


def total(block: Block) -> Work:
    """The work of a program; loops as often as they run, once where only the data tell."""
    flops = functions = 0
    for step, times in block.walk():
        one = of(step)
        flops, functions = flops + one.flops * times, functions + one.functions * times
    return Work(flops, functions)


def moves(name: str) -> bool:
    """Whether a primitive computes nothing."""
    return name in _MOVES


_MOVES = frozenset(
    "reshape squeeze expand_dims broadcast_in_dim transpose rev tile slice concatenate stack split pad copy copy_p "
    "iota dynamic_slice dynamic_update_slice gather scatter bitcast_convert_type convert_element_type stop_gradient "
    "optimization_barrier random_seed random_wrap random_unwrap random_split platform_index empty empty2 device_put "
    "create_token symbolic_zeros".split()
)
_EACH: dict[str, tuple[int, int]] = {
    **dict.fromkeys(
        "exp exp2 expm1 log log1p tanh sin cos tan sqrt rsqrt cbrt pow atan2 sinh cosh asin acos atan asinh acosh "
        "atanh".split(),
        (0, 1),
    ),
    "logistic": (3, 1),
    "erf": (20, 0),
    "erfc": (40, 1),
    "erf_inv": (30, 2),
    "lgamma": (60, 3),
    "digamma": (60, 2),
    "igamma": (400, 4),
    "igammac": (400, 4),
    "random_gamma": (400, 6),
}
"""Operations and transcendental functions of one element; what is not here is one operation."""


def _dot(step: Step) -> Work:
    (contracted, _), _ = step.params["dimension_numbers"]
    shape: Shape = step.operand_specs[0].shape
    inner = math.prod([shape[int(axis)] for axis in contracted])
    return Work(2 * step.result_specs[0].size * inner)


def _conv(step: Step) -> Work:
    p, x, kernel = step.params, step.operand_specs[0].shape, step.operand_specs[1].shape
    numbers = p["dimension_numbers"]
    features = kernel[int(numbers.rhs_spec[1])]
    result = step.result_specs[0].shape
    pairs = 1
    for axis, (lhs, rhs, out) in enumerate(
        zip(numbers.lhs_spec[2:], numbers.rhs_spec[2:], numbers.out_spec[2:], strict=True)
    ):
        pairs *= met(
            x[int(lhs)],
            kernel[int(rhs)],
            result[int(out)],
            p["window_strides"][axis],
            p["padding"][axis][0],
            p["lhs_dilation"][axis],
            p["rhs_dilation"][axis],
        )
    batch = x[int(numbers.lhs_spec[0])] // int(p["batch_group_count"])
    return Work(2 * batch * pairs * features * kernel[int(numbers.rhs_spec[0])])


def met(size: int, window: int, positions: int, stride: int, before: int, dilation: int, rate: int) -> int:
    """How many pairs of a window's position and an element of it meet an element of the axis, and no padding."""
    last, count = (size - 1) * dilation, 0
    for element in range(window):
        shift = element * rate - before
        if dilation == 1:
            first = max(0, -(shift // stride))
            final = min(positions - 1, (last - shift) // stride)
            count += max(0, final - first + 1)
            continue
        places = (position * stride + shift for position in range(positions))
        count += sum(1 for place in places if 0 <= place <= last and place % dilation == 0)
    return count


def _reduce(step: Step) -> Work:
    taken = sum(spec.size for spec in step.operand_specs)
    return Work(max(taken - sum(spec.size for spec in step.result_specs), 0))


def _arg_reduce(step: Step) -> Work:
    return Work(3 * _reduce(step).flops)


def _window(step: Step) -> Work:
    window = math.prod(step.params["window_dimensions"])
    return Work(step.result_specs[0].size * (window - 1))


def _select_and_scatter(step: Step) -> Work:
    window = math.prod(step.params["window_dimensions"])
    return Work(step.operand_specs[0].size * window)


def _scan_axis(step: Step) -> Work:
    spec = step.operand_specs[0]
    length = spec.shape[int(step.params["axis"])]
    return Work(spec.size * max(1, math.ceil(math.log2(max(length, 2)))))


def _sort(step: Step) -> Work:
    spec = step.operand_specs[0]
    axis = int(step.params.get("dimension", -1))
    return Work(spec.size * max(1, math.ceil(math.log2(max(spec.shape[axis], 2)))))


def _scatter(step: Step) -> Work:
    return Work(step.operand_specs[2].size)


def _random(step: Step) -> Work:
    """Threefry: five rounds of four mixings and a key injection, for two numbers of 32 bits at a time."""
    return Work(45 * sum(spec.size for spec in step.result_specs))


def _power(step: Step) -> Work:
    exponent = abs(int(step.params["y"]))
    multiplications = max(exponent.bit_length() - 1 + exponent.bit_count() - 1, 0)
    return Work(step.result_specs[0].size * (multiplications + (int(step.params["y"]) < 0)))


def _fft(step: Step) -> Work:
    length = math.prod(step.params["fft_lengths"])
    return Work(int(5 * step.result_specs[0].size * math.log2(max(length, 2))))


def _cholesky(step: Step) -> Work:
    shape = step.operand_specs[0].shape
    return Work(step.operand_specs[0].size * shape[-1] // 3)


def _solve(step: Step) -> Work:
    return Work(step.operand_specs[1].size * step.operand_specs[0].shape[-1])


_RULES: dict[str, Callable[[Step], Work]] = {
    "dot_general": _dot,
    "conv_general_dilated": _conv,
    **dict.fromkeys(("reduce_sum", "reduce_max", "reduce_min", "reduce_prod"), _reduce),
    **dict.fromkeys(("reduce_and", "reduce_or", "reduce_xor", "reduce"), _reduce),
    **dict.fromkeys(("argmax", "argmin"), _arg_reduce),
    **dict.fromkeys(("reduce_window_sum", "reduce_window_max", "reduce_window_min", "reduce_window"), _window),
    **dict.fromkeys(("select_and_scatter_add", "select_and_gather_add"), _select_and_scatter),
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"), _scan_axis),
    **dict.fromkeys(("sort", "top_k"), _sort),
    **dict.fromkeys(("scatter-add", "scatter-sub", "scatter-mul", "scatter-min", "scatter-max"), _scatter),
    **dict.fromkeys(("random_bits", "random_fold_in", "threefry2x32"), _random),
    "integer_pow": _power,
    "fft": _fft,
    "cholesky": _cholesky,
    "triangular_solve": _solve,
}

"""JAX's primitives as ops `lax.<name>`: the closed table of what a `call` that mixes in `jax.numpy` may use.

These are imported only, never called by layers; what has an op of ours arrives as that op (`jaxpr.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jax import lax
from jax.extend.core import primitives as p
from jax.scipy import special

from .. import (
    extern as extern,  # registers its op with the table
    interpret,
)
from ..lax_codec import (
    CONV,
    DTYPE,
    FFT_TYPE,
    GATHER,
    MODE,
    PLAIN,
    PRECISION,
    ROUNDING,
    ROWS,
    SCATTER,
    bound,
    primitive,
    with_many,
)
from ..op import Sample, Tensor, Trait, op

_jax: Any = jax  # whose annotations are in part unknown to pyright
_F: list[Sample] = [("f32[b, 3]",)]
_EACH = Trait.ELEMENTWISE
_OPTIONAL = (PLAIN, None)

# Elementwise, of one operand.
_UNARY = (
    "abs acos asin asinh atan atanh bessel_i0e bessel_i1e cbrt ceil cos cosh digamma erf erf_inv erfc exp exp2 expm1 "
    "floor is_finite lgamma log log1p logistic neg rsqrt sign sin sinh sqrt square tan tanh"
)
for _name in _UNARY.split():
    primitive(_name, "x", getattr(lax, _name), _EACH, _F)
primitive("acosh", "x", lax.acosh, _EACH, [("f32[b, 0]",)])
primitive("copy", "x", bound(lax.copy_p), _EACH, _F)
primitive("not", "x", lax.bitwise_not, _EACH, [("bool[b, 3]",), ("i32[3]",)])
for _name in ("clz", "population_count"):
    primitive(_name, "x", getattr(lax, _name), _EACH, [("i32[b, 3]",)])
primitive("real", "x", lax.real, _EACH, [("c64[b, 3]",)])
primitive("imag", "x", lax.imag, _EACH, [("c64[b, 3]",)])
primitive("conj", "x", bound(p.conj_p), _EACH, [("c64[b, 3]", "complex64")], {"input_dtype": DTYPE})
primitive("round", "x", lax.round, _EACH, [("bf16[b, 3]",)], {"rounding_method": (ROUNDING, "AWAY_FROM_ZERO")})
primitive("integer_pow", "x", lax.integer_pow, _EACH, [("f32[b, 3]", 3), ("f32[3]", -1)], {"y": PLAIN})
primitive(
    "reduce_precision",
    "x",
    lax.reduce_precision,
    _EACH,
    [("bf16[b, 3]", 5, 4)],
    {"exponent_bits": PLAIN, "mantissa_bits": PLAIN},
)
primitive(
    "convert_element_type",
    "x",
    bound(p.convert_element_type_p, sharding=None),
    _EACH,
    [("bf16[b, 3]", "float32"), ("i32[3]", "float32"), ("f32[3]", "float32", True)],
    {"new_dtype": DTYPE, "weak_type": (PLAIN, False)},
)
primitive("bitcast_convert_type", "x", lax.bitcast_convert_type, _EACH, [("f32[b, 3]", "int32")], {"new_dtype": DTYPE})

# Elementwise, of more operands: of one shape, or numbers.
_BOTH: list[Sample] = [("f32[b, 3]", "f32[b, 3]"), ("f32[b, 3]", 2.0), ("bf16[3]", 0.5)]
_BINARY = {
    "add": lax.add,
    "sub": lax.sub,
    "mul": lax.mul,
    "div": lax.div,
    "pow": lax.pow,
    "max": lax.max,
    "min": lax.min,
    "atan2": lax.atan2,
    "eq": lax.eq,
    "ne": lax.ne,
    "lt": lax.lt,
    "le": lax.le,
    "gt": lax.gt,
    "ge": lax.ge,
    "lt_to": bound(p.lt_to_p),
    "le_to": bound(p.le_to_p),
}
for _name, _function in _BINARY.items():
    _commutes = _EACH | Trait.COMMUTATIVE if _name in ("add", "mul", "max", "min", "eq", "ne") else _EACH
    primitive(_name, "x:T y:T", _function, _commutes, _BOTH if _name in ("add", "mul", "lt") else _BOTH[:1])
ROWS["add_any"] = ROWS["add"]  # what a gradient taken inside `call` adds with
primitive("rem", "x:T y:T", lax.rem, _EACH, [("f32[b, 3]", 2.0), ("i32[3]", "i32[3]")])
primitive("nextafter", "x:T y:T", lax.nextafter, _EACH, [("bf16[b, 3]", "bf16[b, 3]")])
primitive("complex", "x:T y:T", lax.complex, _EACH, [("f32[b, 3]", "f32[b, 3]")])
primitive("igamma", "a:T x:T", lax.igamma, _EACH, _BOTH[:1])
primitive("igammac", "a:T x:T", lax.igammac, _EACH, _BOTH[:1])
for _name, _function in {"and": lax.bitwise_and, "or": lax.bitwise_or, "xor": lax.bitwise_xor}.items():
    primitive(_name, "x:T y:T", _function, _EACH | Trait.COMMUTATIVE, [("bool[b, 3]", "bool[b, 3]"), ("u32[3]", 7)])
for _name in ("shift_left", "shift_right_logical", "shift_right_arithmetic"):
    primitive(_name, "x:T y:T", getattr(lax, _name), _EACH, [("u32[b, 3]", 9), ("i32[3]", "i32[3]")])
primitive("clamp", "min:T x:T max:T", lax.clamp, _EACH, [(0.3, "f32[b, 3]", 0.7), ("f32[3]", "f32[3]", "f32[3]")])
primitive(
    "select_n",
    "which *cases:T",
    lax.select_n,
    _EACH,
    [("bool[b, 3]", ["f32[b, 3]", "f32[b, 3]"]), ("i32[3]", ["f32[3]", "f32[3]", "f32[3]"])],
)
primitive(
    "optimization_barrier", "*xs", with_many(_jax.lax.optimization_barrier), Trait.MOVES, [(["f32[b, 3]", "i32[2]"],)]
)

# Reductions and scans of an axis.
for _name in ("reduce_sum", "reduce_max", "reduce_min", "reduce_prod"):
    primitive(
        _name, "x", getattr(lax, _name), Trait.REDUCES, [("f32[b, 4, 3]", (1,)), ("f32[b, 3]", (0, 1))], {"axes": PLAIN}
    )
for _name in ("reduce_and", "reduce_or", "reduce_xor"):
    primitive(_name, "x", getattr(lax, _name), Trait.REDUCES, [("bool[b, 3]", (1,))], {"axes": PLAIN})
for _name, _made in {"argmax": p.argmax_p, "argmin": p.argmin_p}.items():
    primitive(
        _name, "x", bound(_made), Trait.REDUCES, [("f32[b, 3]", (1,), "int32")], {"axes": PLAIN, "index_dtype": DTYPE}
    )
for _name in ("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"):
    primitive(
        _name,
        "x",
        getattr(lax, _name),
        Trait.REDUCES,
        [("f32[b, 3]", 1), ("f32[t, 3]", 0, True)],
        {"axis": PLAIN, "reverse": (PLAIN, False)},
    )
primitive(
    "sort",
    "*xs",
    bound(p.sort_p),
    Trait.MOVES,
    [(["f32[b, 3]"], 1), (["f32[b, 3]", "i32[b, 3]"], 1, True, 1)],
    {"dimension": PLAIN, "is_stable": (PLAIN, True), "num_keys": (PLAIN, 1)},
)
primitive("top_k", "x", lax.top_k, Trait.MOVES, [("f32[b, 5]", 2, 1)], {"k": PLAIN, "axis": PLAIN})

# Shapes.
primitive(
    "iota",
    "",
    bound(p.iota_p, sharding=None),
    Trait.CREATES,
    [("int32", ("$b", 3), 1), ("float32", (4,), 0)],
    {"dtype": DTYPE, "shape": PLAIN, "dimension": PLAIN},
)
primitive(
    "broadcast_in_dim",
    "x",
    bound(p.broadcast_in_dim_p, sharding=None),
    Trait.MOVES,
    [("f32[3]", (2, 3), (1,)), ("f32[b, 1]", ("$b", 4), (0, 1))],
    {"shape": PLAIN, "broadcast_dimensions": PLAIN},
)
primitive(
    "reshape",
    "x",
    bound(p.reshape_p, dimensions=None, sharding=None),
    Trait.MOVES,
    [("f32[b, 4, 3]", ("$b", 12)), ("f32[b, t]", ("$b*t",))],
    {"new_sizes": PLAIN},
)
primitive("transpose", "x", lax.transpose, Trait.MOVES, [("f32[b, 4, 3]", (2, 0, 1))], {"permutation": PLAIN})
primitive("squeeze", "x", lax.squeeze, Trait.MOVES, [("f32[b, 1, 3]", (1,))], {"dimensions": PLAIN})
primitive("rev", "x", lax.rev, Trait.MOVES, [("f32[b, 3]", (1,))], {"dimensions": PLAIN})
primitive("tile", "x", lax.tile, Trait.MOVES, [("f32[b, 3]", (1, 2))], {"reps": PLAIN})
primitive(
    "slice",
    "x",
    lax.slice,
    Trait.MOVES,
    [("f32[b, 5]", (0, 1), ("$b", 4)), ("f32[b, 5]", (0, 0), ("$b", 5), (1, 2))],
    {"start_indices": PLAIN, "limit_indices": PLAIN, "strides": _OPTIONAL},
)
primitive(
    "concatenate",
    "*xs",
    with_many(lax.concatenate),
    Trait.MOVES,
    [(["f32[b, 3]", "f32[b, 2]"], 1)],
    {"dimension": PLAIN},
)
primitive("stack", "*xs", with_many(lax.stack), Trait.MOVES, [(["f32[b, 3]", "f32[b, 3]"], 1)], {"axis": PLAIN})
primitive("split", "x", lax.split, Trait.MOVES, [("f32[b, 5]", (2, 3), 1)], {"sizes": PLAIN, "axis": PLAIN})
primitive(
    "pad",
    "x:T padding_value:T",
    lax.pad,
    Trait.MOVES,
    [("f32[b, 3]", 0.0, ((0, 0, 0), (1, 2, 1))), ("bf16[3]", 1.0, ((-1, 0, 0),))],
    {"padding_config": PLAIN},
)

# Indexing.
primitive(
    "dynamic_slice",
    "x *starts",
    bound(p.dynamic_slice_p),
    Trait.MOVES,
    [("f32[b, 4]", [0, "i32[]"], ("$b", 2))],
    {"slice_sizes": PLAIN},
)
primitive(
    "dynamic_update_slice",
    "x:T update:T *starts",
    bound(p.dynamic_update_slice_p),
    Trait.MOVES,
    [("f32[b, 4]", "f32[b, 2]", [0, "i32[]"])],
)
_FLAGS: Mapping[str, Any] = {
    "mode": (MODE, "PROMISE_IN_BOUNDS"),
    "indices_are_sorted": (PLAIN, False),
    "unique_indices": (PLAIN, False),
}
primitive(
    "gather",
    "x indices",
    bound(p.gather_p),
    Trait.MOVES,
    [
        ("f32[b, 4]", "i32[5, 1]", ((0,), (1,), (1,), (), ()), ("$b", 1)),
        ("f32[b, 4]", "i32[5, 1]", ((0,), (1,), (1,), (), ()), ("$b", 1), {"mode": "FILL_OR_DROP", "fill_value": 0.0}),
    ],
    {"dimension_numbers": GATHER, "slice_sizes": PLAIN, "fill_value": _OPTIONAL, **_FLAGS},
)
_SCATTERS = {
    "scatter": lax.scatter,
    "scatter-add": lax.scatter_add,
    "scatter-mul": lax.scatter_mul,
    "scatter-min": lax.scatter_min,
    "scatter-max": lax.scatter_max,
    "scatter-sub": lax.scatter_sub,
}
for _name, _function in _SCATTERS.items():
    primitive(
        _name,
        "x:T indices updates:T",
        _function,
        Trait.MOVES,
        [("f32[4, b]", "i32[1]", "f32[b]", ((0,), (0,), (0,), (), ()), {"mode": "CLIP", "unique_indices": True})],
        {"dimension_numbers": SCATTER, **_FLAGS},
        ignored=("update_jaxpr", "update_consts"),
    )


# Products.
def _dot_flops(x: Any, y: Any, dimension_numbers: Any, precision: Any, preferred_element_type: Any) -> Any:
    (_, contracted), (_, batch) = dimension_numbers
    free = math.prod(size for axis, size in enumerate(y.shape) if axis not in {*contracted, *batch})
    return 2 * math.prod(x.shape) * free


def _conv_flops(x: Any, kernel: Any, *static: Any) -> Any:
    numbers = static[4]
    (batch, _, *space), (outputs, inputs, *window), _ = numbers
    # Every position of the input counts once: exact for stride 1 and "same" padding.
    positions = x.shape[batch] * math.prod(x.shape[axis] for axis in space)
    each = kernel.shape[outputs] * kernel.shape[inputs] * math.prod(kernel.shape[axis] for axis in window)
    return 2 * positions * each // (math.prod(static[0]) or 1)


primitive(
    "dot_general",
    "x y",
    bound(p.dot_general_p, out_sharding=None),
    Trait.CONTRACTS,
    [
        ("f32[b, 4, 3]", "f32[3, 5]", (((2,), (0,)), ((), ()))),
        ("f32[b, 4]", "f32[b, 4]", (((1,), (1,)), ((0,), (0,))), "HIGHEST"),
    ],
    {"dimension_numbers": PLAIN, "precision": (PRECISION, None), "preferred_element_type": (DTYPE, None)},
    flops=_dot_flops,
)
primitive(
    "conv_general_dilated",
    "x kernel",
    lax.conv_general_dilated,
    Trait.CONTRACTS,
    [("f32[b, 5, 3]", "f32[2, 3, 4]", (1,), ((0, 1),), (1,), (1,), ((0, 2, 1), (2, 1, 0), (0, 2, 1)), 1)],
    {
        "window_strides": PLAIN,
        "padding": PLAIN,
        "lhs_dilation": PLAIN,
        "rhs_dilation": PLAIN,
        "dimension_numbers": CONV,
        "feature_group_count": PLAIN,
        "batch_group_count": (PLAIN, 1),
        "precision": (PRECISION, None),
        "preferred_element_type": (DTYPE, None),
    },
    flops=_conv_flops,
)
for _name, _made in {
    "reduce_window_sum": p.reduce_window_sum_p,
    "reduce_window_max": p.reduce_window_max_p,
    "reduce_window_min": p.reduce_window_min_p,
}.items():
    primitive(
        _name,
        "x",
        bound(_made),
        Trait.REDUCES,
        [("f32[b, 6]", (1, 2), (1, 2), ((0, 0), (0, 0)), (1, 1), (1, 1))],
        dict.fromkeys(("window_dimensions", "window_strides", "padding", "base_dilation", "window_dilation"), PLAIN),
    )
primitive(
    "fft",
    "x",
    lax.fft,
    Trait.REDUCES,
    [("c64[b, 8]", "FFT", (8,)), ("f32[b, 8]", "RFFT", (8,))],
    {"fft_type": FFT_TYPE, "fft_lengths": PLAIN},
)
primitive("cholesky", "x", bound(p.cholesky_p), Trait.REDUCES, [("f32[b, 1, 1]",)])
primitive(
    "triangular_solve",
    "a b",
    bound(p.triangular_solve_p),
    Trait.REDUCES,
    [("f32[b, 1, 1]", "f32[b, 1, 2]", True, True, False, False, False)],
    dict.fromkeys(("left_side", "lower", "transpose_a", "conjugate_a", "unit_diagonal"), PLAIN),
)

# Randomness, by keys of JAX's default generator.
_KEY = Trait.RANDOM
primitive("random_seed", "seed", jax.random.key, _KEY, [("i32[]",)], ignored=("impl",))
primitive("random_wrap", "data", jax.random.wrap_key_data, _KEY, [("u32[2]",)], ignored=("impl",))
primitive("random_unwrap", "key", jax.random.key_data, _KEY, [("key[]",)])
primitive("random_split", "key", bound(p.random_split_p), _KEY, [("key[]", (2,)), ("key[]", (2, 3))], {"shape": PLAIN})
primitive("random_fold_in", "key data:uint32", bound(p.random_fold_in_p), _KEY, [("key[]", 3), ("key[]", "u32[]")])
primitive(
    "random_bits",
    "key",
    bound(p.random_bits_p),
    _KEY,
    [("key[]", 32, (2, 3)), ("key[]", 8, ("$b",))],
    {"bit_width": PLAIN, "shape": PLAIN},
)
primitive("random_gamma", "key a", bound(p.random_gamma_p), _KEY, [("key[]", "f32[3]", True)], {"log_space": PLAIN})

# JAX's own functions that carry a gradient rule (`extern.py` finds them by name).
for _name, _function in {
    "logaddexp": jax.numpy.logaddexp,
    "logaddexp2": jax.numpy.logaddexp2,
    "xlogy": special.xlogy,
    "xlog1py": special.xlog1py,
}.items():
    primitive(_name, "x:T y:T", _function, _EACH, _BOTH[:1])
for _name, _function in {"logit": special.logit, "log1mexp": jax.nn.log1mexp, "i0": jax.numpy.i0}.items():
    primitive(_name, "x", _function, _EACH, _F)
primitive("det", "x", jax.numpy.linalg.det, Trait.REDUCES, [("f32[b, 2, 2]",)])


@op(
    Trait.IMPORTED | Trait.CONTROL,
    samples=[(["f32[b, 3]"], "graph @body(%x: f32[b, 3]) -> (f32[b, 3]) {\n  %0: f32[b, 3] = sin(%x)\n  return %0\n}")],
    name="lax.checkpoint",
)
def checkpoint(operands: Sequence[Tensor], body: Any, prevent_cse: bool = True) -> tuple[Tensor, ...]:
    """A graph of the operands whose intermediate results are computed again for the gradient (`jax.checkpoint`)."""

    def run(*arrays: Any) -> list[Any]:
        return interpret.evaluate(body, arrays)[0]

    return tuple(_jax.checkpoint(run, prevent_cse=prevent_cse)(*operands))

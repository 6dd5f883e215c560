"""Calls of ops that have a namesake in Keras: what `record_keras.py` records, and `test_keras.py` compares.

Inputs come from a seed and the points where functions bend; results and gradients are those of Keras 3.15.1 on JAX.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

BENDS = np.array([-1000, -90, -8, -6, -3, -1, -0.5, -0.0, 0, 0.5, 1, 3, 6, 8, 90, 1000], "float32")
_random = np.random.default_rng(7)


def normal(*shape: int, spread: float = 1.0, shift: float = 0.0) -> np.ndarray:
    return (_random.normal(size=shape) * spread + shift).astype("float32")


def uniform(*shape: int) -> np.ndarray:
    return _random.uniform(0.05, 0.95, shape).astype("float32")


def whole(*shape: int, low: int = -3, high: int = 4, dtype: str = "int32") -> np.ndarray:
    return _random.integers(low, high, shape).astype(dtype)


Row = tuple[str, list[Any], dict[str, Any]]
CASES: dict[str, Row] = {}


def case(op: str, *args: Any, **attrs: Any) -> None:
    """`keras.ops.<op>(*args, **attrs)`; arrays among the arguments are tensors."""
    count = sum(1 for key in CASES if key.partition("/")[0] == op)
    CASES[f"{op}/{count}"] = (op, list(args), attrs)


ROWS = normal(3, 4)
DTYPES = {
    "float32": normal(4),
    "bfloat16": normal(4).astype(ml_dtypes.bfloat16),
    "float16": normal(4).astype("float16"),
    "int32": np.array([-2, 0, 1, 3], "int32"),
    "int8": np.array([-2, 0, 1, 3], "int8"),
    "uint8": np.array([2, 0, 1, 3], "uint8"),
    "bool": np.array([True, False, True, False]),
}

_UNARY = (
    "negative absolute sign exp expm1 sin cos tanh square floor ceil round isnan isfinite erf "
    "relu relu6 sigmoid softplus softsign elu selu gelu silu leaky_relu hard_sigmoid hard_silu mish log_sigmoid"
)
for _name in _UNARY.split():
    case(_name, BENDS)
    case(_name, DTYPES["bfloat16"])
    if _name not in ("erf", "sigmoid", "silu"):  # Keras and kgc refuse integers there
        case(_name, DTYPES["int32"])
for _name in "log log1p sqrt rsqrt reciprocal".split():
    case(_name, np.array([1e-30, 1e-3, 0.5, 1, 2, 1e3, 1e30], "float32"))
    if _name != "rsqrt":
        case(_name, DTYPES["int32"][2:])
case("round", np.array([0.5, 1.5, 2.5, -0.5, 2.345], "float32"), decimals=1)
case("elu", BENDS, alpha=0.3)
case("gelu", BENDS, approximate=False)
case("leaky_relu", BENDS, negative_slope=0.4)
case("logical_not", DTYPES["bool"])
case("stop_gradient", ROWS)

_BINARY = "add subtract multiply divide maximum minimum"
_PAIRS = [
    ("float32", "bfloat16"), ("bfloat16", "float16"), ("int32", "float32"), ("int8", "uint8"),
    ("int32", "bool"), ("bool", "bfloat16"), ("int32", "bfloat16"),
]  # fmt: skip
for _name in _BINARY.split():
    case(_name, ROWS, ROWS[0] + 0.5)
    for _left, _right in _PAIRS:
        case(
            _name, DTYPES[_left], DTYPES[_right] if _name != "divide" else DTYPES[_right] + DTYPES[_right].dtype.type(1)
        )
    for _dtype in ("bfloat16", "int32", "uint8"):
        case(_name, DTYPES[_dtype], 2)
        case(_name, DTYPES[_dtype], 2.5)
for _name in ("floor_divide", "mod", "power"):
    case(_name, np.array([-7, -2, 3, 7.5], "float32"), np.array([2, -3, 2, 0.5], "float32"))
    case(_name, np.array([-7, -2, 3, 7], "int32"), np.array([2, 3, 2, 1], "int32"))
    case(_name, DTYPES["bfloat16"] + ml_dtypes.bfloat16(4), 2)
    case(_name, DTYPES["int32"], 2.5)
for _name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
    case(_name, DTYPES["int32"], DTYPES["float32"])
    case(_name, np.array([1.0, np.nan, 2.0], "float32"), np.array([1.0, np.nan, 3.0], "float32"))
for _name in ("logical_and", "logical_or", "logical_xor"):
    case(_name, DTYPES["bool"], np.array([True, True, False, False]))
    case(_name, DTYPES["int32"], DTYPES["bool"])
case("maximum", np.zeros(3, "float32"), np.zeros(3, "float32"))
case("where", DTYPES["bool"], DTYPES["float32"], 0.0)
case("where", DTYPES["bool"], DTYPES["bfloat16"], DTYPES["int32"])
case("clip", BENDS, -1.0, 6.0)
case("clip", DTYPES["int32"], 0, 2)
case("clip", DTYPES["bfloat16"], -0.5, 0.5)
for _dtype in ("int32", "bfloat16", "bool", "uint8"):
    case("cast", np.array([0.0, 0.6, 1.5, 3.9], "float32"), dtype=_dtype)

for _name in ("sum", "mean", "max", "min", "prod", "var", "std", "logsumexp"):
    case(_name, ROWS)
    case(_name, normal(2, 3, 4), axis=(0, -1), keepdims=True)
    case(_name, DTYPES["bfloat16"], axis=0)
    case(_name, normal(2, 200, shift=1000.0).astype("float16"), axis=1)
for _name in ("sum", "mean", "max", "prod", "var"):
    case(_name, DTYPES["int8"])
    case(_name, DTYPES["int32"])
for _name in ("sum", "mean"):
    case(_name, DTYPES["bool"])
case("max", np.array([1, 2, 2, 0], "float32"))
for _name in ("any", "all"):
    case(_name, np.array([[True, False], [True, True]]), axis=1)
    case(_name, DTYPES["int32"], keepdims=True)
for _name in ("argmax", "argmin"):
    case(_name, ROWS, axis=-1)
    case(_name, ROWS)
    case(_name, np.array([[1, 3, 3], [2, 2, 0]], "float32"), axis=1, keepdims=True)
case("cumsum", ROWS, axis=1)
case("cumsum", ROWS)
case("cumsum", DTYPES["int8"])
for _name in ("softmax", "log_softmax"):
    case(_name, ROWS)
    case(_name, normal(2, 3, 4, spread=30.0), axis=1)
    case(_name, DTYPES["bfloat16"])

case("matmul", normal(2, 3, 4), normal(4, 5))
case("matmul", normal(3, 4), normal(4))
case("matmul", DTYPES["int8"].reshape(2, 2), DTYPES["int8"].reshape(2, 2))
case("matmul", normal(3, 4), normal(4, 2).astype(ml_dtypes.bfloat16))
case("matmul", whole(2, 3), normal(3, 2))
case("einsum", "bthd,bshd->bhts", normal(2, 3, 2, 4), normal(2, 5, 2, 4))

for _padding in ("valid", "same"):
    case("conv", normal(2, 7, 8, 4), normal(3, 2, 4, 6), strides=2, padding=_padding, data_format="channels_last")
    case("conv", normal(2, 9, 4), normal(3, 2, 6), padding=_padding, data_format="channels_last", dilation_rate=2)
    for _name in ("max_pool", "average_pool"):
        case(_name, normal(2, 5, 4, 2), (2, 2), (2, 2), padding=_padding, data_format="channels_last")
        case(_name, normal(2, 7, 5, 2).round(), (3, 2), (2, 2), padding=_padding, data_format="channels_last")
        case(_name, normal(2, 9, 3).round(), (3,), strides=(1,), padding=_padding, data_format="channels_last")
        case(
            _name,
            np.zeros((1, 5, 5, 1), "float32"),
            (3, 3),
            strides=(1, 1),
            padding=_padding,
            data_format="channels_last",
        )
case("conv", normal(1, 9, 9, 2), normal(3, 3, 2, 2), strides=2, dilation_rate=2, data_format="channels_last")
case("conv", whole(1, 5, 5, 2), normal(3, 3, 2, 2), data_format="channels_last")
case("conv", normal(1, 3, 6, 5), normal(3, 3, 3, 2), data_format="channels_first", padding="same")
case("max_pool", normal(1, 3, 6, 5), (2, 2), (2, 2), data_format="channels_first")
case(
    "average_pool", normal(1, 4, 4, 4, 2).astype(ml_dtypes.bfloat16), (2, 2, 2), (2, 2, 2), data_format="channels_last"
)

_MEAN, _VARIANCE, _OFFSET, _SCALE = normal(4), uniform(4), normal(4), uniform(4)
case("batch_normalization", normal(3, 5, 4), _MEAN, _VARIANCE, -1, _OFFSET, _SCALE)
case("batch_normalization", normal(3, 4, 5), _MEAN, _VARIANCE, 1, None, _SCALE, epsilon=1e-2)
case("batch_normalization", normal(3, 4, shift=1e4), _MEAN + np.float32(1e4), _VARIANCE, 1, _OFFSET)
case("batch_normalization", normal(3, 4).astype(ml_dtypes.bfloat16), _MEAN, _VARIANCE, 1)
case("moments", normal(8, 5), 0)
case("moments", normal(64, 3, shift=1e3), (0,), keepdims=True)
case("moments", normal(64, 3, spread=100.0, shift=500.0).astype("float16"), [0])

case("reshape", ROWS, (2, -1))
case("transpose", normal(2, 3, 4), (0, 2, 1))
case("transpose", normal(2, 3))
case("concatenate", [normal(2, 3), normal(2, 1)], axis=-1)
case("concatenate", [DTYPES["int32"], DTYPES["bfloat16"]])
case("stack", [normal(2), normal(2)], axis=1)
case("squeeze", normal(2, 1, 1))
case("squeeze", normal(2, 1, 1), 1)
case("expand_dims", normal(2, 3), (0, 2))
case("broadcast_to", normal(3, 1), (2, 3, 4))
case("pad", ROWS, ((1, 0), (0, 2)))
case("pad", ROWS, 1, constant_values=2.0)
case("pad", ROWS, ((1, 1), (2, 0)), mode="reflect")
case("pad", ROWS, ((1, 1), (2, 0)), mode="symmetric")
case("flip", ROWS, 1)
case("tile", ROWS, (2, 1))
case("repeat", ROWS, 2, axis=1)
case("repeat", ROWS, 2)
case("split", normal(2, 6), 3, axis=1)
case("split", normal(2, 6), (1, 4), axis=-1)
case("take", ROWS, np.array([[0, -1], [2, 1]], "int32"), axis=0)
case("take", ROWS, np.array([7, -2, 0], "int32"))
case("take", ROWS, np.array([0, 9], "int32"), axis=1)
case("take_along_axis", ROWS, np.array([[0], [3], [-1]], "int32"), axis=1)
case("one_hot", np.array([0, 2, -1, 5], "int32"), 3)
case("one_hot", np.array([[0, 2]], "int32"), 3, axis=1)
case("arange", 5)
case("arange", 1, 7, 2)
case("arange", 0.0, 1.0, 0.25)
case("arange", 1, 4, dtype="float32")
case("full", (2, 3), 1.5)
case("eye", 3, 4, 1)

_PROBABILITIES = uniform(4, 3)
_SURE = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5], [2.0, 1.0, 1.0]], "float32")
_ONE_HOT = np.eye(3, dtype="float32")[[0, 2, 1, 1]]
_CLASSES = np.array([0, 2, 1, 1], "int32")
for _logits in (False, True):
    case("categorical_crossentropy", _ONE_HOT, _PROBABILITIES, from_logits=_logits)
    case("categorical_crossentropy", _ONE_HOT, _SURE, from_logits=_logits)
    case("categorical_crossentropy", uniform(2, 3, 2), uniform(2, 3, 2), from_logits=_logits, axis=1)
    case("sparse_categorical_crossentropy", _CLASSES, _PROBABILITIES, from_logits=_logits)
    case("sparse_categorical_crossentropy", _CLASSES[:, None], _SURE, from_logits=_logits)
    case("sparse_categorical_crossentropy", np.array([0, 3, -1, 1], "int32"), _PROBABILITIES, from_logits=_logits)
    case("sparse_categorical_crossentropy", whole(2, 4, low=0, high=3), uniform(2, 4, 3), from_logits=_logits)
    case("binary_crossentropy", np.array([[0, 1, 0.3]], "float32"), uniform(1, 3), from_logits=_logits)
    case(
        "binary_crossentropy", np.array([0, 1, 1, 0], "float32"), np.array([0, 1, 0, 1], "float32"), from_logits=_logits
    )
case("binary_crossentropy", np.ones(len(BENDS), "float32"), BENDS, from_logits=True)
case("categorical_crossentropy", _ONE_HOT, _PROBABILITIES * 40 - 20, from_logits=True)
case("categorical_crossentropy", _ONE_HOT, _PROBABILITIES.astype(ml_dtypes.bfloat16))
case("binary_crossentropy", np.array([0, 1, 1], "float32"), np.array([0, 0.5, 1], ml_dtypes.bfloat16))


OPS = sorted({op for op, _, _ in CASES.values()})


def prepared(function: Any, args: list[Any], attrs: dict[str, Any]) -> tuple[Any, list[Any]]:
    """A function from arrays to outputs and gradients by name, and the arrays to call it with.

    Gradients are those of the weighted sum of the outputs with respect to the floating point arrays.
    """
    leaves, structure = jax.tree.flatten(args, is_leaf=lambda x: x is None)
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, np.ndarray)]
    floats = [at for at, i in enumerate(places) if jnp.issubdtype(leaves[i].dtype, jnp.floating)]

    def run(arrays: list[Any]) -> list[Any]:
        given = list(leaves)
        for i, array in zip(places, arrays, strict=True):
            given[i] = array
        out = function(*jax.tree.unflatten(structure, given), **attrs)
        return list(out) if isinstance(out, tuple | list) else [out]

    def everything(arrays: list[Any]) -> dict[str, Any]:
        def total(moved: list[Any]) -> tuple[Any, list[Any]]:
            given = list(arrays)
            for at, x in zip(floats, moved, strict=True):
                given[at] = x
            out = run(given)
            flat = [x.astype("float32").ravel() for x in out if jnp.issubdtype(x.dtype, jnp.floating)]
            return sum((jnp.vdot(np.cos(np.arange(x.size)).astype("float32"), x) for x in flat), jnp.zeros(())), out

        gradients, out = jax.grad(total, has_aux=True)([arrays[at] for at in floats])
        found = {f"output.{i}": x for i, x in enumerate(out)}
        if any(jnp.issubdtype(x.dtype, jnp.floating) for x in out):
            found |= {f"gradient.{i}": x for i, x in enumerate(gradients)}
        return found

    return everything, [leaves[i] for i in places]


def results(op: str, function: Any) -> dict[str, dict[str, np.ndarray]]:
    """Outputs and gradients of all cases of an op, compiled as one program, by case and name."""
    cases = {name: prepared(function, args, attrs) for name, (known, args, attrs) in CASES.items() if known == op}
    arrays = {name: start for name, (_, start) in cases.items()}

    def run(given: dict[str, list[Any]]) -> dict[str, dict[str, Any]]:
        return {name: call(given[name]) for name, (call, _) in cases.items()}

    found = jax.jit(run, compiler_options={"xla_backend_optimization_level": 0})(arrays)
    return {name: {key: np.asarray(x) for key, x in result.items()} for name, result in found.items()}

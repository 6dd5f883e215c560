"""`merge_casts`: casts that undo each other go, and no bit of a value or a gradient changes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgc.compiler.parser import parse
from kgc.compiler.passes.merge_casts import _holds, merge_casts  # pyright: ignore[reportPrivateUsage]
from kgc.compiler.types import jax_dtype

from ..strategies import holds, run

CASES = {
    "up and down again": (
        """
graph @main(%x: bf16[b, 4], %y: f16[b, 4], %p: bool[b]) -> (bf16[b, 4], bf16[b, 4], f32[b]) {
  %0: f32[b, 4] = cast(%x, dtype="float32")
  %1: bf16[b, 4] = cast(%0, dtype="bfloat16")
  %2: f32[b, 4] = cast(%y, dtype="float32")
  %3: bf16[b, 4] = cast(%2, dtype="bfloat16")
  %4: i32[b] = cast(%p, dtype="int32")
  %5: f32[b] = cast(%4, dtype="float32")
  return %1, %3, %5
}""",
        """
graph @main(%x: bf16[b, 4], %y: f16[b, 4], %p: bool[b]) -> (bf16[b, 4], bf16[b, 4], f32[b]) {
  %0: bf16[b, 4] = cast(%y, dtype="bfloat16")
  %1: f32[b] = cast(%p, dtype="float32")
  return %x, %0, %1
}""",
    ),
    "past what only arranges": (
        """
graph @main(%x: bf16[b, 8], %y: bf16[b, 4, 2]) -> (bf16[b, 1, 2, 4], bf16[3, b, 2]) {
  %0: f32[b, 8] = cast(%x, dtype="float32")
  %1: f32[b, 4, 2] = reshape(%0, newshape=(b, 4, 2))
  %2: f32[b, 2, 4] = transpose(%1, axes=(0, 2, 1))
  %3: f32[b, 1, 2, 4] = expand_dims(%2, axis=1)
  %4: bf16[b, 1, 2, 4] = cast(%3, dtype="bfloat16")
  %5: f32[b, 4, 2] = cast(%y, dtype="float32")
  %6: f32[b, 2] = getitem(%5, key=(slice(None, None, None), 1))
  %7: f32[b, 8] = cast(%x, dtype="float32")
  %8: f32[b, 2] = getitem(%7, key=(slice(None, None, None), slice(0, 2, None)))
  %9: f32[b, 8] = cast(%x, dtype="float32")
  %10: f32[b, 2] = getitem(%9, key=(slice(None, None, None), slice(2, 4, None)))
  %11: f32[b, 2] = flip(%10, axis=1)
  %12: f32[3, b, 2] = stack([%6, %8, %11])
  %13: bf16[3, b, 2] = cast(%12, dtype="bfloat16")
  return %4, %13
}""",
        """
graph @main(%x: bf16[b, 8], %y: bf16[b, 4, 2]) -> (bf16[b, 1, 2, 4], bf16[3, b, 2]) {
  %0: bf16[b, 4, 2] = reshape(%x, newshape=(b, 4, 2))
  %1: bf16[b, 2, 4] = transpose(%0, axes=(0, 2, 1))
  %2: bf16[b, 1, 2, 4] = expand_dims(%1, axis=1)
  %3: bf16[b, 2] = getitem(%y, key=(slice(None, None, None), 1))
  %4: bf16[b, 2] = getitem(%x, key=(slice(None, None, None), slice(0, 2, None)))
  %5: bf16[b, 2] = getitem(%x, key=(slice(None, None, None), slice(2, 4, None)))
  %6: bf16[b, 2] = flip(%5, axis=1)
  %7: bf16[3, b, 2] = stack([%3, %4, %6])
  return %2, %7
}""",
    ),
    "inside regions": (
        """
graph @yes(%x: bf16[b]) -> (bf16[b]) {
  %0: f32[b] = cast(%x, dtype="float32")
  %1: bf16[b] = cast(%0, dtype="bfloat16")
  %2: bf16[b] = relu(%1)
  return %2
}

graph @main(%x: bf16[b1], %p: bool[]) -> (bf16[b1]) {
  %0: bf16[b1] = cond(%p, [%x], true=@yes, false=@yes)
  return %0
}""",
        """
graph @yes(%x: bf16[b]) -> (bf16[b]) {
  %0: bf16[b] = relu(%x)
  return %0
}

graph @main(%x: bf16[b1], %p: bool[]) -> (bf16[b1]) {
  %0: bf16[b1] = cond(%p, [%x], true=@yes, false=@yes)
  return %0
}""",
    ),
    "what rounds, sums or is used elsewhere": (
        """
graph @main(%x: f32[b, 4], %y: bf16[b, 4], %n: i32[b])
  -> (f32[b, 4], f32[b], bf16[b, 4], f32[b, 4], bf16[2, b, 4], bf16[b, 8], f16[b, 4]) {
  %0: bf16[b, 4] = cast(%x, dtype="bfloat16")
  %1: f32[b, 4] = cast(%0, dtype="float32")
  %2: bf16[b] = cast(%n, dtype="bfloat16")
  %3: f32[b] = cast(%2, dtype="float32")
  %4: f32[b, 4] = cast(%y, dtype="float32")
  %5: bf16[b, 4] = cast(%4, dtype="bfloat16")
  %6: f32[b, 4] = sin(%4)
  %7: f32[b, 4] = cast(%y, dtype="float32")
  %8: f32[2, b, 4] = broadcast_to(%7, shape=(2, b, 4))
  %9: bf16[2, b, 4] = cast(%8, dtype="bfloat16")
  %10: f32[b, 4] = cast(%y, dtype="float32")
  %11: f32[b, 8] = concatenate([%10, %x], axis=1)
  %12: bf16[b, 8] = cast(%11, dtype="bfloat16")
  %13: f32[b, 4] = cast(%x, dtype="float32")
  %14: bf16[b, 4] = cast(%13, dtype="bfloat16")
  %15: f16[b, 4] = cast(%14, dtype="float16")
  return %1, %3, %5, %6, %9, %12, %15
}""".replace('  %13: f32[b, 4] = cast(%x, dtype="float32")\n', "  %13: f32[b, 4] = sin(%x)\n"),
        None,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_texts(case: str) -> None:
    before, after = CASES[case]
    holds(merge_casts, before, str(parse(after or before)), tolerance=0)


@pytest.mark.parametrize("case", ["up and down again", "past what only arranges", "inside regions"])
def test_gradients_to_the_bit(case: str) -> None:
    """With slopes that bfloat16 does not have, so that a sum or a rounding at another place would show."""
    old = parse(CASES[case][0])
    new = merge_casts(old)
    rng = np.random.default_rng(0)
    given: dict[str, Any] = {}
    for value in old.inputs:
        shape = tuple([size if isinstance(size, int) else 4 for size in value.type.shape])
        made = rng.normal(size=shape)
        given[value.name] = jnp.asarray(made > 0 if value.dtype == "bool" else made, jax_dtype(value.dtype))
    floats = {name: array for name, array in given.items() if array.dtype != bool}

    def slopes(graph: Any) -> Any:
        def total(floats: dict[str, Any]) -> Any:
            outputs, _ = run(graph, {**given, **floats})
            weights = [
                np.random.default_rng(i).normal(size=out.shape).astype("float32") for i, out in enumerate(outputs)
            ]
            return sum(jnp.sum(out.astype("float32") * w) for out, w in zip(outputs, weights, strict=True))

        return jax.jit(jax.value_and_grad(total))(floats)

    before, after = slopes(old), slopes(new)
    for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True):
        np.testing.assert_array_equal(np.asarray(a, "float32"), np.asarray(b, "float32"))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_every_number_of_sixteen_bits_survives(dtype: str) -> None:
    x = np.arange(2**16, dtype="uint16").view(jax_dtype(dtype))
    name = {"float16": "f16", "bfloat16": "bf16"}[dtype]
    text = f"""graph @main(%x: {name}[65536]) -> ({name}[65536]) {{
  %0: f32[65536] = cast(%x, dtype="float32")
  %1: {name}[65536] = cast(%0, dtype="{dtype}")
  return %1
}}"""
    graph = parse(text)
    assert not merge_casts(graph).nodes
    made = np.asarray(run(graph, {"x": x})[0][0])
    np.testing.assert_array_equal(made.astype("float32"), x.astype("float32"))


def test_integers_over_a_float_stop_at_the_ends() -> None:
    """A cast from integer to integer drops bits; from a float it gives the largest there is."""
    text = """graph @main(%x: i16[3]) -> (i8[3], i32[3]) {
  %0: f32[3] = cast(%x, dtype="float32")
  %1: i8[3] = cast(%0, dtype="int8")
  %2: f32[3] = cast(%x, dtype="float32")
  %3: i32[3] = cast(%2, dtype="int32")
  return %1, %3
}"""
    graph = parse(text)
    made = merge_casts(graph)
    assert [node.attr("dtype") for node in made.nodes] == ["float32", "int8", "int32"]
    x = np.array([300, -300, 7], "int16")
    for a, b in zip(run(graph, {"x": x})[0], run(made, {"x": x})[0], strict=True):
        np.testing.assert_array_equal(a, b)


HOLDS = [
    ("float32", "bfloat16"), ("float32", "float16"), ("float32", "bool"), ("int8", "bool"), ("int32", "int8"),
    ("int32", "uint16"), ("float32", "int16"), ("bfloat16", "uint8"), ("float32", "uint16"), ("float16", "int8"),
]  # fmt: skip
NOT = [
    ("bfloat16", "float32"), ("float16", "bfloat16"), ("bfloat16", "float16"), ("float32", "int32"), ("key", "int8"),
    ("int32", "uint32"), ("uint32", "int8"), ("bfloat16", "int16"), ("bool", "int8"), ("int32", "float32"),
    ("float32", "key"),
]  # fmt: skip


@pytest.mark.parametrize(("wide", "narrow"), [*HOLDS, *NOT])
def test_which_types_hold_which(wide: str, narrow: str) -> None:
    assert _holds(wide, narrow) is ((wide, narrow) in HOLDS)


@pytest.mark.parametrize(("wide", "narrow"), HOLDS)
def test_the_ends_of_a_type_come_back(wide: str, narrow: str) -> None:
    ends: list[Any] = [False, True]
    if jnp.issubdtype(narrow, jnp.floating):
        limits = jnp.finfo(narrow)
        ends = [limits.min, limits.tiny, 1 + limits.eps, limits.max]
    elif narrow != "bool":
        limits = jnp.iinfo(narrow)
        ends = [limits.min, limits.min + 1, 0, 1, limits.max - 1, limits.max]
    numbers = np.array(ends, jax_dtype(narrow))
    there = numbers.astype(jax_dtype(wide))
    np.testing.assert_array_equal(there.astype(jax_dtype(narrow)).astype("float64"), numbers.astype("float64"))

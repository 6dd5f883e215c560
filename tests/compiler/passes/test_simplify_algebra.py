"""`simplify_algebra`: identities and pairs that undo each other go, and no number changes, in value or gradient."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from kgc.compiler.parser import parse
from kgc.compiler.passes.simplify_algebra import simplify_algebra

from ..strategies import gradients, holds, run

CASES = {
    "dropout that does nothing": (
        """
graph @main(%x: f32[b, 4], %key: key[]) -> (f32[b, 4]) {
  %0: key[] = fold_in(%key, 3)
  %1: f32[b, 4] = dropout(%x, %0, rate=0.5, training=False)
  %2: f32[b, 4] = dropout(%1, %0, rate=0)
  %3: f32[b, 4] = dropout(%2, %0, rate=0.0, noise_shape=(None, 1))
  %4: f32[b, 4] = dropout(%3, %0, rate=0.5)
  return %4
}""",
        """
graph @main(%x: f32[b, 4], %key: key[]) -> (f32[b, 4]) {
  %0: key[] = fold_in(%key, 3)
  %1: f32[b, 4] = dropout(%x, %0, rate=0.5)
  return %1
}""",
    ),
    "keys that are left over": (
        """
graph @main(%x: f32[b, 4], %key: key[]) -> (f32[b, 4]) {
  %0: key[] = fold_in(%key, 3)
  %1: f32[b, 4] = dropout(%x, %0, rate=0.5, training=False)
  %2: f32[b, 4] = relu(%1)
  return %2
}""",
        """
graph @main(%x: f32[b, 4], %key: key[]) -> (f32[b, 4]) {
  %0: f32[b, 4] = relu(%x)
  return %0
}""",
    ),
    "identities": (
        """
graph @main(%x: f32[b, t0, 4], %n: ~f32[]) -> (f32[b, t0, 4], f32[b, t0, 4], f32[], f32[4, t0, b]) {
  %1: f32[b, t0, 4] = cast(%x, dtype="float32")
  %2: f32[b, t0, 4] = reshape(%1, newshape=(b, t0, 4))
  %3: f32[b, t0, 4] = transpose(%2, axes=(0, 1, -1))
  %4: f32[b, t0, 4] = broadcast_to(%3, shape=(b, t0, 4))
  %5: f32[b, t0, 4] = getitem(%4, key=(slice(None, None, None), ...))
  %6: f32[b, t0, 4] = concatenate([%5], axis=1)
  %7: f32[b, t0, 4] = transpose(%x, axes=(0, 1, 2))
  %8: f32[] = cast(%n, dtype="float32")
  %9: f32[4, t0, b] = transpose(%x)
  return %6, %7, %8, %9
}""",
        """
graph @main(%x: f32[b, t0, 4], %n: ~f32[]) -> (f32[b, t0, 4], f32[b, t0, 4], f32[], f32[4, t0, b]) {
  %0: f32[] = cast(%n, dtype="float32")
  %1: f32[4, t0, b] = transpose(%x)
  return %x, %x, %0, %1
}""",
    ),
    "what only looks like an identity": (
        """
graph @main(%x: f32[b, 4, 4], %y: f32[b, 1]) -> (f32[b, 4, 4], f32[b, 4, 4], f32[b, 4], bf16[b, 1], f32[1, b]) {
  %0: f32[b, 4, 4] = transpose(%x, axes=(0, 2, 1))
  %1: f32[b, 4, 4] = getitem(%x, key=(slice(None, None, None), slice(None, None, -1)))
  %2: f32[b, 4] = broadcast_to(%y, shape=(b, 4))
  %3: bf16[b, 1] = cast(%y, dtype="bfloat16")
  %4: f32[1, b] = reshape(%y, newshape=(1, b))
  return %0, %1, %2, %3, %4
}""",
        None,
    ),
    "whatever adds, multiplies or moves nothing": (
        """
graph @main(%x: f32[b, 4], %n: i32[b, 4], %p: bool[b, 4], %q: bool[b, 4]) -> (f32[b, 4], i32[b, 4], bool[b, 4]) {
  %0: f32[b, 4] = multiply(%x, 1.0)
  %1: f32[b, 4] = multiply(1, %0)
  %2: f32[b, 4] = divide(%1, 1)
  %3: f32[b, 4] = subtract(%2, 0.0)
  %4: f32[b, 4] = add(-0.0, %3)
  %5: f32[b, 4] = power(%4, 1)
  %6: f32[b, 4] = squeeze(%5, axis=())
  %7: f32[b, 4] = pad(%6, pad_width=((0, 0), (0, 0)))
  %8: f32[b, 4] = tile(%7, repeats=(1, 1))
  %9: f32[b, 4] = where(%p, %8, %8)
  %10: i32[b, 4] = add(%n, 0)
  %11: i32[b, 4] = subtract(%10, 0)
  %12: bool[b, 4] = logical_and(%p, True)
  %13: bool[b, 4] = logical_or(False, %12)
  %14: f32[b, 4] = relu(%9)
  return %14, %11, %13
}""",
        """
graph @main(%x: f32[b, 4], %n: i32[b, 4], %p: bool[b, 4], %q: bool[b, 4]) -> (f32[b, 4], i32[b, 4], bool[b, 4]) {
  %0: f32[b, 4] = relu(%x)
  return %0, %n, %p
}""",
    ),
    "pairs that undo each other": (
        """
graph @main(%x: f32[b, 4], %y: f32[b, 4], %p: bool[b]) -> (f32[b, 4], bool[b], f32[b, 4], f32[b, 4], f32[b, 4]) {
  %0: f32[b, 4] = negative(%x)
  %1: f32[b, 4] = negative(%0)
  %2: f32[b, 4] = flip(%1, axis=1)
  %3: f32[b, 4] = flip(%2, axis=1)
  %4: f32[b, 4] = relu(%3)
  %5: f32[b, 4] = relu(%4)
  %6: f32[b, 4] = absolute(%5)
  %7: f32[b, 4] = absolute(%6)
  %8: f32[b, 4] = stop_gradient(%7)
  %9: f32[b, 4] = stop_gradient(%8)
  %10: f32[b, 4] = add(%9, %x)
  %11: bool[b] = logical_not(%p)
  %12: bool[b] = logical_not(%11)
  %13: f32[b, 4] = negative(%y)
  %14: f32[b, 4] = add(%13, %x)
  %15: f32[b, 4] = subtract(2.0, %13)
  %16: f32[b, 4] = power(%y, 2)
  return %10, %12, %14, %15, %16
}""",
        """
graph @main(%x: f32[b, 4], %y: f32[b, 4], %p: bool[b]) -> (f32[b, 4], bool[b], f32[b, 4], f32[b, 4], f32[b, 4]) {
  %0: f32[b, 4] = relu(%x)
  %1: f32[b, 4] = absolute(%0)
  %2: f32[b, 4] = stop_gradient(%1)
  %3: f32[b, 4] = add(%2, %x)
  %4: f32[b, 4] = subtract(%x, %y)
  %5: f32[b, 4] = add(2.0, %y)
  %6: f32[b, 4] = square(%y)
  return %3, %p, %4, %5, %6
}""",
    ),
    "orders and shapes one after the other": (
        """
graph @main(%x: f32[b, t0, 4, 1], %y: f32[b, 6])
  -> (f32[b, t0, 4, 1], f32[4, b, 1, t0], f32[b, 4*t0], f32[b, 3, 1, 2], f32[b, 6]) {
  %0: f32[b, 4, t0, 1] = transpose(%x, axes=(0, 2, 1, 3))
  %1: f32[b, t0, 4, 1] = transpose(%0, axes=(0, 2, 1, 3))
  %2: f32[1, 4, t0, b] = transpose(%x)
  %3: f32[4, b, 1, t0] = transpose(%2, axes=(1, 3, 0, 2))
  %4: f32[b, t0, 4] = squeeze(%x, axis=-1)
  %5: f32[b, 1, t0, 4] = expand_dims(%4, axis=1)
  %6: f32[b, 4*t0] = reshape(%5, newshape=(b, 4*t0))
  %7: f32[b, 3, 2] = reshape(%y, newshape=(-1, 3, 2))
  %8: f32[b, 3, 1, 2] = expand_dims(%7, axis=2)
  %9: f32[b, 1, 6] = expand_dims(%y, axis=1)
  %10: f32[b, 6] = squeeze(%9, axis=1)
  return %1, %3, %6, %8, %10
}""",
        """
graph @main(%x: f32[b, t0, 4, 1], %y: f32[b, 6])
  -> (f32[b, t0, 4, 1], f32[4, b, 1, t0], f32[b, 4*t0], f32[b, 3, 1, 2], f32[b, 6]) {
  %0: f32[4, b, 1, t0] = transpose(%x, axes=(2, 0, 3, 1))
  %1: f32[b, 4*t0] = reshape(%x, newshape=(b, 4*t0))
  %2: f32[b, 3, 1, 2] = reshape(%y, newshape=(b, 3, 1, 2))
  return %x, %0, %1, %2, %y
}""",
    ),
    "cut and joined": (
        """
graph @main(%x: f32[b, 6], %y: f32[b, 2]) -> (f32[b, 6], f32[b, 2], f32[b, 6], f32[b, 6]) {
  %0: f32[b, 2], %1: f32[b, 2], %2: f32[b, 2] = split(%x, indices_or_sections=3, axis=1)
  %3: f32[b, 6] = concatenate([%0, %1, %2], axis=-1)
  %4: f32[b, 8] = concatenate([%x, %y], axis=-1)
  %5: f32[b, 6], %6: f32[b, 2] = split(%4, indices_or_sections=(6,), axis=1)
  %7: f32[b, 6] = sin(%5)
  %8: f32[b, 6] = concatenate([%1, %0, %2], axis=-1)
  return %3, %6, %7, %8
}""",
        """
graph @main(%x: f32[b, 6], %y: f32[b, 2]) -> (f32[b, 6], f32[b, 2], f32[b, 6], f32[b, 6]) {
  %0: f32[b, 2], %1: f32[b, 2], %2: f32[b, 2] = split(%x, indices_or_sections=3, axis=1)
  %3: f32[b, 6] = sin(%x)
  %4: f32[b, 6] = concatenate([%1, %0, %2], axis=-1)
  return %x, %y, %3, %4
}""",
    ),
    "what would change numbers, types or sizes": (
        """
graph @main(%x: f32[b, 4], %n: i32[b, 4], %p: i32[b], %y: f32[b, 3])
  -> (f32[b, 4], f32[b, 4], ~f32[b, 4], f32[b, 4], bool[b], f32[min(b, 2), 4], f32[r0, 2, 2], f32[b, 4]) {
  %0: f32[b, 4] = add(%x, 0.0)
  %1: f32[b, 4] = subtract(%x, -0.0)
  %2: ~f32[b, 4] = multiply(%n, 1.0)
  %3: f32[b, 4] = divide(1.0, %x)
  %4: bool[b] = logical_not(%p)
  %5: bool[b] = logical_not(%4)
  %6: f32[min(b, 2), 4] = getitem(%x, key=slice(0, 2, None))
  %7: f32[r0, 4] = reshape(%y, newshape=(-1, 4))
  %8: f32[r0, 2, 2] = reshape(%7, newshape=(-1, 2, 2))
  %9: f32[b, 4] = exp(%x)
  %10: f32[b, 4] = log(%9)
  return %0, %1, %2, %3, %5, %6, %8, %10
}""",
        None,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_texts(case: str) -> None:
    before, after = CASES[case]
    grads = "bf16" not in before  # what they are taken of is summed over outputs, which needs one dtype
    holds(simplify_algebra, before, str(parse(after or before)), grads=grads, tolerance=0)


SPECIAL = np.array([0.0, -0.0, 1.5, -2.25, np.nan, np.inf, -np.inf, 3.3e38, -1e-30], "float32")
EXACT = [
    "multiply(%x, 1.0)", "divide(%x, 1)", "power(%x, 1)", "power(%x, 1.0)", "power(%x, 2)", "power(%x, 2.0)",
    "subtract(%x, 0)", "add(%x, -0.0)", "negative(%y)", "relu(%z)", "absolute(%w)", "add(%x, %y)", "subtract(%x, %y)",
]  # fmt: skip


@pytest.mark.parametrize("text", EXACT)
def test_bits_of_zeros_infinities_and_nans(text: str) -> None:
    before = f"""
graph @main(%x: f32[9]) -> (f32[9]) {{
  %y: f32[9] = negative(%x)
  %z: f32[9] = relu(%x)
  %w: f32[9] = absolute(%x)
  %0: f32[9] = {text}
  return %0
}}"""
    old = parse(before)
    new = simplify_algebra(old)
    assert text not in str(new)

    def both(given: Any) -> Any:
        return [(run(graph, given)[0][0], gradients(graph, given)["x"]) for graph in (old, new)]

    left, right = jax.jit(both)({"x": SPECIAL})
    for a, b in zip(left, right, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        different = a.view("int32") != b.view("int32")
        assert (~different | (np.isnan(a) & np.isnan(b))).all(), (a, b)


KEPT = {
    "zero is positive, written as an integer": (
        "f32[3]",
        "f32[3]",
        ["add(%x, 0)"],
        np.array([-0.0, 0.0, 2.0], "float32"),
    ),
    "unsigned, widened": ("u8[3]", "i32[3]", ["negative(%x)", "add(%y, %0)"], np.array([0, 1, 200], "uint8")),
    "the least, widened": ("i8[3]", "i32[3]", ["negative(%x)", "subtract(%y, %0)"], np.array([-128, 1, 2], "int8")),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_is_left_alone(case: str) -> None:
    given, result, ops, x = KEPT[case]
    types = [given] * (len(ops) - 1) + [result]
    lines = "\n".join(f"  %{i}: {type_} = {op}" for i, (type_, op) in enumerate(zip(types, ops, strict=True)))
    graph = parse(f"graph @main(%x: {given}, %y: i32[3]) -> ({result}) {{\n{lines}\n  return %{len(ops) - 1}\n}}")
    assert simplify_algebra(graph) is graph
    (made,), _ = run(graph, {"x": x, "y": np.zeros(3, "int32")})
    assert made.shape == (3,)


@pytest.mark.parametrize("sections", ["3", "(2, 3)"])
def test_cut_elsewhere_than_it_was_joined(sections: str) -> None:
    types = ["f32[b, 2]"] * 3 if sections == "3" else ["f32[b, 2]", "f32[b, 1]", "f32[b, 3]"]
    cut = ", ".join(f"%{i + 1}: {type_}" for i, type_ in enumerate(types))
    graph = parse(f"""
graph @main(%x: f32[b, 2], %y: f32[b, 4]) -> ({", ".join(types)}) {{
  %0: f32[b, 6] = concatenate([%x, %y], axis=1)
  {cut} = split(%0, {sections}, axis=-1)
  return %1, %2, %3
}}""")
    assert simplify_algebra(graph) is graph

"""`merge_parallel`: narrow kernels that one input is multiplied by become one."""

from __future__ import annotations

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler import pipeline
from kgc.compiler.parser import parse
from kgc.compiler.passes import merge_parallel as module
from kgc.compiler.passes.merge_parallel import merge_parallel
from kgc.compiler.verifier import verify

from ..strategies import holds, same_numbers

KERNELS = module.KERNELS


@pytest.fixture(autouse=True)
def two_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KERNELS", 2)


DENSE = """
graph @main(%x: f32[b, 6]) -> (f32[b, 4], f32[b, 8]) {
  param %q.kernel: f32[6, 4]
  param %q.bias: f32[4]
  param %k.kernel: f32[6, 8]
  param %k.bias: f32[8]
  %0: f32[b, 4] = matmul(%x, %q.kernel)  loc("model.py":3, "q")
  %1: f32[b, 4] = add(%0, %q.bias)
  %2: f32[b, 4] = relu(%1)
  %3: f32[b, 8] = matmul(%x, %k.kernel)
  %4: f32[b, 8] = add(%k.bias, %3)
  return %2, %4
}"""

MERGED = """
graph @main(%x: f32[b, 6]) -> (f32[b, 4], f32[b, 8]) {
  param %q.kernel: f32[6, 4]
  param %q.bias: f32[4]
  param %k.kernel: f32[6, 8]
  param %k.bias: f32[8]
  %0: f32[6, 12] = concatenate([%q.kernel, %k.kernel], axis=1)
  %1: f32[b, 12] = matmul(%x, %0)
  %2: f32[12] = concatenate([%q.bias, %k.bias])
  %3: f32[b, 12] = add(%1, %2)
  %4: f32[b, 4], %5: f32[b, 8] = split(%3, indices_or_sections=(4,), axis=-1)
  %6: f32[b, 4] = relu(%4)
  return %6, %5
}"""

HEADS = """
graph @main(%x: f32[b, t, 6]) -> (f32[b, t, 2, 4], f32[b, t, 2, 4]) {
  param %q: f32[6, 2, 4]
  param %k: f32[6, 2, 4]
  %0: f32[b, t, 2, 4] = einsum(subscripts="abc,cde->abde", operands=[%x, %q])
  %1: f32[b, t, 2, 4] = einsum(subscripts="abc,cde->abde", operands=[%x, %k])
  return %0, %1
}"""

HEADS_MERGED = """
graph @main(%x: f32[b, t0, 6]) -> (f32[b, t0, 2, 4], f32[b, t0, 2, 4]) {
  param %q: f32[6, 2, 4]
  param %k: f32[6, 2, 4]
  %0: f32[6, 8] = reshape(%q, newshape=(6, 8))
  %1: f32[6, 8] = reshape(%k, newshape=(6, 8))
  %2: f32[6, 16] = concatenate([%0, %1], axis=1)
  %3: f32[b, t0, 16] = matmul(%x, %2)
  %4: f32[b, t0, 8], %5: f32[b, t0, 8] = split(%3, indices_or_sections=(8,), axis=-1)
  %6: f32[b, t0, 2, 4] = reshape(%4, newshape=(b, t0, 2, 4))
  %7: f32[b, t0, 2, 4] = reshape(%5, newshape=(b, t0, 2, 4))
  return %6, %7
}"""


@pytest.mark.parametrize(("before", "after"), [(DENSE, MERGED), (HEADS, HEADS_MERGED)], ids=["dense", "heads"])
def test_texts(before: str, after: str) -> None:
    result = holds(merge_parallel, before, after, grads=True)
    if before is DENSE:
        assert {node.loc.key() for node in result.graph.nodes[:4] if node.loc} == {("model.py", 3, "q")}


def dense(*changes: str) -> str:
    """DENSE with what stands before each arrow replaced by what stands behind it."""
    text = DENSE
    for change in changes:
        old, new = change.split(" → ")
        assert old in text, old
        text = text.replace(old, new)
    return text


KEPT = {
    "one kernel": dense("matmul(%x, %k.kernel) → multiply(2.0, %k.bias)", "%3: f32[b, 8] → %3: f32[8]",
                        "%4: f32[b, 8] → %4: f32[8]", "f32[b, 8]) { → f32[8]) {"),
    "the same kernel": dense("f32[6, 8] → f32[6, 4]", "f32[8] → f32[4]", "b, 8] → b, 4]",
                             "x, %k.kernel → x, %q.kernel"),
    "another input": dense("%3: → %9: f32[b, 6] = sin(%x)\n  %3:", "x, %k.kernel → 9, %k.kernel"),
    "too wide": dense("f32[6, 8] → f32[6, 17]", "f32[8] → f32[17]", "b, 8] → b, 17]"),
    "too large": dense("f32[6 → f32[513", "b, 6] → b, 513]"),
    "a bias and none": dense("add(%k.bias, %3) → sin(%3)"),
    "a computed kernel": dense("%3: → %9: f32[6, 8] = sin(%k.kernel)\n  %3:", "x, %k.kernel → x, %9"),
    "params alone": dense("graph @main(%x: f32[b, 6]) → graph @main(%y: f32[b])",
                          "  param %q.kernel →   param %x: f32[3, 6]\n  param %q.kernel", "b, 4] → 3, 4]",
                          "b, 8] → 3, 8]"),
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT)
def test_what_is_left_alone(case: str) -> None:
    graph = verify(parse(KEPT[case]))
    assert merge_parallel(graph) is graph


MORE = {
    "the product is wanted too": dense("return %2, %4 → return %0, %3"),
    "no biases": dense("add(%0, %q.bias) → sin(%0)", "add(%k.bias, %3) → sin(%3)"),
    "three": dense(
        "return %2, %4 → %5: f32[b, 4] = matmul(%x, %z)\n  %6: f32[b, 4] = add(%5, %q.bias)\n  return %6, %4",
        "  param %k.bias →   param %z: f32[6, 4]\n  param %k.bias",
    ),
    "a bias that is added to more": dense("b, 6] → b, t, 6]", "b, 4] → b, t, 4]", "b, 8] → b, t, 8]"),
}


@pytest.mark.parametrize("case", MORE)
def test_variants(case: str) -> None:
    old = verify(parse(MORE[case]))
    new = verify(merge_parallel(old))
    assert sum(node.op.name == "matmul" for node in new.nodes) == 1
    same_numbers(old, new, grads=True)
    assert merge_parallel(new) is new


def outputs(count: int) -> kgc.Model:
    """So many outputs behind one layer, and one of another kind."""
    x = kgc.Input((None, 6))
    y = layers.Dense(8, activation="relu")(x)
    return kgc.Model(x, [*(layers.Dense(3, name=f"out{i}")(y) for i in range(count)), layers.Dense(20)(y)])


@pytest.mark.parametrize("count", [KERNELS - 1, KERNELS])
def test_a_model(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(module, "KERNELS", KERNELS)
    old = outputs(count).graph(training=False)
    optimized = pipeline.optimize(old)
    merged = count >= KERNELS
    assert sum("hoisted" in value.name for value in optimized.graph.params) == (2 if merged else 0)
    assert sum(node.op.name == "split" for node in optimized.graph.nodes) == merged
    same_numbers(old, optimized.graph, optimized.transform)
    training = pipeline.optimize(outputs(count).graph(training=True), training=True)
    assert "split" not in str(training.graph) and training.transform is None


def test_attention_with_its_projections_merged() -> None:
    x = kgc.Input((None, 16))
    old = kgc.Model(x, layers.MultiHeadAttention(2, 4)(x, x)).graph(training=False)
    optimized = pipeline.optimize(old)
    assert sum(node.op.name == "split" for node in optimized.graph.nodes) == 1
    same_numbers(old, optimized.graph, optimized.transform)


def test_it_predicts_as_it_is_trained() -> None:
    """The joined kernels are made anew when the weights have changed."""
    x = np.random.default_rng(0).normal(size=(8, 5, 6)).astype("float32")
    model = outputs(3)
    model.compile(optimizer="sgd", loss="mse")
    before = model.predict(x, verbose=0)
    model.fit(x, [x[..., :3]] * 3 + [np.zeros((8, 5, 20), "float32")], epochs=2, verbose=0)
    after = model.predict(x, verbose=0)
    assert not np.allclose(before[0], after[0])
    plain = kgc.Model(model.inputs, model.outputs[0])  # has one kernel, so it is not merged
    np.testing.assert_allclose(after[0], plain.predict(x, verbose=0), rtol=1e-5, atol=1e-6)

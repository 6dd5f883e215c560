"""`batch_branches`: branches that differ in their weights only are computed at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler import branches, pipeline
from kgc.compiler.parser import parse
from kgc.compiler.passes.batch_branches import batch_branches
from kgc.compiler.verifier import verify

from ..strategies import holds, same_numbers

FEWEST = branches.BRANCHES

TWO = """
graph @main(%x: f32[b, 6]) -> (f32[b, 2], f32[b, 2]) {
  param %a.kernel: f32[6, 4]
  param %a.bias: f32[4]
  param %a.kernel_1: f32[4, 2]
  param %b.kernel: f32[6, 4]
  param %b.bias: f32[4]
  param %b.kernel_1: f32[4, 2]
  %0: f32[b, 4] = matmul(%x, %a.kernel)  loc("model.py":3, "a")
  %1: f32[b, 4] = add(%0, %a.bias)
  %2: f32[b, 4] = relu(%1)
  %3: f32[b, 2] = matmul(%2, %a.kernel_1)
  %4: f32[b, 4] = matmul(%x, %b.kernel)
  %5: f32[b, 4] = add(%4, %b.bias)
  %6: f32[b, 4] = relu(%5)
  %7: f32[b, 2] = matmul(%6, %b.kernel_1)
  return %3, %7
}"""

BATCHED = """
graph @main(%x: f32[b, 6]) -> (f32[b, 2], f32[b, 2]) {
  param %a.kernel: f32[6, 4]
  param %a.bias: f32[4]
  param %a.kernel_1: f32[4, 2]
  param %b.kernel: f32[6, 4]
  param %b.bias: f32[4]
  param %b.kernel_1: f32[4, 2]
  %0: f32[2, 6, 4] = stack([%a.kernel, %b.kernel])
  %1: f32[2, b, 4] = einsum(subscripts="ab,cbd->cad", operands=[%x, %0])
  %2: f32[2, 4] = stack([%a.bias, %b.bias])
  %3: f32[2, 1, 4] = expand_dims(%2, axis=(1,))
  %4: f32[2, b, 4] = add(%1, %3)
  %5: f32[2, b, 4] = relu(%4)
  %6: f32[2, 4, 2] = stack([%a.kernel_1, %b.kernel_1])
  %7: f32[2, b, 2] = matmul(%5, %6)
  %8: f32[b, 2] = getitem(%7, key=0)
  %9: f32[b, 2] = getitem(%7, key=1)
  return %8, %9
}"""


@pytest.fixture(autouse=True)
def two_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branches, "BRANCHES", 2)


def test_text() -> None:
    result = holds(batch_branches, TWO, BATCHED, grads=True)
    assert result.graph.nodes[0].loc is not None and result.graph.nodes[0].loc.key() == ("model.py", 3, "a")


def two(*changes: str) -> str:
    """TWO with what stands before each arrow replaced by what stands behind it."""
    text = TWO
    for change in changes:
        old, new = change.split(" → ")
        assert old in text, old
        text = text.replace(old, new)
    return text


VARIANTS = {
    "steps": two("x: f32[b, 6] → x: f32[b, t, 6]", "b, 4] → b, t, 4]", "b, 2] → b, t, 2]"),
    "an input for each": two("%x: f32[b, 6] → %x: f32[b, 6], %y: f32[b, 6]", "matmul(%x, %b.k → matmul(%y, %b.k"),
    "steps, an input for each": two("%x: f32[b, 6] → %x: f32[b, t, 6], %y: f32[b, t, 6]",
                                    "matmul(%x, %b.k → matmul(%y, %b.k", "b, 4] → b, t, 4]", "b, 2] → b, t, 2]"),
    "what is inside is wanted": two("return %3, %7 → %8: f32[b, 4] = sin(%5)\n  return %8, %2",
                                    "-> (f32[b, 2], f32[b, 2]) → -> (f32[b, 4], f32[b, 4])"),
    "softmax and numbers": two("relu(%1) → softmax(%1, axis=1)", "relu(%5) → softmax(%5, axis=1)",
                               "add(%0, %a.bias) → multiply(0.5, %0)", "add(%4, %b.bias) → multiply(0.5, %4)"),
    "the second bias is shared": two("add(%4, %b.bias) → add(%4, %a.bias)"),
    "the first is used before the second": two("%4: → %8: f32[b, 2] = sin(%3)\n  %4:", "return %3 → return %8"),
}  # fmt: skip


@pytest.mark.parametrize("case", VARIANTS)
def test_variants(case: str) -> None:
    old = verify(parse(VARIANTS[case]))
    new = verify(batch_branches(old))
    assert sum(node.op.name in ("matmul", "einsum") for node in new.nodes) == 2
    same_numbers(old, new, grads=True)
    assert batch_branches(new) is new


KEPT = {
    "another activation": two("relu(%5) → tanh(%5)"),
    "one layer alone": two("%7: f32[b, 2] = matmul(%6, %b.kernel_1) → %7: f32[b, 2] = sin(%3)"),
    "of one kernel": two("x, %b.kernel → x, %a.kernel", "6, %b.kernel_1 → 6, %a.kernel_1", "%b.bias) → %a.bias)"),
    "one behind the other": two("f32[6, 4] → f32[6, 6]", "f32[4] → f32[6]", "f32[4, 2] → f32[6, 6]", "b, 4] → b, 6]",
                                "b, 2] → b, 6]", "matmul(%x, %b.k → matmul(%3, %b.k"),
    "wide": two("b, 4] → b, 64]", "6, 4] → 6, 64]", "[4 → [64"),
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT)
def test_what_is_left_alone(case: str) -> None:
    graph = verify(parse(KEPT[case]))
    assert batch_branches(graph) is graph


def test_few_branches_do_not_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branches, "BRANCHES", FEWEST)
    graph = parse(TWO)
    assert batch_branches(graph) is graph


def ensemble(count: int) -> kgc.Model:
    """The guide's ensemble, of deeper models."""
    x = kgc.Input((6,))
    made: list[Any] = []
    for _ in range(count):
        given = kgc.Input((6,))
        y = layers.Dense(5, activation="relu")(given)
        made.append(kgc.Model(given, layers.Dense(2, activation="softmax")(y))(x))
    return kgc.Model(x, layers.average(made))


def test_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branches, "BRANCHES", FEWEST)
    model = ensemble(FEWEST)
    old = model.graph(training=False)
    optimized = pipeline.optimize(old)
    names = [node.op.name for node in optimized.graph.nodes]
    assert names.count("einsum") == 1 and names.count("softmax") <= 1 and len(optimized.graph.params) == 4
    same_numbers(old, optimized.graph, optimized.transform)
    training = pipeline.optimize(model.graph(training=True), training=True)
    assert "einsum" not in str(training.graph) and training.transform is None


def test_it_predicts_as_it_is_trained() -> None:
    """The stacks are made anew when the weights have changed."""
    x = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
    model = ensemble(2)
    model.compile(optimizer="sgd", loss="mse")
    before = model.predict(x, verbose=0)
    model.fit(x, np.abs(x[:, :2]), epochs=3, verbose=0)
    after = model.predict(x, verbose=0)
    members = [layer for layer in model.layers if isinstance(layer, kgc.Model)]
    mean = np.mean([member.predict(x, verbose=0) for member in members], axis=0)
    assert not np.allclose(before, after)
    np.testing.assert_allclose(after, mean, rtol=1e-5, atol=1e-6)

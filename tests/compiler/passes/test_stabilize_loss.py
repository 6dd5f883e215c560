"""`stabilize_loss`: losses and logarithms of probabilities are computed from logits."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from kgc.compiler.parser import parse
from kgc.compiler.passes.stabilize_loss import stabilize_loss

from ..strategies import gradients, holds, run

CASES = {
    "sparse, where the probabilities are an output too": (
        """
graph @main(%x: f32[b, 5], %y: i32[b]) -> (f32[b, 5], f32[b]) {
  %0: f32[b, 5] = sin(%x)
  %1: f32[b, 5] = softmax(%0)
  %2: f32[b] = sparse_categorical_crossentropy(%y, %1)
  return %1, %2
}""",
        """
graph @main(%x: f32[b, 5], %y: i32[b]) -> (f32[b, 5], f32[b]) {
  %0: f32[b, 5] = sin(%x)
  %1: f32[b, 5] = softmax(%0)
  %2: f32[b] = sparse_categorical_crossentropy(%y, %0, from_logits=True)
  return %1, %2
}""",
    ),
    "categorical, axes written in two ways": (
        """
graph @main(%x: f32[b, 5, 3], %y: f32[b, 5, 3]) -> (f32[b, 3], f32[b, 5]) {
  %0: f32[b, 5, 3] = softmax(%x, axis=1)
  %1: f32[b, 3] = categorical_crossentropy(%y, %0, axis=-2)
  %2: f32[b, 5, 3] = softmax(%x, axis=2)
  %3: f32[b, 5] = categorical_crossentropy(%y, %2)
  return %1, %3
}""",
        """
graph @main(%x: f32[b, 5, 3], %y: f32[b, 5, 3]) -> (f32[b, 3], f32[b, 5]) {
  %0: f32[b, 3] = categorical_crossentropy(%y, %x, from_logits=True, axis=-2)
  %1: f32[b, 5] = categorical_crossentropy(%y, %x, from_logits=True)
  return %0, %1
}""",
    ),
    "binary, and logarithms": (
        """
graph @main(%x: f32[b, 5], %y: f32[b, 5]) -> (f32[b, 5], f32[b, 5], f32[b, 5]) {
  %0: f32[b, 5] = sigmoid(%x)
  %1: f32[b, 5] = binary_crossentropy(%y, %0)
  %2: f32[b, 5] = softmax(%x, axis=0)
  %3: f32[b, 5] = log(%2)
  %4: f32[b, 5] = log(%0)
  return %1, %3, %4
}""",
        """
graph @main(%x: f32[b, 5], %y: f32[b, 5]) -> (f32[b, 5], f32[b, 5], f32[b, 5]) {
  %0: f32[b, 5] = binary_crossentropy(%y, %x, from_logits=True)
  %1: f32[b, 5] = log_softmax(%x, axis=0)
  %2: f32[b, 5] = log_sigmoid(%x)
  return %0, %1, %2
}""",
    ),
    "what must stay as it is": (
        """
graph @main(%x: f32[b, 5], %y: f32[b, 5], %n: i32[b]) -> (f32[b], f32[b], f32[b], f32[b, 5], f32[b, 5]) {
  %0: f32[b, 5] = softmax(%x, axis=0)
  %1: f32[b] = categorical_crossentropy(%y, %0)
  %2: f32[b, 5] = softmax(%x)
  %3: f32[b] = sparse_categorical_crossentropy(%n, %2, from_logits=True)
  %4: f32[b, 5] = multiply(%2, 0.5)
  %5: f32[b] = sparse_categorical_crossentropy(%n, %4)
  %6: f32[b, 5] = binary_crossentropy(%y, %2)
  %7: f32[b, 5] = softmax(%x, axis=(0, 1))
  %8: f32[b, 5] = log1p(%7)
  return %1, %3, %5, %6, %8
}""",
        None,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_texts(case: str) -> None:
    before, after = CASES[case]
    holds(stabilize_loss, before, str(parse(after or before)), grads=True, tolerance=4e-6)


def test_new_nodes_are_where_the_loss_was() -> None:
    graph = parse("""graph @main(%x: f32[b, 5], %y: i32[b]) -> (f32[b]) {
  %0: f32[b, 5] = softmax(%x)  loc("model.py":3, "head")
  %1: f32[b] = sparse_categorical_crossentropy(%y, %0)  loc("train.py":9, "loss")
  return %1
}""")
    (node,) = stabilize_loss(graph).nodes
    assert node.loc is not None and node.loc.key() == ("train.py", 9, "loss")


def test_a_model_that_is_far_off_learns() -> None:
    """Where probabilities round to 0 the loss on them is stuck at -log(1e-7), with gradient 0."""
    graph = parse(CASES["sparse, where the probabilities are an output too"][0].replace("sin(%x)", "multiply(%x, 1.0)"))
    given = {"x": np.array([[200.0, 0, 0, 0, 0]], "float32"), "y": np.array([1], "int32")}
    new = stabilize_loss(graph)
    loss, slope = jax.jit(lambda given: (run(graph, given)[0][1], gradients(graph, given)["x"]))(given)
    assert loss == pytest.approx(16.118095) and not slope[0, 1]
    loss, slope = jax.jit(lambda given: (run(new, given)[0][1], gradients(new, given)["x"]))(given)
    assert loss == 200 and slope[0, 1] == pytest.approx(-2) and np.isfinite(slope).all()


def test_integers_are_no_logits() -> None:
    """Softmax takes them, a loss does not."""
    graph = parse("""
graph @main(%x: i32[b, 5], %y: i32[b]) -> (f32[b]) {
  %0: f32[b, 5] = softmax(%x)
  %1: f32[b] = sparse_categorical_crossentropy(%y, %0)
  return %1
}""")
    assert stabilize_loss(graph) is graph

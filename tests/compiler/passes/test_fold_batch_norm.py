"""`fold_batch_norm`: the normalization goes into kernel and bias, which the transform makes."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from kgc.compiler import transform
from kgc.compiler.graph import Graph
from kgc.compiler.parser import parse
from kgc.compiler.passes.fold_batch_norm import fold_batch_norm
from kgc.compiler.passes.prune_dead import prune_dead
from kgc.compiler.verifier import verify

from ..strategies import arrays, close, holds, run, same_numbers

CONV = """
graph @main(%x: f32[b, 8, 8, 3]) -> (f32[b, 6, 6, 4]) {
  param %conv.kernel: f32[3, 3, 3, 4]
  param %conv.bias: f32[4]
  param %bn.gamma: f32[4]
  param %bn.beta: f32[4]
  param %last: f32[4]
  state %bn.mean: f32[4]
  state %bn.variance: f32[4]
  %0: f32[b, 6, 6, 4] = conv(%x, %conv.kernel)  loc("model.py":3, "conv")
  %1: f32[b, 6, 6, 4] = add(%0, %conv.bias)  loc("model.py":3, "conv")
  %2: f32[b, 6, 6, 4] = batch_normalization(%1, %bn.mean, %bn.variance, axis=-1, offset=%bn.beta, scale=%bn.gamma)
  %3: f32[b, 6, 6, 4] = multiply(%2, %last)
  return %3
}"""

FOLDED = """
graph @main(%x: f32[b, 8, 8, 3]) -> (f32[b, 6, 6, 4]) {
  param %conv.kernel.folded: f32[3, 3, 3, 4]
  param %conv.bias.folded: f32[4]
  param %last: f32[4]
  %0: f32[b, 6, 6, 4] = conv(%x, %conv.kernel.folded)
  %1: f32[b, 6, 6, 4] = add(%0, %conv.bias.folded)
  %2: f32[b, 6, 6, 4] = multiply(%1, %last)
  return %2
}"""

MADE_BY = """
graph @transform() -> (conv.kernel.folded: f32[3, 3, 3, 4], conv.bias.folded: f32[4]) {
  param %conv.kernel: f32[3, 3, 3, 4]
  param %conv.bias: f32[4]
  param %bn.gamma: f32[4]
  param %bn.beta: f32[4]
  state %bn.mean: f32[4]
  state %bn.variance: f32[4]
  %0: f32[4] = add(%bn.variance, 0.001)
  %1: f32[4] = rsqrt(%0)
  %2: f32[4] = multiply(%1, %bn.gamma)
  %3: f32[3, 3, 3, 4] = multiply(%conv.kernel, %2)
  %4: f32[4] = subtract(%conv.bias, %bn.mean)
  %5: f32[4] = add(%bn.variance, 0.001)
  %6: f32[4] = rsqrt(%5)
  %7: f32[4] = multiply(%6, %bn.gamma)
  %8: f32[4] = multiply(%4, %7)
  %9: f32[4] = add(%8, %bn.beta)
  return %3, %9
}"""


def test_text() -> None:
    result = holds(fold_batch_norm, CONV, FOLDED, made_by=MADE_BY, at_end=prune_dead)
    lines = [node.loc and (node.loc.line, node.loc.scope) for node in result.graph.nodes]
    assert lines[0] == (3, "conv")
    names = [value.name for value in result.graph.params]
    assert names.index("conv.kernel.folded") == names.index("conv.kernel") + 1


def conv(*changes: str) -> str:
    """CONV with what stands before each arrow replaced by what stands behind it."""
    text = CONV
    for change in changes:
        old, new = change.split(" → ")
        assert old in text, old
        text = text.replace(old, new)
    return text


FIRST = (
    "b, 8, 8, 3 → b, 3, 8, 8",
    "b, 6, 6, 4 → b, 4, 6, 6",
    "axis=-1 → axis=1",
    'conv.kernel) → conv.kernel, data_format="channels_first")',
    "last: f32[4] → last: f32[]",
)
MATMUL = ("[3, 3, 3, 4] → [3, 4]", "conv( → matmul(")
VARIANTS = {
    "no bias": conv("add(%0, %conv.bias) → multiply(%0, 1.0)", "normalization(%1 → normalization(%0"),
    "bias first": conv("add(%0, %conv.bias) → add(%conv.bias, %0)"),
    "no scale, no offset": conv(", offset=%bn.beta, scale=%bn.gamma → "),
    "no scale": conv(", scale=%bn.gamma → , epsilon=0.1"),
    "positive axis": conv("axis=-1 → axis=3"),
    "strides, padding": conv('conv.kernel) → conv.kernel, strides=2, padding="same")', "6, 6, 4 → 4, 4, 4"),
    "unknown sizes": conv("b, 8, 8, 3 → b, t0, t1, 3", "b, 6, 6, 4 → b, max(t0 - 2, 0), max(t1 - 2, 0), 4"),
    "groups": conv("8, 8, 3] → 8, 8, 6]"),
    "depthwise": conv("8, 8, 3] → 8, 8, 4]", "f32[3, 3, 3, 4] → f32[3, 3, 1, 4]"),
    "one spatial axis": conv("8, 8, 3 → 8, 3", "6, 6, 4 → 6, 4", "[3, 3, 3, 4] → [3, 3, 4]"),
    "constant statistics": conv("state %bn.mean: f32[4] → const %bn.mean: f32[4] = [0.5, 1.0, -1.0, 0.0]"),
    "matmul": conv("8, 8, 3 → 8, 3", "b, 6, 6, 4 → b, 8, 4", *MATMUL),
    "dense": conv("b, 8, 8, 3 → b, 3", "b, 6, 6, 4 → b, 4", *MATMUL),
    "channels first": conv(*FIRST, "bias: f32[4] → bias: f32[4, 1, 1]"),
    "channels first, reshaped bias": conv(
        *FIRST,
        "add(%0, %conv.bias) → add(%0, %9)",
        "  %0: f32 →   %9: f32[1, 4, 1, 1] = reshape(%conv.bias, newshape=(1, 4, 1, 1))\n  %0: f32",
    ),
    "two in a row": conv(
        "multiply(%2, %last) → batch_normalization(%2, %bn.variance, %bn.variance, axis=3, offset=%last)"
    ),
}


@pytest.mark.parametrize("case", VARIANTS)
def test_variants(case: str) -> None:
    old = verify(parse(VARIANTS[case]))
    result = fold_batch_norm(old)
    new = verify(prune_dead(result.graph))
    assert result.transform is not None and "batch_normalization" not in str(new)
    verify(result.transform)
    same_numbers(old, new, result.transform, tolerance=4e-6)
    assert fold_batch_norm(new).graph is new
    assert not new.state


KEPT = {
    "the convolution is used elsewhere": conv("multiply(%2, %last) → add(%2, %0)"),
    "the sum is used elsewhere": conv("multiply(%2, %last) → add(%2, %1)"),
    "an activation stands between": conv("add(%0, %conv.bias) → relu(%0)"),
    "the bias is computed from the input": conv("add(%0, %conv.bias) → add(%0, %0)"),
    "the statistics are the batch's": conv(
        "%bn.mean, %bn.variance → %m, %v",
        "  %2: f32 →   %m: f32[4], %v: f32[4] = moments(%x, axes=(0, 1, 2))\n  %2: f32",
        "8, 8, 3] → 8, 8, 4]", "3, 3, 3, 4 → 3, 3, 4, 4",
    ),
    "another axis": conv("f32[4] → f32[6]", "6, 6, 4 → 6, 6, 6", "3, 3, 3, 4 → 3, 3, 3, 6", "axis=-1 → axis=1"),
    "other dtypes": conv(
        "f32 → bf16", "mean: bf16 → mean: f32", "variance: bf16 → variance: f32",
        "%2: bf16 → %2: f32", "%3: bf16 → %3: f32", "-> (bf16 → -> (f32",
    ),
    "the statistics change": conv("return %3 → return %3\n  assign %bn.mean = %last"),
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT)
def test_what_is_not_folded(case: str) -> None:
    graph = verify(parse(KEPT[case]))
    assert fold_batch_norm(graph).graph is graph


NEXT = """
graph @main(%x: f32[b, 8, 8, 4]) -> (f32[b, 6, 6, 2]) {
  param %conv.kernel: f32[3, 3, 4, 2]
  param %conv.bias: f32[2]
  param %bn.gamma: f32[4]
  param %bn.beta: f32[4]
  state %bn.mean: f32[4]
  state %bn.variance: f32[4]
  %0: f32[b, 8, 8, 4] = relu(%x)
  %1: f32[b, 8, 8, 4] = batch_normalization(%0, %bn.mean, %bn.variance, axis=-1, offset=%bn.beta, scale=%bn.gamma)
  %2: f32[b, 6, 6, 2] = conv(%1, %conv.kernel)  loc("model.py":3, "conv")
  %3: f32[b, 6, 6, 2] = add(%2, %conv.bias)
  return %3
}"""

NEXT_FOLDED = """
graph @main(%x: f32[b, 8, 8, 4]) -> (f32[b, 6, 6, 2]) {
  param %conv.kernel.folded: f32[3, 3, 4, 2]
  param %conv.bias.folded: f32[2]
  %0: f32[b, 8, 8, 4] = relu(%x)
  %1: f32[b, 6, 6, 2] = conv(%0, %conv.kernel.folded)
  %2: f32[b, 6, 6, 2] = add(%1, %conv.bias.folded)
  return %2
}"""


def behind(*changes: str) -> str:
    """NEXT with what stands before each arrow replaced by what stands behind it."""
    text = NEXT
    for change in changes:
        old, new = change.split(" → ")
        assert old in text, old
        text = text.replace(old, new)
    return text


DENSE = ("8, 8, 4 → 4", "6, 6, 2 → 2", "[3, 3, 4, 2] → [4, 2]", "conv(%1 → matmul(%1")
IN_GROUPS = ("8, 8, 4 → 8, 8, 6", "[4] → [6]", "[3, 3, 4, 2] → [3, 3, 3, 4]", "f32[2] → f32[4]", "6, 6, 2 → 6, 6, 4")
BEHIND = {
    "as above": NEXT,
    "no bias": behind("add(%2, %conv.bias) → sin(%2)"),
    "no scale, no offset": behind(", offset=%bn.beta, scale=%bn.gamma → "),
    "dense": behind(*DENSE),
    "dense over steps": behind("8, 8, 4 → 8, 4", *("6, 6, 2 → 8, 2", *DENSE[2:])),
    "groups": behind(*IN_GROUPS),
    "depthwise": behind("[3, 3, 4, 2] → [3, 3, 1, 8]", "f32[2] → f32[8]", "6, 6, 2 → 6, 6, 8"),
    "padding that adds nothing": behind(
        "[3, 3, 4, 2] → [1, 1, 4, 2]", 'conv.kernel) → conv.kernel, padding="same", strides=2)', "6, 6, 2 → 4, 4, 2"
    ),
    "channels first": behind(
        "b, 8, 8, 4 → b, 4, 8, 8", "b, 6, 6, 2 → b, 2, 6, 6", "axis=-1 → axis=1", "bias: f32[2] → bias: f32[2, 1, 1]",
        'conv.kernel) → conv.kernel, data_format="channels_first")',
    ),
    "two in a row": behind(
        "conv(%1 → conv(%9",
        "  %2: f32 →   %9: f32[b, 8, 8, 4] = batch_normalization(%1, %bn.beta, %bn.variance, axis=3)\n  %2: f32",
    ),
    "one before and one behind": behind(
        "return %3 → %4: f32[b, 6, 6, 2] = batch_normalization(%3, %conv.bias, %var, axis=-1)\n  return %4",
        "  state %bn.mean →   state %var: f32[2]\n  state %bn.mean",
    ),
}  # fmt: skip


def test_text_of_what_goes_into_the_next() -> None:
    old = parse(NEXT)
    result = fold_batch_norm(old)
    new = verify(prune_dead(result.graph))
    assert str(new) == NEXT_FOLDED.strip()
    assert new.nodes[1].loc is not None and new.nodes[1].loc.line == 3
    assert result.transform is not None
    verify(result.transform)


@pytest.mark.parametrize("case", BEHIND)
def test_what_goes_into_the_next(case: str) -> None:
    old = verify(parse(BEHIND[case]))
    result = fold_batch_norm(old)
    new = verify(prune_dead(result.graph))
    assert result.transform is not None and "batch_normalization" not in str(new)
    assert len(new.params) == 2 and not new.state
    same_numbers(old, new, verify(result.transform), tolerance=4e-6)
    assert fold_batch_norm(new).graph is new


NOT_BEHIND = {
    "zeros around the edges": behind('conv.kernel) → conv.kernel, padding="same")', "6, 6, 2 → 8, 8, 2"),
    "the normalization is used elsewhere": behind(
        "return %3 → return %3, %1", "-> (f32[b, 6, 6, 2]) → -> (f32[b, 6, 6, 2], f32[b, 8, 8, 4])"
    ),
    "another axis": behind("8, 8, 4 → 4, 8, 4", "6, 6, 2 → 2, 6, 2", "axis=-1 → axis=1"),
    "a product of two computed tensors": behind(
        "[b, 8, 8, 4] → [b, 4, 4]", "[b, 6, 6, 2] → [b, 4, 4]", "conv(%1, %conv.kernel) → matmul(%1, %0)",
        "add(%2, %conv.bias) → sin(%2)",
    ),
    "it is the second factor": behind(
        "[b, 8, 8, 4] → [4, 4]", "[b, 6, 6, 2] → [2, 4]", "conv(%1, %conv.kernel) → matmul(%conv.kernel, %1)",
        "[3, 3, 4, 2] → [2, 4]", "add(%2, %conv.bias) → sin(%2)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_BEHIND)
def test_what_does_not_go_into_the_next(case: str) -> None:
    graph = verify(parse(NOT_BEHIND[case]))
    assert fold_batch_norm(graph).graph is graph


def test_the_product_before_is_preferred() -> None:
    text = NEXT.replace("relu(%x)", "conv(%x, %first)").replace(
        "  state %bn.mean", "  param %first: f32[1, 1, 4, 4]\n  state %bn.mean"
    )
    old = verify(parse(text))
    result = fold_batch_norm(old)
    new = verify(prune_dead(result.graph))
    assert [value.name for value in new.params] == ["conv.kernel", "conv.bias", "bn.beta.folded", "first.folded"]
    same_numbers(old, new, result.transform, tolerance=4e-6)


def test_a_matrix_product_of_two_inputs_is_no_layer() -> None:
    text = CONV.replace("b, 8, 8, 3]", "b, 5, 3], %k: f32[b, 3, 4]").replace("b, 6, 6, 4", "b, 5, 4")
    graph = verify(parse(text.replace("conv(%x, %conv.kernel)", "matmul(%x, %k)")))
    assert fold_batch_norm(graph).graph is graph


SHARED = """
graph @main(%x: f32[b, 3], %y: f32[b, 3]) -> (f32[b, 4], f32[b, 4], f32[b, 4]) {
  param %kernel: f32[3, 4]
  state %mean: f32[4]
  state %variance: f32[4]
  state %other_var: f32[4]
  %0: f32[b, 4] = matmul(%x, %kernel)
  %1: f32[b, 4] = batch_normalization(%0, %mean, %variance, axis=1)
  %2: f32[b, 4] = matmul(%y, %kernel)
  %3: f32[b, 4] = batch_normalization(%2, %mean, %variance, axis=1)
  %4: f32[b, 4] = matmul(%y, %kernel)
  %5: f32[b, 4] = batch_normalization(%4, %mean, %other_var, axis=1)
  return %1, %3, %5
}"""


def test_shared_layers_share_their_new_parameters() -> None:
    old = parse(SHARED)
    result = fold_batch_norm(old)
    new = verify(prune_dead(result.graph))
    names = [value.name for value in new.params]
    assert sorted(names) == ["kernel.folded", "kernel.folded_1", "mean.folded", "mean.folded_1"]
    same_numbers(old, new, result.transform)


def test_a_kernel_that_is_used_elsewhere_stays_beside_the_new_one() -> None:
    old = parse(SHARED.replace("batch_normalization(%4, %mean, %other_var, axis=1)", "sin(%4)"))
    result = fold_batch_norm(old)
    new = verify(prune_dead(result.graph))
    assert [value.name for value in new.params] == ["kernel", "kernel.folded", "mean.folded"]
    same_numbers(old, new, result.transform)


def test_transforms_compose() -> None:
    """The second pass takes what the first made; the runtime sees one graph from the old parameters."""
    old = parse(CONV)
    first = fold_batch_norm(old)
    text = str(prune_dead(first.graph)).replace(
        "multiply(%1, %last)", "batch_normalization(%1, %conv.bias.folded, %var, axis=3)"
    )
    middle = parse(text.replace("  %0: f32", "  state %var: f32[4]\n  %0: f32"))
    second = fold_batch_norm(middle)
    new = prune_dead(second.graph)
    both = transform.restrict(transform.compose(first.transform, second.transform), {v.name for v in new.params})
    assert both is not None
    verify(both)
    assert set(both.output_names) == {v.name for v in new.params}
    given = arrays(old) | {"var": np.full(4, 2, "float32")}
    made = {**given, **transform.apply(first.transform, given)}
    close(run(middle, made)[0][0], run(new, given, both)[0][0])
    assert both == parse(str(both))


def test_the_transform_can_be_compiled_and_cached() -> None:
    old = parse(CONV)
    result = fold_batch_norm(old)
    given = arrays(old)
    made = jax.jit(lambda arrays: transform.apply(result.transform, arrays))(
        {k: v for k, v in given.items() if k != "x"}
    )
    same = transform.apply(result.transform, given)
    assert set(made) == set(same) == {"conv.kernel.folded", "conv.bias.folded"}
    for name, value in made.items():
        close(value, same[name])


def test_names_that_are_taken_are_made_unique() -> None:
    old = parse(CONV.replace("%last", "%conv.kernel.folded"))
    result = fold_batch_norm(old)
    new = verify(prune_dead(result.graph))
    assert [v.name for v in new.params] == ["conv.kernel.folded_1", "conv.bias.folded", "conv.kernel.folded"]
    same_numbers(old, new, result.transform)


def test_inside_regions_nothing_is_folded() -> None:
    """A region's parameters are its node's operands: there is nothing to make new ones of once and for all."""
    region = SHARED.replace("@main(", "@yes(").replace("  param %kernel: f32[3, 4]\n  state %mean: f32[4]\n", "")
    region = region.replace("  state %variance: f32[4]\n  state %other_var: f32[4]\n", "")
    region = region.replace(
        "%y: f32[b, 3])", "%y: f32[b, 3], %kernel: f32[3, 4], %mean: f32[4], %variance: f32[4], %other_var: f32[4])"
    )
    main = """
graph @main(%p: bool[], %x: f32[b1, 3]) -> (f32[b1, 4], f32[b1, 4], f32[b1, 4]) {
  param %k: f32[3, 4]
  state %m: f32[4]
  %0: f32[b1, 4], %1: f32[b1, 4], %2: f32[b1, 4] = cond(%p, [%x, %x, %k, %m, %m, %m], true=@yes, false=@yes)
  return %0, %1, %2
}"""
    graph: Graph = verify(parse(region + "\n" + main))
    assert fold_batch_norm(graph).graph is graph

"""`fuse_layers`: product or convolution, bias and activation become one op, and the program stays what it was."""

from __future__ import annotations

from typing import Any

import jax
import pytest

from kgc.compiler import interpret
from kgc.compiler.errors import IRError
from kgc.compiler.graph import Graph
from kgc.compiler.loops import convolves
from kgc.compiler.op import REGISTRY, Trait
from kgc.compiler.ops.fused import ACTIVATIONS, parts
from kgc.compiler.parser import parse
from kgc.compiler.passes.fuse_layers import fuse_layers
from kgc.compiler.passes.roll_loops import roll_loops
from kgc.compiler.verifier import verify

from ..strategies import concrete, holds

CASES = {
    "dense": (
        """
graph @main(%x: f32[b, 3]) -> (f32[b, 2]) {
  param %k: f32[3, 4]
  param %b: f32[4]
  param %k2: f32[4, 4]
  param %k3: f32[4, 2]
  param %b3: f32[1, 2]
  %0: f32[b, 4] = matmul(%x, %k)
  %1: f32[b, 4] = add(%0, %b)
  %2: f32[b, 4] = relu(%1)
  %3: f32[b, 4] = matmul(%2, %k2)
  %4: f32[b, 4] = leaky_relu(%3, negative_slope=0.1)
  %5: f32[b, 2] = matmul(%4, %k3)
  %6: f32[b, 2] = add(%b3, %5)
  %7: f32[b, 2] = softmax(%6)
  return %7
}""",
        """
graph @main(%x: f32[b, 3]) -> (f32[b, 2]) {
  param %k: f32[3, 4]
  param %b: f32[4]
  param %k2: f32[4, 4]
  param %k3: f32[4, 2]
  param %b3: f32[1, 2]
  %0: f32[b, 4] = dense(%x, %k, %b, activation="relu")
  %1: f32[b, 4] = dense(%0, %k2, activation="leaky_relu", options=(0.1,))
  %2: f32[b, 2] = dense(%1, %k3, %b3, activation="softmax")
  return %2
}""",
    ),
    "options at their default are left out": (
        """
graph @main(%x: f32[b, t0, 3]) -> (f32[b, t0, 4], f32[b, t0, 4], f32[b, t0, 4]) {
  param %k: f32[3, 4]
  param %b: f32[4]
  %0: f32[b, t0, 4] = matmul(%x, %k)
  %1: f32[b, t0, 4] = add(%0, %b)
  %2: f32[b, t0, 4] = gelu(%1)
  %3: f32[b, t0, 4] = matmul(%x, %k)
  %4: f32[b, t0, 4] = gelu(%3, approximate=False)
  %5: f32[b, t0, 4] = matmul(%x, %k)
  %6: f32[b, t0, 4] = log_softmax(%5, axis=1)
  return %2, %4, %6
}""",
        """
graph @main(%x: f32[b, t0, 3]) -> (f32[b, t0, 4], f32[b, t0, 4], f32[b, t0, 4]) {
  param %k: f32[3, 4]
  param %b: f32[4]
  %0: f32[b, t0, 4] = dense(%x, %k, %b, activation="gelu")
  %1: f32[b, t0, 4] = dense(%x, %k, activation="gelu", options=(False,))
  %2: f32[b, t0, 4] = dense(%x, %k, activation="log_softmax", options=(1,))
  return %0, %1, %2
}""",
    ),
    "convolutions": (
        """
graph @main(%x: f32[b, 8, 8, 3], %y: f32[b, 3, 8, 8]) -> (f32[b, 4, 4, 2], f32[b, 2, 8, 8]) {
  param %k: f32[3, 3, 3, 2]
  param %b: f32[2]
  %0: f32[b, 4, 4, 2] = conv(%x, %k, strides=2, padding="same")
  %1: f32[b, 4, 4, 2] = add(%0, %b)
  %2: f32[b, 4, 4, 2] = tanh(%1)
  %3: f32[1, 2, 1, 1] = reshape(%b, newshape=(1, 2, 1, 1))
  %4: f32[b, 2, 8, 8] = conv(%y, %k, padding="same", data_format="channels_first")
  %5: f32[b, 2, 8, 8] = add(%4, %3)
  return %2, %5
}""",
        """
graph @main(%x: f32[b, 8, 8, 3], %y: f32[b, 3, 8, 8]) -> (f32[b, 4, 4, 2], f32[b, 2, 8, 8]) {
  param %k: f32[3, 3, 3, 2]
  param %b: f32[2]
  %0: f32[b, 4, 4, 2] = conv_layer(%x, %k, %b, strides=2, padding="same", activation="tanh")
  %1: f32[1, 2, 1, 1] = reshape(%b, newshape=(1, 2, 1, 1))
  %2: f32[b, 2, 8, 8] = conv_layer(%y, %k, %1, padding="same", data_format="channels_first")
  return %0, %2
}""",
    ),
    "inside regions": (
        """
graph @yes(%x: f32[b, 3], %k: f32[3, 3], %b: f32[3]) -> (f32[b, 3]) {
  %0: f32[b, 3] = matmul(%x, %k)
  %1: f32[b, 3] = add(%0, %b)
  %2: f32[b, 3] = sigmoid(%1)
  return %2
}

graph @main(%x: f32[b1, 3], %p: bool[]) -> (f32[b1, 3]) {
  param %k: f32[3, 3]
  param %b: f32[3]
  %0: f32[b1, 3] = cond(%p, [%x, %k, %b], true=@yes, false=@yes)
  return %0
}""",
        """
graph @yes(%x: f32[b, 3], %k: f32[3, 3], %b: f32[3]) -> (f32[b, 3]) {
  %0: f32[b, 3] = dense(%x, %k, %b, activation="sigmoid")
  return %0
}

graph @main(%x: f32[b1, 3], %p: bool[]) -> (f32[b1, 3]) {
  param %k: f32[3, 3]
  param %b: f32[3]
  %0: f32[b1, 3] = cond(%p, [%x, %k, %b], true=@yes, false=@yes)
  return %0
}""",
    ),
    "what is no layer": (
        """
graph @main(%x: f32[b, 4], %y: f32[b, 4], %z: f32[b, 3, 4])
  -> (f32[b, 4], f32[b, 4], f32[b, 4], f32[b, 4], f32[b, 3, 4], f32[b, 3, 3]) {
  param %k: f32[4, 4]
  param %b: f32[4]
  param %s: f32[]
  param %places: f32[3, 4]
  %0: f32[b, 4] = matmul(%x, %k)
  %1: f32[b, 4] = add(%0, %y)
  %2: f32[b, 4] = matmul(%y, %k)
  %3: f32[b, 4] = add(%2, %s)
  %4: f32[b, 4] = add(%3, %b)
  %5: f32[b, 4] = matmul(%1, %k)
  %6: f32[b, 4] = sin(%5)
  %7: f32[b, 4] = matmul(%6, %k)
  %8: f32[b, 4] = relu(%7)
  %9: f32[b, 3, 4] = matmul(%z, %k)
  %10: f32[b, 3, 4] = add(%9, %places)
  %11: f32[b, 4, 3] = transpose(%z, axes=(0, 2, 1))
  %12: f32[b, 3, 3] = matmul(%z, %11)
  %13: f32[b, 3, 3] = relu(%12)
  return %4, %6, %7, %8, %10, %13
}""",
        None,
    ),
    "what is used elsewhere stays": (
        """
graph @main(%x: f32[b, 3]) -> (f32[b, 3], f32[b, 3], f32[b, 3]) {
  param %k: f32[3, 3]
  param %b: f32[3]
  %0: f32[b, 3] = matmul(%x, %k)
  %1: f32[b, 3] = add(%0, %b)
  %2: f32[b, 3] = relu(%1)
  %3: f32[b, 3] = matmul(%2, %k)
  %4: f32[b, 3] = add(%3, %b)
  return %2, %1, %3
}""",
        """
graph @main(%x: f32[b, 3]) -> (f32[b, 3], f32[b, 3], f32[b, 3]) {
  param %k: f32[3, 3]
  param %b: f32[3]
  %0: f32[b, 3] = dense(%x, %k, %b)
  %1: f32[b, 3] = relu(%0)
  %2: f32[b, 3] = matmul(%1, %k)
  return %1, %0, %2
}""",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_texts(case: str) -> None:
    before, after = CASES[case]
    holds(fuse_layers, before, str(parse(after or before)), grads=True, tolerance=0)


def _program(graph: Graph, *, grads: bool) -> str:
    """The JAX program, with gradients if asked."""
    given = {v.name: jax.ShapeDtypeStruct(concrete(v.type).shape, v.type.dtype) for v in graph.arguments()}

    def call(given: dict[str, Any]) -> Any:
        groups = ([given[v.name] for v in group] for group in (graph.inputs, graph.params, graph.state))
        return interpret.evaluate(graph, *groups)[0]

    def slopes(given: dict[str, Any]) -> Any:
        return jax.grad(lambda given: sum(out.astype("float32").sum() for out in call(given)))(given)

    return str(jax.make_jaxpr(slopes if grads else call)(given))


@pytest.mark.parametrize("case", ["dense", "options at their default are left out", "convolutions"])
def test_the_program_is_the_same_equation_by_equation(case: str) -> None:
    old = parse(CASES[case][0].replace("add(%b3, %5)", "add(%5, %b3)"))
    new = fuse_layers(old)
    assert len(new.nodes) < len(old.nodes)
    assert _program(old, grads=False) == _program(new, grads=False)
    assert _program(old, grads=True) == _program(new, grads=True)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["f32", "bf16"])
def test_every_activation(name: str, dtype: str) -> None:
    text = f"""
graph @main(%x: {dtype}[b, 3]) -> ({dtype}[b, 4]) {{
  param %k: {dtype}[3, 4]
  param %b: {dtype}[4]
  %0: {dtype}[b, 4] = matmul(%x, %k)
  %1: {dtype}[b, 4] = add(%0, %b)
  %2: {dtype}[b, 4] = {name}(%1)
  return %2
}}"""
    old = parse(text)
    (node,) = verify(fuse_layers(old)).nodes
    assert node.op.name == "dense" and node.attr("activation") == name and node.attr("options") == ()
    assert parts(node) == 3
    assert _program(old, grads=True) == _program(fuse_layers(old), grads=True)


def test_activations_take_one_tensor() -> None:
    for function in ACTIVATIONS.values():
        assert function.operand_names == ("x",) and function.has(Trait.ELEMENTWISE | Trait.NORMALIZES)


def test_a_layer_is_where_its_product_was() -> None:
    text = CASES["dense"][0].replace("matmul(%x, %k)", 'matmul(%x, %k)  loc("model.py":3, "head")')
    text = text.replace("relu(%1)", 'relu(%1)  loc("model.py":9, "act")')
    node = fuse_layers(parse(text)).nodes[0]
    assert node.loc is not None and node.loc.key() == ("model.py", 3, "head")


def test_the_bodies_of_loops() -> None:
    lines = "".join(
        f"  %{3 * i}: f32[b, 4] = matmul({'%x' if not i else f'%{3 * i - 1}'}, %k{i})\n"
        f"  %{3 * i + 1}: f32[b, 4] = add(%{3 * i}, %b{i})\n  %{3 * i + 2}: f32[b, 4] = relu(%{3 * i + 1})\n"
        for i in range(4)
    )
    params = "".join(f"  param %k{i}: f32[4, 4]\n  param %b{i}: f32[4]\n" for i in range(4))
    old = parse(f"graph @main(%x: f32[b, 4]) -> (f32[b, 4]) {{\n{params}{lines}  return %11\n}}")
    rolled = verify(fuse_layers(roll_loops(old).graph))
    (scan,) = (node for node in rolled.nodes if node.op.name == "scan")
    (body,) = scan.regions()
    assert [node.op.name for node in body.nodes] == ["dense"]
    again = roll_loops(fuse_layers(old))  # a graph that is fused already rolls too
    (scan,) = (node for node in again.graph.nodes if node.op.name == "scan")
    (body,) = scan.regions()
    assert [node.op.name for node in body.nodes] == ["dense"]


def test_a_layer_with_a_convolution_is_one() -> None:
    """What rolls loops asks, for gradients of convolutions are slow in loops."""
    nodes = fuse_layers(parse(CASES["convolutions"][0])).nodes
    assert [convolves(node) for node in nodes] == [True, False, True]
    assert not any(map(convolves, fuse_layers(parse(CASES["dense"][0])).nodes))


def test_flops_are_those_of_the_parts() -> None:
    dense, conv_layer = REGISTRY["dense"], REGISTRY["conv_layer"]
    typed = {v.name: v.type for v in parse(CASES["convolutions"][0]).arguments()}
    flops: Any = dense.flops
    small = parse("graph @main(%x: f32[5, 3], %k: f32[3, 4], %b: f32[4]) -> (f32[5, 3]) {\n  return %x\n}")
    x, k, b = (value.type for value in small.inputs)
    assert flops(x, k, None, None, ()) == 2 * 5 * 3 * 4
    assert flops(x, k, b, "relu", ()) == 2 * 5 * 3 * 4 + 2 * 20
    flops = conv_layer.flops
    whole = flops(typed["x"], typed["k"], None, 2, "same", "channels_last", 1, None, ())
    assert str(whole) == str(REGISTRY["conv"].flops(typed["x"], typed["k"], 2, "same", "channels_last", 1))  # type: ignore[misc]
    layer = flops(typed["x"], typed["k"], typed["b"], 2, "same", "channels_last", 1, "tanh", ())
    assert str(layer - whole) == str(2 * 4 * 4 * 2 * typed["x"].shape[0])


WRONG = {
    'activation="cast"': "there is no activation 'cast'",
    "activation=(slice(1, 2, None),)": "there is no activation",
    'activation="relu", options=(1.0,)': "at most 0",
    "options=(1.0,)": "at most 0",
    'activation="leaky_relu", options="a"': "options are a tuple",
    'activation="leaky_relu", options=("a",)': "dense cannot take these operands",
    'activation="softmax", options=(7,)': "dense cannot take these operands",
}


@pytest.mark.parametrize("given", WRONG)
def test_what_the_ops_refuse(given: str) -> None:
    text = f"graph @main(%x: f32[b, 3], %k: f32[3, 4]) -> (f32[b, 4]) {{\n  %0: f32[b, 4] = dense(%x, %k, {given})\n"
    with pytest.raises(IRError, match=WRONG[given]):
        verify(parse(text + "  return %0\n}"))


@pytest.mark.parametrize(
    ("types", "what"),
    [
        ("%x: f32[b, 3], %k: f32[4, 4], %b: f32[4]", "the kernel is a matrix"),
        ("%x: f32[b, 3], %k: f32[1, 3, 4], %b: f32[4]", "the kernel is a matrix"),
        ("%x: f32[b, 3], %k: f32[3, 4], %b: f32[3]", "the bias needs 4 numbers"),
        ("%x: f32[b, 3], %k: f32[3, 4], %b: f32[b, 4]", "the bias needs 4 numbers"),
    ],
)
def test_shapes_that_dense_refuses(types: str, what: str) -> None:
    text = f"graph @main({types}) -> (f32[b, 4]) {{\n  %0: f32[b, 4] = dense(%x, %k, %b)\n  return %0\n}}"
    with pytest.raises(IRError, match=what):
        verify(parse(text))


def test_shapes_that_conv_layer_refuses() -> None:
    for old, new, what in (
        ("%b: f32[2]", "%b: f32[3]", "the bias needs 2 numbers"),
        ("%k: f32[3, 3, 3, 2]", "%k: f32[3, 3, 2, 2]", "inputs with 3 channels do not fit"),
    ):
        with pytest.raises(IRError, match=what):
            verify(parse(CASES["convolutions"][1].replace(old, new)))

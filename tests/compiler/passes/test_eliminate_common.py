"""`eliminate_common`: what is the same is computed once, and nothing else."""

from __future__ import annotations

import pytest

from kgc.compiler import extern
from kgc.compiler.builder import Builder
from kgc.compiler.ir import Value
from kgc.compiler.op import REGISTRY
from kgc.compiler.parser import parse
from kgc.compiler.passes.eliminate_common import eliminate_common
from kgc.compiler.types import parse_type

from ..strategies import arrays, holds, run

CASES = {
    "chains": (
        """
graph @main(%x: f32[b, 4]) -> (f32[b, 4], f32[b, 4]) {
  %0: f32[b, 4] = relu(%x)
  %1: f32[b, 4] = sin(%0)
  %2: f32[b, 4] = relu(%x)
  %3: f32[b, 4] = sin(%2)
  %4: f32[b, 4] = add(%1, %3)
  return %4, %3
}""",
        """
graph @main(%x: f32[b, 4]) -> (f32[b, 4], f32[b, 4]) {
  %0: f32[b, 4] = relu(%x)
  %1: f32[b, 4] = sin(%0)
  %2: f32[b, 4] = add(%1, %1)
  return %2, %1
}""",
    ),
    "commutative operands in either order, others not": (
        """
graph @main(%x: f32[b, 4], %y: f32[b, 4]) -> (f32[b, 4], f32[b, 4], f32[b, 4], f32[b, 4]) {
  %0: f32[b, 4] = add(%x, %y)
  %1: f32[b, 4] = add(%y, %x)
  %2: f32[b, 4] = subtract(%x, %y)
  %3: f32[b, 4] = subtract(%y, %x)
  return %0, %1, %2, %3
}""",
        """
graph @main(%x: f32[b, 4], %y: f32[b, 4]) -> (f32[b, 4], f32[b, 4], f32[b, 4], f32[b, 4]) {
  %0: f32[b, 4] = add(%x, %y)
  %1: f32[b, 4] = subtract(%x, %y)
  %2: f32[b, 4] = subtract(%y, %x)
  return %0, %0, %1, %2
}""",
    ),
    "several results, lists and assignments": (
        """
graph @main(%x: f32[b, 4]) -> (f32[b, 8]) {
  state %mean: f32[4]
  %0: f32[4], %1: f32[4] = moments(%x, axes=(0,))
  %2: f32[4], %3: f32[4] = moments(%x, axes=(0,))
  %4: f32[b, 4] = add(%x, %3)
  %5: f32[b, 8] = concatenate([%x, %4], axis=1)
  %6: f32[b, 8] = concatenate([%4, %x], axis=1)
  %7: f32[b, 8] = add(%5, %6)
  return %7
  assign %mean = %2
}""",
        """
graph @main(%x: f32[b, 4]) -> (f32[b, 8]) {
  state %mean: f32[4]
  %0: f32[4], %1: f32[4] = moments(%x, axes=(0,))
  %2: f32[b, 4] = add(%x, %1)
  %3: f32[b, 8] = concatenate([%x, %2], axis=1)
  %4: f32[b, 8] = concatenate([%2, %x], axis=1)
  %5: f32[b, 8] = add(%3, %4)
  return %5
  assign %mean = %0
}""",
    ),
    "constants by their bits": (
        """
graph @main(%x: f32[b, 2]) -> (f32[b, 2], f32[b, 2], f32[b, 2]) {
  const %a: f32[2] = [0.0, 1.0]
  const %b: f32[2] = [-0.0, 1.0]
  const %c: f32[2] = [0.0, 1.0]
  %0: f32[b, 2] = add(%x, %a)
  %1: f32[b, 2] = add(%x, %b)
  %2: f32[b, 2] = add(%x, %c)
  return %0, %1, %2
}""",
        """
graph @main(%x: f32[b, 2]) -> (f32[b, 2], f32[b, 2], f32[b, 2]) {
  const %a: f32[2] = [0.0, 1.0]
  const %b: f32[2] = [-0.0, 1.0]
  %0: f32[b, 2] = add(%x, %a)
  %1: f32[b, 2] = add(%x, %b)
  return %0, %1, %0
}""",
    ),
    "inside regions": (
        """
graph @yes(%x: f32[b]) -> (f32[b]) {
  %0: f32[b] = sin(%x)
  %1: f32[b] = sin(%x)
  %2: f32[b] = multiply(%0, %1)
  return %2
}

graph @main(%x: f32[b1], %p: bool[]) -> (f32[b1], f32[b1]) {
  %0: f32[b1] = cond(%p, [%x], true=@yes, false=@yes)
  %1: f32[b1] = cond(%p, [%x], true=@yes, false=@yes)
  return %0, %1
}""",
        """
graph @yes(%x: f32[b]) -> (f32[b]) {
  %0: f32[b] = sin(%x)
  %1: f32[b] = multiply(%0, %0)
  return %1
}

graph @main(%x: f32[b1], %p: bool[]) -> (f32[b1], f32[b1]) {
  %0: f32[b1] = cond(%p, [%x], true=@yes, false=@yes)
  return %0, %0
}""",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_texts(case: str) -> None:
    before, after = CASES[case]
    holds(eliminate_common, before, str(parse(after)), grads=True)


DIFFERENT = [
    ("i32[b]", "add(%x, 1)", "add(%x, 1.0)"),
    ("f32[b]", "add(%x, 0.0)", "add(%x, -0.0)"),
    ("f32[b]", "multiply(%x, 1)", "multiply(%x, True)"),
    ("f32[b, 3]", "softmax(%x)", "softmax(%x, axis=1)"),
    ("f32[b, 3]", "sum(%x, axis=1)", "sum(%x, axis=1, keepdims=True)"),
    ("f32[b, 3]", "sin(%x)", "cos(%x)"),
    ("f32[b, 3]", "full(shape=(2,), fill_value=1)", "full(shape=(2,), fill_value=1.0)"),
]


@pytest.mark.parametrize(("type_", "left", "right"), DIFFERENT)
def test_different_attributes_and_literals_stay_apart(type_: str, left: str, right: str) -> None:
    with Builder("main") as built:
        x = built.input("x", parse_type(type_))
        made: list[Value] = []
        for text in (left, right, left):
            name, _, arguments = text.partition("(")
            made.append(eval(f"op({arguments.replace('%x', 'x')}", {"op": REGISTRY[name], "x": x}))
        graph = built.finish(made)
    new = eliminate_common(graph)
    assert len(new.nodes) == 2 and new.outputs[0] is new.outputs[2] and new.outputs[0] is not new.outputs[1]


def test_random_ops_are_one_on_one_address_only() -> None:
    before = """
graph @main(%x: f32[b, 8], %key: key[]) -> (f32[b, 8], f32[b, 8], f32[b, 8], f32[b, 8]) {
  %0: key[] = fold_in(%key, 1)
  %1: f32[b, 8] = dropout(%x, %0, rate=0.5)
  %2: key[] = fold_in(%key, 2)
  %3: f32[b, 8] = dropout(%x, %2, rate=0.5)
  %4: key[] = fold_in(%key, 1)
  %5: f32[b, 8] = dropout(%x, %4, rate=0.5)
  %6: f32[b, 8] = dropout(%x, %4, rate=0.25)
  return %1, %3, %5, %6
}"""
    after = """
graph @main(%x: f32[b, 8], %key: key[]) -> (f32[b, 8], f32[b, 8], f32[b, 8], f32[b, 8]) {
  %0: key[] = fold_in(%key, 1)
  %1: f32[b, 8] = dropout(%x, %0, rate=0.5)
  %2: key[] = fold_in(%key, 2)
  %3: f32[b, 8] = dropout(%x, %2, rate=0.5)
  %4: f32[b, 8] = dropout(%x, %0, rate=0.25)
  return %1, %3, %1, %4
}"""
    result = holds(eliminate_common, before, after, tolerance=0)
    outputs, _ = run(result.graph, arrays(result.graph))
    assert (outputs[0] != outputs[1]).any()


def test_python_functions_of_the_users_stay_apart() -> None:
    """They may count their calls."""
    sha = extern.register("identity", "gradient", [], lambda arrays, static: arrays)
    text = f"""graph @main(%x: f32[4]) -> (f32[4], f32[4]) {{
  %0: f32[4] = extern([%x], sha="{sha}")
  %1: f32[4] = extern([%x], sha="{sha}")
  return %0, %1
}}"""
    graph = parse(text)
    assert eliminate_common(graph) is graph
    body = f"""graph @body(%c: f32[4]) -> (f32[4]) {{
  %0: f32[4] = extern([%c], sha="{sha}")
  return %0
}}
"""
    loop = "scan(body=@body, init=[%x], xs=[], invariants=[], length=9)"
    graph = parse(body + text.replace(f'extern([%x], sha="{sha}")', loop))
    assert len(graph.nodes) == 2 and eliminate_common(graph) is graph


def test_results_of_different_types_stay_apart() -> None:
    """Two sizes that only numbers can tell are not known to be one."""
    text = """graph @main(%x: f32[b, 3]) -> (f32[r0, 4], f32[r1, 4]) {
  %0: f32[r0, 4] = reshape(%x, newshape=(-1, 4))
  %1: f32[r1, 4] = reshape(%x, newshape=(-1, 4))
  return %0, %1
}"""
    graph = parse(text)
    assert eliminate_common(graph) is graph

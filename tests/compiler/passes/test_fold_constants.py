"""`fold_constants`: what depends on constants only is computed, within bounds."""

from __future__ import annotations

import numpy as np
import pytest

from kgc.compiler import extern, printer
from kgc.compiler.parser import parse
from kgc.compiler.passes import fold_constants as module
from kgc.compiler.passes.fold_constants import fold_constants
from kgc.compiler.passes.prune_dead import prune_dead

from ..strategies import holds, run

CASES = {
    "constants and literals": (
        """
graph @main(%x: f32[b, 3]) -> (f32[b, 3], f32[3]) {
  const %scale: f32[3] = [1.0, 2.0, 4.0]
  const %kept: f32[3] = [1.0, 2.0, 3.0]
  %0: f32[3] = divide(1.0, %scale)
  %1: f32[3] = negative(%0)
  %2: f32[b, 3] = multiply(%x, %1)
  %3: f32[b, 3] = add(%2, %kept)
  return %3, %0
}""",
        """
graph @main(%x: f32[b, 3]) -> (f32[b, 3], f32[3]) {
  const %kept: f32[3] = [1.0, 2.0, 3.0]
  const %c: f32[3] = [1.0, 0.5, 0.25]
  const %c_1: f32[3] = [-1.0, -0.5, -0.25]
  %0: f32[b, 3] = multiply(%x, %c_1)
  %1: f32[b, 3] = add(%0, %kept)
  return %1, %c
}""",
    ),
    "what only creates stays, what is computed from it does not": (
        """
graph @main(%x: f32[b, 2]) -> (f32[b, 2], f32[2]) {
  %0: f32[2] = full(shape=(2,), fill_value=3.0)
  %1: f32[2, 2] = eye(N=2)
  %2: f32[2, 2] = multiply(%1, %0)
  %3: f32[b, 2] = matmul(%x, %2)
  %4: f32[b, 2] = full(shape=(b, 2), fill_value=1.0)
  %5: f32[b, 2] = negative(%4)
  %6: f32[b, 2] = add(%3, %5)
  return %6, %0
}""",
        """
graph @main(%x: f32[b, 2]) -> (f32[b, 2], f32[2]) {
  const %c: f32[2, 2] = [[3.0, 0.0], [0.0, 3.0]]
  %0: f32[2] = full(shape=(2,), fill_value=3.0)
  %1: f32[b, 2] = matmul(%x, %c)
  %2: f32[b, 2] = full(shape=(b, 2), fill_value=1.0)
  %3: f32[b, 2] = negative(%2)
  %4: f32[b, 2] = add(%1, %3)
  return %4, %0
}""",
    ),
    "weak types stay weak": (
        """
graph @main(%x: bf16[b]) -> (bf16[b]) {
  const %one: ~f32[] = 1.0
  %0: ~f32[] = add(%one, 2.0)
  %1: bf16[b] = multiply(%x, %0)
  return %1
}""",
        """
graph @main(%x: bf16[b]) -> (bf16[b]) {
  const %c: ~f32[] = 3.0
  %0: bf16[b] = multiply(%x, %c)
  return %0
}""",
    ),
    "several results, of which one is used": (
        """
graph @main() -> (f32[2]) {
  const %a: f32[4] = [1.0, 2.0, 3.0, 4.0]
  %0: f32[2], %1: f32[2] = split(%a, indices_or_sections=2)
  return %1
}""",
        """
graph @main() -> (f32[2]) {
  const %c: f32[2] = [3.0, 4.0]
  return %c
}""",
    ),
    "inside regions": (
        """
graph @yes(%x: f32[b, 2]) -> (f32[b, 2]) {
  const %a: f32[2] = [1.0, 2.0]
  %0: f32[2] = multiply(%a, 2.0)
  %1: f32[b, 2] = add(%x, %0)
  return %1
}

graph @main(%x: f32[b1, 2], %p: bool[]) -> (f32[b1, 2]) {
  %0: f32[b1, 2] = cond(%p, [%x], true=@yes, false=@yes)
  return %0
}""",
        """
graph @yes(%x: f32[b, 2]) -> (f32[b, 2]) {
  const %c: f32[2] = [2.0, 4.0]
  %0: f32[b, 2] = add(%x, %c)
  return %0
}

graph @main(%x: f32[b1, 2], %p: bool[]) -> (f32[b1, 2]) {
  %0: f32[b1, 2] = cond(%p, [%x], true=@yes, false=@yes)
  return %0
}""",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_texts(case: str) -> None:
    before, after = CASES[case]
    holds(fold_constants, before, str(parse(after)), at_end=prune_dead)


KEPT = {
    "random ops": """
graph @main() -> (f32[4]) {
  const %a: f32[4] = [1.0, 2.0, 3.0, 4.0]
  %0: f32[4] = dropout(%a, %key, rate=0.5)
  return %0
}""".replace("@main()", "@main(%key: key[])"),
    "loops, which might not end": """
graph @more(%x: f32[]) -> (bool[]) {
  %0: bool[] = less(%x, 10.0)
  return %0
}

graph @same(%x: f32[]) -> (f32[]) {
  return %x
}

graph @main() -> (f32[]) {
  const %a: f32[] = 1.0
  %0: f32[] = while_loop(cond=@more, body=@same, operands=[%a])
  return %0
}""",
    "results that are too large": """
graph @main(%x: f32[b]) -> (f32[200, 200], f32[]) {
  const %a: f32[] = 1.0
  %0: f32[200, 200] = broadcast_to(%a, shape=(200, 200))
  %1: f32[] = sum(%0)
  return %0, %1
}""",
    "Python functions of the user's": f"""
graph @main() -> (f32[4]) {{
  const %a: f32[4] = [1.0, 2.0, 3.0, 4.0]
  %0: f32[4] = extern([%a], sha="{extern.register("identity", "gradient", [], lambda arrays, static: arrays)}")
  return %0
}}""",
    "creation alone": """
graph @main() -> (f32[4], i32[3]) {
  %0: f32[4] = full(shape=(4,), fill_value=1.0)
  %1: i32[3] = arange(start=3)
  return %0, %1
}""",
}


@pytest.mark.parametrize("case", KEPT)
def test_what_is_not_folded(case: str) -> None:
    graph = parse(KEPT[case])
    assert fold_constants(graph) is graph


def test_large_operands_allow_large_results() -> None:
    big = np.ones((200, 200), "float32")
    name = printer.constant_name(big)
    text = f"""graph @main() -> (f32[200, 200]) {{
  const %a: f32[200, 200] {name}
  %0: f32[200, 200] = multiply(%a, 2.0)
  return %0
}}"""
    graph = parse(text, {name: big})
    new = fold_constants(graph)
    assert not new.nodes and big.nbytes > module.LIMIT
    np.testing.assert_array_equal(run(new, {})[0][0], 2 * big)


def test_numbers_are_those_of_the_ops() -> None:
    """No rounding of its own: a constant folded is the constant computed."""
    text = """graph @main() -> (f32[4], bf16[4], i32[]) {
  const %a: f32[4] = [0.1, 0.2, 0.3, 1e-08]
  const %n: i32[3] = [5, 6, 7]
  %0: f32[4] = exp(%a)
  %1: f32[4] = log1p(%0)
  %2: bf16[4] = cast(%1, dtype="bfloat16")
  %3: i32[] = sum(%n)
  return %1, %2, %3
}"""
    graph = parse(text)
    new = fold_constants(graph)
    assert not new.nodes
    for folded, computed in zip(run(new, {})[0], run(graph, {})[0], strict=True):
        np.testing.assert_allclose(np.asarray(folded, "float32"), np.asarray(computed, "float32"), rtol=2e-7)

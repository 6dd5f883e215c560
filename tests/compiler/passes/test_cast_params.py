"""`cast_params`: weights that are used in a smaller type only are kept in it."""

from __future__ import annotations

import pytest

from kgc.compiler.parser import parse
from kgc.compiler.passes.cast_params import cast_params
from kgc.compiler.passes.prune_dead import prune_dead

from ..strategies import holds

CASES = {
    "weights and a table": (
        """
graph @main(%x: i32[b, 3]) -> (bf16[b, 3, 2]) {
  param %table: f32[5, 4]
  param %kernel: f32[4, 2]
  param %bias: f32[2]
  %0: f32[b, 3, 4] = take(%table, %x, axis=0)
  %1: bf16[b, 3, 4] = cast(%0, dtype="bfloat16")
  %2: bf16[4, 2] = cast(%kernel, dtype="bfloat16")
  %3: bf16[b, 3, 2] = matmul(%1, %2)
  %4: bf16[2] = cast(%bias, dtype="bfloat16")
  %5: bf16[b, 3, 2] = add(%3, %4)
  return %5
}""",
        """
graph @main(%x: i32[b, 3]) -> (bf16[b, 3, 2]) {
  param %table.bfloat16: bf16[5, 4]
  param %kernel.bfloat16: bf16[4, 2]
  param %bias.bfloat16: bf16[2]
  %0: bf16[b, 3, 4] = take(%table.bfloat16, %x, axis=0)
  %1: bf16[b, 3, 2] = matmul(%0, %kernel.bfloat16)
  %2: bf16[b, 3, 2] = add(%1, %bias.bfloat16)
  return %2
}""",
        """
graph @transform() -> (table.bfloat16: bf16[5, 4], kernel.bfloat16: bf16[4, 2], bias.bfloat16: bf16[2]) {
  param %table: f32[5, 4]
  param %kernel: f32[4, 2]
  param %bias: f32[2]
  %0: bf16[5, 4] = cast(%table, dtype="bfloat16")
  %1: bf16[4, 2] = cast(%kernel, dtype="bfloat16")
  %2: bf16[2] = cast(%bias, dtype="bfloat16")
  return %0, %1, %2
}""",
    ),
    "what is used in both types, grows, or is no weight": (
        """
graph @yes(%w: f32[4], %x: f32[4]) -> (f16[4]) {
  %0: f16[4] = cast(%w, dtype="float16")
  return %0
}

graph @main(%x: f32[4], %p: bool[]) -> (bf16[4], f32[4], f32[4], f16[4], bf16[4], i8[4], f16[4]) {
  param %a: f32[4]
  param %small: f16[4]
  param %out: f32[4]
  param %c: f32[4]
  param %in: f32[4]
  state %s: f32[4]
  %0: bf16[4] = cast(%a, dtype="bfloat16")
  %1: f32[4] = add(%a, %x)
  %2: f32[4] = cast(%small, dtype="float32")
  %3: f16[4] = cast(%out, dtype="float16")
  %4: bf16[4] = cast(%s, dtype="bfloat16")
  %5: i8[4] = cast(%c, dtype="int8")
  %6: f16[4] = cond(%p, [%in, %x], true=@yes, false=@yes)
  return %0, %1, %2, %3, %4, %5, %6
  assign %s = %out
}""",
        None,
        None,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_texts(case: str) -> None:
    before, after, made_by = CASES[case]
    holds(cast_params, before, str(parse(after or before)), made_by=made_by, tolerance=0, at_end=prune_dead)

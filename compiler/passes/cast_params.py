"""Keep weights in the type in which they are used, for inference.

    param %dense.kernel: f32[784, 512]                           param %dense.kernel.bfloat16: bf16[784, 512]
    %0: bf16[784, 512] = cast(%dense.kernel, dtype="bfloat16")   %0: bf16[b, 512] = matmul(%x, %dense.kernel.bfloat16)
    %1: bf16[b, 512] = matmul(%x, %0)

Under a policy of mixed precision weights are trained in float32 and cast where a layer is called, each time; for
inference the transform casts them once, before the program runs.  XLA cannot: to it weights are arguments like any
other.  Saved are half of the weights in an artifact and in the memory that a program reads, and the casts: 60 layers
Dense(256) under `mixed_bfloat16` make a file of 8.0 MB instead of 15.8 and take 1.72 ms instead of 1.90 for a row; the
first call takes 60 ms more (2-core CPU).

Only weights that are used in the other type alone, and need no more bytes in it; and tables of which rows are taken.
"""

from __future__ import annotations

from typing import Any

from ..graph import Graph
from ..ir import Value
from ..ops.elementwise import cast
from ..ops.indexing import take
from ..rewrite import derive, is_param
from ..rules import Rules
from ..transform import PassResult
from ..types import is_float, jax_dtype

_RULES = Rules("cast_params")


def cast_params(graph: Graph) -> PassResult:
    """The graph with params in the type to which it casts them, and the transform that casts them."""
    return _RULES(graph)


@_RULES.row("cast(once(x), dtype)")
def _weight(x: Value, dtype: str) -> Value | None:
    return derive(f"{x.name}.{dtype}", cast, x, dtype=dtype) if _is_smaller(x, dtype) else None


@_RULES.row("cast(once(take(once(table), indices, axis)), dtype)")
def _rows(table: Any, indices: Any, axis: int | None, dtype: str) -> Value | None:
    if not _is_smaller(table, dtype):
        return None
    return take(derive(f"{table.name}.{dtype}", cast, table, dtype=dtype), indices, axis)


def _is_smaller(x: Any, dtype: str) -> bool:
    if not is_param(x) or not is_float(x.dtype) or not is_float(dtype):
        return False
    return jax_dtype(dtype).itemsize <= jax_dtype(x.dtype).itemsize

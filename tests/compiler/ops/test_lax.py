"""The table of primitives: its codecs, the dtypes of literals, and what it refuses."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kgc.compiler import ops  # noqa: F401
from kgc.compiler.errors import ArgumentError, IRError
from kgc.compiler.lax_codec import (
    CONV,
    DTYPE,
    FFT_TYPE,
    GATHER,
    MODE,
    PLAIN,
    PRECISION,
    ROUNDING,
    ROWS,
    SCATTER,
    Codec,
    NoCode,
)
from kgc.compiler.op import REGISTRY, Trait
from kgc.compiler.parser import parse
from kgc.compiler.verifier import verify

VALUES: list[tuple[Codec, Any, Any]] = [
    (PLAIN, (np.int64(1), (2, np.float32(0.5))), (1, (2, 0.5))),
    (PLAIN, jnp.asarray(2.0), 2.0),
    (DTYPE, jnp.dtype("bfloat16"), "bfloat16"),
    (DTYPE, None, None),
    (PRECISION, lax.Precision.HIGHEST, "HIGHEST"),
    (PRECISION, (lax.Precision.DEFAULT, lax.Precision.HIGH), ("DEFAULT", "HIGH")),
    (PRECISION, None, None),
    (MODE, lax.GatherScatterMode.FILL_OR_DROP, "FILL_OR_DROP"),
    (ROUNDING, lax.RoundingMethod.TO_NEAREST_EVEN, "TO_NEAREST_EVEN"),
    (FFT_TYPE, lax.FftType.IRFFT, "IRFFT"),
    (GATHER, lax.GatherDimensionNumbers((0,), (1,), (1,), (2,), (3,)), ((0,), (1,), (1,), (2,), (3,))),
    (SCATTER, lax.ScatterDimensionNumbers((0,), (1,), (1,)), ((0,), (1,), (1,), (), ())),
    (
        CONV,
        lax.ConvDimensionNumbers((0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2)),
        ((0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2)),
    ),
]


@pytest.mark.parametrize(("codec", "theirs", "ours"), VALUES)
def test_codecs_go_both_ways(codec: Codec, theirs: Any, ours: Any) -> None:
    assert codec.encode(theirs) == ours
    assert codec.encode(codec.decode(ours)) == ours


@pytest.mark.parametrize(
    ("codec", "value"),
    [(PRECISION, lax.DotAlgorithmPreset.F32_F32_F32), (MODE, "clip"), (PLAIN, object()), (PLAIN, np.ones(2))],
)
def test_codecs_refuse_what_is_not_in_the_closed_set(codec: Codec, value: Any) -> None:
    with pytest.raises((NoCode, ArgumentError)):
        codec.encode(value)


def test_every_row_is_an_imported_op_of_its_name() -> None:
    for name, row in ROWS.items():
        assert row.op is not None and row.op.has(Trait.IMPORTED)
        assert row.op.name == "lax." + row.name.replace("-", "_") and REGISTRY[row.op.name] is row.op
        assert name == row.name or ROWS[row.name] is row


def test_literals_take_the_dtype_of_their_place() -> None:
    half = jnp.ones(3, "bfloat16")
    assert REGISTRY["lax.mul"](half, 2.0).dtype == "bfloat16"
    assert REGISTRY["lax.pad"](half, 1.0, ((1, 0, 0),)).dtype == "bfloat16"
    assert REGISTRY["lax.clamp"](0, jnp.ones(3, "uint8"), 5).dtype == "uint8"
    assert REGISTRY["lax.random_fold_in"](jax.random.key(0), 3) == jax.random.fold_in(jax.random.key(0), 3)
    assert ROWS["scatter-add"].literal_dtypes(["float32", None, None]) == ["float32", "", "float32"]
    assert ROWS["dynamic_slice"].operands(["x", 0, 1]) == ("x", (0, 1))


def test_unknown_parameters_are_refused() -> None:
    with pytest.raises(NoCode, match="colour='red'"):
        ROWS["add"].attributes({"colour": "red"})
    assert ROWS["add"].attributes({"out_dtype": None}) == ()


@pytest.mark.parametrize(
    "call",
    [
        "lax.gather(%x, %i, dimension_numbers=((0,), (1,)), slice_sizes=(2, 1))",
        'lax.gather(%x, %i, dimension_numbers=((0,), (1,), (1,), (), ()), slice_sizes=(2, 1), mode="LOUD")',
        'lax.gather(%x, %i, dimension_numbers=((0,), (1,), (1,), (), ()), slice_sizes="no")',
        "lax.sort([%x], dimension=7)",
        'lax.reshape(%x, new_sizes=("a",))',
        'lax.convert_element_type(%x, new_dtype="no")',
        "lax.transpose(%x, permutation=(0, 0))",
        "lax.dot_general(%x, %x, dimension_numbers=3)",
    ],
)
def test_hostile_text_is_an_error_of_ours(call: str) -> None:
    text = f"graph @g(%x: f32[2, 4], %i: i32[5, 1]) -> (f32[2, 5]) {{\n  %0: f32[2, 5] = {call}\n  return %0\n}}"
    with pytest.raises(IRError):
        verify(parse(text))

"""What ops that hold graphs (regions) have in common: the checks of a region, and its evaluation.

A region takes everything it uses as an input.
"""

# JAX's own annotations are partly unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.export import is_symbolic_dim

from .. import interpret
from ..errors import ArgumentError, DTypeError, ShapeError
from ..graph import Graph
from ..types import TensorType
from .checks import differ


def region_of(op_name: str, what: str, region: Any, operands: Sequence[Any], sources: str) -> Graph:
    """The region, when it is one that takes these operands."""
    if not isinstance(region, Graph):
        raise ArgumentError(f"{op_name}: {what} must be a graph", received=f"{what}={region!r:.60}")
    if region.params or region.state or region.assigns:
        raise ArgumentError(
            f"{op_name}: {what} has parameters or state of its own",
            received=f"@{region.name}",
            hint="a region takes all it uses as inputs: hand them in as operands.",
        )
    if len(region.inputs) != len(operands):
        raise ArgumentError(
            f"{op_name}: {what} takes {len(region.inputs)} inputs, and gets {len(operands)}: {sources}",
            received=head(region),
        )
    for index, (value, operand) in enumerate(zip(region.inputs, operands, strict=True)):
        if not fits(value.type, operand):
            raise _misfit(operand)(
                f"{op_name}: input {index} of {what}, {value.name}, is {value.type}, and gets {operand}",
                received=head(region),
                hint=f"inputs are {sources}.",
            )
    return region


def _misfit(operand: Any) -> type[ShapeError] | type[DTypeError]:
    return ShapeError if isinstance(operand, TensorType) else DTypeError


def head(region: Graph) -> str:
    """The region's first line: its name, inputs and outputs."""
    inputs = ", ".join(f"{value.name}: {value.type}" for value in region.inputs)
    return f"@{region.name}({inputs}) -> ({', '.join(str(value.type) for value in region.outputs)})"


def fits(wanted: TensorType, given: Any) -> bool:
    """Whether a value may stand for an input: same dtype and rank, and no size known to differ."""
    if not isinstance(given, TensorType):
        return not wanted.shape and wanted.dtype != "key"
    same = given.dtype == wanted.dtype and given.rank == wanted.rank
    return same and not any(differ(a, b) for a, b in zip(wanted.shape, given.shape, strict=True))


def call(region: Graph, operands: Sequence[Any]) -> list[Any]:
    """Outputs of the region on arrays.

    Where sizes are unknown, a misfit is raised as JAX does it, so that inference tries substitutions.
    """
    try:
        return interpret.evaluate(region, operands)[0]
    except ShapeError as error:
        if not any(is_symbolic_dim(size) for x in operands for size in jnp.shape(x)):
            raise
        raise ValueError(error.what) from None


def entered(region: Graph, operands: Sequence[Any], first: int = 0) -> list[Any]:
    """Operands as arrays of the dtypes of the region's inputs (from the first-th on)."""
    inputs = region.inputs[first : first + len(operands)]
    return [x if is_key(v.type) else _strong(x, v.type) for v, x in zip(inputs, operands, strict=True)]


def _strong(x: Any, type_: TensorType) -> Any:
    return jnp.asarray(x) if type_.weak else lax.convert_element_type(x, type_.dtype)


def is_key(type_: TensorType) -> bool:
    return type_.dtype == "key"


def check_carry(op_name: str, region: Graph, count: int) -> None:
    """The first outputs of a loop's body must have the types of its first inputs."""
    if len(region.outputs) < count:
        raise ArgumentError(
            f"{op_name}: body returns {len(region.outputs)} values, and {count} are carried", received=head(region)
        )
    for index, (before, after) in enumerate(zip(region.inputs[:count], region.outputs[:count], strict=True)):
        if not fits(before.type, after.type):
            raise ShapeError(
                f"{op_name}: value {index} is carried as {before.type}, and body makes it {after.type}",
                received=head(region),
                hint="what a loop carries keeps its shape and dtype.",
            )

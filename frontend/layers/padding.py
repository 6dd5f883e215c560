"""Layers that add zeros around the spatial axes, and that cut elements off: ZeroPadding, Cropping.

The bases serve any number of spatial axes: `Cropping2D` is `Cropping` with `rank = 2`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...compiler.errors import ArgumentError, ShapeError
from ...compiler.ops.checks import known
from .. import ops
from ..layer import Layer
from ..layer_config import base_config
from ..saving.registry import serializable
from . import checks

Pair = tuple[int, int]
Amounts = int | Sequence[int] | Sequence[Sequence[int]]


def _pairs(layer: Any, what: str, value: Any, rank: int) -> tuple[Pair, ...]:
    """(before, after) for each spatial axis.

    Of one axis, a pair is (before, after); of several, one number or pair for each of them.

    Raises:
        ArgumentError: it has another form, or something is negative.
    """
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    each = [value] if rank == 1 else list(value) if listed else [value] * rank
    pairs = [tuple(one) if isinstance(one, Sequence) and not isinstance(one, str) else (one, one) for one in each]
    good = all(
        len(pair) == 2 and all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in pair)
        for pair in pairs
    )
    if len(pairs) != rank or not good:
        example = "(1, 2)" if rank == 1 else str(((1, 2),) * rank)
        raise ArgumentError(
            f"{checks.label(layer)} takes {what} as an int"
            + (", or (before, after)" if rank == 1 else f", or an int or (before, after) for each of {rank} axes"),
            received=f"{what}={value!r}",
            hint=f"none may be negative: `{what}=1` or `{what}={example}`.",
        )
    return tuple((int(before), int(after)) for before, after in pairs)


class ZeroPadding(Layer):
    """Base of layers that add zeros.

    Args:
        padding: how many on each side of each spatial axis; see `_pairs`.
        data_format: "channels_last" (default), or "channels_first" where the channels are axis 1.
    """

    rank: int

    def __init__(self, padding: Amounts = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = checks.data_format(self, data_format)
        pairs = _pairs(self, "padding", padding, self.rank)
        self.padding: Any = pairs[0] if self.rank == 1 else pairs

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse another number of axes."""
        checks.axes(self, inputs, checks.image_axes(self.rank, self.data_format))

    def call(self, inputs: Any) -> Any:
        pairs = (self.padding,) if self.rank == 1 else self.padding
        widths = (*pairs, (0, 0)) if self.data_format == "channels_last" else ((0, 0), *pairs)
        return ops.pad(inputs, ((0, 0), *widths))

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "padding": self.padding, "data_format": self.data_format}


class Cropping(Layer):
    """Base of layers that cut elements off.

    Args:
        cropping: how many on each side of each spatial axis; see `_pairs`.
        data_format: "channels_last" (default), or "channels_first" where the channels are axis 1.
    """

    rank: int

    def __init__(self, cropping: Amounts = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = checks.data_format(self, data_format)
        pairs = _pairs(self, "cropping", cropping, self.rank)
        self.cropping: Any = pairs[0] if self.rank == 1 else pairs

    def _slices(self) -> list[tuple[int, Pair]]:
        """Each spatial axis, and what is cut off it."""
        return list(
            enumerate(
                (self.cropping,) if self.rank == 1 else self.cropping, 1 if self.data_format == "channels_last" else 2
            )
        )

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse another number of axes, and sizes of which nothing would be left."""
        x = checks.axes(self, inputs, checks.image_axes(self.rank, self.data_format))
        for axis, (before, after) in self._slices():
            size = x.shape[axis]
            if known(size) and before + after >= size:
                raise ShapeError(
                    f"{checks.label(self)} cuts {before} + {after} elements off axis {axis}, which has size {size}",
                    received=f"inputs: {x}",
                    hint="something must be left: crop less, or before the size is reduced.",
                )

    def call(self, inputs: Any) -> Any:
        cuts = [slice(None)] * len(inputs.shape)
        for axis, (before, after) in self._slices():
            cuts[axis] = slice(before or None, -after or None)
        return inputs[tuple(cuts)]

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "cropping": self.cropping, "data_format": self.data_format}


@serializable("keras.layers", kind="layer")
class ZeroPadding1D(ZeroPadding):
    """Zeros before and after sequences: f32[b, t, c] → f32[b, before + t + after, c].

    Args:
        padding: how many on both sides, or (before, after).
        data_format: see `ZeroPadding`.
    """

    rank = 1


@serializable("keras.layers", kind="layer")
class ZeroPadding2D(ZeroPadding):
    """Zeros around images.

    Args:
        padding: how many on all sides, (vertical, horizontal), or ((top, bottom), (left, right)).
        data_format: see `ZeroPadding`.
    """

    rank = 2


@serializable("keras.layers", kind="layer")
class ZeroPadding3D(ZeroPadding):
    """Zeros around volumes.

    Args:
        padding: how many on all sides, one number for each axis, or (before, after) for each axis.
        data_format: see `ZeroPadding`.
    """

    rank = 3


@serializable("keras.layers", kind="layer")
class Cropping1D(Cropping):
    """Sequences without their first and last steps: f32[b, t, c] → f32[b, t - before - after, c].

    Args:
        cropping: how many on both sides, or (before, after).
    """

    rank = 1

    def __init__(self, cropping: int | Sequence[int] = (1, 1), **kwargs: Any) -> None:
        if "data_format" in kwargs:
            raise ArgumentError(
                "Cropping1D does not have the argument 'data_format'",
                received=f"data_format={kwargs['data_format']!r}",
                hint="it crops axis 1: `layers.Permute((2, 1))` before and after it crops the other.",
            )
        super().__init__(cropping, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "cropping": self.cropping}


@serializable("keras.layers", kind="layer")
class Cropping2D(Cropping):
    """Images without their borders.

    Args:
        cropping: how many on all sides, (vertical, horizontal), or ((top, bottom), (left, right)).
        data_format: see `Cropping`.
    """

    rank = 2

    def __init__(self, cropping: Amounts = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)


@serializable("keras.layers", kind="layer")
class Cropping3D(Cropping):
    """Volumes without their borders.

    Args:
        cropping: how many on all sides, one number for each axis, or (before, after) for each axis.
        data_format: see `Cropping`.
    """

    rank = 3

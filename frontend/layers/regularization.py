"""Layers that act in training only: Dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...compiler.errors import ArgumentError, GraphError, ShapeError
from ...compiler.ops.checks import differ
from ...compiler.ops.random import dropout
from ...runtime.seeds import check_seed
from .. import trace
from ..layer import Layer
from ..layer_config import base_config
from ..saving.registry import serializable
from . import checks


@serializable("keras.layers", kind="layer")
class Dropout(Layer):
    """In training each element is dropped with probability `rate`, and the others are divided by 1 - rate.

    Args:
        rate: from 0 to 1.
        noise_shape: one entry for each axis, the batch included: where it is 1, that axis is dropped or kept as a
            whole; None stands for the size of the input.  Entries for the first axes may be left out, and are 1.
        seed: makes the layer's random numbers its own; the process-wide seed then plays no part.
    """

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate = checks.number(self, "rate", rate, 0, 1)
        self.noise_shape = None if noise_shape is None else self._noise(noise_shape)
        self.seed = None if seed is None else check_seed(seed)
        self.supports_masking = True

    def _noise(self, given: Any) -> tuple[int | None, ...]:
        sizes = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else (0,)
        if not all(size is None or (hasattr(size, "__index__") and size > 0) for size in sizes):
            raise ArgumentError(
                f"{checks.label(self)} takes noise_shape as a tuple of positive ints and None",
                received=f"noise_shape={given!r}",
                hint="`(None, 1, None)` drops whole steps of a sequence of any length.",
            )
        return sizes

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse inputs that `noise_shape` does not fit."""
        x = checks.one_tensor(self, inputs)
        if self.noise_shape is None:
            return
        missing = x.rank - len(self.noise_shape)
        sizes = zip(self.noise_shape, x.shape[max(missing, 0) :], strict=False)
        if missing < 0 or any(noise not in (None, 1) and differ(noise, size) for noise, size in sizes):
            raise ShapeError(
                f"{checks.label(self)} has noise_shape={self.noise_shape}, which does not fit its input",
                received=f"inputs: {x}",
                hint="each entry is the size of that axis, 1 or None.",
            )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = checks.as_float(self, inputs)
        if self.rate == 0:
            return x
        tracing = trace.current()
        if tracing is None:
            raise GraphError(
                f"{checks.label(self)}: call the layer, not its `call` method", hint="write `layer(x, training=True)`."
            )
        noise = self.noise_shape
        if noise is not None:
            noise = (*[1] * (len(x.shape) - len(noise)), *noise)
        # Recorded outside training too: the graph shows it, and `simplify_algebra` takes it out.
        key = tracing.key(tracing.stream, self.seed)
        return dropout(x, key, rate=self.rate, noise_shape=noise, training=bool(training))

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**base_config(self), "rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}

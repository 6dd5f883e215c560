"""`Input`: where a model begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..compiler import dims
from ..compiler.errors import ArgumentError, ShapeError
from ..compiler.types import TensorType, dtype_name, tensor_type
from . import dtype_policies, symbolic
from .layer import Layer
from .saving.registry import serializable


@serializable("keras.layers", kind="layer")
class InputLayer(Layer):
    """Holds the symbolic tensor of an input.

    Args:
        shape: sizes without the batch, None where unknown.
        batch_size: size of the batch, when it is fixed.
        dtype: element type, float32 by default.
        batch_shape: sizes with the batch, instead of `shape` and `batch_size`.
        sparse, ragged: not supported.
        input_tensor: not supported.
        optional: not supported.
        name: name of the input, under which data and summaries know it.
    """

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        for word, value in (
            ("sparse", sparse),
            ("ragged", ragged),
            ("input_tensor", input_tensor),
            ("optional", optional),
        ):
            if value is not None and value is not False:
                raise ArgumentError(
                    f"Input() does not support {word}",
                    received=f"{word}={value!r:.60}",
                    hint="kgc's tensors are dense; leave it out.",
                )
        super().__init__(name=name, dtype=dtype, **kwargs)
        if (shape is None) == (batch_shape is None):
            raise ArgumentError(
                "Input() takes either shape or batch_shape",
                received=f"{shape=}, {batch_shape=}",
                hint="`Input(shape=(784,))` leaves the batch open.",
            )
        if batch_shape is not None and batch_size is not None:
            raise ArgumentError(
                "Input() takes batch_size with shape, not with batch_shape",
                received=f"{batch_size=}, {batch_shape=}",
                hint="the first size of batch_shape is the batch.",
            )
        sizes = _sizes(batch_shape if batch_shape is not None else (batch_size, *_sequence(shape)))
        self.batch_shape = sizes
        self._dtype_name = dtype_name(dtype or dtype_policies.floatx())
        if not sizes:
            raise ShapeError(
                "Input() needs at least the batch axis",
                received="batch_shape=()",
                hint="`Input(shape=())` is one number a sample.",
            )
        shaped = tuple(
            size if size is not None else dims.fresh("t" if axis else "b") for axis, size in enumerate(sizes)
        )
        self.type: TensorType = tensor_type(shaped, self._dtype_name)
        self.built = True
        node = symbolic.CallNode(self, (), {})
        tensor = symbolic.KerasTensor(self.type, node, 0, self.name)
        node.outputs, node.structure = [tensor], tensor
        self.inbound_nodes.append(node)

    @property
    def dtype(self) -> str:
        """Name of the element type."""
        return self._dtype_name

    def call(self) -> None:  # never traced: a model maps its tensor to the data
        """Nothing: the tensor is the input itself."""

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same input."""
        return {
            "batch_shape": self.batch_shape,
            "dtype": self._dtype_name,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": False,
        }


def Input(
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> symbolic.KerasTensor:
    """A symbolic tensor for a model to begin with.

    Args:
        shape: sizes without the batch, None where unknown.
        batch_size, batch_shape: a fixed batch, or all sizes.
        dtype: element type, float32 by default.
        name: name of the input.

    Raises:
        ArgumentError, ShapeError: the arguments contradict each other or are no sizes.
    """
    layer = InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name)
    return layer.inbound_nodes[0].outputs[0]


def _sequence(shape: Any) -> tuple[Any, ...]:
    if isinstance(shape, int) or not hasattr(shape, "__iter__") or isinstance(shape, str):
        raise ArgumentError(
            "Input() takes the shape as a tuple", received=f"shape={shape!r}", hint="for one axis write `shape=(784,)`."
        )
    return tuple(shape)


def _sizes(shape: Any) -> tuple[int | None, ...]:
    sizes = _sequence(shape)
    for size in sizes:
        if size is not None and (isinstance(size, bool) or not hasattr(size, "__index__") or size < 0):
            raise ShapeError(
                "sizes of an Input are integers or None",
                received=f"{sizes}",
                hint="an axis of unknown size is None: `Input(shape=(None, 64))`.",
            )
    return tuple(None if size is None else int(size) for size in sizes)

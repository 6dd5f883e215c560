"""`Variable`: what layers and users hold in their hands for an array that the store owns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from ..compiler.errors import ArgumentError, GraphError, ShapeError
from ..compiler.tensor import TensorMethods
from ..compiler.types import dtype_name, is_float, jax_dtype, tensor_type
from ..runtime.store import STORE, Handle
from . import initializers, naming, trace
from .saving import placeholders


class Variable(Handle, TensorMethods):
    """An array with a name that training may change.

    Args:
        initializer: initial value (array or number), or an initializer, its name, or a callable `(shape, dtype)`.
        shape: sizes, needed with an initializer.
        dtype: element type; by default that of the value, or float32.
        trainable: whether training changes it.
        name: last part of its path.
        aggregation, synchronization: accepted where they are Keras's defaults; kgc runs on one device.

    Inside a traced `call` it stands for its value at that point, and `assign` gives it another from there on.

    Raises:
        ArgumentError: an initializer without a shape, or an unsupported argument.
    """

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise ArgumentError(
                f"Variable() does not have the argument '{next(iter(kwargs))}'",
                received=", ".join(f"{key}={value!r:.40}" for key, value in kwargs.items()),
                hint="it is Variable(initializer, shape=None, dtype=None, trainable=True, name=None).",
            )
        if aggregation not in (None, "none", "mean", "sum", "only_first_replica") or synchronization not in (
            "auto",
            "none",
        ):
            raise ArgumentError(
                "Variable() runs on one device", received=f"{aggregation=}, {synchronization=}", hint="leave them out."
            )
        ours = False
        if callable(initializer) or isinstance(initializer, str):
            if shape is None:
                raise ArgumentError(
                    "Variable() with an initializer needs a shape",
                    received=f"{initializer!r:.60}, shape=None",
                    hint="give `shape=(…)`.",
                )
            init = initializers.get(initializer)
            dtype = dtype_name(dtype or "float32")
            value = placeholders.take(tuple(shape), np.dtype(jax_dtype(dtype)))
            # What kgc's own initializers make, nobody else holds.
            ours = value is not None or type(init).__module__.startswith(f"{__package__}.")
            if value is None:
                value = np.asarray(init(tuple(shape), dtype=dtype))
        else:
            value = np.asarray(initializer)
            if dtype is None:
                dtype = "float32" if value.dtype == np.float64 and not hasattr(initializer, "dtype") else value.dtype
            dtype = dtype_name(dtype)
        # A copy where somebody may hold it: the store owns its arrays.
        value = np.array(value, dtype=np.dtype(jax_dtype(dtype)), copy=None if ours else True)
        if shape is not None and value.shape != tuple(shape):
            raise ShapeError(
                f"the initial value of a variable must have shape {tuple(shape)}",
                received=f"{value.shape}",
                hint="an initializer is called with the shape and the dtype, and returns an array of them.",
            )
        self._take(value, dtype, trainable, autocast, name or naming.auto_name("variable"))

    def _take(self, value: np.ndarray[Any, Any], dtype: str, trainable: bool, autocast: bool, name: str) -> None:
        self._name = self.path = name
        self.autocast = autocast
        self.declared_trainable = self._trainable = trainable
        self.regularizer: Any = None
        self.constraint: Any = None
        super().__init__(value, name=name, type=tensor_type(value.shape, dtype))

    @classmethod
    def owning(cls, value: np.ndarray[Any, Any], name: str) -> Variable:
        """A variable that is not trained, over an array that nobody else holds, which is not copied."""
        variable = cls.__new__(cls)
        variable._take(value, dtype_name(value.dtype), False, True, name)
        return variable

    @property
    def trainable(self) -> bool:
        """Whether training changes it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if value and not self.declared_trainable:
            raise ArgumentError(
                f"variable '{self.path}' was made as state, and cannot be trained",
                received="trainable = True",
                hint="make it with `trainable=True`; freeze it by setting `trainable` to False.",
            )
        self._trainable = bool(value)
        STORE.roles_changed()

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes."""
        return self.type.shape  # pyright: ignore[reportReturnType]

    @property
    def dtype(self) -> str:
        """Name of the element type."""
        return self.type.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.type.rank

    @property
    def value(self) -> Any:
        """The array now; inside a traced `call`, the tensor that stands for it."""
        return self.__kgc_operand__()

    def __kgc_operand__(self) -> Any:
        tracing = trace.current()
        if tracing is not None:
            return self._autocast(tracing)
        STORE.on_device((self.slot,))
        return self.lend()

    def _autocast(self, tracing: trace.Trace) -> Any:
        """The value at this point of the trace, in the dtype in which the layer being called computes."""
        value, layer = tracing.read(self), tracing.callers[-1] if tracing.callers else None
        if layer is None or not (self.autocast and layer.autocast and is_float(self.dtype)):
            return value
        return _cast(value, layer.compute_dtype) if is_float(layer.compute_dtype) else value

    def numpy(self) -> np.ndarray:
        """The array now, as a NumPy array."""
        return self.copy()

    def __jax_array__(self) -> Any:
        # Where JAX asks for it: `jnp.asarray`, `jnp.einsum`, an array on the left of an operator.
        return self.__kgc_operand__()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        if trace.current() is not None:  # what NumPy makes of it would stay as it is now, and never be trained
            raise GraphError(
                f"NumPy was given variable '{self.path}' in a `call`, which is traced once for all values",
                received=f"{self.type}",
                hint="compute with `kgc.ops` or `jax.numpy`; `variable.numpy()` is its value at this moment.",
            )
        return self.numpy() if dtype is None else self.numpy().astype(dtype)

    def assign(self, value: Any) -> Any:
        """Give it a new value of the same shape.

        Raises:
            ShapeError: the shape differs.
        """
        tracing = trace.current()
        if tracing is not None and not isinstance(value, np.ndarray | int | float):
            value = value.__kgc_operand__() if isinstance(value, Variable) else value
            self._check(value)
            tracing.assign(self, _cast(value, self.dtype))
            return value
        if isinstance(value, Variable):
            value = value.lend()
        array = (
            value
            if isinstance(value, jax.Array) and value.dtype.name == self.dtype
            else np.array(value, dtype=jax_dtype(self.dtype))
        )
        self._check(array)
        if tracing is not None:
            tracing.assign(self, array)
        else:
            self.write(array)
        return array

    def assign_add(self, value: Any) -> Any:
        """Add to it."""
        return self.assign(self.value + value)

    def assign_sub(self, value: Any) -> Any:
        """Subtract from it."""
        return self.assign(self.value - value)

    def _check(self, value: Any) -> None:
        if tuple(value.shape) != self.shape:
            raise ShapeError(
                f"variable '{self.path}' of shape {self.shape} cannot take a value of another shape",
                received=f"shape {tuple(value.shape)}",
                hint="a variable keeps its shape; reshape or reduce the value, or make another variable.",
            )

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __len__(self) -> int:
        return len(self.numpy())

    def __iter__(self) -> Any:
        return iter(self.numpy())

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, value={self.numpy()}>"


def _cast(value: Any, dtype: str) -> Any:
    return trace.op("cast")(value, dtype) if dtype_name(value.dtype) != dtype else value

"""What all metrics are: state in variables, updated in the train graph or from plain Python; sums and means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..compiler.errors import ArgumentError
from . import identifiers, initializers, masks, naming, ops
from .broadcasting import as_float, same_rank, size_tensor
from .dtype_policies import floatx, get as get_policy
from .saving.registry import serializable, slot_base
from .variable import Variable


@slot_base("metric")
class Metric:
    """Base of metrics.  Subclasses make variables in `__init__`, and write `update_state` and `result`.

    Args:
        dtype: dtype of the state.
        name: shown in logs.
    """

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or naming.auto_name(type(self).__name__)
        # Sums need their digits: the global policy (mixed_bfloat16, say) is for layers.
        self._dtype = floatx() if dtype is None else get_policy(dtype).compute_dtype
        self._variables: list[Variable] = []

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable) and not any(value is known for known in self._variables):
            value.trainable = False  # state, whatever it was made as
            value.declared_trainable = False
            self._variables.append(value)
        object.__setattr__(self, name, value)

    @property
    def dtype(self) -> str:
        """Dtype of the state."""
        return self._dtype

    @property
    def variables(self) -> list[Variable]:
        """The state."""
        return list(self._variables)

    def add_variable(
        self, shape: Any, initializer: Any, dtype: Any = None, aggregation: str = "sum", name: str | None = None
    ) -> Variable:
        """A new piece of state."""
        variable = Variable(
            initializers.get(initializer),
            tuple(shape),
            dtype or self.dtype,
            trainable=False,
            aggregation=aggregation,
            name=name,
        )
        variable.path = f"{self.name}/{variable.name}"
        self._variables.append(variable)
        return variable

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """A new piece of state."""
        return self.add_variable(shape, initializer or "zeros", dtype, name=name)

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take a batch into account."""
        raise ArgumentError(
            f"metric {type(self).__name__} has no `update_state` method",
            received=f"class {type(self).__name__}",
            hint="write `def update_state(self, y_true, y_pred, sample_weight=None): …`, which assigns variables.",
        )

    def result(self) -> Any:
        """The value over all batches since `reset_state`."""
        raise ArgumentError(
            f"metric {type(self).__name__} has no `result` method",
            received=f"class {type(self).__name__}",
            hint="write `def result(self): …`, which computes a number from the variables.",
        )

    def reset_state(self) -> None:
        """Forget all batches."""
        for variable in self._variables:
            variable.assign(np.zeros(variable.shape, variable.type.aval.dtype))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same metric."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The metric of a config."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _register(*aliases: str) -> Any:
    return serializable("keras.metrics", kind="metric", aliases=aliases)


def samplewise(values: Any, sample_weight: Any, dtype: str) -> tuple[Any, Any]:
    """One weighted value for each sample, and the weights (None without)."""
    values = as_float(values, dtype)
    if sample_weight is not None:
        weight = as_float(sample_weight, dtype)
        values, weight = same_rank(values, weight)
        rank = len(weight.shape)
        if len(values.shape) > rank:
            values = ops.mean(values, tuple(range(rank, len(values.shape))))
        if rank:
            weight = ops.broadcast_to(weight, values.shape)
        values = ops.multiply(values, weight)
        if rank > 1:
            weight = ops.mean(weight, tuple(range(1, rank)))
        sample_weight = weight
    if len(values.shape) > 1:
        values = ops.mean(values, tuple(range(1, len(values.shape))))
    return values, sample_weight


@_register()
class Sum(Metric):
    """Weighted sum of the values given."""

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values = as_float(values, self.dtype)
        if sample_weight is not None:
            values, weight = same_rank(values, as_float(sample_weight, self.dtype))
            for _ in range(len(values.shape) - len(weight.shape)):
                weight = ops.expand_dims(weight, -1)
            values = ops.multiply(values, weight)
        self.total.assign(ops.add(self.total, ops.sum(values)))

    def result(self) -> Any:
        return self.total.value


@_register()
class Mean(Metric):
    """Weighted mean of the values given."""

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weight = samplewise(values, sample_weight, self.dtype)
        self.total.assign(ops.add(self.total, ops.sum(values) if len(values.shape) else values))
        if weight is not None:
            seen = ops.sum(weight) if len(weight.shape) else weight
        else:
            seen = size_tensor(values.shape[0]) if len(values.shape) else 1.0
        self.count.assign(ops.add(self.count, seen))

    def result(self) -> Any:
        empty = ops.equal(self.count, 0.0)
        return ops.where(empty, 0.0, ops.divide(self.total, ops.where(empty, 1.0, self.count)))


class MeanMetricWrapper(Mean):
    """Mean of a function `(y_true, y_pred, **kwargs)` of targets and predictions.

    Args:
        fn: gives one value for each sample.
        name, dtype: as for `Metric`; other arguments go to `fn`.
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name or getattr(fn, "__name__", "metric"), dtype)
        self.fn, self.arguments = fn, kwargs
        self._direction = "up" if "accuracy" in getattr(fn, "__name__", "") else "down"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        values = self.fn(y_true, y_pred, **self.arguments)
        identifiers.check_returned(f"metric '{self.name}'", values)
        super().update_state(values, _masked(sample_weight, masks.of(y_pred), self.dtype))

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same metric."""
        config = super().get_config()
        if type(self) is MeanMetricWrapper:
            config["fn"] = identifiers.serialize("metric", self.fn)
        return {**config, **self.arguments}


def _masked(sample_weight: Any, mask: Any, dtype: str) -> Any:
    """The weights, which are 0 where the mask of the predictions says that a step does not count."""
    if mask is None:
        return sample_weight
    share = as_float(mask, dtype)
    if sample_weight is None:
        return share
    weight = as_float(sample_weight, dtype)
    for _ in range(len(share.shape) - len(weight.shape)):
        weight = ops.expand_dims(weight, -1)
    return ops.multiply(weight, share)

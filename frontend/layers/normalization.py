"""Normalization layers: BatchNormalization."""

from __future__ import annotations

from typing import Any

from ...compiler.errors import ArgumentError, ShapeError
from .. import constraints, initializers, ops, regularizers
from ..layer import Layer
from ..layer_config import base_config
from ..saving.registry import serializable
from . import checks


@serializable("keras.layers", kind="layer")
class BatchNormalization(Layer):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, per channel (Ioffe & Szegedy, 2015).

    In training the moments are those of the batch, over all axes but `axis`, and each call moves the moving statistics
    towards them: moving = moving * momentum + batch's * (1 - momentum).  Otherwise, and while the layer is frozen
    (`trainable = False`), they are the moving statistics.

    Args:
        axis: the axis of the channels.
        momentum: how much of the moving statistics a step keeps.
        epsilon: added to the variance.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer, beta_regularizer,
        gamma_regularizer, beta_constraint, gamma_constraint: of the weights.
        renorm, renorm_clipping, renorm_momentum, synchronized: not supported but for their defaults.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.unsupported(self, renorm=renorm, renorm_clipping=renorm_clipping, synchronized=synchronized)
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise ArgumentError(
                f"{checks.label(self)} takes axis as an int",
                received=f"axis={axis!r}",
                hint="it is the axis of the channels.",
            )
        self.axis = axis
        self.momentum = float(checks.number(self, "momentum", momentum))
        self.epsilon = float(checks.number(self, "epsilon", epsilon))
        self.renorm_momentum = float(checks.number(self, "renorm_momentum", renorm_momentum))
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True
        self.gamma: Any = None
        self.beta: Any = None
        self.moving_mean: Any = None
        self.moving_variance: Any = None

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[self.axis],)
        if self.scale:
            self.gamma = self.add_weight(
                name="gamma",
                shape=shape,
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )
        if self.center:
            self.beta = self.add_weight(
                name="beta",
                shape=shape,
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )
        for name in ("moving_mean", "moving_variance"):
            initializer = getattr(self, f"{name}_initializer")
            variable = self.add_weight(name=name, shape=shape, initializer=initializer, trainable=False, autocast=False)
            setattr(self, name, variable)

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse an axis that the input does not have, and a number of channels that is unknown or another."""
        x = checks.one_tensor(self, inputs)
        if not -x.rank <= self.axis < x.rank:
            raise ShapeError(
                f"{checks.label(self)} normalises axis {self.axis}, and its input has {x.rank} axes",
                received=f"inputs: {x}",
                hint=f"axes are from {-x.rank} to {x.rank - 1}; axis 0 is the batch.",
            )
        wanted = self.moving_mean.shape[0] if self.moving_mean is not None else None
        checks.fits(self, x, self.axis, wanted, "the number of channels")

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        x = checks.as_float(self, inputs)
        dtype = x.dtype
        if dtype in ("float16", "bfloat16"):  # sums over a batch lose too much in half precision
            x = ops.cast(x, "float32")
        mean, variance = self.moving_mean, self.moving_variance
        if training and self.trainable:
            mean, variance = self._moments(x, mask)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
        y = ops.batch_normalization(
            x, mean, variance, axis=self.axis, offset=self.beta, scale=self.gamma, epsilon=self.epsilon
        )
        return y if y.dtype == dtype else ops.cast(y, dtype)

    def _moments(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Mean and variance per channel, over the elements that the mask (of all axes but the last) leaves."""
        rank = len(x.shape)
        axes = tuple(axis for axis in range(rank) if axis != self.axis % rank)
        if mask is None:
            return ops.moments(x, axes)
        if len(mask.shape) != rank - 1:
            raise ShapeError(
                f"{checks.label(self)} takes a mask of one axis less than its inputs",
                received=f"a mask of {len(mask.shape)} axes for inputs of {rank}",
                hint="it says of each position, over all channels, whether it counts.",
            )
        weights = ops.broadcast_to(ops.expand_dims(ops.cast(mask, x.dtype), -1), x.shape)
        count = ops.maximum(ops.sum(weights, axes, keepdims=True), 1.0)  # nothing left: moments of 0
        mean = ops.divide(ops.sum(ops.multiply(x, weights), axes, keepdims=True), count)
        squares = ops.multiply(ops.square(ops.subtract(x, mean)), weights)
        variance = ops.divide(ops.sum(squares, axes, keepdims=True), count)
        return ops.squeeze(mean, axes), ops.squeeze(variance, axes)

    def _move(self, moving: Any, batch: Any) -> None:
        rest = round(1 - self.momentum, 12)  # 0.01, where 1 - 0.99 is 0.010000000000000009
        moving.assign(ops.add(ops.multiply(moving, self.momentum), ops.multiply(batch, rest)))

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {
            **base_config(self),
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
            "synchronized": False,
            "renorm": False,
            "renorm_clipping": None,
            "renorm_momentum": self.renorm_momentum,
        }

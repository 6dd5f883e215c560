"""Normalization layers: BatchNormalization, LayerNormalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...compiler.errors import ArgumentError, ShapeError
from .. import ops
from ..layer import Layer
from ..layer_config import base_config
from ..saving.registry import serializable
from . import checks, weighted


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

    gamma: Any
    beta: Any
    moving_mean: Any
    moving_variance: Any

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
        weighted.keep(
            self,
            gamma=(gamma_initializer, gamma_regularizer, gamma_constraint),
            beta=(beta_initializer, beta_regularizer, beta_constraint),
            moving_mean=(moving_mean_initializer,),
            moving_variance=(moving_variance_initializer,),
        )
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[self.axis],)
        if self.scale:
            weighted.make(self, "gamma", shape)
        if self.center:
            weighted.make(self, "beta", shape)
        for name in ("moving_mean", "moving_variance"):
            weighted.make(self, name, shape, trainable=False, autocast=False)

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
            **weighted.config(self, "beta", "gamma", "moving_mean", "moving_variance"),
            "synchronized": False,
            "renorm": False,
            "renorm_clipping": None,
            "renorm_momentum": self.renorm_momentum,
        }


@serializable("keras.layers", kind="layer")
class LayerNormalization(Layer):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, by sample (Ba et al., 2016).

    The moments are those of each sample alone, over `axis`; training and inference are the same.

    Args:
        axis: the axes that are normalised, which gamma and beta have too.
        epsilon: added to the variance.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: of
            the weights.
        rms_scaling: computes x / sqrt(variance + epsilon) * gamma, and there is no beta.
    """

    gamma: Any
    beta: Any

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        rms_scaling: bool = False,
        **kwargs: Any,
    ) -> None:
        # Moments take the input as it is, and weights too: half precision is for the result.
        super().__init__(autocast=False, **kwargs)
        given: list[Any] = list(axis) if isinstance(axis, list | tuple) else [axis]
        if not given or any(isinstance(one, bool) or not isinstance(one, int) for one in given):
            raise ArgumentError(
                f"{checks.label(self)} takes axis as an int, or several",
                received=f"axis={axis!r}",
                hint="axis=-1 is that of the features.",
            )
        self.axis = sorted(given)
        self.epsilon = float(checks.number(self, "epsilon", epsilon))
        self.center, self.scale, self.rms_scaling = center, scale, rms_scaling
        weighted.keep(
            self,
            gamma=(gamma_initializer, gamma_regularizer, gamma_constraint),
            beta=(beta_initializer, beta_regularizer, beta_constraint),
        )
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        axes = sorted(axis % len(input_shape) for axis in self.axis)
        shape = tuple(input_shape[axis] for axis in axes)
        if self.scale or self.rms_scaling:
            weighted.make(self, "gamma", shape)
        if self.center and not self.rms_scaling:
            weighted.make(self, "beta", shape)

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse axes that the input does not have, and sizes of them that are unknown or other than the weights'."""
        x = checks.one_tensor(self, inputs)
        axes = {axis % x.rank for axis in self.axis if -x.rank <= axis < x.rank}
        if len(axes) != len(self.axis):
            raise ShapeError(
                f"{checks.label(self)} normalises axis {self._named()}, and its input has {x.rank} axes",
                received=f"inputs: {x}",
                hint=f"axes are from {-x.rank} to {x.rank - 1}, each named once; axis 0 is the batch.",
            )
        weight = next((w for w in (self.gamma, self.beta) if w is not None), None)
        sizes = [None] * len(axes) if weight is None else weight.shape
        for axis, wanted in zip(sorted(axes), sizes, strict=True):
            checks.fits(self, x, axis, wanted, "the normalised axis")

    def _named(self) -> str:
        return ", ".join(map(str, self.axis))

    def call(self, inputs: Any) -> Any:
        axes = self.axis[0] if len(self.axis) == 1 else tuple(self.axis)
        y = ops.layer_normalization(
            checks.as_float(self, inputs),
            gamma=self.gamma,
            beta=self.beta,
            axis=axes,
            epsilon=self.epsilon,
            rms_scaling=self.rms_scaling,
        )
        return y if y.dtype == self.compute_dtype else ops.cast(y, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {
            **base_config(self),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "rms_scaling": self.rms_scaling,
            **weighted.config(self, "beta", "gamma"),
        }

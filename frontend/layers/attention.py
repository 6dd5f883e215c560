"""Attention layers: MultiHeadAttention."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

import jax

from ...compiler.errors import ArgumentError, GraphError, ShapeError
from ...compiler.ops.checks import differ
from ...compiler.ops.random import dropout
from ...compiler.types import TensorType
from ...runtime.seeds import check_seed
from .. import masks, ops, regularizers, trace, tree
from ..layer import Layer
from ..layer_config import base_config
from ..saving.registry import serializable
from . import checks, weighted
from .einsum_dense import EinsumDense


@serializable("keras.layers", kind="layer")
class MultiHeadAttention(Layer):
    """For each step of a query, means of values weighted by how well their keys fit it (Vaswani et al., 2017).

    query f32[b, t, q], value f32[b, s, v] and key f32[b, s, k] (the value, where it is left out) are projected to
    `num_heads` heads; softmax(query · key / sqrt(key_dim)) weighs the values of each head, and a last projection of
    all heads gives f32[b, t, q].  More axes than one can be attended over, and further ones are batch axes.

    A query sees the keys that `attention_mask` (bool[b, t, s]), the masks of the three tensors and, with
    `use_causal_mask`, their order let it see.

    Args:
        num_heads: number of heads.
        key_dim: size of a head's queries and keys.
        value_dim: size of a head's values; `key_dim` by default.
        dropout: rate at which weights are dropped in training.
        use_bias: whether the projections have biases.
        output_shape: size, or sizes, of a step of the result; that of the query by default.
        attention_axes: the axes that steps are along; by default all but the batch and the last.
        sliding_window: a query sees keys less than that many steps away only.
        flash_attention: None and False compute the scores; True has cuDNN compute without storing them, which takes
            an NVIDIA GPU and half precision.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
        kernel_constraint, bias_constraint: of the projections' weights, and a penalty on the result.
        use_gate: whether sigmoid of one more projection of the query multiplies each head's result.
        seed: of the dropout.

    With `return_attention_scores` a call gives the weights f32[b, num_heads, t, s] too.
    """

    query_dense: Any
    key_dense: Any
    value_dense: Any
    output_dense: Any

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.num_heads = checks.positive(self, "num_heads", num_heads)
        self.key_dim = checks.positive(self, "key_dim", key_dim)
        self.value_dim = checks.positive(self, "value_dim", value_dim or key_dim)
        self.dropout = checks.number(self, "dropout", dropout, 0, 1)
        self.use_bias, self.use_gate = use_bias, use_gate
        sizes = output_shape if isinstance(output_shape, list | tuple) or output_shape is None else (output_shape,)
        self._output_shape = None if sizes is None else tuple(checks.positive(self, "output_shape", n) for n in sizes)
        self.attention_axes = self._given_axes(attention_axes)
        self.sliding_window = (
            None if sliding_window is None else checks.positive(self, "sliding_window", sliding_window)
        )
        self.flash_attention = flash_attention
        if flash_attention and self.dropout > 0:
            raise ArgumentError(
                f"{checks.label(self)} cannot drop weights that flash attention never stores",
                received=f"{flash_attention=}, {dropout=}",
                hint="leave out one of them.",
            )
        weighted.keep(
            self,
            kernel=(kernel_initializer, kernel_regularizer, kernel_constraint),
            bias=(bias_initializer, bias_regularizer, bias_constraint),
        )
        self.seed = None if seed is None else check_seed(seed)
        self.supports_masking = True

    def _given_axes(self, axes: Any) -> tuple[int, ...] | None:
        if axes is None:
            return None
        found = tuple(axes) if isinstance(axes, list | tuple) else (axes,)
        if not found or any(isinstance(axis, bool) or not isinstance(axis, int) for axis in found):
            raise ArgumentError(
                f"{checks.label(self)} takes attention_axes as an int, or several",
                received=f"attention_axes={axes!r}",
                hint="axis 0 is the batch, the last one the features; steps are along those between.",
            )
        return found

    def _axes(self, rank: int) -> tuple[int, ...]:
        """The axes of the steps, counted from 0."""
        given = tuple(range(1, rank - 1)) if self.attention_axes is None else self.attention_axes
        return tuple(axis % rank for axis in given)

    # Weights
    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> None:
        rank = len(query_shape)
        self.attention_axes = self._axes(rank)
        heads, self._shapes = self.num_heads, (query_shape[-1], value_shape[-1], (key_shape or value_shape)[-1])
        self.query_dense = self._projection("query", rank, (heads, self.key_dim))
        self.query_dense.build(query_shape)
        self.key_dense = self._projection("key", rank, (heads, self.key_dim))
        self.key_dense.build(key_shape or value_shape)
        if self.use_gate:
            self._gate_dense = self._projection("gate", rank, (heads, self.value_dim))
            self._gate_dense.build(query_shape)
        self.value_dense = self._projection("value", rank, (heads, self.value_dim))
        self.value_dense.build(value_shape)
        out = self._output_shape or (query_shape[-1],)
        self.output_dense = self._projection("attention_output", rank, out, summed=2)
        self.output_dense.build((*query_shape[:-1], heads, self.value_dim))

    def _projection(self, name: str, rank: int, sizes: tuple[int, ...], summed: int = 1) -> EinsumDense:
        """A dense layer from the last `summed` axes to axes of these sizes; all other axes stay."""
        letters = string.ascii_lowercase
        rest, inner = letters[: rank - 1], letters[rank - 1 : rank - 1 + summed]
        outer = letters[rank - 1 + summed :][: len(sizes)]
        return EinsumDense(
            f"{rest}{inner},{inner}{outer}->{rest}{outer}",
            (*[None] * (rank - 2), *sizes),
            bias_axes=outer if self.use_bias else None,
            name=name,
            dtype=self.dtype_policy,
            **{
                f"{weight}_{role}": self._kept(weight, role) for weight in ("kernel", "bias") for role in weighted.ROLES
            },
        )

    def _kept(self, weight: str, role: str) -> Any:
        """What a projection's weight is made with; an initializer draws numbers of its own for each of them."""
        value = getattr(self, f"{weight}_{role}")
        if role != "initializer" or not hasattr(value, "get_config"):
            return value
        return type(value).from_config(value.get_config())

    # Checks
    def check_input(self, query: Any, value: Any = None, key: Any = None, *rest: Any) -> None:
        """Refuse other than tensors whose axes fit each other and the weights."""
        given = [x for x in (query, value, key) if x is not None]
        q, *others = [checks.one_tensor(self, x) for x in given]
        received = f"query: {q}, " + ", ".join(
            f"{name}: {x}" for name, x in zip(("value", "key"), others, strict=False)
        )
        if q.rank < 3 or any(x.rank != q.rank for x in others):
            raise ShapeError(
                f"{checks.label(self)} takes tensors of one number of axes, 3 at least (batch, steps, features)",
                received=received,
                hint="a vector for each sample has no steps: `layers.Reshape` gives it some.",
            )
        axes = self._axes(q.rank)
        if not all(0 < axis < q.rank - 1 for axis in axes) or len(set(axes)) != len(axes):
            raise ShapeError(
                f"{checks.label(self)} cannot attend over attention_axes={self.attention_axes} of {q.rank} axes",
                received=received,
                hint=f"axis 0 is the batch, axis {q.rank - 1} the features; steps are along those between.",
            )
        for x in others:
            self._check_axes(q, x, axes, received)
        if len(others) == 2 and any(differ(others[0].shape[axis], others[1].shape[axis]) for axis in axes):
            raise ShapeError(
                f"{checks.label(self)} needs a value for each key",
                received=received,
                hint="call it as `layer(query, value, key)`.",
            )
        wanted = self._shapes if self.built else (None, None, None)
        names = ("the last axis of the query", "the last axis of the value", "the last axis of the key")
        for x, size, what in zip((q, *others), wanted, names, strict=False):
            checks.fits(self, x, -1, size, what)

    def _check_axes(self, q: TensorType, x: TensorType, axes: tuple[int, ...], received: str) -> None:
        for axis in range(q.rank - 1):
            if axis not in axes and differ(q.shape[axis], x.shape[axis]):
                raise ShapeError(
                    f"{checks.label(self)} does not attend over axis {axis}, which must have one size",
                    received=received,
                    hint="axis 0 is the batch; `attention_axes` names the axes of the steps.",
                )

    # Computation
    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        _without_masks((query, value, key))
        flash = self._flash(return_attention_scores)
        stored = return_attention_scores or (bool(training) and self.dropout > 0) or len(query.shape) > 3
        mask = self._mask(query, value, query_mask, value_mask, key_mask, attention_mask, use_causal_mask and stored)
        gate = ops.sigmoid(self._gate_dense(query)) if self.use_gate else None
        q, k, v = self.query_dense(query), self.key_dense(key), self.value_dense(value)
        weights = None
        if stored:
            result, weights = self._by_scores(q, k, v, mask, training)
        else:
            result = ops.dot_product_attention(
                q, k, v, mask=mask, is_causal=bool(use_causal_mask), flash_attention=flash
            )
        result = self.output_dense(result if gate is None else ops.multiply(result, gate))
        return (result, weights) if return_attention_scores else result

    def _flash(self, scores: bool) -> bool | None:
        """What the op is told about flash attention.

        Raises:
            ArgumentError: it was asked for and cannot be had.
        """
        if not self.flash_attention:
            return None
        wrong = None
        if scores:
            wrong = "return_attention_scores=True asks for scores, which it does not store"
        elif self.compute_dtype not in ("float16", "bfloat16"):
            wrong = f"it takes float16 or bfloat16, not {self.compute_dtype}"
        elif jax.default_backend() != "gpu":
            wrong = f"it takes an NVIDIA GPU, not {jax.default_backend()}"
        if wrong is not None:
            raise ArgumentError(
                f"{checks.label(self)} cannot use flash attention: {wrong}",
                received="flash_attention=True",
                hint="leave it out.",
            )
        return True

    def _mask(
        self, query: Any, value: Any, query_mask: Any, value_mask: Any, key_mask: Any, attention_mask: Any, causal: bool
    ) -> Any:
        """Which queries see which keys, of as many axes as the scores have; None where all see all."""
        steps = len(self.attention_axes or ())
        parts: list[Any] = []
        if query_mask is not None:
            parts.append(ops.expand_dims(_as_bool(query_mask), -1))
        of_keys = [value_mask] if key_mask is value_mask else [value_mask, key_mask]
        parts += [ops.expand_dims(_as_bool(mask), -2) for mask in of_keys if mask is not None]
        if causal or self.sliding_window is not None:
            rows = ops.expand_dims(ops.arange(query.shape[1]), (0, 2))
            columns = ops.expand_dims(ops.arange(value.shape[1]), (0, 1))
            if self.sliding_window is not None:
                parts.append(ops.less(ops.absolute(ops.subtract(rows, columns)), self.sliding_window))
            if causal:
                parts.append(ops.greater_equal(rows, columns))
        if attention_mask is not None:
            parts.append(_as_bool(attention_mask))
        if not parts:
            return None
        mask = parts[0]
        for part in parts[1:]:
            mask = ops.logical_and(mask, part)
        rank = len(query.shape) + steps
        if len(mask.shape) > rank:
            raise ShapeError(
                f"{checks.label(self)} was given a mask of {len(mask.shape)} axes for scores of {rank}",
                received=f"attention_mask: {getattr(attention_mask, 'shape', None)}",
                hint="attention_mask is bool[batch, steps of the query, steps of the value].",
            )
        for _ in range(rank - len(mask.shape)):  # heads, and batch axes that the mask does not know
            mask = ops.expand_dims(mask, -2 * steps - 1)
        return mask

    def _by_scores(self, q: Any, k: Any, v: Any, mask: Any, training: bool | None) -> tuple[Any, Any]:
        """The heads' results and their weights: (b, …, heads, steps of the query …, steps of the value …)."""
        axes, letters = self.attention_axes or (), iter(string.ascii_letters)
        of_query = [next(letters) for _ in range(len(q.shape) - 2)]
        of_value = [next(letters) if axis in axes else letter for axis, letter in enumerate(of_query)]
        head, size = next(letters), next(letters)
        batch = "".join(letter for axis, letter in enumerate(of_query) if axis not in axes)
        scored = f"{batch}{head}" + "".join(row[axis] for row in (of_query, of_value) for axis in axes)
        left, right = "".join(of_query) + head, "".join(of_value) + head
        q = ops.multiply(q, 1.0 / math.sqrt(self.key_dim))
        scores = ops.einsum(f"{right}{size},{left}{size}->{scored}", [k, q])
        over = tuple(range(-len(axes), 0)) if len(axes) > 1 else -1
        if mask is not None:
            scores = ops.where(mask, scores, -3e4 if scores.dtype == "float16" else -1e9)
        weights = ops.softmax(scores, axis=over)
        if mask is not None:  # a query that sees nothing has no weights here
            weights = ops.where(mask, weights, 0.0)
        used = self._dropped(weights) if training and self.dropout > 0 else weights
        return ops.einsum(f"{scored},{right}{size}->{left}{size}", [used, v]), weights

    def _dropped(self, weights: Any) -> Any:
        tracing = trace.current()
        if tracing is None:
            raise GraphError(
                f"{checks.label(self)}: call the layer, not its `call` method",
                hint="write `layer(x, x, training=True)`.",
            )
        return dropout(weights, tracing.key(tracing.stream, self.seed), rate=self.dropout, training=True)

    def run_eager(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = super().run_eager(args, kwargs)
        _without_masks((args, kwargs))
        return result

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """That of the query: the result has its steps."""
        return previous_mask

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        config = {
            **base_config(self),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "use_gate": self.use_gate,
            "output_shape": self._output_shape,
            "attention_axes": self.attention_axes,
            "sliding_window": self.sliding_window,
            **weighted.config(self, "kernel", "bias"),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "seed": self.seed,
        }
        return config if self.flash_attention is None else {**config, "flash_attention": self.flash_attention}


def _as_bool(mask: Any) -> Any:
    mask = ops.convert_to_tensor(mask)
    return mask if mask.dtype == "bool" else ops.cast(mask, "bool")


def _without_masks(tensors: Any) -> None:
    """As in Keras, attention takes the masks of its inputs away: a residual connection around it adds without one."""
    for tensor in tree.leaves(tensors):
        if masks.of(tensor) is not None:
            masks.attach(tensor, None)

"""MultiHeadAttention and EinsumDense: axes, sizes, masks, scores; and the op `dot_product_attention`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import case
from ..draws import Draws
from ..probing import add_layer


def called(keras: Any, layer: Any, **options: Any) -> Any:
    """A layer that calls another on the tensors of its list."""

    class Called(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = layer

        def call(self, tensors: Any) -> Any:
            tensors = tensors if isinstance(tensors, (list, tuple)) else [tensors, tensors]
            return self.inner(*tensors, **options)

    return Called()


def add_attention(name: str, *shapes: tuple[int, ...], call: dict[str, Any] | None = None, **options: Any) -> None:
    """Register a MultiHeadAttention over query, value and perhaps key (or itself), with options of layer and call."""
    arguments = {"num_heads": 2, "key_dim": 3, **options}
    add_layer(
        f"attention/{name}",
        lambda keras: called(keras, keras.layers.MultiHeadAttention(**arguments), **(call or {})),
        *shapes,
        tolerance=3.0,  # a bias of keys changes nothing: its gradient is 0, and what is computed is rounding alone
    )


QUERY, VALUE, KEY = (2, 4, 5), (2, 6, 7), (2, 6, 3)
SCORES = {"return_attention_scores": True}
CAUSAL = {"use_causal_mask": True}

add_attention("self", QUERY)
add_attention("value", QUERY, VALUE)
add_attention("key", QUERY, VALUE, KEY)
add_attention("scores", QUERY, VALUE, call=SCORES)
add_attention("causal", QUERY, call=CAUSAL)
add_attention("causal_value", QUERY, VALUE, call=CAUSAL)
add_attention("causal_scores", QUERY, call=SCORES | CAUSAL)
add_attention("value_dim_scores", QUERY, VALUE, value_dim=4, call=SCORES)
add_attention("no_bias", QUERY, use_bias=False)
add_attention("one_head", QUERY, num_heads=1, key_dim=4)
add_attention("output_shape", QUERY, output_shape=9)
add_attention("output_shapes", QUERY, output_shape=(3, 2))
add_attention("window", (2, 6, 5), sliding_window=2)
add_attention("window_causal", (2, 6, 5), sliding_window=3, call=CAUSAL)
add_attention("window_scores", (2, 6, 5), sliding_window=2, call=SCORES)
add_attention("gate", QUERY, VALUE, use_gate=True)
add_attention("axes_both", (2, 3, 4, 5))
add_attention("axes_both_scores", (2, 3, 4, 5), (2, 2, 6, 5), call=SCORES)
add_attention("axes_first", (2, 3, 4, 5), (2, 6, 4, 5), attention_axes=1, call=SCORES)
add_attention("axes_last", (2, 3, 4, 5), (2, 3, 6, 5), attention_axes=(2,), call=SCORES)
add_attention("axes_negative", (2, 3, 4, 5), attention_axes=-2)


def add_masked(name: str, *shapes: tuple[int, ...], scores: bool = False, **options: Any) -> None:
    """Register a MultiHeadAttention that is called on arrays with masks of these shapes by name."""

    @case(f"attention/mask_{name}{'_scores' if scores else ''}")
    def run(keras: Any, draws: Draws) -> dict[str, Any]:
        layer = keras.layers.MultiHeadAttention(2, 3)
        query, value = draws.uniform(*QUERY), draws.uniform(*VALUE)
        layer(query, value)
        draws.fill(layer)
        masks = {key: draws.integers(2, *shape).astype(bool) for key, shape in options.items()}
        found = layer(query, value, return_attention_scores=scores, **masks)
        return {f"output.{i}": y for i, y in enumerate(found if scores else [found])}


for _scores in (False, True):
    add_masked("full", attention_mask=(2, 4, 6), scores=_scores)
    add_masked("shared", attention_mask=(1, 4, 6), scores=_scores)
    add_masked("heads", attention_mask=(2, 2, 4, 6), scores=_scores)
    add_masked("value", value_mask=(2, 6), scores=_scores)
    add_masked("key", key_mask=(2, 6), scores=_scores)
    # Real Keras 3.15.1 ignores a `query_mask` that is given; one that comes with the query is in `flowing_masks`.
    add_masked("all", key_mask=(2, 6), value_mask=(2, 6), attention_mask=(2, 4, 6), scores=_scores)


@case("attention/mask_of_numbers")
def mask_of_numbers(keras: Any, draws: Draws) -> dict[str, Any]:
    """A mask of ones and zeros is one of truth values."""
    layer, x = keras.layers.MultiHeadAttention(2, 3), draws.uniform(*QUERY)
    layer(x, x)
    draws.fill(layer)
    return {"output": layer(x, x, attention_mask=draws.integers(2, 2, 4, 4))}


@case("attention/flowing_masks")
def flowing_masks(keras: Any, draws: Draws) -> dict[str, Any]:
    """The masks of query and value come with them, and that of the query goes on."""
    words, steps = keras.Input(shape=(4,), dtype="int32"), keras.Input(shape=(6, 5))
    query = keras.layers.Embedding(4, 5, mask_zero=True)(words)
    value = keras.layers.Masking()(steps)
    result = keras.layers.MultiHeadAttention(2, 3)(query, value, use_causal_mask=True)
    model = keras.Model([words, steps], keras.layers.LayerNormalization()(result))
    draws.fill(model)
    x, y = draws.integers(4, 3, 4), draws.uniform(3, 6, 5)
    y[draws.integers(2, 3, 6) == 0] = 0.0
    found: dict[str, Any] = {"output": model([x, y])}
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.1), loss="mse")
    return found | {"loss": model.evaluate([x, y], draws.uniform(3, 4, 5), batch_size=3, verbose=0)}


@case("attention/dropout_inference")
def dropout_inference(keras: Any, draws: Draws) -> dict[str, Any]:
    """Outside training nothing is dropped."""
    layer, x = keras.layers.MultiHeadAttention(2, 3, dropout=0.4), draws.uniform(*QUERY)
    layer(x, x)
    layer.set_weights([draws.uniform(*w.shape) for w in layer.get_weights()[:8]] + layer.get_weights()[8:])
    return {"output": layer(x, x), "inference": layer(x, x, training=False)}


@case("attention/weights")
def weights(keras: Any, draws: Draws) -> dict[str, Any]:
    """Shapes of the weights in order."""
    layer = keras.layers.MultiHeadAttention(2, 3, value_dim=4, output_shape=5)
    # Without scores real Keras 3.15.1 fails where value_dim is not key_dim.
    layer(draws.uniform(*QUERY), draws.uniform(*VALUE), return_attention_scores=True)
    return {f"shape.{i}": np.array(w.shape, "int32") for i, w in enumerate(layer.get_weights())}


def add_einsum(name: str, equation: str, sizes: Any, shape: tuple[int, ...], **options: Any) -> None:
    add_layer(f"attention/einsum_{name}", lambda keras: keras.layers.EinsumDense(equation, sizes, **options), shape)


add_einsum("rows", "ab,bc->ac", 3, (4, 5))
add_einsum("bias", "ab,bc->ac", 3, (4, 5), bias_axes="c")
add_einsum("steps", "abc,cd->abd", (None, 3), (2, 4, 5), bias_axes="d")
add_einsum("activation", "abc,cd->abd", (None, 3), (2, 4, 5), bias_axes="d", activation="tanh")
add_einsum("heads", "abc,cde->abde", (None, 2, 3), (2, 4, 5), bias_axes="de")
add_einsum("together", "abcd,cde->abe", (None, 3), (2, 4, 2, 3), bias_axes="e")
add_einsum("dots", "...x,xy->...y", 3, (2, 4, 5), bias_axes="y")
add_einsum("dots_right", "ab...,bc->ac...", 3, (2, 4, 5, 6), bias_axes="c")
add_einsum("bias_of_steps", "abc,cd->abd", (4, 3), (2, 4, 5), bias_axes="bd")
add_einsum("bias_of_steps_alone", "abc,cd->abd", (4, 3), (2, 4, 5), bias_axes="b")
add_einsum("mixed_axes", "abc,bd->adc", (3, 5), (2, 4, 5), bias_axes="d")


@case("attention/op")
def op(keras: Any, draws: Draws) -> dict[str, Any]:
    """`ops.dot_product_attention` with its options."""
    shape = (2, 4, 2, 3)
    q, k, v = (draws.uniform(*shape) for _ in range(3))
    attend = keras.ops.dot_product_attention
    mask = draws.integers(2, 2, 2, 4, 4).astype(bool)
    return {
        "plain": attend(q, k, v),
        "causal": attend(q, k, v, is_causal=True),
        "scale": attend(q, k, v, scale=0.3),
        "bias": attend(q, k, v, bias=draws.uniform(2, 2, 4, 4)),
        "mask": attend(q, k, v, mask=mask),
        "mask_causal": attend(q, k, v, mask=mask, is_causal=True),
        "shared_heads": attend(draws.uniform(2, 4, 4, 3), k, v),
    }

"""Attention and einsum layers: unknown sizes, what the graph holds, dropout, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kgc import Input, Model, layers, ops, utils
from kgc.compiler.errors import ArgumentError, KgcError, ShapeError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 4, 6)).astype("float32"), RNG.normal(size=(2, 5, 3)).astype("float32")


def by_hand(layer: Any, query: np.ndarray, value: np.ndarray, mask: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Attention in NumPy, with the layer's weights: results and weights."""
    q, k, v, out = (
        [w.numpy() for w in dense.weights]
        for dense in (layer.query_dense, layer.key_dense, layer.value_dense, layer.output_dense)
    )
    heads = [np.einsum("btc,chd->bthd", x, w) + b for x, (w, b) in ((query, q), (value, k), (value, v))]
    scores = np.einsum("bthd,bshd->bhts", heads[0], heads[1]) / np.sqrt(layer.key_dim)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return np.einsum("bhts,bshd,hdo->bto", weights, heads[2], out[0]) + out[1], weights


def test_it_is_what_the_formula_says() -> None:
    layer = layers.MultiHeadAttention(2, 3, value_dim=5)
    result, (again, weights) = layer(X, Y), layer(X, Y, return_attention_scores=True)
    wanted = by_hand(layer, X, Y)
    np.testing.assert_allclose(result, wanted[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(again, wanted[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(weights, wanted[1], rtol=1e-5, atol=1e-6)


def test_masks_that_are_given_count() -> None:
    layer = layers.MultiHeadAttention(2, 3)
    keys = np.array([[1, 1, 0, 1, 0], [1, 0, 0, 0, 1]], bool)
    window = np.abs(np.arange(4)[:, None] - np.arange(5)) < 3
    result = layer(X, Y, value_mask=keys, attention_mask=window)
    wanted, _ = by_hand(layer, X, Y, keys[:, None, None, :] & window)
    np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-6)
    queries = np.array([[1, 1, 1, 0], [1, 1, 1, 1]], bool)
    _, weights = layer(X, Y, query_mask=queries, return_attention_scores=True)
    assert not np.asarray(weights)[0, :, 3].any() and np.asarray(weights)[1].all()


@pytest.mark.parametrize("shape", [(None, 6), (4, 6)])
@pytest.mark.parametrize("scores", [False, True])
@pytest.mark.parametrize("options", [{}, {"sliding_window": 2}, {"use_gate": True}])
def test_steps_may_be_unknown(shape: tuple[Any, ...], scores: bool, options: dict[str, Any]) -> None:
    inputs = Input(shape)
    layer = layers.MultiHeadAttention(2, 3, **options)
    outputs = layer(inputs, inputs, use_causal_mask=True, return_attention_scores=scores)
    model = Model(inputs, outputs)
    first = outputs[0] if scores else outputs
    assert first.shape == (None, *shape)
    made = model(X)
    made = made[0] if scores else made
    # What a step is given does not depend on the steps after it.
    cut = layer(X[:, :3], X[:, :3], use_causal_mask=True)
    np.testing.assert_allclose(np.asarray(made)[:, :3], cut, rtol=1e-5, atol=1e-6)


def test_several_axes_may_be_unknown() -> None:
    inputs = Input((None, None, 6))
    result, weights = layers.MultiHeadAttention(2, 3)(inputs, inputs, return_attention_scores=True)
    assert result.shape == (None, None, None, 6) and weights.shape == (None, 2, None, None, None, None)
    x = RNG.normal(size=(2, 3, 2, 6)).astype("float32")
    assert Model(inputs, weights)(x).shape == (2, 2, 3, 2, 3, 2)


def test_the_graph_holds_one_op_of_attention() -> None:
    inputs = Input((None, 6), name="x")
    model = Model(inputs, layers.MultiHeadAttention(2, 3, name="m")(inputs, inputs, use_causal_mask=True))
    text = str(model.graph(training=True))
    assert "dot_product_attention(%1, %3, %5, is_causal=True)" in text
    assert "param %m.query.kernel: f32[6, 2, 3]" in text and "softmax" not in text
    order = ["query", "key", "value", "attention_output"]
    assert [w.path for w in model.weights] == [f"m/{name}/{w}" for name in order for w in ("kernel", "bias")]


def test_dropout_acts_on_weights_in_training_alone() -> None:
    utils.set_random_seed(0)
    layer = layers.MultiHeadAttention(2, 3, dropout=0.5)
    still = np.asarray(layer(X, Y))
    np.testing.assert_array_equal(still, layer(X, Y, training=False))
    moved = np.asarray(layer(X, Y, training=True))
    assert not np.allclose(still, moved)
    assert not np.allclose(moved, layer(X, Y, training=True))
    many = np.mean([layer(X, Y, training=True) for _ in range(400)], axis=0)
    np.testing.assert_allclose(many, still, atol=0.25)


def test_a_seed_makes_dropout_its_own() -> None:
    results = []
    for seed in (1, 2):
        utils.set_random_seed(seed)
        layer = layers.MultiHeadAttention(
            2, 3, dropout=0.5, seed=7, kernel_initializer="ones", bias_initializer="zeros", name="m"
        )
        results.append(np.asarray(layer(X, Y, training=True)))
    np.testing.assert_array_equal(*results)


def test_projections_start_from_numbers_of_their_own() -> None:
    layer = layers.MultiHeadAttention(2, 3)
    layer(X, X)
    kernels = [layer.query_dense.kernel.numpy(), layer.key_dense.kernel.numpy(), layer.value_dense.kernel.numpy()]
    assert not np.array_equal(kernels[0], kernels[1]) and not np.array_equal(kernels[1], kernels[2])


def test_half_precision_stays_near() -> None:
    exact = layers.MultiHeadAttention(2, 4)
    exact(X, Y)
    half = layers.MultiHeadAttention(2, 4, dtype="mixed_bfloat16")
    half(X, Y)
    half.set_weights(exact.get_weights())
    found = half(X, Y)
    assert str(found.dtype) == "bfloat16"
    np.testing.assert_allclose(np.asarray(found, "float32"), exact(X, Y), atol=0.03)


def test_flash_attention_is_had_or_refused() -> None:
    assert layers.MultiHeadAttention(2, 3, flash_attention=False)(X, X).shape == X.shape
    with pytest.raises(ArgumentError, match="cannot use flash attention: it takes float16 or bfloat16"):
        layers.MultiHeadAttention(2, 3, flash_attention=True)(X, X)
    with pytest.raises(ArgumentError, match="return_attention_scores=True"):
        layers.MultiHeadAttention(2, 3, flash_attention=True)(X, X, return_attention_scores=True)
    with pytest.raises(ArgumentError, match="cannot drop weights"):
        layers.MultiHeadAttention(2, 3, dropout=0.1, flash_attention=True)


def test_a_config_makes_the_same_layer() -> None:
    layer = layers.MultiHeadAttention(2, 3, 5, 0.1, False, (4, 2), (1,), 3, use_gate=True, seed=4)
    again = layers.MultiHeadAttention.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again(X, X).shape == (2, 4, 4, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_heads": 0, "key_dim": 3}, "takes num_heads as a positive int"),
        ({"num_heads": 2, "key_dim": 1.5}, "takes key_dim as a positive int"),
        ({"num_heads": 2, "key_dim": 3, "dropout": 2}, "takes dropout as a number from 0 to 1"),
        ({"num_heads": 2, "key_dim": 3, "attention_axes": "last"}, "takes attention_axes as an int, or several"),
        ({"num_heads": 2, "key_dim": 3, "output_shape": (2, 0)}, "takes output_shape as a positive int"),
        ({"num_heads": 2, "key_dim": 3, "sliding_window": 0}, "takes sliding_window as a positive int"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        layers.MultiHeadAttention(**arguments)


@pytest.mark.parametrize(
    ("shapes", "options", "message"),
    [
        ([(6,), (6,)], {}, "3 at least"),
        ([(4, 6), (4, 5, 6)], {}, "tensors of one number of axes"),
        ([(4, 6), (5, 3), (4, 3)], {}, "needs a value for each key"),
        ([(4, 6), (5, None)], {}, "the last axis of the value"),
        ([(4, 6), (5, 3)], {"attention_axes": 2}, "cannot attend over"),
        ([(4, 6), (5, 3)], {"attention_axes": (1, 1)}, "cannot attend over"),
        ([(3, 4, 6), (2, 4, 6)], {"attention_axes": 2}, "does not attend over axis 1"),
    ],
)
def test_tensors_that_do_not_fit(shapes: list[Any], options: dict[str, Any], message: str) -> None:
    layer = layers.MultiHeadAttention(2, 3, **options)
    with pytest.raises(ShapeError, match=message):
        layer(*[Input(shape) for shape in shapes])
    assert not layer.weights


def test_einsum_sizes_come_from_the_input() -> None:
    inputs = Input((None, 6))
    layer = layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d")
    assert layer(inputs).shape == (None, None, 3)
    # Real Keras needs every size said that the bias has; here those of the input are known.
    sized = layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="bd")
    assert sized(Input((4, 6))).shape == (None, 4, 3) and sized.bias.shape == (4, 3)


@pytest.mark.parametrize(
    ("equation", "sizes", "options", "message"),
    [
        ("abc->abd", 3, {}, "cannot read its equation"),
        ("ab,bc", 3, {}, "cannot read its equation"),
        ("...a,ab->b", 3, {}, "cannot read its equation"),
        ("ab,bc->ad", 3, {}, "cannot tell the size of axis"),
        ("ab,bc->ac", 3, {"bias_axes": "b"}, "has a bias for axes that its output does not have"),
        ("ab,bc->ac", 0, {}, "takes output_shape as a positive int"),
        ("ab,bc->ac", 3, {"lora_rank": 2}, "does not support lora_rank"),
    ],
)
def test_einsum_arguments(equation: str, sizes: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        layers.EinsumDense(equation, sizes, **options)


@pytest.mark.parametrize(
    ("equation", "sizes", "shape", "message"),
    [
        ("abc,cd->abd", (None, 3), (6,), "takes 3 axes, as its equation says"),
        ("abc,cd->abd", 3, (4, 6), "has an output_shape that does not fit its equation"),
        ("abc,cd->abd", (5, 3), (4, 6), "gives axis 'b' of its output size 5"),
        ("abc,cd->abd", (None, 3), (4, None), "axis 'c' of 'abc,cd->abd'"),
        ("abc,cd->abd", (None, None), (4, 6), "needs the size of axis 'd' of its output"),
    ],
)
def test_einsum_inputs(equation: str, sizes: Any, shape: tuple[Any, ...], message: str) -> None:
    with pytest.raises(KgcError, match=message):
        layers.EinsumDense(equation, sizes)(Input(shape))


def test_the_op_is_public() -> None:
    q = Input((None, 2, 3))
    made = ops.dot_product_attention(q, q, q, is_causal=True)
    assert made.shape == (None, None, 2, 3)
    with pytest.raises(KgcError, match="4 axes"):
        ops.dot_product_attention(X, X, X)
    with pytest.raises(KgcError, match="mask must be bool"):
        ops.dot_product_attention(q, q, q, mask=np.ones((1, 1, 1, 1), "float32"))

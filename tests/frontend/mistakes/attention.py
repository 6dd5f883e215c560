"""Mistakes with attention and with layers in Einstein's notation."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, ShapeError

from .mistake import Mistake

MISTAKES = [
    Mistake(
        "attention_without_a_value",
        """
        x = keras.Input(shape=(4, 6))
        y = layers.MultiHeadAttention(2, 3, name="attend")(x)  # <-
        """,
        ArgumentError,
        "layer 'attend' cannot be called with these arguments",
        "f32[b, 4, 6]",
        "call(query, value, key=None",
    ),
    Mistake(
        "attention_of_vectors",
        """
        x = keras.Input(shape=(6,))
        y = layers.MultiHeadAttention(2, 3, name="attend")(x, x)  # <-
        """,
        ShapeError,
        "MultiHeadAttention 'attend' takes tensors of one number of axes, 3 at least",
        "query: f32[b, 6], value: f32[b, 6]",
        "layers.Reshape",
    ),
    Mistake(
        "attention_of_keys_without_values",
        """
        q, v, k = keras.Input(shape=(4, 6)), keras.Input(shape=(5, 6)), keras.Input(shape=(7, 6))
        y = layers.MultiHeadAttention(2, 3, name="attend")(q, v, k)  # <-
        """,
        ShapeError,
        "MultiHeadAttention 'attend' needs a value for each key",
        ("value: f32[", "5, 6]", "7, 6]"),
        "layer(query, value, key)",
    ),
    Mistake(
        "attention_over_the_features",
        """
        x = keras.Input(shape=(4, 6))
        y = layers.MultiHeadAttention(2, 3, attention_axes=2, name="attend")(x, x)  # <-
        """,
        ShapeError,
        "MultiHeadAttention 'attend' cannot attend over attention_axes",
        "f32[b, 4, 6]",
        "axis 2 the features",
    ),
    Mistake(
        "attention_without_heads",
        """
        attend = layers.MultiHeadAttention(num_heads=0, key_dim=3, name="attend")  # <-
        """,
        ArgumentError,
        "MultiHeadAttention 'attend' takes num_heads as a positive int",
        "num_heads=0",
        "num_heads=32",
    ),
    Mistake(
        "attention_built_for_other_features",
        """
        attend = layers.MultiHeadAttention(2, 3, name="attend")
        x, y = keras.Input(shape=(4, 6)), keras.Input(shape=(4, 8))
        attend(x, x)
        attend(y, y)  # <-
        """,
        ShapeError,
        "MultiHeadAttention 'attend' was built for the last axis of the query (axis -1) of size 6",
        "f32[b, 4, 8]",
        "another layer",
    ),
    Mistake(
        "attention_by_a_mask_of_too_many_axes",
        """
        x = keras.Input(shape=(4, 6))
        mask = np.ones((1, 1, 1, 4, 4), bool)
        y = layers.MultiHeadAttention(2, 3, name="attend")(x, x, attention_mask=mask)  # <-
        """,
        ShapeError,
        "MultiHeadAttention 'attend' was given a mask of 5 axes for scores of 4",
        "(1, 1, 1, 4, 4)",
        "bool[batch",
    ),
    Mistake(
        "flash_attention_in_single_precision",
        """
        x = keras.Input(shape=(4, 6))
        y = layers.MultiHeadAttention(2, 3, flash_attention=True, name="attend")(x, x)  # <-
        """,
        ArgumentError,
        "MultiHeadAttention 'attend' cannot use flash attention",
        "flash_attention=True",
        "leave it out",
    ),
    Mistake(
        "einsum_that_is_no_equation",
        """
        mix = layers.EinsumDense("abc->abd", output_shape=(None, 3), name="mix")  # <-
        """,
        ArgumentError,
        "EinsumDense 'mix' cannot read its equation",
        "equation='abc->abd'",
        "abc,cd->abd",
    ),
    Mistake(
        "einsum_of_other_axes",
        """
        x = keras.Input(shape=(6,))
        y = layers.EinsumDense("abc,cd->abd", output_shape=(None, 3), name="mix")(x)  # <-
        """,
        ShapeError,
        "EinsumDense 'mix' takes 3 axes, as its equation says",
        "an input of 2 axes",
        "the first axis is the batch",
    ),
    Mistake(
        "einsum_bias_of_no_axis",
        """
        mix = layers.EinsumDense("ab,bc->ac", output_shape=3, bias_axes="b", name="mix")  # <-
        """,
        ArgumentError,
        "EinsumDense 'mix' has a bias for axes that its output does not have",
        "bias_axes='b'",
        "'ac'",
    ),
]

"""Mistakes with embeddings, masks, normalization by sample, and functions as layers."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, DTypeError, GraphError, ShapeError

from .mistake import Mistake

MISTAKES = [
    Mistake(
        "embedding_of_two_tensors",
        """
        x = keras.Input(shape=(5,))
        y = layers.Embedding(10, 4, name="words")([x, x])  # <-
        """,
        DTypeError,
        "Embedding 'words' takes one tensor",
        "f32[b, 5]",
        "layers.Concatenate()",
    ),
    Mistake(
        "embedding_without_rows",
        """
        words = layers.Embedding(0, 4, name="words")  # <-
        """,
        ArgumentError,
        "Embedding 'words' takes input_dim as a positive int",
        "input_dim=0",
        "input_dim=32",
    ),
    Mistake(
        "embedding_of_another_table",
        """
        words = layers.Embedding(10, 4, weights=np.zeros((4, 10), "float32"), name="words")  # <-
        """,
        ShapeError,
        "weight 'words/embeddings' of 'words' has shape (10, 4)",
        "(4, 10)",
        "embeddings",
    ),
    Mistake(
        "masking_of_scalars",
        """
        x = keras.Input(shape=())
        y = layers.Masking(name="skip")(x)  # <-
        """,
        ShapeError,
        "Masking 'skip' takes a tensor of at least 2 axes",
        "f32[b]",
        "the features of a step",
    ),
    Mistake(
        "masking_by_a_word",
        """
        skip = layers.Masking(mask_value="nothing", name="skip")  # <-
        """,
        ArgumentError,
        "Masking 'skip' takes mask_value as a number",
        "mask_value='nothing'",
        "mask_value=",
    ),
    Mistake(
        "normalizing_an_axis_that_is_not_there",
        """
        x = keras.Input(shape=(4, 5))
        y = layers.LayerNormalization(axis=3, name="norm")(x)  # <-
        """,
        ShapeError,
        "LayerNormalization 'norm' normalises axis 3, and its input has 3 axes",
        "f32[b, 4, 5]",
        "from -3 to 2",
    ),
    Mistake(
        "normalizing_an_unknown_size",
        """
        x = keras.Input(shape=(4, None))
        y = layers.LayerNormalization(name="norm")(x)  # <-
        """,
        ShapeError,
        "LayerNormalization 'norm' expects the normalised axis",
        "f32[b, 4, t0]",
        "Input(shape=…)",
    ),
    Mistake(
        "normalizing_by_an_old_argument",
        """
        norm = layers.LayerNormalization(momentum=0.9)  # <-
        """,
        ArgumentError,
        "LayerNormalization() does not have the argument 'momentum'",
        "momentum=0.9",
        "epsilon",
    ),
    Mistake(
        "lambda_of_a_layer",
        """
        y = layers.Lambda(layers.Dense(3), name="f")  # <-
        """,
        ArgumentError,
        "Lambda 'f' takes a function, not a layer",
        "Dense",
        "call the layer itself",
    ),
    Mistake(
        "lambda_that_uses_weights",
        """
        dense = layers.Dense(3)
        x = keras.Input(shape=(4,))
        y = layers.Lambda(lambda t: dense(t), name="f")(x)  # <-
        """,
        GraphError,
        "the function of Lambda 'f' uses weights",
        "kernel",
        "write a `Layer`",
    ),
    Mistake(
        "lambda_of_another_shape",
        """
        x = keras.Input(shape=(4,))
        y = layers.Lambda(lambda t: t[:, :2], output_shape=(3,), name="f")(x)  # <-
        """,
        ShapeError,
        "the function of Lambda 'f' does not give its output_shape",
        ("(None, 2)", "output_shape=(3,)"),
        "the function is traced",
    ),
    Mistake(
        "lambda_in_a_file",
        """
        x = keras.Input(shape=(4,))
        model = keras.Model(x, layers.Lambda(lambda t: t * 2.0, name="f")(x))
        model.save("never.keras")  # <-
        """,
        ArgumentError,
        "Lambda 'f' has an anonymous function",
        "<lambda>",
        "register_keras_serializable",
    ),
]

"""Names and objects that stand for nothing in their place."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, DTypeError

from .mistake import Mistake

MISTAKES = [
    Mistake(
        "unknown_activation",
        """
        layer = layers.Dense(4, activation="rellu")  # <-
        """,
        ArgumentError,
        "No activation is called 'rellu'",
        "'rellu'",
        "did you mean 'relu'",
    ),
    Mistake(
        "unknown_initializer",
        """
        layer = layers.Dense(4, kernel_initializer="glorot_unifrm")  # <-
        """,
        ArgumentError,
        "No initializer is called 'glorot_unifrm'",
        "'glorot_unifrm'",
        "glorot_uniform",
    ),
    Mistake(
        "unknown_regularizer",
        """
        layer = layers.Dense(4, kernel_regularizer="ridge")  # <-
        """,
        ArgumentError,
        "No regularizer is called 'ridge'",
        "'ridge'",
        "l2",
    ),
    Mistake(
        "unknown_loss",
        """
        x = keras.Input(shape=(8,))
        model = keras.Model(x, layers.Dense(4)(x))
        model.compile(loss="mean_squared_eror")  # <-
        """,
        ArgumentError,
        "No loss is called 'mean_squared_eror'",
        "'mean_squared_eror'",
        "did you mean 'mean_squared_error'",
    ),
    Mistake(
        "unknown_metric",
        """
        x = keras.Input(shape=(8,))
        model = keras.Model(x, layers.Dense(4)(x))
        model.compile(loss="mse", metrics=["acuracy"])  # <-
        """,
        ArgumentError,
        "No metric is called 'acuracy'",
        "'acuracy'",
        "ccuracy'",
    ),
    Mistake(
        "unknown_optimizer",
        """
        x = keras.Input(shape=(8,))
        model = keras.Model(x, layers.Dense(4)(x))
        model.compile(optimizer="adm", loss="mse")  # <-
        """,
        ArgumentError,
        "No optimizer is called 'adm'",
        "'adm'",
        "did you mean",
    ),
    Mistake(
        "unknown_dtype_policy",
        """
        layer = layers.Dense(4, dtype="mixed_flot16")  # <-
        """,
        DTypeError,
        "This is no dtype and no dtype policy",
        "mixed_flot16",
        "mixed_float16",
    ),
    Mistake(
        "number_as_activation",
        """
        layer = layers.Activation(5)  # <-
        """,
        ArgumentError,
        "This is no activation",
        "int: 5",
        "'elu'",
    ),
    Mistake(
        "real_keras_loss",
        """
        x = keras.Input(shape=(8,))
        model = keras.Model(x, layers.Dense(4)(x))
        model.compile(loss=foreign("keras.src.losses.losses", "MeanSquaredError"))  # <-
        """,
        ArgumentError,
        "This is no loss",
        "keras.src.losses.losses.MeanSquaredError",
        "name",
    ),
]

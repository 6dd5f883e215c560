"""Wrong arguments: values out of range, keywords that do not exist, what kgc does not support."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, DTypeError, ShapeError

from .mistake import Mistake

MISTAKES = [
    Mistake(
        "negative_units",
        """
        layer = layers.Dense(-1, name="head")  # <-
        """,
        ArgumentError,
        "Dense 'head' takes units as a positive int",
        "units=-1",
        "",
    ),
    Mistake(
        "units_as_text",
        """
        layer = layers.Dense("64", name="head")  # <-
        """,
        ArgumentError,
        "Dense 'head' takes units as a positive int",
        "units='64'",
        "",
    ),
    Mistake(
        "unknown_keyword",
        """
        layer = layers.Dense(4, activaton="relu")  # <-
        """,
        ArgumentError,
        "Dense() does not have the argument 'activaton'",
        "activaton='relu'",
        ("did you mean 'activation'", "Dense(units, activation=None, use_bias=True"),
    ),
    Mistake(
        "keyword_of_another_layer",
        """
        layer = layers.Flatten(units=3)  # <-
        """,
        ArgumentError,
        "Flatten() does not have the argument 'units'",
        "units=3",
        "Flatten(data_format=None",
    ),
    Mistake(
        "unsupported_lora",
        """
        layer = layers.Dense(4, lora_rank=2)  # <-
        """,
        ArgumentError,
        "does not support lora_rank",
        "lora_rank=2",
        "leave it out",
    ),
    Mistake(
        "name_with_a_slash",
        """
        layer = layers.Dense(4, name="block/dense")  # <-
        """,
        ArgumentError,
        "Dense() takes a name without '/'",
        "name='block/dense'",
        "nested",
    ),
    Mistake(
        "shape_as_a_number",
        """
        x = keras.Input(784)  # <-
        """,
        ArgumentError,
        "Input() takes the shape as a tuple",
        "shape=784",
        "shape=(784,)",
    ),
    Mistake(
        "two_shapes",
        """
        x = keras.Input(shape=(8,), batch_shape=(2, 8))  # <-
        """,
        ArgumentError,
        "Input() takes either shape or batch_shape",
        "batch_shape=(2, 8)",
        "shape=(784,)",
    ),
    Mistake(
        "sparse_input",
        """
        x = keras.Input(shape=(8,), sparse=True)  # <-
        """,
        ArgumentError,
        "Input() does not support sparse",
        "sparse=True",
        "dense",
    ),
    Mistake(
        "size_as_text",
        """
        x = keras.Input(shape=("eight",))  # <-
        """,
        ShapeError,
        "sizes of an Input are integers or None",
        "eight",
        "None",
    ),
    Mistake(
        "padding",
        """
        layer = layers.Conv2D(4, 3, padding="causal", name="conv")  # <-
        """,
        ArgumentError,
        "Conv2D 'conv' takes padding as one of 'valid', 'same'",
        "padding='causal'",
        "",
    ),
    Mistake(
        "kernel_size",
        """
        layer = layers.Conv2D(4, (3, 3, 3), name="conv")  # <-
        """,
        ArgumentError,
        "Conv2D 'conv' takes kernel_size as a positive int, or 2 of them",
        "kernel_size=(3, 3, 3)",
        "",
    ),
    Mistake(
        "groups",
        """
        layer = layers.Conv2D(4, 3, groups=3, name="conv")  # <-
        """,
        ArgumentError,
        "Conv2D 'conv' needs groups that divide its filters",
        "groups=3",
        "",
    ),
    Mistake(
        "strides_and_dilation",
        """
        layer = layers.Conv2D(4, 3, strides=2, dilation_rate=2, name="conv")  # <-
        """,
        ArgumentError,
        "Conv2D 'conv' cannot have both strides and dilation_rate above 1",
        "strides=2",
        "",
    ),
    Mistake(
        "pool_size",
        """
        layer = layers.MaxPooling2D(0, name="pool")  # <-
        """,
        ArgumentError,
        "MaxPooling2D 'pool' takes pool_size as a positive int",
        "pool_size=0",
        "",
    ),
    Mistake(
        "rate",
        """
        layer = layers.Dropout(50, name="drop")  # <-
        """,
        ArgumentError,
        "Dropout 'drop' takes rate as a number from 0 to 1",
        "rate=50",
        "",
    ),
    Mistake(
        "target_shape",
        """
        layer = layers.Reshape((-1, -1), name="shape")  # <-
        """,
        ArgumentError,
        "Reshape 'shape' takes target_shape with one -1 at most",
        "target_shape=(-1, -1)",
        "",
    ),
    Mistake(
        "learning_rate_as_text",
        """
        optimizer = keras.optimizers.Adam(learning_rate="fast")  # <-
        """,
        ArgumentError,
        "A learning rate is a number or a schedule",
        "'fast'",
        "LearningRateSchedule",
    ),
    Mistake(
        "momentum_out_of_range",
        """
        optimizer = keras.optimizers.SGD(momentum=1.5)  # <-
        """,
        ArgumentError,
        "momentum",
        "1.5",
        "",
    ),
    Mistake(
        "two_ways_of_clipping",
        """
        optimizer = keras.optimizers.SGD(clipnorm=1.0, clipvalue=1.0)  # <-
        """,
        ArgumentError,
        "clip",
        "clipnorm=1.0",
        "",
    ),
    Mistake(
        "argument_of_an_old_optimizer",
        """
        optimizer = keras.optimizers.Adam(lr=0.1)  # <-
        """,
        ArgumentError,
        "'lr'",
        "lr=0.1",
        "learning_rate",
    ),
    Mistake(
        "reduction_of_a_loss",
        """
        loss = keras.losses.MeanSquaredError(reduction="avg")  # <-
        """,
        ArgumentError,
        "a loss has no such reduction",
        "reduction='avg'",
        "sum_over_batch_size",
    ),
    Mistake(
        "threshold_of_a_metric",
        """
        metric = keras.metrics.BinaryAccuracy(threshold=2)  # <-
        """,
        ArgumentError,
        "BinaryAccuracy() takes a threshold between 0 and 1",
        "threshold=2",
        "",
    ),
    Mistake(
        "unknown_argument_of_an_op",
        """
        x = keras.Input(shape=(8,))
        y = ops.sum(x, axes=1)  # <-
        """,
        ArgumentError,
        "sum() does not have the argument 'axes'",
        "axes=1",
        "sum(x, axis=None, keepdims=False)",
    ),
    Mistake(
        "missing_argument_of_an_op",
        """
        x = keras.Input(shape=(8,))
        y = ops.reshape(x)  # <-
        """,
        ArgumentError,
        "reshape() lacks newshape",
        "1 argument",
        "reshape(x, newshape)",
    ),
    Mistake(
        "function_as_an_attribute_of_an_op",
        """
        x = keras.Input(shape=(8,))
        y = ops.sum(x, axis=len)  # <-
        """,
        ArgumentError,
        "sum() cannot take axis=",
        "builtin_function_or_method",
        "int",
    ),
    Mistake(
        "seed_as_text",
        """
        keras.utils.set_random_seed("seven")  # <-
        """,
        ArgumentError,
        "seed",
        "'seven'",
        "",
    ),
    Mistake(
        "callback_that_is_none",
        """
        x = keras.Input(shape=(8,))
        model = keras.Model(x, layers.Dense(1)(x))
        model.compile(loss="mse")
        model.fit(np.zeros((4, 8)), np.zeros((4, 1)), callbacks=["early"], verbose=0)  # <-
        """,
        ArgumentError,
        "callback",
        "early",
        "",
    ),
    Mistake(
        "dtype_of_a_layer",
        """
        layer = layers.Dense(4, dtype="int32")
        y = layer(keras.Input(shape=(8,)))  # <-
        """,
        DTypeError,
        "Random weights are floats",
        "dtype=int32",
        "Zeros",
    ),
]

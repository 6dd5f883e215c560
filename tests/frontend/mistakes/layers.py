"""Inputs that a layer of the catalogue cannot take."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, DTypeError, GraphError, ShapeError

from .mistake import Mistake

MISTAKES = [
    Mistake(
        "conv_of_a_vector",
        """
        x = keras.Input(shape=(784,))
        y = layers.Conv2D(4, 3, name="conv")(x)  # <-
        """,
        ShapeError,
        "Conv2D 'conv' takes 4 axes (batch, height, width, channels)",
        "f32[b, 784]",
        "layers.Reshape",
    ),
    Mistake(
        "conv_without_channels",
        """
        x = keras.Input(shape=(28, 28))
        y = layers.Conv2D(4, 3, name="conv")(x)  # <-
        """,
        ShapeError,
        "Conv2D 'conv' takes 4 axes",
        "f32[b, 28, 28]",
        "an axis is missing",
    ),
    Mistake(
        "conv_of_unknown_channels",
        """
        x = keras.Input(shape=(28, 28, None))
        y = layers.Conv2D(4, 3, name="conv")(x)  # <-
        """,
        ShapeError,
        "Conv2D 'conv' expects the number of channels (axis -1) to be known",
        "f32[b, 28, 28, t0]",
        "`Input(shape=…)`",
    ),
    Mistake(
        "conv_built_for_other_channels",
        """
        conv = layers.Conv2D(4, 3, name="conv")
        conv(keras.Input(shape=(28, 28, 1)))
        conv(keras.Input(shape=(28, 28, 3)))  # <-
        """,
        ShapeError,
        "Conv2D 'conv' was built for the number of channels (axis -1) of size 1",
        "f32[b, 28, 28, 3]",
        "another layer",
    ),
    Mistake(
        "conv_larger_than_its_input",
        """
        x = keras.Input(shape=(2, 2, 3))
        y = layers.Conv2D(4, 3, name="conv")(x)  # <-
        """,
        ShapeError,
        "Conv2D 'conv' has a kernel that spans 3 on axis 1, which has size 2 only",
        "f32[b, 2, 2, 3]",
        'padding="same"',
    ),
    Mistake(
        "groups_that_do_not_divide_the_channels",
        """
        x = keras.Input(shape=(8, 8, 3))
        y = layers.Conv2D(4, 3, groups=2, name="conv")(x)  # <-
        """,
        ShapeError,
        "Conv2D 'conv' has 2 groups, and they do not divide 3 channels",
        "f32[b, 8, 8, 3]",
        "groups",
    ),
    Mistake(
        "pooling_of_a_vector",
        """
        x = keras.Input(shape=(784,))
        y = layers.MaxPooling2D(name="pool")(x)  # <-
        """,
        ShapeError,
        "MaxPooling2D 'pool' takes 4 axes",
        "f32[b, 784]",
        "layers.Reshape",
    ),
    Mistake(
        "pooling_larger_than_its_input",
        """
        x = keras.Input(shape=(2, 2, 3))
        y = layers.MaxPooling2D(3, name="pool")(x)  # <-
        """,
        ShapeError,
        "MaxPooling2D 'pool'",
        "f32[b, 2, 2, 3]",
        "",
    ),
    Mistake(
        "global_pooling_of_a_vector",
        """
        x = keras.Input(shape=(784,))
        y = layers.GlobalAveragePooling2D(name="pool")(x)  # <-
        """,
        ShapeError,
        "GlobalAveragePooling2D 'pool' takes 4 axes",
        "f32[b, 784]",
        "layers.Reshape",
    ),
    Mistake(
        "reshape_to_another_count_of_elements",
        """
        x = keras.Input(shape=(784,))
        y = layers.Reshape((28, 29), name="image")(x)  # <-
        """,
        ShapeError,
        "Reshape 'image' cannot make (28, 29) of the 784 elements of a sample",
        "f32[b, 784]",
        "multiply to the same number",
    ),
    Mistake(
        "dense_after_flatten_of_unknown_size",
        """
        x = keras.Input(shape=(None, 8))
        y = layers.Flatten()(x)
        z = layers.Dense(4, name="head")(y)  # <-
        """,
        ShapeError,
        "Dense 'head' expects the last axis (axis -1) to be known",
        "f32[b, 8*t0]",
        "pool over what makes it unknown",
    ),
    Mistake(
        "add_other_shapes",
        """
        a, b = keras.Input(shape=(8,)), keras.Input(shape=(9,))
        y = layers.Add(name="sum")([a, b])  # <-
        """,
        ShapeError,
        "Add 'sum' cannot broadcast its inputs together",
        ("f32[b, 8]", "f32[b1, 9]"),
        "layers.Concatenate",
    ),
    Mistake(
        "add_function_of_other_shapes",
        """
        a, b = keras.Input(shape=(8,)), keras.Input(shape=(9,))
        y = layers.add([a, b])  # <-
        """,
        ShapeError,
        "Add 'add",
        ("f32[b, 8]", "f32[b1, 9]"),
        "layers.Concatenate",
    ),
    Mistake(
        "add_of_two_arguments",
        """
        a, b = keras.Input(shape=(8,)), keras.Input(shape=(8,))
        y = layers.Add(name="sum")(a, b)  # <-
        """,
        DTypeError,
        "Add 'sum' takes a list of tensors",
        "f32[b, 8]",
        "layers.Add()([x, y])",
    ),
    Mistake(
        "add_of_nothing",
        """
        y = layers.Add(name="sum")([])  # <-
        """,
        ArgumentError,
        "Add 'sum' takes at least 1 tensor",
        "0",
        "",
    ),
    Mistake(
        "concatenate_of_other_ranks",
        """
        a, b = keras.Input(shape=(4, 8)), keras.Input(shape=(8,))
        y = layers.Concatenate(name="join")([a, b])  # <-
        """,
        ShapeError,
        "Concatenate 'join' takes tensors of one number of axes",
        ("f32[b, 4, 8]", "f32[b1, 8]"),
        "",
    ),
    Mistake(
        "concatenate_of_other_sizes",
        """
        a, b = keras.Input(shape=(4, 8)), keras.Input(shape=(5, 8))
        y = layers.Concatenate(name="join")([a, b])  # <-
        """,
        ShapeError,
        "Concatenate 'join' joins along axis -1; sizes on axis 1 differ",
        ("f32[b, 4, 8]", "f32[b1, 5, 8]"),
        "`axis` says",
    ),
    Mistake(
        "concatenate_along_no_axis",
        """
        a, b = keras.Input(shape=(8,)), keras.Input(shape=(8,))
        y = layers.Concatenate(axis=3, name="join")([a, b])  # <-
        """,
        ArgumentError,
        "Concatenate 'join' joins along axis 3, and its inputs have 2 axes",
        "f32[b, 8]",
        "",
    ),
    Mistake(
        "softmax_over_no_axis",
        """
        x = keras.Input(shape=(8,))
        y = layers.Softmax(axis=2, name="soft")(x)  # <-
        """,
        ArgumentError,
        "Softmax 'soft' normalises over axis 2, and its input has 2 axes",
        "f32[b, 8]",
        "",
    ),
    Mistake(
        "batch_normalization_of_an_unknown_axis",
        """
        x = keras.Input(shape=(None,))
        y = layers.BatchNormalization(name="norm")(x)  # <-
        """,
        ShapeError,
        "BatchNormalization 'norm' expects",
        "f32[b, t0]",
        "`Input(shape=…)`",
    ),
    Mistake(
        "batch_normalization_over_no_axis",
        """
        x = keras.Input(shape=(8,))
        y = layers.BatchNormalization(axis=3, name="norm")(x)  # <-
        """,
        ShapeError,
        "BatchNormalization 'norm' normalises axis 3, and its input has 2 axes",
        "f32[b, 8]",
        "",
    ),
    Mistake(
        "noise_shape_that_does_not_fit",
        """
        x = keras.Input(shape=(8,))
        y = layers.Dropout(0.5, noise_shape=(None, 3), name="drop")(x)  # <-
        """,
        ShapeError,
        "Dropout 'drop' has noise_shape=(None, 3), which does not fit its input",
        "f32[b, 8]",
        "1 or None",
    ),
    Mistake(
        "dropout_by_its_method",
        """
        y = layers.Dropout(0.5, name="drop").call(np.zeros((2, 8), "float32"), training=True)  # <-
        """,
        GraphError,
        "Dropout 'drop': call the layer, not its `call` method",
        None,
        "",
    ),
]

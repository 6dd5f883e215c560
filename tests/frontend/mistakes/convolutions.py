"""Wrong arguments and inputs of layers that convolve, pool, enlarge, pad, cut, permute and multiply."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, DTypeError, ShapeError

from .mistake import Mistake

MISTAKES = [
    Mistake(
        "conv1d_of_vectors",
        """
        x = keras.Input((8,))
        y = layers.Conv1D(4, 3, name="c")(x)  # <-
        """,
        ShapeError,
        "Conv1D 'c' takes 3 axes (batch, steps, channels)",
        "f32[b, 8]",
        "an axis is missing",
    ),
    Mistake(
        "conv1d_longer_than_the_sequence",
        """
        x = keras.Input((4, 2))
        y = layers.Conv1D(4, 3, dilation_rate=2, name="c")(x)  # <-
        """,
        ShapeError,
        "Conv1D 'c' has a kernel that spans 5 on axis 1, which has size 4 only",
        "f32[b, 4, 2]",
        'padding="same"',
    ),
    Mistake(
        "conv2d_causal",
        """
        layer = layers.Conv2D(4, 3, padding="causal", name="c")  # <-
        """,
        ArgumentError,
        "Conv2D 'c' takes padding as one of 'valid', 'same'",
        "padding='causal'",
        "names are: valid, same",
    ),
    Mistake(
        "conv3d_of_images",
        """
        x = keras.Input((8, 8, 3))
        y = layers.Conv3D(4, 3, name="c")(x)  # <-
        """,
        ShapeError,
        "Conv3D 'c' takes 5 axes (batch, depth, height, width, channels)",
        "f32[b, 8, 8, 3]",
        "an axis is missing",
    ),
    Mistake(
        "conv_transpose_strides_and_dilation",
        """
        layer = layers.Conv2DTranspose(4, 3, strides=2, dilation_rate=2, name="c")  # <-
        """,
        ArgumentError,
        "Conv2DTranspose 'c' cannot have both strides and dilation_rate above 1",
        "strides=2, dilation_rate=2",
        "use one of them",
    ),
    Mistake(
        "conv_transpose_output_padding_as_large_as_the_stride",
        """
        layer = layers.Conv2DTranspose(4, 3, strides=(3, 2), output_padding=2, name="c")  # <-
        """,
        ArgumentError,
        "Conv2DTranspose 'c' takes output_padding as an int, or 2 of them, from 0 to less than the stride",
        "output_padding=2, strides=(3, 2)",
        "ZeroPadding",
    ),
    Mistake(
        "conv_transpose_groups",
        """
        layer = layers.Conv1DTranspose(4, 3, groups=2)  # <-
        """,
        ArgumentError,
        "Conv1DTranspose does not have the argument 'groups'",
        "groups=2",
        "ops.split",
    ),
    Mistake(
        "conv_transpose_of_unknown_channels",
        """
        x = keras.Input((8, 8, None))
        y = layers.Conv2DTranspose(4, 3, name="c")(x)  # <-
        """,
        ShapeError,
        "Conv2DTranspose 'c' expects the number of channels (axis -1) to be known",
        "f32[b, 8, 8, t0]",
        "`Input(shape=…)`",
    ),
    Mistake(
        "conv_transpose_built_for_other_channels",
        """
        up = layers.Conv1DTranspose(4, 3, name="c")
        a = up(keras.Input((8, 2)))
        b = up(keras.Input((8, 3)))  # <-
        """,
        ShapeError,
        "Conv1DTranspose 'c' was built for the number of channels (axis -1) of size 2",
        "f32[b, 8, 3]",
        "another layer",
    ),
    Mistake(
        "pool_larger_than_the_volume",
        """
        x = keras.Input((4, 4, 1, 3))
        y = layers.MaxPooling3D(2, name="p")(x)  # <-
        """,
        ShapeError,
        "MaxPooling3D 'p' has a window of 2 on axis 3, which has size 1 only",
        "f32[b, 4, 4, 1, 3]",
        "smaller pool_size",
    ),
    Mistake(
        "global_pool_of_a_vector",
        """
        x = keras.Input((8,))
        y = layers.GlobalAveragePooling1D(name="p")(x)  # <-
        """,
        ShapeError,
        "GlobalAveragePooling1D 'p' takes 3 axes (batch, steps, channels)",
        "f32[b, 8]",
        "Reshape",
    ),
    Mistake(
        "upsampling_by_half",
        """
        layer = layers.UpSampling2D(0.5, name="u")  # <-
        """,
        ArgumentError,
        "UpSampling2D 'u' takes size as a positive int, or 2 of them",
        "size=0.5",
        "size=2",
    ),
    Mistake(
        "upsampling_interpolation",
        """
        layer = layers.UpSampling2D(2, interpolation="bilinaer", name="u")  # <-
        """,
        ArgumentError,
        "UpSampling2D 'u' takes interpolation as one of 'nearest', 'bilinear'",
        "interpolation='bilinaer'",
        "bilinear",
    ),
    Mistake(
        "upsampling_of_sequences",
        """
        x = keras.Input((8, 3))
        y = layers.UpSampling2D(name="u")(x)  # <-
        """,
        ShapeError,
        "UpSampling2D 'u' takes 4 axes (batch, height, width, channels)",
        "f32[b, 8, 3]",
        "an axis is missing",
    ),
    Mistake(
        "padding_negative",
        """
        layer = layers.ZeroPadding2D(((1, -1), 0), name="z")  # <-
        """,
        ArgumentError,
        "ZeroPadding2D 'z' takes padding as an int, or an int or (before, after) for each of 2 axes",
        "padding=((1, -1), 0)",
        "none may be negative",
    ),
    Mistake(
        "padding_of_other_axes",
        """
        layer = layers.ZeroPadding1D((1, 2, 3), name="z")  # <-
        """,
        ArgumentError,
        "ZeroPadding1D 'z' takes padding as an int, or (before, after)",
        "padding=(1, 2, 3)",
        "(1, 2)",
    ),
    Mistake(
        "cropping_everything",
        """
        x = keras.Input((8, 4, 3))
        y = layers.Cropping2D(((0, 0), (2, 2)), name="k")(x)  # <-
        """,
        ShapeError,
        "Cropping2D 'k' cuts 2 + 2 elements off axis 2, which has size 4",
        "f32[b, 8, 4, 3]",
        "something must be left",
    ),
    Mistake(
        "cropping1d_data_format",
        """
        layer = layers.Cropping1D(1, data_format="channels_first")  # <-
        """,
        ArgumentError,
        "Cropping1D does not have the argument 'data_format'",
        "data_format='channels_first'",
        "Permute",
    ),
    Mistake(
        "permute_with_the_batch",
        """
        layer = layers.Permute((0, 2, 1), name="p")  # <-
        """,
        ArgumentError,
        "Permute 'p' takes dims as a tuple that names each axis once",
        "dims=(0, 2, 1)",
        "the batch is left out",
    ),
    Mistake(
        "permute_of_another_rank",
        """
        x = keras.Input((8, 4, 3))
        y = layers.Permute((2, 1), name="p")(x)  # <-
        """,
        ShapeError,
        "Permute 'p' has dims=(2, 1), and takes a tensor of 3 axes",
        "f32[b, 8, 4, 3]",
        "all axes but the batch",
    ),
    Mistake(
        "repeat_of_a_sequence",
        """
        x = keras.Input((8, 4))
        y = layers.RepeatVector(3, name="r")(x)  # <-
        """,
        ShapeError,
        "RepeatVector 'r' takes 2 axes (batch, channels)",
        "f32[b, 8, 4]",
        "the batch is left out",
    ),
    Mistake(
        "repeat_a_float",
        """
        layer = layers.RepeatVector(3.0, name="r")  # <-
        """,
        ArgumentError,
        "RepeatVector 'r' takes n as a positive int",
        "n=3.0",
        "n=32",
    ),
    Mistake(
        "dot_of_other_sizes",
        """
        a, b = keras.Input((4, 3)), keras.Input((3, 7))
        y = layers.Dot(axes=1, name="d")([a, b])  # <-
        """,
        ShapeError,
        "Dot 'd' cannot multiply: the sizes of the axes (1, 1) differ, 4 and 3",
        ("f32[b, 4, 3]", "f32[b1, 3, 7]"),
        "which axis of each tensor",
    ),
    Mistake(
        "dot_over_the_batch",
        """
        a, b = keras.Input((4,)), keras.Input((4,))
        y = layers.Dot(axes=0, name="d")([a, b])  # <-
        """,
        ArgumentError,
        "Dot 'd' sums over axes=0",
        "f32[b, 4]",
        "axis 0 is the batch",
    ),
    Mistake(
        "dot_of_three",
        """
        a = keras.Input((4,))
        y = layers.Dot(axes=1, name="d")([a, a, a])  # <-
        """,
        ArgumentError,
        "Dot 'd' takes two tensors",
        "3",
        "[x, y]",
    ),
    Mistake(
        "dot_of_one_tensor",
        """
        a = keras.Input((4,))
        y = layers.Dot(axes=1, name="d")(a)  # <-
        """,
        DTypeError,
        "Dot 'd' takes a list of tensors",
        "f32[b, 4]",
        "[x, y]",
    ),
    Mistake(
        "dot_axes",
        """
        layer = layers.Dot(axes="last", name="d")  # <-
        """,
        ArgumentError,
        "Dot 'd' takes axes as an int, or two of them",
        "axes='last'",
        "product of matrices",
    ),
    Mistake(
        "conv_transpose_op_channels",
        """
        x = keras.Input((8, 8, 3))
        y = ops.conv_transpose(x, np.ones((3, 3, 2, 4), "float32"))  # <-
        """,
        ShapeError,
        "conv_transpose: inputs with 3 channels do not fit a kernel for 4",
        ("f32[b, 8, 8, 3]", "f32[3, 3, 2, 4]"),
        "(*kernel_size, output channels, input channels)",
    ),
]

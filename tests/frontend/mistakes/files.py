"""Mistakes around files, pictures and random numbers."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, DTypeError, GraphError, ShapeError

from .mistake import Mistake

MODEL = """
x = keras.Input((3,), name="x")
model = keras.Model(x, layers.Dense(2, name="head")(x), name="net")
"""

MISTAKES = [
    Mistake(
        "picture_of_what_is_not_built",
        """
        model = keras.Sequential([layers.Dense(2)], name="net")
        keras.utils.plot_model(model, "net.png")  # <-
        """,
        GraphError,
        "model 'net' is not built yet",
        None,
        "begin it with `Input(shape=(…))`",
    ),
    Mistake(
        "picture_of_a_layer",
        """
        keras.utils.plot_model(layers.Dense(2, name="head"), "net.png")  # <-
        """,
        ArgumentError,
        "take a model",
        "Dense",
        "`Model(x, layer(x))`",
    ),
    Mistake(
        "picture_in_an_unknown_format",
        f"""{MODEL}
keras.utils.plot_model(model, "net.bmp")  # <-
""",
        ArgumentError,
        "writes files that end in .png, .svg, .pdf",
        "to_file='net.bmp'",
        "stay sharp",
    ),
    Mistake(
        "picture_in_an_unknown_direction",
        f"""{MODEL}
keras.utils.model_to_dot(model, rankdir="down")  # <-
""",
        ArgumentError,
        "rankdir is one of TB, LR, BT, RL",
        "rankdir='down'",
        "downwards",
    ),
    Mistake(
        "picture_with_layer_range",
        f"""{MODEL}
keras.utils.plot_model(model, "net.png", layer_range=["a", "b"])  # <-
""",
        ArgumentError,
        "has no layer_range in Keras 3",
        "layer_range=['a', 'b']",
        "`Model(first.output, last.output)`",
    ),
    Mistake(
        "picture_with_an_argument_it_lacks",
        f"""{MODEL}
keras.utils.plot_model(model, "net.png", show_shape=True)  # <-
""",
        ArgumentError,
        "does not have the argument 'show_shape'",
        "show_shape=True",
        "show_shapes",
    ),
    Mistake(
        "weights_in_an_unknown_format",
        f"""{MODEL}
model.load_weights("weights.npz")  # <-
""",
        ArgumentError,
        "reads files that end in",
        "filepath='weights.npz'",
        None,
    ),
    Mistake(
        "model_in_the_older_format",
        f"""{MODEL}
model.save("net.h5")  # <-
""",
        ArgumentError,
        "writes files whose name ends in `.keras`",
        "filepath='net.h5'",
        "kgc reads the older `.h5` format",
    ),
    Mistake(
        "published_weights_for_other_classes",
        """
        keras.applications.VGG19(classes=10)  # <-
        """,
        ArgumentError,
        "VGG19() with the weights of ImageNet and its top tells 1000 classes",
        "classes=10",
        "include_top=False",
    ),
    Mistake(
        "published_weights_that_are_not_there",
        """
        keras.applications.VGG16(weights="no/such/file.h5")  # <-
        """,
        ArgumentError,
        "VGG16() takes weights as None, 'imagenet', or the path of a file that is there",
        "no/such/file.h5",
        "random weights",
    ),
    Mistake(
        "pictures_too_small_for_vgg",
        """
        keras.applications.VGG16(weights=None, include_top=False, input_shape=(28, 28, 3))  # <-
        """,
        ShapeError,
        "VGG16() takes pictures of 32 x 32 at least",
        "input_shape=(28, 28, 3)",
        "halves them five times",
    ),
    Mistake(
        "unknown_label_mode",
        """
        keras.datasets.cifar100.load_data("labels")  # <-
        """,
        ArgumentError,
        "takes label_mode as 'fine' or 'coarse'",
        "label_mode='labels'",
        "100 classes",
    ),
    Mistake(
        "file_without_origin",
        """
        keras.utils.get_file("data.npz")  # <-
        """,
        ArgumentError,
        "get_file() needs the URL",
        "origin=None",
        "origin=",
    ),
    Mistake(
        "hash_of_another_length",
        """
        keras.utils.get_file(origin="https://example.org/a.npz", file_hash="abc")  # <-
        """,
        ArgumentError,
        "takes file_hash as 32 or 64 hexadecimal digits",
        "file_hash=str: 'abc'",
        "sha256sum",
    ),
    Mistake(
        "random_floats_of_an_integer_dtype",
        """
        keras.random.uniform((3,), 0, 10, dtype="int32")  # <-
        """,
        DTypeError,
        "random.uniform() makes floats",
        "dtype='int32'",
        "random.randint",
    ),
    Mistake(
        "random_shape_with_an_unknown_size",
        """
        x = keras.Input((3,))
        keras.random.normal(x.shape)  # <-
        """,
        ShapeError,
        "random.normal() takes shape as sizes",
        "shape=(None, 3)",
        "inside a `call`",
    ),
    Mistake(
        "random_seed_as_text",
        """
        keras.random.normal((3,), seed="42")  # <-
        """,
        ArgumentError,
        "random.normal() takes seed as an integer",
        "seed=str: '42'",
        "SeedGenerator",
    ),
    Mistake(
        "random_dropout_between_layers",
        """
        x = keras.Input((3,))
        keras.random.dropout(x, 0.5)  # <-
        """,
        GraphError,
        "random.dropout() was given a symbolic tensor between layers",
        "KerasTensor shape=(None, 3)",
        "layers.Dropout",
    ),
]

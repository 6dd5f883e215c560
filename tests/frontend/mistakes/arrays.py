"""Shapes that were open when the model was defined, and do not fit when data come; and ops and layers on arrays."""

from __future__ import annotations

from kgc.compiler.errors import DTypeError, ShapeError

from .mistake import Mistake

OPEN = """
a, b = keras.Input(shape=(None, 4), name="a"), keras.Input(shape=(None, 4), name="b")
model = keras.Model([a, b], layers.Dense(1)(a + b), name="net")
model.compile(loss="mse", optimizer="sgd")
A, B, Y = np.zeros((2, 5, 4), "float32"), np.zeros((2, 6, 4), "float32"), np.zeros((2, 5, 1), "float32")
"""

MISTAKES = [
    Mistake(
        "call_with_other_lengths",
        OPEN + "model([A, B])  # <-",
        ShapeError,
        "'b' does not fit the graph @net, which takes f32[b, t0, 4]",
        "b: (2, 6, 4) where b=2, t0=5",
        "sizes of one name must agree",
    ),
    Mistake(
        "call_with_other_batches",
        OPEN + "model([A, A[:1]])  # <-",
        ShapeError,
        "'b' does not fit the graph @net, which takes f32[b, t0, 4]",
        "b: (1, 5, 4) where b=2",
        "sizes of one name must agree",
    ),
    Mistake(
        "predict_with_other_lengths",
        OPEN + "model.predict([A, B], verbose=0)  # <-",
        ShapeError,
        "'b' does not fit the graph @net, which takes f32[b, t0, 4]",
        "b: (2, 6, 4) where b=2, t0=5",
        "sizes of one name must agree",
    ),
    Mistake(
        "fit_with_other_lengths",
        OPEN + "model.fit([A, B], Y, verbose=0)  # <-",
        ShapeError,
        "'b' does not fit the graph @net_train, which takes f32[b, t0, 4]",
        "b: (2, 6, 4)",
        "sizes of one name must agree",
    ),
    Mistake(
        "size_that_a_reshape_does_not_divide",
        """
        x = keras.Input(shape=(None,), name="x")
        model = keras.Model(x, ops.reshape(x, (-1, 4, 3)), name="net")
        model(np.zeros((2, 13)))  # <-
        """,
        ShapeError,
        "'x' does not fit the graph @net, which takes f32[b, 12*d0]",
        "x: (2, 13)",
        "axis 1 may have the sizes 12*d0 only",
    ),
    Mistake(
        "sizes_that_differ_after_striding",
        """
        a, b = keras.Input(shape=(None, 8, 3)), keras.Input(shape=(None, 8, 3))
        conv = layers.Conv2D(2, 3, strides=2, padding="same")
        model = keras.Model([a, b], layers.Add(name="sum")([conv(a), conv(b)]))  # <-
        model([np.zeros((1, 7, 8, 3)), np.zeros((1, 8, 8, 3))])
        model([np.zeros((1, 8, 8, 3)), np.zeros((1, 9, 8, 3))])
        """,
        ShapeError,
        "add in layer 'sum' cannot take this data",
        ("float32[1, 4, 4, 2]", "float32[1, 5, 4, 2]"),
        "unknown when the model was defined",
    ),
    Mistake(
        "rows_that_a_fixed_batch_does_not_divide",
        """
        x = keras.Input(batch_shape=(4, 3), name="x")
        model = keras.Model(x, layers.Dense(1)(x), name="net")
        model.compile(loss="mse", optimizer="sgd")
        model.fit(np.zeros((6, 3)), np.zeros((6, 1)), batch_size=4, verbose=0)  # <-
        """,
        ShapeError,
        "'x' does not fit the graph @net_train, which takes f32[4, 3]",
        "x: (2, 3)",
        "the batch was fixed at 4",
    ),
    Mistake(
        "layer_on_an_array_of_another_rank",
        """
        layers.Dense(3, name="head")(np.zeros(3))  # <-
        """,
        ShapeError,
        "Dense 'head' takes a tensor of at least 2 axes",
        "f32[3]",
        "the first axis is the batch",
    ),
    Mistake(
        "layer_on_a_list_of_numbers",
        """
        layers.Dense(3, name="head")([[1.0, 2.0], [3.0, 4.0]])  # <-
        """,
        DTypeError,
        "Dense 'head' takes one tensor",
        "[[1.0, 2.0], [3.0, 4.0]]",
        "np.asarray(…)",
    ),
    Mistake(
        "op_on_arrays_of_other_shapes",
        """
        ops.add(np.zeros((2, 3)), np.zeros((2, 4)))  # <-
        """,
        ShapeError,
        "add: the shapes (2, 3) and (2, 4) cannot be broadcast together",
        ("x1: f32[2, 3]", "x2: f32[2, 4]"),
        "sizes must be equal, or one of them 1",
    ),
    Mistake(
        "op_on_a_list_of_arrays",
        """
        ops.concatenate([np.zeros((2, 3)), np.zeros((3, 4))], axis=0)  # <-
        """,
        ShapeError,
        "concatenate: sizes on axis 1 differ",
        ("f32[2, 3]", "f32[3, 4]"),
        "`axis` says",
    ),
]

"""Shapes, ranks and dtypes that do not fit, in ops and operators between layers and inside a `call`."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, DTypeError, ShapeError

from .mistake import Mistake

MISTAKES = [
    Mistake(
        "dense_without_batch",
        """
        x = keras.Input(batch_shape=(8,))
        y = layers.Dense(4, name="head")(x)  # <-
        """,
        ShapeError,
        "Dense 'head' takes a tensor of at least 2 axes",
        "f32[8]",
        "the first axis is the batch",
    ),
    Mistake(
        "dense_rank_unknown_batch",
        """
        x = keras.Input(shape=())
        y = layers.Dense(4, name="head")(x)  # <-
        """,
        ShapeError,
        "Dense 'head' takes a tensor of at least 2 axes",
        "f32[b]",
        "the first axis is the batch",
    ),
    Mistake(
        "dense_unknown_last_size",
        """
        x = keras.Input(shape=(None, None))
        y = layers.Dense(10, name="head")(x)  # <-
        """,
        ShapeError,
        "Dense 'head' expects the last axis (axis -1) to be known",
        "f32[b, t0, t1]",
        "`Input(shape=…)`",
    ),
    Mistake(
        "dense_built_for_another_size",
        """
        head = layers.Dense(10, name="head")
        a = head(keras.Input(shape=(8,)))
        b = head(keras.Input(shape=(9,)))  # <-
        """,
        ShapeError,
        "Dense 'head' was built for the last axis (axis -1) of size 8",
        "f32[b, 9]",
        "another layer",
    ),
    Mistake(
        "add_of_other_sizes",
        """
        a = keras.Input(shape=(8,))
        b = keras.Input(shape=(9,))
        c = a + b  # <-
        """,
        ShapeError,
        ("add", "8", "9"),
        ("x1: f32[b, 8]", "x2: f32[b1, 9]"),
        "sizes must be equal, or one of them 1",
    ),
    Mistake(
        "multiply_by_an_array_of_another_size",
        """
        x = keras.Input(shape=(8,))
        y = np.ones(3, "float32") * x  # <-
        """,
        ShapeError,
        "multiply",
        ("f32[3]", "f32[b, 8]"),
        "sizes must be equal, or one of them 1",
    ),
    Mistake(
        "matmul_of_other_sizes",
        """
        a = keras.Input(shape=(5, 8))
        b = keras.Input(shape=(9, 2))
        c = ops.matmul(a, b)  # <-
        """,
        ShapeError,
        ("matmul", "8", "9"),
        ("x1: f32[b, 5, 8]", "x2: f32[b1, 9, 2]"),
        "",
    ),
    Mistake(
        "matmul_of_a_scalar",
        """
        x = keras.Input(shape=(5,))
        y = ops.matmul(x, 2.0)  # <-
        """,
        ShapeError,
        "matmul",
        "x1: f32[b, 5]",
        "",
    ),
    Mistake(
        "reshape_to_another_count",
        """
        x = keras.Input(batch_shape=(4, 8))
        y = ops.reshape(x, (3, 10))  # <-
        """,
        ShapeError,
        "reshape: 32 elements do not make the shape (3, 10)",
        "x: f32[4, 8]",
        "",
    ),
    Mistake(
        "concatenate_other_sizes",
        """
        a = keras.Input(shape=(4, 8))
        b = keras.Input(shape=(5, 9))
        c = ops.concatenate([a, b], axis=-1)  # <-
        """,
        ShapeError,
        "concatenate",
        ("f32[b, 4, 8]", "f32[b1, 5, 9]"),
        "",
    ),
    Mistake(
        "stack_other_sizes",
        """
        a = keras.Input(shape=(8,))
        b = keras.Input(shape=(9,))
        c = ops.stack([a, b], axis=1)  # <-
        """,
        ShapeError,
        "stack",
        ("f32[b, 8]", "f32[b1, 9]"),
        "",
    ),
    Mistake(
        "transpose_of_too_few_axes",
        """
        x = keras.Input(shape=(4, 8))
        y = ops.transpose(x, (1, 0))  # <-
        """,
        ArgumentError,
        "transpose",
        "(1, 0)",
        "",
    ),
    Mistake(
        "axis_out_of_range",
        """
        x = keras.Input(shape=(4, 8))
        y = ops.sum(x, axis=3)  # <-
        """,
        ArgumentError,
        "axis 3 is out of range for 3 axes",
        "axis=3",
        "from -3 to 2",
    ),
    Mistake(
        "broadcast_to_another_size",
        """
        x = keras.Input(batch_shape=(2, 8))
        y = ops.broadcast_to(x, (2, 9))  # <-
        """,
        ShapeError,
        "broadcast_to",
        "x: f32[2, 8]",
        "",
    ),
    Mistake(
        "split_unevenly",
        """
        x = keras.Input(shape=(8,))
        y = ops.split(x, 3, axis=1)  # <-
        """,
        ShapeError,
        ("split", "8", "3"),
        "x: f32[b, 8]",
        "",
    ),
    Mistake(
        "squeeze_of_a_larger_axis",
        """
        x = keras.Input(shape=(8,))
        y = ops.squeeze(x, axis=1)  # <-
        """,
        ShapeError,
        "squeeze",
        "x: f32[b, 8]",
        "",
    ),
    Mistake(
        "einsum_with_the_wrong_rank",
        """
        x = keras.Input(shape=(8,))
        y = ops.einsum("bij,bj->bi", [x, x])  # <-
        """,
        ShapeError,
        "einsum",
        "f32[b, 8]",
        "",
    ),
    Mistake(
        "too_many_indices",
        """
        x = keras.Input(shape=(8,))
        y = x[:, 0, 0]  # <-
        """,
        ShapeError,
        "indices",
        "x: f32[b, 8]",
        "",
    ),
    Mistake(
        "index_out_of_range",
        """
        x = keras.Input(shape=(8,))
        y = x[:, 8]  # <-
        """,
        ShapeError,
        ("8", "axis"),
        "x: f32[b, 8]",
        "",
    ),
    Mistake(
        "mismatch_inside_a_call",
        """
        class Mix(keras.Layer):
            def call(self, x):
                y = ops.exp(x)
                return y + ops.ones((3,))  # <-

        Mix(name="mix")(keras.Input(shape=(8,)))
        """,
        ShapeError,
        ("add", "layer 'mix'"),
        ("x1: f32[b, 8]", "x2: f32[3]"),
        "sizes must be equal, or one of them 1",
    ),
    Mistake(
        "mismatch_in_a_sublayer",
        """
        class Block(keras.Layer):
            def __init__(self):
                super().__init__(name="block")
                self.inner = layers.Dense(4, name="inner")

            def call(self, x):
                first = self.inner(x)
                return self.inner(first)  # <-

        Block()(keras.Input(shape=(8,)))
        """,
        ShapeError,
        "Dense 'inner' was built for the last axis (axis -1) of size 8",
        "f32[b, 4]",
        "another layer",
    ),
    Mistake(
        "mismatch_in_a_lambda",
        """
        squash = (
            lambda x: ops.matmul(x, x)  # <-
        )
        y = layers.Dense(4, activation=squash, name="odd")(keras.Input(shape=(7, 8)))
        """,
        ShapeError,
        ("matmul", "layer 'odd'"),
        "f32[b, 7, 4]",
        "",
    ),
    Mistake(
        "mismatch_in_jax_numpy",
        """
        class Mix(keras.Layer):
            def call(self, x):
                y = jnp.exp(x)
                return jnp.matmul(y, jnp.ones((3, 3)))  # <-

        Mix(name="mix")(keras.Input(shape=(8,)))
        """,
        ShapeError,
        "JAX refuses",
        "f32[b, 8]",
        "kgc.ops",
    ),
    Mistake(
        "unknown_sizes_that_contradict",
        """
        x = keras.Input(shape=(None, 4))
        a = x + keras.Input(shape=(12, 4), name="twelve")
        b = x * ops.mean(a) + keras.Input(shape=(13, 4), name="thirteen")  # <-
        model = keras.Model([x, a.node.inputs[1], b.node.inputs[1]], b)
        """,
        ShapeError,
        ("12", "13", "unknown_sizes_that_contradict.py:2"),
        ("f32[b, t0, 4]", "f32[b1, 13, 4]"),
        "give that axis one number",
    ),
    Mistake(
        "text_as_an_operand",
        """
        x = keras.Input(shape=(8,))
        y = ops.add(x, "1")  # <-
        """,
        DTypeError,
        "add() takes a tensor, an array or a number",
        "str",
        "",
    ),
    Mistake(
        "unknown_dtype",
        """
        x = keras.Input(shape=(8,))
        y = ops.cast(x, "flot32")  # <-
        """,
        DTypeError,
        "flot32",
        "flot32",
        "float32",
    ),
    Mistake(
        "input_of_text",
        """
        x = keras.Input(shape=(8,), dtype="string")  # <-
        """,
        DTypeError,
        "This is no dtype and no dtype policy",
        "'string'",
        "float32",
    ),
    Mistake(
        "take_by_floats",
        """
        x = keras.Input(shape=(8,))
        y = ops.take(ops.arange(10), x)  # <-
        """,
        DTypeError,
        "indices must be integers",
        "f32[b, 8]",
        "cast",
    ),
    Mistake(
        "one_hot_of_floats",
        """
        x = keras.Input(shape=(8,))
        y = ops.one_hot(x, 10)  # <-
        """,
        DTypeError,
        "integers",
        "f32[b, 8]",
        "cast",
    ),
    Mistake(
        "negative_size",
        """
        x = keras.Input(shape=(-1, 3))  # <-
        """,
        ShapeError,
        "integers or None",
        "(None, -1, 3)",
        "",
    ),
]

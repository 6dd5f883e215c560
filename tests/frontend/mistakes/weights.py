"""Weights: counts, shapes, unknown sizes, and layers that make or hold them at the wrong time."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, DTypeError, GraphError, ShapeError

from .mistake import Mistake

MISTAKES = [
    Mistake(
        "too_few_weights",
        """
        head = layers.Dense(4, name="head")
        head(keras.Input(shape=(8,)))
        head.set_weights([np.zeros((8, 4))])  # <-
        """,
        ShapeError,
        "'head' has 2 weights and was given 1",
        "(8, 4)",
        ("head/kernel: (8, 4)", "head/bias: (4,)"),
    ),
    Mistake(
        "weight_of_another_shape",
        """
        head = layers.Dense(4, name="head")
        head(keras.Input(shape=(8,)))
        head.set_weights([np.zeros((4, 8)), np.zeros(4)])  # <-
        """,
        ShapeError,
        "weight 'head/kernel' of 'head' has shape (8, 4)",
        "(4, 8)",
        "",
    ),
    Mistake(
        "assign_another_shape",
        """
        head = layers.Dense(4, name="head")
        head(keras.Input(shape=(8,)))
        head.bias.assign(np.zeros(5))  # <-
        """,
        ShapeError,
        "variable 'head/bias' of shape (4,) cannot take a value of another shape",
        "(5,)",
        "",
    ),
    Mistake(
        "assign_another_shape_in_a_call",
        """
        class Count(keras.Layer):
            def __init__(self):
                super().__init__(name="count")
                self.total = self.add_weight(shape=(), name="total", trainable=False, initializer="zeros")

            def call(self, x):
                self.total.assign(ops.sum(x, axis=1))  # <-
                return x

        Count()(keras.Input(shape=(8,)))
        """,
        ShapeError,
        "variable 'count/total' of shape () cannot take a value of another shape",
        "(b,)",
        "",
    ),
    Mistake(
        "weight_of_unknown_size",
        """
        class Scale(keras.Layer):
            def build(self, input_shape):
                self.w = self.add_weight(shape=input_shape[1:], name="w")  # <-

            def call(self, x):
                return x * self.w

        Scale(name="scale")(keras.Input(shape=(None, 8)))
        """,
        ShapeError,
        "layer 'scale' needs known sizes for its weight 'w'",
        "shape=(None, 8)",
        "`Input(shape=…)`",
    ),
    Mistake(
        "weight_of_a_shape_in_words",
        """
        class Scale(keras.Layer):
            def build(self, input_shape):
                self.w = self.add_weight("w", (8,))  # <-

            def call(self, x):
                return x * self.w

        Scale(name="scale")(keras.Input(shape=(8,)))
        """,
        ShapeError,
        "layer 'scale'",
        "shape=('w',)",
        "integers",
    ),
    Mistake(
        "weight_made_at_every_call",
        """
        class Scale(keras.Layer):
            def call(self, x):
                w = self.add_weight(shape=(8,), name="w")  # <-
                return x * w

        x = keras.Input(shape=(8,))
        model = keras.Model(x, Scale(name="scale")(x))
        """,
        GraphError,
        "layer 'scale' makes a weight in a call after its first",
        "weight 'w' of shape (8,) of layer 'scale'",
        "if self.w is None",
    ),
    Mistake(
        "missing_super_init",
        """
        class Block(keras.Layer):
            def __init__(self):
                self.inner = layers.Dense(4)  # <-

        Block()
        """,
        GraphError,
        "Block.__init__ did not call `super().__init__()`",
        None,
        "the first line of `__init__`",
    ),
    Mistake(
        "missing_super_init_without_sublayers",
        """
        class Double(keras.Layer):
            def __init__(self):
                self.factor = 2.0

            def call(self, x):
                return x * self.factor

        Double()(keras.Input(shape=(8,)))  # <-
        """,
        GraphError,
        "Double.__init__ did not call `super().__init__()`",
        None,
        "the first line of `__init__`",
    ),
    Mistake(
        "count_of_a_layer_not_built",
        """
        head = layers.Dense(4, name="head")
        head.count_params()  # <-
        """,
        GraphError,
        "'head' has no weights yet",
        None,
        "build(input_shape)",
    ),
    Mistake(
        "variable_without_a_shape",
        """
        v = keras.Variable("zeros")  # <-
        """,
        ArgumentError,
        "Variable() with an initializer needs a shape",
        "'zeros'",
        "shape=(…)",
    ),
    Mistake(
        "variable_of_another_shape",
        """
        v = keras.Variable(np.zeros(3), shape=(4,))  # <-
        """,
        ShapeError,
        "the initial value of a variable must have shape (4,)",
        "(3,)",
        "",
    ),
    Mistake(
        "initializer_of_another_shape",
        """
        class Scale(keras.Layer):
            def build(self, input_shape):
                self.w = self.add_weight(shape=(8,), initializer=lambda shape, dtype: np.zeros(3), name="w")  # <-

            def call(self, x):
                return x * self.w

        Scale()(keras.Input(shape=(8,)))
        """,
        ShapeError,
        "must have shape (8,)",
        "(3,)",
        "",
    ),
    Mistake(
        "add_loss_outside_a_call",
        """
        head = layers.Dense(4, name="head")
        head.add_loss(1.0)  # <-
        """,
        GraphError,
        "add_loss() of 'head' was called outside `call`",
        "1.0",
        "inside `call`",
    ),
    Mistake(
        "text_as_a_weight",
        """
        v = keras.Variable("a value", shape=(2,))  # <-
        """,
        ArgumentError,
        "No initializer is called 'a value'",
        "'a value'",
        "",
    ),
    Mistake(
        "variable_in_jax_numpy",
        """
        class Scale(keras.Layer):
            def build(self, input_shape):
                self.w = self.add_weight(shape=(8,), name="w")

            def call(self, x):
                return jnp.multiply(x, self.w)  # <-

        Scale()(keras.Input(shape=(8,)))
        """,
        DTypeError,
        "Variable",
        "f32[b, 8]",
        "variable.value",
    ),
]

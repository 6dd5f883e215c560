"""Layers called on what they do not take, and layers that users write wrongly."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, DTypeError, GraphError, ShapeError

from .mistake import Mistake

MISTAKES = [
    Mistake(
        "two_inputs_as_two_arguments",
        """
        a, b = keras.Input(shape=(8,)), keras.Input(shape=(8,))
        y = layers.Dense(4, name="head")(a, b)  # <-
        """,
        DTypeError,
        "layer 'head' takes `training` as True or False",
        "f32[b, 8]",
        "list",
    ),
    Mistake(
        "two_inputs_for_an_activation",
        """
        a, b = keras.Input(shape=(8,)), keras.Input(shape=(8,))
        y = layers.Activation("relu", name="act")(a, b)  # <-
        """,
        ArgumentError,
        "layer 'act' cannot be called with these arguments: too many positional arguments",
        ("f32[b, 8]", "f32[b1, 8]"),
        "call(inputs)",
    ),
    Mistake(
        "list_for_a_layer_of_one_tensor",
        """
        a, b = keras.Input(shape=(8,)), keras.Input(shape=(8,))
        y = layers.Dense(4, name="head")([a, b])  # <-
        """,
        DTypeError,
        "Dense 'head' takes one tensor",
        ("f32[b, 8]", "f32[b1, 8]"),
        "Concatenate",
    ),
    Mistake(
        "layer_called_on_nothing",
        """
        y = layers.Dense(4, name="head")()  # <-
        """,
        ArgumentError,
        "layer 'head' cannot be called with these arguments: missing a required argument: 'inputs'",
        "nothing",
        "call(inputs, training=None)",
    ),
    Mistake(
        "argument_that_call_does_not_have",
        """
        x = keras.Input(shape=(8,))
        y = layers.Dense(4, name="head")(x, axis=1)  # <-
        """,
        ArgumentError,
        ("layer 'head'", "'axis'"),
        ("f32[b, 8]", "axis=1"),
        "call(inputs, training=None)",
    ),
    Mistake(
        "layer_called_on_a_layer",
        """
        y = layers.Dense(4, name="head")(layers.Dense(3, name="body"))  # <-
        """,
        DTypeError,
        "layer 'head' was called on a layer",
        "Dense name=body",
        "head(body(x))",
    ),
    Mistake(
        "layer_called_on_text",
        """
        y = layers.Dense(4, name="head")("text")  # <-
        """,
        DTypeError,
        "Dense 'head' takes one tensor",
        "text",
        "Input()",
    ),
    Mistake(
        "layer_called_on_none",
        """
        y = layers.Dense(4, name="head")(None)  # <-
        """,
        DTypeError,
        "Dense 'head' takes one tensor",
        "None",
        "Input()",
    ),
    Mistake(
        "call_that_returns_nothing",
        """
        class Lost(keras.Layer):
            def call(self, x):
                ops.exp(x)

        Lost(name="lost")(keras.Input(shape=(8,)))  # <-
        """,
        GraphError,
        "'lost' must return tensors",
        "None",
        "returns tensors",
    ),
    Mistake(
        "layer_without_call",
        """
        class Bare(keras.Layer):
            pass

        Bare(name="bare")(keras.Input(shape=(8,)))  # <-
        """,
        GraphError,
        "layer 'bare' (Bare) has no `call` method",
        "class Bare",
        "def call",
    ),
    Mistake(
        "error_in_the_users_own_build",
        """
        class Wide(keras.Layer):
            def build(self, input_shape):
                self.w = self.add_weight(shape=(input_shape[1], 4))  # <-

            def call(self, x):
                return ops.matmul(x, self.w)

        Wide(name="wide")(keras.Input(shape=(None, 8)))
        """,
        ShapeError,
        "layer 'wide' needs known sizes for its weight",
        "(None, 4)",
        "`Input(shape=…)`",
    ),
    Mistake(
        "layer_made_in_a_call",
        """
        class Late(keras.Layer):
            def call(self, x):
                return layers.Dense(4, name="inner")(x)  # <-

        x = keras.Input(shape=(8,))
        model = keras.Model(x, Late(name="late")(x))
        """,
        GraphError,
        "layer 'late' makes a weight in a call after its first",
        "weight 'kernel' of shape (8, 4) of layer 'inner'",
        "keep them on `self`",
    ),
    Mistake(
        "torch_tensor_for_a_layer",
        """
        t = foreign("torch", "Tensor", shape=(2, 8), dtype="torch.float32")
        y = layers.Dense(4, name="head")(t)  # <-
        """,
        DTypeError,
        "layer 'head' was called on an object of torch",
        "torch.Tensor",
        "np.asarray(tensor)",
    ),
    Mistake(
        "real_keras_tensor_for_a_layer",
        """
        t = foreign("keras.src.backend.common.keras_tensor", "KerasTensor", shape=(None, 8), dtype="float32")
        y = layers.Dense(4, name="head")(t)  # <-
        """,
        DTypeError,
        "layer 'head' was called on an object of keras",
        "keras.src.backend.common.keras_tensor.KerasTensor",
        "import kgc as keras",
    ),
    Mistake(
        "real_keras_variable_for_an_op",
        """
        v = foreign("keras.src.backend.jax.core", "Variable", value=3)
        y = ops.add(keras.Input(shape=(8,)), v)  # <-
        """,
        DTypeError,
        "add() takes a tensor, an array or a number",
        "keras.src.backend.jax.core.Variable",
        "",
    ),
]

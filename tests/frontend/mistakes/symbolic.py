"""Symbolic tensors and unknown sizes used as if they had values, and tensors used where they do not belong."""

from __future__ import annotations

from kgc.compiler.errors import DTypeError, GraphError

from .mistake import Mistake

MISTAKES = [
    Mistake(
        "if_between_layers",
        """
        x = keras.Input(shape=(8,))
        if ops.max(x) > 0:  # <-
            x = -x
        """,
        GraphError,
        "the truth of a symbolic tensor",
        "KerasTensor shape=(), dtype=bool",
        "ops.where",
    ),
    Mistake(
        "if_inside_a_call",
        """
        class Gate(keras.Layer):
            def call(self, x):
                if ops.mean(x) > 0:  # <-
                    return x
                return -x

        Gate()(keras.Input(shape=(8,)))
        """,
        GraphError,
        "the truth of a symbolic tensor",
        "bool[]",
        "ops.where",
    ),
    Mistake(
        "len",
        """
        x = keras.Input(shape=(8,))
        n = len(x)  # <-
        """,
        GraphError,
        "the length of a symbolic tensor",
        "(None, 8)",
        "x.shape[0]",
    ),
    Mistake(
        "float",
        """
        x = keras.Input(shape=())
        n = float(ops.sum(x))  # <-
        """,
        GraphError,
        "a number from a symbolic tensor",
        "KerasTensor",
        "ops",
    ),
    Mistake(
        "numpy_array",
        """
        x = keras.Input(shape=(8,))
        a = np.asarray(x)  # <-
        """,
        GraphError,
        "a NumPy array of a symbolic tensor",
        "(None, 8)",
        "kgc.ops",
    ),
    Mistake(
        "numpy_function",
        """
        x = keras.Input(shape=(8,))
        y = np.exp(x)  # <-
        """,
        GraphError,
        "np.exp",
        "(None, 8)",
        "kgc.ops",
    ),
    Mistake(
        "numpy_sum",
        """
        x = keras.Input(shape=(8,))
        y = np.sum(x, axis=1)  # <-
        """,
        GraphError,
        "np.add.reduce",
        "(None, 8)",
        "kgc.ops",
    ),
    Mistake(
        "numpy_function_inside_a_call",
        """
        class Odd(keras.Layer):
            def call(self, x):
                return np.tanh(x)  # <-

        Odd()(keras.Input(shape=(8,)))
        """,
        GraphError,
        "",
        "f32[b, 8]",
        "`jax.numpy`",
    ),
    Mistake(
        "for",
        """
        x = keras.Input(shape=(3, 8))
        for row in x:  # <-
            print(row)
        """,
        GraphError,
        "iteration over a symbolic tensor",
        "(None, 3, 8)",
        "ops.unstack",
    ),
    Mistake(
        "index_of_a_list",
        """
        x = keras.Input(shape=(), dtype="int32")
        word = ["a", "b"][ops.max(x)]  # <-
        """,
        GraphError,
        "an index from a symbolic tensor",
        "int32",
        "ops.take",
    ),
    Mistake(
        "jax_numpy_between_layers",
        """
        x = keras.Input(shape=(8,))
        y = jnp.exp(x)  # <-
        """,
        GraphError,
        "jax.numpy",
        "(None, 8)",
        ("inside a layer's `call`", "kgc.ops"),
    ),
    Mistake(
        "range_of_an_unknown_size",
        """
        class Steps(keras.Layer):
            def call(self, x):
                y = x[:, 0]
                for i in range(x.shape[1]):  # <-
                    y = y + x[:, i]
                return y

        Steps()(keras.Input(shape=(None, 8)))
        """,
        GraphError,
        "the size t0 is not known",
        None,
        "`Input(shape=…)`",
    ),
    Mistake(
        "comparison_of_an_unknown_size",
        """
        class Long(keras.Layer):
            def call(self, x):
                return x[:, :8] if x.shape[1] > 8 else x  # <-

        Long()(keras.Input(shape=(None, 4)))
        """,
        GraphError,
        "`t0 > 8` cannot be decided",
        None,
        "`Input(shape=…)`",
    ),
    Mistake(
        "equality_of_an_unknown_size",
        """
        class Long(keras.Layer):
            def call(self, x):
                if x.shape[0] == 1:  # <-
                    return ops.squeeze(x, 0)
                return x

        Long()(keras.Input(shape=(4,)))
        """,
        GraphError,
        "`b == 1` cannot be decided",
        None,
        "`Input(shape=…)`",
    ),
    Mistake(
        "model_tensor_inside_a_call",
        """
        x = keras.Input(shape=(8,))

        class Add(keras.Layer):
            def call(self, y):
                return y + x  # <-

        Add(name="sum")(keras.Input(shape=(8,)))
        """,
        GraphError,
        "add() in layer 'sum' was given a symbolic tensor of the model",
        "KerasTensor shape=(None, 8)",
        "pass the tensor to the layer",
    ),
    Mistake(
        "model_tensor_for_a_sublayer",
        """
        x = keras.Input(shape=(8,))

        class Outer(keras.Layer):
            def __init__(self):
                super().__init__()
                self.inner = layers.Dense(4, name="inner")

            def call(self, y):
                return self.inner(x)  # <-

        Outer()(keras.Input(shape=(8,)))
        """,
        GraphError,
        "layer 'inner' was given a symbolic tensor of the model",
        "KerasTensor shape=(None, 8)",
        "pass the tensor to the layer",
    ),
    Mistake(
        "tensor_kept_for_another_call",
        """
        class Keep(keras.Layer):
            kept = None

            def call(self, x):
                if self.kept is None:
                    self.kept = x * 2
                return x + self.kept  # <-

        keep = Keep()
        keep(keras.Input(shape=(8,)))
        keep(keras.Input(shape=(8,)))
        """,
        GraphError,
        "add() was given a tensor of a finished trace",
        "f32[b, 8]",
        "do not keep tensors of one `call`",
    ),
    Mistake(
        "tensor_kept_for_an_op",
        """
        kept = []

        class Keep(keras.Layer):
            def call(self, x):
                kept.append(x)
                return x

        Keep()(keras.Input(shape=(8,)))
        y = ops.exp(kept[0])  # <-
        """,
        GraphError,
        "exp() was given a tensor of a finished trace",
        "f32[b, 8]",
        "do not keep tensors of one `call`",
    ),
    Mistake(
        "tensor_kept_for_a_layer",
        """
        kept = []

        class Keep(keras.Layer):
            def call(self, x):
                kept.append(x)
                return x

        Keep()(keras.Input(shape=(8,)))
        y = layers.Dense(3, name="late")(kept[0])  # <-
        """,
        GraphError,
        "layer 'late' was given a tensor of a finished trace",
        "f32[b, 8]",
        "do not keep tensors of one `call`",
    ),
    Mistake(
        "training_by_data",
        """
        x = keras.Input(shape=(8,))
        y = layers.Dropout(0.5, name="drop")(x, training=ops.max(x) > 0)  # <-
        """,
        DTypeError,
        "layer 'drop' takes `training` as True or False",
        "training=bool[]",
        "when the model is traced",
    ),
    Mistake(
        "assign_between_layers",
        """
        v = keras.Variable(np.zeros(8, "float32"))
        v.assign(keras.Input(batch_shape=(8,)))  # <-
        """,
        GraphError,
        "",
        "KerasTensor",
        "",
    ),
    Mistake(
        "eager_op_on_a_traced_tensor_in_jit",
        """
        import jax

        x = keras.Input(shape=(8,))
        y = jax.jit(lambda t: t * 2)(x)  # <-
        """,
        GraphError,
        "jax.numpy",
        "(None, 8)",
        "inside a layer's `call`",
    ),
]

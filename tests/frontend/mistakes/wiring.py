"""Models wired wrongly: disconnected graphs, missing inputs, names, and models called on what they do not take."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, DataError, GraphError, ShapeError

from .mistake import Mistake

MISTAKES = [
    Mistake(
        "input_not_given",
        """
        a = keras.Input(shape=(8,), name="left")
        b = keras.Input(shape=(8,), name="right")
        model = keras.Model(a, layers.Dense(4)(a + b), name="net")  # <-
        """,
        GraphError,
        "model 'net' needs the input 'right', which is not among its inputs",
        "input_not_given.py:2",
        "Model(inputs=[…, right], …)",
    ),
    Mistake(
        "outputs_of_another_graph",
        """
        a = keras.Input(shape=(8,), name="left")
        b = keras.Input(shape=(8,), name="right")
        model = keras.Model(a, layers.Dense(4)(b), name="net")  # <-
        """,
        GraphError,
        "model 'net'",
        "right",
        "",
    ),
    Mistake(
        "array_as_input",
        """
        x = keras.Input(shape=(8,))
        model = keras.Model(np.zeros((2, 8)), layers.Dense(4)(x))  # <-
        """,
        GraphError,
        "Model() takes symbolic tensors as inputs",
        "ndarray",
        "`Input()`",
    ),
    Mistake(
        "layer_as_output",
        """
        x = keras.Input(shape=(8,))
        model = keras.Model(x, layers.Dense(4, name="head"))  # <-
        """,
        GraphError,
        "Model() takes symbolic tensors as outputs",
        "Dense name=head",
        "layer calls",
    ),
    Mistake(
        "model_without_outputs",
        """
        x = keras.Input(shape=(8,))
        model = keras.Model(x, [])  # <-
        """,
        GraphError,
        "Model() was given no outputs",
        "[]",
        "",
    ),
    Mistake(
        "input_given_twice",
        """
        x = keras.Input(shape=(8,), name="x")
        model = keras.Model([x, x], layers.Dense(4)(x), name="net")  # <-
        """,
        GraphError,
        "model 'net' was given one input twice",
        "x",
        "",
    ),
    Mistake(
        "two_layers_of_one_name",
        """
        x = keras.Input(shape=(8,))
        y = layers.Dense(4, name="same")(x)
        z = layers.Dense(4, name="same")(y)
        model = keras.Model(x, z, name="net")  # <-
        """,
        GraphError,
        "model 'net' has two layers named 'same'",
        ("two_layers_of_one_name.py:2", "two_layers_of_one_name.py:3"),
        "different names",
    ),
    Mistake(
        "two_inputs_of_one_name",
        """
        a = keras.Input(shape=(8,), name="same")
        b = keras.Input(shape=(8,), name="same")
        model = keras.Model([a, b], a + b, name="net")  # <-
        """,
        GraphError,
        "model 'net' has two layers named 'same'",
        ("two_inputs_of_one_name.py:1", "two_inputs_of_one_name.py:2"),
        "different names",
    ),
    Mistake(
        "output_of_a_layer_not_called",
        """
        head = layers.Dense(4, name="head")
        y = head.output  # <-
        """,
        GraphError,
        "layer 'head' has no output",
        "0 calls",
        "call it on a symbolic tensor",
    ),
    Mistake(
        "no_such_layer",
        """
        x = keras.Input(shape=(8,))
        model = keras.Model(x, layers.Dense(4, name="head")(x), name="net")
        model.get_layer("heda")  # <-
        """,
        ArgumentError,
        "model 'net' has no layer 'heda'",
        "name='heda'",
        "head",
    ),
    Mistake(
        "no_such_index",
        """
        x = keras.Input(shape=(8,))
        model = keras.Model(x, layers.Dense(4, name="head")(x), name="net")
        model.get_layer(index=2)  # <-
        """,
        ArgumentError,
        "model 'net' has 2 layers",
        "index=2",
        "",
    ),
    Mistake(
        "sequential_of_a_tensor",
        """
        x = keras.Input(shape=(8,))
        model = keras.Sequential([layers.Dense(4)(x)], name="net")  # <-
        """,
        ArgumentError,
        "Sequential 'net' takes layers",
        "KerasTensor",
        "uncalled",
    ),
    Mistake(
        "sequential_of_one_name_twice",
        """
        model = keras.Sequential([layers.Dense(4, name="d"), layers.Dense(4, name="d")], name="net")  # <-
        """,
        GraphError,
        "Sequential 'net' has a layer named 'd' already",
        "Dense",
        "another name",
    ),
    Mistake(
        "input_in_the_middle",
        """
        model = keras.Sequential([layers.Dense(4), keras.Input(shape=(4,), name="x")], name="net")  # <-
        """,
        ArgumentError,
        "Sequential 'net' takes an Input only as the first",
        "'x'",
        "",
    ),
    Mistake(
        "sequential_that_does_not_fit",
        """
        model = keras.Sequential(name="net")
        model.add(keras.Input(shape=(8,)))
        model.add(layers.Dense(4))
        model.add(layers.Conv2D(4, 3, name="conv"))  # <-
        """,
        ShapeError,
        "Conv2D 'conv' takes 4 axes",
        "f32[b, 4]",
        "",
    ),
    Mistake(
        "pop_of_nothing",
        """
        model = keras.Sequential(name="net")
        model.pop()  # <-
        """,
        ArgumentError,
        "Sequential 'net' has no layers",
        None,
        "",
    ),
    Mistake(
        "unbuilt_sequential",
        """
        model = keras.Sequential([layers.Dense(4)], name="net")
        model.output  # <-
        """,
        GraphError,
        "model 'net' is not built yet",
        None,
        "Input(shape=",
    ),
    Mistake(
        "model_called_on_too_few_inputs",
        """
        a, b = keras.Input(shape=(8,), name="a"), keras.Input(shape=(8,), name="b")
        model = keras.Model([a, b], a + b, name="net")
        model([keras.Input(shape=(8,))])  # <-
        """,
        DataError,
        "model 'net' takes 2 inputs ('a', 'b')",
        "1: (b, 8)",
        "",
    ),
    Mistake(
        "nested_model_on_another_shape",
        """
        x = keras.Input(shape=(8,), name="x")
        inner = keras.Model(x, layers.Dense(4)(x), name="inner")
        y = inner(keras.Input(shape=(9,)))  # <-
        """,
        ShapeError,
        "input 'x' of model 'inner' has shape (None, 8)",
        "float32[b, 9]",
        "",
    ),
    Mistake(
        "model_called_on_other_names",
        """
        a, b = keras.Input(shape=(8,), name="a"), keras.Input(shape=(8,), name="b")
        model = keras.Model([a, b], a + b, name="net")
        model({"a": np.zeros((2, 8)), "c": np.zeros((2, 8))})  # <-
        """,
        DataError,
        "model 'net' lacks data for 'b'",
        "'a', 'c'",
        "",
    ),
    Mistake(
        "model_called_on_another_shape",
        """
        x = keras.Input(shape=(8,), name="x")
        model = keras.Model(x, layers.Dense(4)(x), name="net")
        model(np.zeros((2, 9)))  # <-
        """,
        ShapeError,
        "input 'x' of model 'net' has shape (None, 8)",
        "x: float32[2, 9]",
        "",
    ),
    Mistake(
        "model_called_without_a_batch",
        """
        x = keras.Input(shape=(8,), name="x")
        model = keras.Model(x, layers.Dense(4)(x), name="net")
        model(np.zeros(8))  # <-
        """,
        ShapeError,
        "input 'x' of model 'net' has shape (None, 8)",
        "x: float32[8]",
        "the first axis is the batch",
    ),
    Mistake(
        "real_keras_layer_in_sequential",
        """
        dense = foreign("keras.src.layers.core.dense", "Dense")
        model = keras.Sequential([dense], name="net")  # <-
        """,
        ArgumentError,
        "Sequential 'net' takes layers",
        "keras.src.layers.core.dense.Dense",
        "import kgc as keras",
    ),
    Mistake(
        "real_keras_tensor_for_a_model",
        """
        t = foreign("keras.src.backend.common.keras_tensor", "KerasTensor", shape=(None, 8), dtype="float32")
        model = keras.Model(t, t)  # <-
        """,
        GraphError,
        "Model() takes symbolic tensors as inputs",
        "keras.src.backend.common.keras_tensor.KerasTensor",
        "",
    ),
]

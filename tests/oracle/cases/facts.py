"""Names, orders, shapes and counts: what must be equal, not near."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import fact
from .models import conv, mlp, two_outputs

LAYERS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "Dense": ((5,), {"units": 4}),
    "Conv2D": ((7, 6, 3), {"filters": 4, "kernel_size": 3}),
    "MaxPooling2D": ((7, 6, 3), {}),
    "AveragePooling2D": ((7, 6, 3), {"pool_size": 2}),
    "GlobalAveragePooling2D": ((7, 6, 3), {}),
    "Flatten": ((7, 6, 3), {}),
    "Reshape": ((6, 4), {"target_shape": (3, -1)}),
    "Activation": ((5,), {"activation": "relu"}),
    "ReLU": ((5,), {}),
    "Softmax": ((5,), {}),
    "BatchNormalization": ((7, 6, 3), {}),
    "Dropout": ((5,), {"rate": 0.5}),
    "Rescaling": ((5,), {"scale": 2.0}),
}


def described(model: Any) -> dict[str, Any]:
    """Everything countable about a model."""
    return {
        "name": model.name,
        "layers": [[layer.name, type(layer).__name__, layer.count_params()] for layer in model.layers],
        "weights": [[w.name, w.path, list(w.shape), str(w.dtype), w.trainable] for w in model.weights],
        "trainable": [w.path for w in model.trainable_weights],
        "non_trainable": [w.path for w in model.non_trainable_weights],
        "get_weights": [list(w.shape) for w in model.get_weights()],
        "count_params": model.count_params(),
        "inputs": [list(t.shape) for t in model.inputs],
        "outputs": [list(t.shape) for t in model.outputs],
    }


def shapes(tensors: Any) -> Any:
    """Shapes of one tensor, or of a list of them."""
    return [list(t.shape) for t in tensors] if isinstance(tensors, (list, tuple)) else list(tensors.shape)


@fact
def layer_names(keras: Any) -> Any:
    """Automatic names count from the bare class name, for each class by itself."""
    keras.utils.clear_session()
    found = {}
    for kind, (_, options) in LAYERS.items():
        found[kind] = [getattr(keras.layers, kind)(**options).name for _ in range(3)]
    found["Add"] = [keras.layers.Add().name, keras.layers.Add().name]
    found["Concatenate"] = [keras.layers.Concatenate().name, keras.layers.Concatenate().name]
    found["Sequential"] = [keras.Sequential().name, keras.Sequential().name]
    inputs = keras.Input(shape=(2,))
    found["Model"] = [keras.Model(inputs, inputs * 2).name, keras.Model(inputs, inputs * 3).name]
    return found


@fact
def custom_layer_names(keras: Any) -> Any:
    """Names of subclasses, in snake case."""
    keras.utils.clear_session()
    kinds = ("MyLayer", "MyConv2DBlock", "HTTPLayer", "_Hidden", "lower", "XYZ", "Linear3")
    found = {}
    for kind in kinds:
        made = type(kind, (keras.layers.Layer,), {})
        found[kind] = [made().name, made().name]
    return found


@fact
def given_names_do_not_count(keras: Any) -> Any:
    """A layer named by the user, even as an automatic name, leaves the counter alone."""
    keras.utils.clear_session()
    named = [
        keras.layers.Dense(1, name=name) if name else keras.layers.Dense(1) for name in ("head", "dense", None, None)
    ]
    return [layer.name for layer in named]


@fact
def output_shapes(keras: Any) -> Any:
    """Shapes and dtypes of symbolic results, and what `compute_output_shape` says of them."""
    found = {}
    for kind, (shape, options) in LAYERS.items():
        inputs, layer = keras.Input(shape=shape), getattr(keras.layers, kind)(**options)
        outputs = layer(inputs)
        found[kind] = [list(outputs.shape), str(outputs.dtype), list(layer.compute_output_shape((None, *shape)))]
    return found


@fact
def unknown_sizes(keras: Any) -> Any:
    """Symbolic shapes with sizes left open."""
    layers = keras.layers
    pictures, rows = keras.Input(shape=(None, None, 3)), keras.Input(shape=(None, 4))
    results = {
        "conv": layers.Conv2D(5, 3)(pictures),
        "conv_same": layers.Conv2D(5, 3, strides=2, padding="same")(pictures),
        "pool": layers.MaxPooling2D(2)(pictures),
        "global": layers.GlobalAveragePooling2D()(pictures),
        "norm": layers.BatchNormalization()(pictures),
        "dense": layers.Dense(7)(rows),
        "reshape": layers.Reshape((-1, 2))(rows),
        "flatten": layers.Flatten()(rows),
        "concatenate": layers.Concatenate(axis=1)([rows, rows]),
        "add": layers.Add()([rows, rows]),
        "plus": rows + rows,
        "transposed": keras.ops.transpose(rows, (0, 2, 1)),
        "mean": keras.ops.mean(rows, axis=1),
    }
    return {key: [list(value.shape), str(value.dtype)] for key, value in results.items()}


@fact
def mlp_described(keras: Any) -> Any:
    keras.utils.clear_session()
    return described(mlp(keras, 784))


@fact
def conv_described(keras: Any) -> Any:
    keras.utils.clear_session()
    return described(conv(keras))


@fact
def two_outputs_described(keras: Any) -> Any:
    keras.utils.clear_session()
    return described(two_outputs(keras))


@fact
def nested_described(keras: Any) -> Any:
    """A model inside a model: its weights stand where it was first called, their paths bear its name."""
    keras.utils.clear_session()
    inner_in = keras.Input(shape=(6,))
    inner = keras.Model(inner_in, keras.layers.Dense(6)(inner_in), name="inner")
    inputs = keras.Input(shape=(6,))
    return described(keras.Model(inputs, keras.layers.Dense(1)(inner(keras.layers.Dense(6)(inputs)))))


@fact
def sequential_described(keras: Any) -> Any:
    keras.utils.clear_session()
    layers = keras.layers
    model = keras.Sequential([layers.Conv2D(2, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(3)])
    model.build((None, 5, 5, 1))
    return described(model) | {"output": list(model.output_shape), "input": list(model.input_shape)}


@fact
def weights_order_with_norms(keras: Any) -> Any:
    """`weights` keep layers together; the two halves keep the order within."""
    keras.utils.clear_session()
    inputs = keras.Input(shape=(4,))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(3)(inputs))
    x = keras.layers.Dense(2)(keras.layers.BatchNormalization(scale=False)(x))
    model = keras.Model(inputs, x)
    model.layers[1].trainable = False
    return described(model)


@fact
def branches_in_order(keras: Any) -> Any:
    """Layers stand by depth, and within a depth in the order in which they were made."""
    keras.utils.clear_session()
    layers = keras.layers
    inputs = keras.Input(shape=(4,), name="x")
    late = layers.Dense(4, name="late")
    short = layers.Dense(4, name="short")(inputs)
    long = layers.Dense(4, name="long_2")(layers.Dense(4, name="long_1")(inputs))
    joined = layers.Add(name="join")([late(short), long])
    other = layers.Dense(1, name="other")(inputs)
    return described(keras.Model(inputs, [layers.Dense(2, name="head")(joined), other]))


@fact
def operations_described(keras: Any) -> Any:
    """Operators and ops between layers are no layers of a model; its configuration lists them by class and module."""
    keras.utils.clear_session()
    x, y = keras.Input(shape=(3,), name="x"), keras.Input(shape=(3,), name="y")
    z = keras.ops.relu((x + y) * 2.0 - x / y)
    z = keras.ops.concatenate([z, -x, x[:, :2], keras.ops.mean(y, axis=-1, keepdims=True)], axis=-1)
    model = keras.Model([x, y], keras.ops.softmax(z))
    rows = [[row["name"], row["class_name"], row["module"]] for row in model.get_config()["layers"]]
    return {"layers": [layer.name for layer in model.layers], "config": rows, "output": shapes(model.outputs)}


@fact
def symbolic_names(keras: Any) -> Any:
    """Names and shapes of a model's inputs and outputs."""
    keras.utils.clear_session()
    model = two_outputs(keras)
    return {
        "inputs": [[t.name, list(t.shape), str(t.dtype)] for t in model.inputs],
        "outputs": [list(t.shape) for t in model.outputs],
        "output_names": list(model.output_names),
        "input_shape": [list(s) for s in model.input_shape],
        "output_shape": [list(s) for s in model.output_shape],
    }


@fact
def layer_properties(keras: Any) -> Any:
    """What a layer says of itself once it has been called."""
    inputs = keras.Input(shape=(4,))
    layer = keras.layers.Dense(3, name="one")
    before = layer.built
    outputs = layer(inputs)
    return {
        "built": [before, layer.built],
        "input": list(layer.input.shape),
        "output": list(layer.output.shape),
        "same_output": layer.output is outputs,
        "dtype": [str(layer.dtype), str(layer.compute_dtype), str(layer.variable_dtype)],
        "trainable": layer.trainable,
        "kernel": [list(layer.kernel.shape), layer.kernel.name, layer.kernel.path],
        "bias": [list(layer.bias.shape), layer.bias.name, layer.bias.path],
    }


@fact
def evaluate_forms(keras: Any) -> Any:
    """`evaluate` gives a number for a loss alone, a list with metrics, a dict where asked."""
    inputs = keras.Input(shape=(4,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    x, y = np.ones((6, 4), "float32"), np.ones((6, 1), "float32")
    found = {}
    for name, metrics in {"alone": None, "metrics": ["mae", "mse"]}.items():
        model.compile(loss="mse", metrics=metrics)
        value = model.evaluate(x, y, verbose=0)
        found[name] = [isinstance(value, list), len(value) if isinstance(value, list) else 1]
        found[f"{name}_names"] = list(model.evaluate(x, y, verbose=0, return_dict=True))
    return found


@fact
def history_forms(keras: Any) -> Any:
    """Keys of the history in order, and its epochs."""
    inputs = keras.Input(shape=(4,))
    model = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    model.compile(loss="mse", metrics=["accuracy", "mae"])
    x, y = np.ones((8, 4), "float32"), np.eye(8, 3, dtype="float32")
    history = model.fit(x, y, epochs=3, initial_epoch=1, validation_split=0.25, verbose=0)
    return {"keys": list(history.history), "epochs": history.epoch, "kind": type(history.history["loss"][0]).__name__}


@fact
def predict_forms(keras: Any) -> Any:
    """What `predict` returns: NumPy arrays in the outputs' structure."""
    model = two_outputs(keras)
    xs = [np.ones((5, 6), "float32"), np.ones((5, 4), "float32")]
    found = model.predict(xs, batch_size=2, verbose=0)
    return {
        "kind": type(found).__name__,
        "arrays": [[type(y).__module__, list(y.shape), str(y.dtype)] for y in found],
    }

"""What is accepted in place of float32 arrays, and what comes out."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import case
from ..draws import Draws

ARRAYS = ("float64", "float32", "float16", "int64", "int32", "uint8", "bool")


def model_of(keras: Any, draws: Draws) -> Any:
    inputs = keras.Input(shape=(4,))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="tanh")(inputs))
    draws.fill(model)
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


for _dtype in ARRAYS:

    @case(f"dtypes/input_{_dtype}")
    def given(keras: Any, draws: Draws, dtype: str = _dtype) -> dict[str, Any]:
        """Arrays of other dtypes are cast to the Input's."""
        model = model_of(keras, draws)
        x = draws.uniform(6, 4, low=0.0, high=3.0).astype(dtype)
        y = draws.integers(3, 6)
        found = {"predict": model.predict(x, verbose=0)}
        history = model.fit(x, y, batch_size=4, shuffle=False, verbose=0).history
        return found | {key: np.array(values) for key, values in history.items()} | {"bias": model.get_weights()[1]}


for _dtype in ("int64", "uint8", "float32", "float64"):

    @case(f"dtypes/labels_{_dtype}")
    def labelled(keras: Any, draws: Draws, dtype: str = _dtype) -> dict[str, Any]:
        """Class numbers of any dtype."""
        model = model_of(keras, draws)
        x, y = draws.uniform(6, 4), draws.integers(3, 6).astype(dtype)
        history = model.fit(x, y, batch_size=4, shuffle=False, verbose=0).history
        return {key: np.array(values) for key, values in history.items()}


for _dtype in ("float64", "int64", "bool"):

    @case(f"dtypes/targets_{_dtype}")
    def targets(keras: Any, draws: Draws, dtype: str = _dtype) -> dict[str, Any]:
        """Targets of a regression."""
        inputs = keras.Input(shape=(4,))
        model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
        draws.fill(model)
        model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.1), loss="mse", metrics=["mae"])
        x, y = draws.uniform(6, 4), draws.integers(2, 6).astype(dtype)
        history = model.fit(x, y, batch_size=4, shuffle=False, verbose=0).history
        return {key: np.array(values) for key, values in history.items()}


for _dtype in ("int32", "uint8", "bool", "float16"):

    @case(f"dtypes/symbolic_{_dtype}")
    def symbolic(keras: Any, draws: Draws, dtype: str = _dtype) -> dict[str, Any]:
        """An Input of another dtype under layers that compute in float32."""
        inputs = keras.Input(shape=(4,), dtype=dtype)
        model = keras.Model(inputs, keras.layers.Dense(3)(inputs))
        draws.fill(model)
        x = draws.uniform(6, 4, low=0.0, high=3.0).astype(dtype)
        return {"predict": model.predict(x, verbose=0), "call": model(x)}


@case("dtypes/float64_weights")
def float64_weights(keras: Any, draws: Draws) -> dict[str, Any]:
    """`set_weights` takes float64 and lists, and stores float32."""
    inputs = keras.Input(shape=(4,))
    model = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    model.set_weights([draws.uniform(4, 3, dtype="float64"), draws.uniform(3, dtype="float64")])
    return {f"weight.{i}": w for i, w in enumerate(model.get_weights())}


@case("dtypes/cast_and_back")
def cast_and_back(keras: Any, draws: Draws) -> dict[str, Any]:
    """`ops.cast` between layers."""
    inputs = keras.Input(shape=(4,))
    whole = keras.ops.cast(inputs * 3.0, "int32")
    model = keras.Model(inputs, [whole, keras.ops.cast(whole, "float32") * 0.5, keras.ops.cast(inputs > 0.0, "int32")])
    return {f"output.{i}": y for i, y in enumerate(model(draws.uniform(6, 4)))}


@case("dtypes/comparisons")
def comparisons(keras: Any, draws: Draws) -> dict[str, Any]:
    """Comparisons give bool."""
    inputs = keras.Input(shape=(4,))
    model = keras.Model(inputs, [inputs > 0.5, inputs <= 0.0, inputs != 0.0])
    return {f"output.{i}": y for i, y in enumerate(model(draws.uniform(6, 4)))}

"""Models that the rows about data begin with."""

from __future__ import annotations

ONE = """
x = keras.Input(shape=(8,), name="x")
model = keras.Model(x, layers.Dense(1, name="head")(x), name="net")
model.compile(loss="mse", optimizer="sgd")
X, Y = np.zeros((6, 8), "float32"), np.zeros((6, 1), "float32")
"""
TWO = """
a, b = keras.Input(shape=(8,), name="a"), keras.Input(shape=(4,), name="b")
both = layers.Concatenate()([a, b])
model = keras.Model([a, b], [layers.Dense(1, name="left")(both), layers.Dense(2, name="right")(both)], name="net")
model.compile(loss="mse", optimizer="sgd")
A, B = np.zeros((6, 8), "float32"), np.zeros((6, 4), "float32")
L, R = np.zeros((6, 1), "float32"), np.zeros((6, 2), "float32")
"""
WORDS = """
x = keras.Input(shape=(3,), dtype="int32", name="words")
model = keras.Model(x, layers.Dense(1, name="head")(ops.cast(x, "float32")), name="net")
model.compile(loss="mse", optimizer="sgd")
Y = np.zeros((6, 1), "float32")
"""


def classes(loss: str, units: int = 3) -> str:
    """A classifier of so many classes under a loss."""
    return f"""
x = keras.Input(shape=(8,), name="x")
model = keras.Model(x, layers.Dense({units}, activation="softmax", name="head")(x), name="net")
model.compile(loss="{loss}", optimizer="sgd", metrics=["accuracy"])
X = np.zeros((6, 8), "float32")
"""

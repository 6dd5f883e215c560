"""The main job from one end to the other, on real data that a package carries: `make demo`.

Defines a small convolutional net, trains it on scikit-learn's handwritten digits, shows the IR before and after the
passes, saves it as a `.keras` file, reloads it, and checks that the reloaded model predicts the same.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import kgc as keras
from kgc import layers

ACCURACY = 0.95
"""What the demo must reach on digits that it has not seen."""


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images f32[n, 8, 8, 1] in 0..1 and labels i64[n], four fifths for training."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    images = (np.asarray(images)[order] / 16.0).astype("float32").reshape(-1, 8, 8, 1)
    labels, cut = np.asarray(labels)[order], len(images) * 4 // 5
    return images[:cut], labels[:cut], images[cut:], labels[cut:]


def convnet() -> keras.Model:
    """Two convolutions with batch norm, and a dense head."""
    inputs = keras.Input(shape=(8, 8, 1), name="image")
    x = layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(32, 3, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(64, activation="relu")(x)
    x = layers.Dropout(0.3)(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(inputs, outputs, name="digits")


def main() -> int:
    """Run the demo; the exit status is 0 when accuracy and reloading hold."""
    keras.utils.set_random_seed(0)
    x_train, y_train, x_test, y_test = digits()
    model = convnet()
    model.summary()

    from kgc.compiler.pipeline import optimize

    graph = model.graph()
    print("\nThe model as IR, before any pass:\n")
    print(graph)
    print("\nand as predict() runs it: dropout is gone, batch norm is folded into the convolutions:\n")
    print(optimize(graph).graph)
    print()

    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=32, epochs=8, validation_split=0.1)
    loss, accuracy = model.evaluate(x_test, y_test, verbose=2)
    print(f"Test loss {loss:.4f}, test accuracy {accuracy:.4f}")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.keras"
        model.save(path)
        size = path.stat().st_size
        reloaded = keras.models.load_model(path)
    same = np.array_equal(model.predict(x_test, verbose=0), reloaded.predict(x_test, verbose=0))
    print(f"Saved {size:,} bytes, reloaded; predictions are {'the same' if same else 'NOT the same'}.")
    return 0 if same and accuracy > ACCURACY else 1


if __name__ == "__main__":
    sys.exit(main())

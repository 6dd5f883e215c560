"""What Keras's functional API guide does, line for line with `import kgc as keras`, and what it says comes out.

The code is the guide's, in its order and its spelling; the data are small.  What it prints is compared with the
tables that it shows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgc as keras
from kgc import layers

from . import tables


@pytest.fixture(autouse=True)
def fresh_names() -> None:
    """Layers are counted from the start, as where the guide begins."""
    keras.utils.clear_session()


def mnist_model() -> Any:
    inputs = keras.Input(shape=(784,))
    dense = layers.Dense(64, activation="relu")
    x = dense(inputs)
    x = layers.Dense(64, activation="relu")(x)
    outputs = layers.Dense(10)(x)
    return keras.Model(inputs=inputs, outputs=outputs, name="mnist_model")


def test_inputs_have_shape_and_dtype() -> None:
    inputs = keras.Input(shape=(784,))
    assert inputs.shape == (None, 784)
    assert repr(inputs.dtype) == "'float32'"
    images = keras.Input(shape=(32, 32, 3))
    assert images.shape == (None, 32, 32, 3)


def test_the_first_model_and_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    mnist_model().summary()
    assert capsys.readouterr().out.strip() == tables.MNIST_MODEL.strip()


def test_pictures_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = mnist_model()
    keras.utils.plot_model(model, "my_first_model.png")
    keras.utils.plot_model(model, "my_first_model_with_shape_info.png", show_shapes=True)
    plain, shaped = (_size(path) for path in ("my_first_model.png", "my_first_model_with_shape_info.png"))
    assert plain[1] >= 200 and shaped[0] > plain[0]


def _size(path: str) -> tuple[int, int]:
    head = Path(path).read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


@pytest.mark.usefixtures("data_sets")
def test_training_evaluation_and_saving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(1)
    model = mnist_model()
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    x_train = x_train.reshape(1500, 784).astype("float32") / 255
    x_test = x_test.reshape(297, 784).astype("float32") / 255
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=keras.optimizers.RMSprop(),
        metrics=["accuracy"],
    )
    history = model.fit(x_train, y_train, batch_size=64, epochs=8, validation_split=0.2)
    test_scores = model.evaluate(x_test, y_test, verbose=2)
    printed = capsys.readouterr().out
    assert "Epoch 1/8" in printed and "19/19" in printed and "val_accuracy: " in printed
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert len(history.history["loss"]) == 8
    assert test_scores[1] > 0.9, test_scores
    model.save("my_model.keras")
    expected = model.predict(x_test, verbose=0)
    del model
    model = keras.models.load_model("my_model.keras")
    np.testing.assert_array_equal(model.predict(x_test, verbose=0), expected)
    assert model.evaluate(x_test, y_test, verbose=0) == pytest.approx(test_scores, rel=1e-6)


def test_one_graph_of_layers_for_two_models(capsys: pytest.CaptureFixture[str]) -> None:
    encoder_input = keras.Input(shape=(28, 28, 1), name="img")
    x = layers.Conv2D(16, 3, activation="relu")(encoder_input)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.MaxPooling2D(3)(x)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.Conv2D(16, 3, activation="relu")(x)
    encoder_output = layers.GlobalMaxPooling2D()(x)
    encoder = keras.Model(encoder_input, encoder_output, name="encoder")
    encoder.summary()
    x = layers.Reshape((4, 4, 1))(encoder_output)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    x = layers.Conv2DTranspose(32, 3, activation="relu")(x)
    x = layers.UpSampling2D(3)(x)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    decoder_output = layers.Conv2DTranspose(1, 3, activation="relu")(x)
    autoencoder = keras.Model(encoder_input, decoder_output, name="autoencoder")
    autoencoder.summary()
    assert capsys.readouterr().out.strip() == tables.ENCODER_AND_AUTOENCODER.strip()
    images = np.random.default_rng(0).random((2, 28, 28, 1), dtype="float32")
    assert encoder(images).shape == (2, 16) and autoencoder(images).shape == (2, 28, 28, 1)


def test_models_are_called_like_layers(capsys: pytest.CaptureFixture[str]) -> None:
    encoder_input = keras.Input(shape=(28, 28, 1), name="original_img")
    x = layers.Conv2D(16, 3, activation="relu")(encoder_input)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.MaxPooling2D(3)(x)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.Conv2D(16, 3, activation="relu")(x)
    encoder_output = layers.GlobalMaxPooling2D()(x)
    encoder = keras.Model(encoder_input, encoder_output, name="encoder")
    decoder_input = keras.Input(shape=(16,), name="encoded_img")
    x = layers.Reshape((4, 4, 1))(decoder_input)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    x = layers.Conv2DTranspose(32, 3, activation="relu")(x)
    x = layers.UpSampling2D(3)(x)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    decoder_output = layers.Conv2DTranspose(1, 3, activation="relu")(x)
    decoder = keras.Model(decoder_input, decoder_output, name="decoder")
    decoder.summary()
    autoencoder_input = keras.Input(shape=(28, 28, 1), name="img")
    encoded_img = encoder(autoencoder_input)
    decoded_img = decoder(encoded_img)
    autoencoder = keras.Model(autoencoder_input, decoded_img, name="autoencoder")
    autoencoder.summary()
    assert capsys.readouterr().out.strip() == tables.DECODER_AND_NESTED.strip()
    images = np.random.default_rng(0).random((2, 28, 28, 1), dtype="float32")
    np.testing.assert_allclose(autoencoder(images), decoder(encoder(images)), rtol=1e-5, atol=1e-6)


def test_an_ensemble_is_the_mean_of_its_models() -> None:
    def get_model() -> Any:
        inputs = keras.Input(shape=(128,))
        outputs = layers.Dense(1)(inputs)
        return keras.Model(inputs, outputs)

    model1 = get_model()
    model2 = get_model()
    model3 = get_model()
    inputs = keras.Input(shape=(128,))
    y1 = model1(inputs)
    y2 = model2(inputs)
    y3 = model3(inputs)
    outputs = layers.average([y1, y2, y3])
    ensemble_model = keras.Model(inputs=inputs, outputs=outputs)
    x = np.random.default_rng(0).random((5, 128), dtype="float32")
    mean = np.mean([np.asarray(model(x)) for model in (model1, model2, model3)], axis=0)
    np.testing.assert_allclose(ensemble_model(x), mean, rtol=1e-5, atol=1e-6)


def test_several_inputs_and_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    num_tags, num_words, num_departments = 12, 1000, 4
    title_input = keras.Input(shape=(None,), name="title")
    body_input = keras.Input(shape=(None,), name="body")
    tags_input = keras.Input(shape=(num_tags,), name="tags")
    title_features = layers.Embedding(num_words, 64)(title_input)
    body_features = layers.Embedding(num_words, 64)(body_input)
    title_features = layers.LSTM(128)(title_features)
    body_features = layers.LSTM(32)(body_features)
    x = layers.concatenate([title_features, body_features, tags_input])
    priority_pred = layers.Dense(1, name="priority")(x)
    department_pred = layers.Dense(num_departments, name="department")(x)
    model = keras.Model(
        inputs=[title_input, body_input, tags_input],
        outputs={"priority": priority_pred, "department": department_pred},
    )
    keras.utils.plot_model(model, "multi_input_and_output_model.png", show_shapes=True)
    assert _size("multi_input_and_output_model.png")[0] > 300
    model.compile(
        optimizer=keras.optimizers.RMSprop(1e-3),
        loss=[
            keras.losses.BinaryCrossentropy(from_logits=True),
            keras.losses.CategoricalCrossentropy(from_logits=True),
        ],
        loss_weights=[1.0, 0.2],
    )
    model.compile(
        optimizer=keras.optimizers.RMSprop(1e-3),
        loss={
            "priority": keras.losses.BinaryCrossentropy(from_logits=True),
            "department": keras.losses.CategoricalCrossentropy(from_logits=True),
        },
        loss_weights={"priority": 1.0, "department": 0.2},
    )
    rng = np.random.default_rng(0)
    title_data = rng.integers(num_words, size=(64, 12))
    body_data = rng.integers(num_words, size=(64, 20))
    tags_data = rng.integers(2, size=(64, num_tags)).astype("float32")
    priority_targets = rng.random(size=(64, 1))
    dept_targets = rng.integers(2, size=(64, num_departments))
    history = model.fit(
        {"title": title_data, "body": body_data, "tags": tags_data},
        {"priority": priority_targets, "department": dept_targets},
        epochs=2,
        batch_size=32,
    )
    assert "Epoch 2/2" in capsys.readouterr().out
    assert history.history["loss"][1] < history.history["loss"][0]


@pytest.mark.usefixtures("data_sets")
def test_a_toy_resnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    inputs = keras.Input(shape=(32, 32, 3), name="img")
    x = layers.Conv2D(32, 3, activation="relu")(inputs)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    block_1_output = layers.MaxPooling2D(3)(x)
    x = layers.Conv2D(64, 3, activation="relu", padding="same")(block_1_output)
    x = layers.Conv2D(64, 3, activation="relu", padding="same")(x)
    block_2_output = layers.add([x, block_1_output])
    x = layers.Conv2D(64, 3, activation="relu", padding="same")(block_2_output)
    x = layers.Conv2D(64, 3, activation="relu", padding="same")(x)
    block_3_output = layers.add([x, block_2_output])
    x = layers.Conv2D(64, 3, activation="relu")(block_3_output)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    outputs = layers.Dense(10)(x)
    model = keras.Model(inputs, outputs, name="toy_resnet")
    model.summary()
    assert capsys.readouterr().out.strip() == tables.TOY_RESNET.strip()
    keras.utils.plot_model(model, "mini_resnet.png", show_shapes=True)
    assert _size("mini_resnet.png")[1] > 600
    (x_train, y_train), _ = keras.datasets.cifar10.load_data()
    x_train = x_train.astype("float32") / 255.0
    y_train = keras.utils.to_categorical(y_train, 10)
    model.compile(
        optimizer=keras.optimizers.RMSprop(1e-3),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["acc"],
    )
    history = model.fit(x_train[:160], y_train[:160], batch_size=64, epochs=1, validation_split=0.2)
    assert set(history.history) == {"loss", "acc", "val_loss", "val_acc"}
    printed = capsys.readouterr().out
    assert "2/2" in printed and "val_acc: " in printed


def test_layers_are_shared() -> None:
    shared_embedding = layers.Embedding(1000, 128)
    text_input_a = keras.Input(shape=(None,), dtype="int32")
    text_input_b = keras.Input(shape=(None,), dtype="int32")
    encoded_input_a = shared_embedding(text_input_a)
    encoded_input_b = shared_embedding(text_input_b)
    model = keras.Model([text_input_a, text_input_b], [encoded_input_a, encoded_input_b])
    assert len(model.weights) == 1
    a, b = model([np.array([[3, 4]]), np.array([[4, 3, 5]])])
    np.testing.assert_array_equal(a[0, 0], b[0, 1])


def test_features_of_every_layer_of_a_vgg19() -> None:
    """The published sizes but for the image, which is smaller: what is shown is the extraction."""
    vgg19 = keras.applications.VGG19(weights=None, include_top=False, input_shape=(32, 32, 3))
    features_list = [layer.output for layer in vgg19.layers]
    feat_extraction_model = keras.Model(inputs=vgg19.input, outputs=features_list)
    img = np.random.default_rng(0).random((1, 32, 32, 3)).astype("float32")
    extracted_features = feat_extraction_model(img)
    assert len(extracted_features) == len(vgg19.layers) == 22
    assert tuple(extracted_features[1].shape) == (1, 32, 32, 64)
    np.testing.assert_allclose(extracted_features[-1], vgg19(img), rtol=1e-5, atol=1e-6)

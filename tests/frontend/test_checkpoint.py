"""ModelCheckpoint: what is saved when, against lists recorded from Keras 3.15.1."""

from __future__ import annotations

import pytest

from kgc.compiler.errors import ArgumentError
from kgc.frontend.callbacks import (
    CallbackList,
    ModelCheckpoint,
)

from .driving import Model, drive

# Recorded from Keras 3.15.1: what is saved in two or three epochs.
CHECKPOINTS = {
    "each epoch": ({}, "a.keras", [1, 0.9, 0.95], ["save a.keras"] * 3),
    "best": ({"save_best_only": True}, "a.keras", [1, 0.9, 0.95, 0.8], ["save a.keras"] * 3),
    "best, larger": ({"save_best_only": True, "mode": "max"}, "a.keras", [1, 2, 1], ["save a.keras"] * 2),
    "threshold": (
        {"save_best_only": True, "initial_value_threshold": 0.45},
        "a.keras",
        [0.5, 0.4, 0.3],
        ["save a.keras"] * 2,
    ),
    "names": ({}, "b{epoch:02d}-{val_loss:.2f}.keras", [1, 0.9], ["save b01-1.00.keras", "save b02-0.90.keras"]),
    "weights": ({"save_weights_only": True}, "w.weights.h5", [1], ["save_weights w.weights.h5"]),
    "hdf5": ({}, "w.h5", [1], ["save w.h5"]),
    "monitor unknown and not needed": ({"monitor": "foo"}, "a.keras", [1], ["save a.keras"]),
}


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_checkpoints_as_keras(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options, path, values, expected = CHECKPOINTS[case]
    model = Model()
    drive(ModelCheckpoint(path, **options), values, model)
    assert [" ".join(entry) for entry in model.done] == expected


def test_checkpoints_every_so_many_batches(tmp_path):
    """Recorded from Keras 3.15.1: two epochs of 5 batches."""
    callback, model = ModelCheckpoint(tmp_path / "s{epoch}-{batch}.keras", save_freq=2), Model()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch in range(2):
        callback.on_epoch_begin(epoch)
        for batch in range(5):
            callback.on_train_batch_end(batch, {"loss": 1.0})
        callback.on_epoch_end(epoch, {"loss": 1.0})
    names = [path.rpartition("/")[2] for _, path in model.done]
    assert names == ["s1-2.keras", "s1-4.keras", "s2-1.keras", "s2-3.keras", "s2-5.keras"]


def test_only_a_checkpoint_by_batches_makes_batches_wait():
    assert not CallbackList([ModelCheckpoint("a.keras")]).watches_batches("train")
    assert CallbackList([ModelCheckpoint("a.keras", save_freq=2)]).watches_batches("train")


def test_checkpoints_make_folders_and_tell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    drive(ModelCheckpoint("x/y/w.keras", verbose=1, save_best_only=True), [1, 0.9, 0.95])
    assert (tmp_path / "x" / "y").is_dir()
    assert capsys.readouterr().out == (
        "\nEpoch 1: val_loss improved from None to 1.00000, saving model to x/y/w.keras\n"
        "\nEpoch 2: val_loss improved from 1.00000 to 0.90000, saving model to x/y/w.keras\n"
        "\nEpoch 3: val_loss did not improve from 0.90000\n"
    )
    drive(ModelCheckpoint("a.keras", verbose=1), [1])
    assert capsys.readouterr().out == "\nEpoch 1: saving model to a.keras\n"


def test_a_best_checkpoint_without_its_value_saves_all_the_same():
    model = Model()
    with pytest.warns(UserWarning, match="ModelCheckpoint needs 'val_loss'"):
        drive(ModelCheckpoint("a.keras", save_best_only=True), [1, None, 0.5], model)
    assert len(model.done) == 3


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"filepath": "dir/w"}, "ends in '.keras'"),
        ({"filepath": "w.h5", "save_weights_only": True}, "ends in '.weights.h5' with save_weights_only"),
        ({"filepath": "w.keras", "save_freq": "x"}, "'epoch' or a number"),
        ({"filepath": "w.keras", "save_freq": 2.5}, "'epoch' or a number"),
        ({"filepath": "w.keras", "save_freq": 0}, "'epoch' or a number"),
    ],
)
def test_illegal_checkpoints(arguments, what):
    with pytest.raises(ArgumentError, match=what):
        ModelCheckpoint(**arguments)


def test_a_checkpoint_name_with_an_unknown_value():
    with pytest.raises(ArgumentError) as caught:
        drive(ModelCheckpoint("{epoch}-{mae:.2f}.keras"), [1])
    assert caught.value.hint == "the logs have epoch, val_loss"

"""The smaller callbacks."""

from __future__ import annotations

import math

import pytest

from kgc.compiler.errors import ArgumentError
from kgc.frontend.callbacks import (
    CSVLogger,
    LambdaCallback,
    TerminateOnNaN,
)

from .driving import NAN, Model, train


def test_lambda_callback():
    seen: list[tuple] = []
    callback = LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seen.append(("epoch", epoch)),
        on_train_batch_end=lambda batch, logs: seen.append(("batch", batch)),
        on_test_begin=lambda logs: seen.append(("test",)),
        on_epoch_end=None,
    )
    train([callback])
    assert seen == [("epoch", 0), ("batch", 0), ("batch", 1), ("batch", 2), ("test",)]
    with pytest.raises(ArgumentError, match="no hook on_epoch"):
        LambdaCallback(on_epoch=print)


@pytest.mark.parametrize("loss", [NAN, math.inf])
def test_terminate_on_nan(loss, capsys):
    callback, model = TerminateOnNaN(), Model()
    callback.set_model(model)
    callback.on_train_batch_end(2, {"loss": 1.0})
    callback.on_train_batch_end(2, {})
    assert not model.stop_training
    callback.on_train_batch_end(3, {"loss": loss})
    assert model.stop_training
    assert capsys.readouterr().out == "Batch 3: Invalid loss, terminating training\n"
    with pytest.raises(RuntimeError, match="batch 5"):
        TerminateOnNaN(raise_error=True).on_train_batch_end(5, {"loss": loss})


def test_csv_logger(tmp_path):
    """Recorded from Keras 3.15.1, but for the numbers."""
    path = tmp_path / "log.csv"

    def run(callback, *logs):
        callback.on_train_begin()
        for epoch, values in enumerate(logs):
            callback.on_epoch_end(epoch, values)
        callback.on_train_end()

    run(
        CSVLogger(path),
        {"loss": 0.5, "accuracy": 1.0},
        {"loss": 0.25, "accuracy": 1.0, "val_accuracy": 0.5, "val_loss": 2.0},
    )
    first = "epoch,accuracy,loss,val_accuracy,val_loss\n0,1.0,0.5,NA,NA\n1,1.0,0.25,0.5,2.0\n"
    assert path.read_text() == first
    run(CSVLogger(path, append=True, separator=";"), {"loss": 0.125, "accuracy": 1.0})
    assert path.read_text() == first + "0;1.0;0.125;NA;NA\n"
    run(CSVLogger(path), {"loss": 1.0, "learning_rate": 0.1})
    assert path.read_text() == "epoch,learning_rate,loss,val_loss\n0,0.1,1.0,NA\n"
    run(CSVLogger(tmp_path / "new.csv", append=True), {"loss": 1.0})
    assert (tmp_path / "new.csv").read_text() == "epoch,loss,val_loss\n0,1.0,NA\n"

"""The loops of evaluate and predict over fake steps, and when their results are read."""

from __future__ import annotations

import numpy as np
import pytest

from kgc.compiler.errors import DataError
from kgc.runtime import loop
from kgc.runtime.hooks import as_floats

from .loops import Recorder, Scalar, source


@pytest.fixture(autouse=True)
def no_waits_yet():
    Scalar.waits = 0


def test_evaluate():
    hooks, begun = Recorder(), []
    logs = loop.evaluate(lambda b: {"loss": Scalar(b.index), "acc": 1}, source(), hooks, begin=lambda: begun.append(1))
    assert logs == {"acc": 1.0, "loss": 2.0} and list(logs) == ["acc", "loss"] and begun == [1]
    assert hooks.last_logs is logs
    assert Scalar.waits == 1
    assert loop.evaluate(lambda b: {"loss": Scalar(b.index)}, source(), hooks, steps=2) == {"loss": 1.0}
    with pytest.warns(UserWarning, match="after 3 of 9 steps"):
        loop.evaluate(lambda b: {}, source(), hooks, steps=9)


def test_predict_joins_every_output():
    hooks = Recorder()
    a, b = loop.predict(lambda batch: (batch.x[0] * 2, np.stack([batch.x[0]] * 3, 1).astype(int)), source(5, 2), hooks)
    assert a.tolist() == [0, 2, 4, 6, 8] and a.dtype == np.float32
    assert b.tolist() == [[i] * 3 for i in range(5)] and b.dtype == int
    assert a.flags.writeable
    assert [k for k in hooks.seen if k[0] == "predict_batch_end"] == [("predict_batch_end", i) for i in range(3)]


@pytest.mark.parametrize("steps", [None, 2])
def test_predict_without_knowing_the_rows(steps):
    (out,) = loop.predict(lambda batch: [batch.x[0]], source(5, 2), Recorder(), steps=steps)
    assert out.tolist() == [0, 1, 2, 3, 4][: None if steps is None else 4]


def test_predict_packs_and_shows_outputs_only_to_those_who_look():
    hooks = Recorder()
    assert (
        loop.predict(lambda b: [b.x[0]], source(2, 2), hooks, pack=lambda leaves: {"out": leaves[0]})["out"].size == 2
    )
    shown = []

    class Watcher(Recorder):
        def on_predict_batch_end(self, batch, logs):
            shown.append(logs["outputs"][0].tolist())

    hooks = Watcher(watch=True)
    loop.predict(lambda b: [b.x[0]], source(3, 2), hooks)
    assert shown == [[0, 1], [2]]


@pytest.mark.parametrize("per_row", [0.5, 2])
def test_outputs_whose_rows_are_not_those_of_the_inputs(per_row):
    """Twice as many rows as inputs, or one row a batch: joined all the same."""

    def step(batch):
        return [np.repeat(batch.x[0], 2) if per_row == 2 else batch.x[0][:1], batch.x[0]]

    a, b = loop.predict(step, source(6, 2), Recorder())
    assert a.tolist() == ([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5] if per_row == 2 else [0, 2, 4])
    assert b.tolist() == [0, 1, 2, 3, 4, 5]


def test_outputs_that_change_after_the_first_batch():
    def widths(batch):
        return [np.zeros((batch.rows, 1 + (batch.index == 1)))]

    with pytest.raises(DataError, match="changes its shape"):
        loop.predict(widths, source(6, 2), Recorder())
    with pytest.raises(DataError, match="no batch axis"):
        loop.predict(lambda batch: [np.float32(1)], source(), Recorder())
    out = loop.predict(lambda b: [np.zeros(b.rows, "f4" if b.index else "f8")], source(6, 2), Recorder())
    assert out[0].dtype == np.float64


def test_predict_copies_to_the_host_while_later_steps_run():
    log = []

    class Device:
        def __init__(self, i):
            self.i = i

        def copy_to_host_async(self):
            log.append(f"ask {self.i}")

        def __array__(self, dtype=None, copy=None):
            log.append(f"take {self.i}")
            return np.full(2, self.i)

    (out,) = loop.predict(lambda batch: [Device(batch.index)], source(8, 2), Recorder())
    assert out.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert log == ["ask 0", "ask 1", "ask 2", "take 0", "ask 3", "take 1", "take 2", "take 3"]


def test_logs_become_floats_in_alphabetical_order():
    asked = []

    class Device(Scalar):
        def copy_to_host_async(self):
            asked.append(Scalar.waits)

    logs = as_floats({"z": Device(1), "a": Device(2), "text": "x", "none": None, "many": np.arange(2)})
    assert list(logs) == ["a", "many", "none", "text", "z"]
    assert (logs["a"], logs["z"], logs["text"], logs["none"]) == (2.0, 1.0, "x", None)
    assert logs["many"].tolist() == [0, 1]
    assert asked == [0, 0], "all are asked for before the first is waited for"

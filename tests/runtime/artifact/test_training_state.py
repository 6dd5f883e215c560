"""Artifacts that train: their state beside calls and threads, and files that lie about the step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler.errors import ArtifactError
from kgc.runtime.artifact import container
from kgc.runtime.artifact.container import Container

from .test_training import LABELS, X, carried, classifier, rows


def counted(folder: Path) -> tuple[Any, Any]:
    """A model that counts its calls, and what was made of it."""

    class Counter(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

        def call(self, x: Any) -> Any:
            self.count.assign(self.count + 1.0)
            return x * self.count

    x = kgc.Input((6,), name="x")
    model = kgc.Model(x, layers.Dense(2)(Counter()(x)))
    model.compile("sgd", "mse")
    return model, carried(model, folder)


def test_state_of_calls_and_of_training_is_one(tmp_path: Path) -> None:
    model, loaded = counted(tmp_path)
    for one in (lambda net: net(X), lambda net: net.train_on_batch(X, rows(12, 2)), lambda net: net(X)):
        for net in (model, loaded):
            one(net)
    np.testing.assert_array_equal(loaded(X), model(X))


def test_a_call_between_steps_of_another_thread(tmp_path: Path) -> None:
    model, loaded = counted(tmp_path)
    inner = loaded._lock

    class Late:
        """The other thread has the lock just before each time that the call takes it."""

        def __enter__(self) -> None:
            loaded._lock = inner
            loaded.train_on_batch(X, rows(12, 2))
            model.train_on_batch(X, rows(12, 2))
            loaded._lock = self
            inner.acquire()

        def __exit__(self, *exc: object) -> None:
            inner.release()

    loaded._lock = Late()
    loaded(X)
    model(X)
    loaded._lock = inner
    np.testing.assert_array_equal(loaded(X), model(X))


def rewritten(path: Path, edit: Any) -> None:
    """The file with its training header changed, all hashes fitting."""
    old, parts = Container(path), container.Parts()
    for number in range(len(old.sizes)):
        parts.add(np.array(old.part(number)))
    fields = old.fields
    edit(fields["training"], parts)
    container.write(path, fields, parts)


def _swap(training: dict[str, Any], parts: Any) -> None:
    training["state"][0], training["state"][1] = training["state"][1], training["state"][0]


EDITS: dict[str, tuple[Any, str]] = {
    "another rate": (lambda t, p: t.update(rate="head.kernel"), "no float32 number"),
    "no state": (lambda t, p: t.update(state=[]), "is no float32 number"),
    "swapped state": (_swap, "params and state of training"),
    "metrics that are not": (lambda t, p: t["metrics"][0].update(name="m"), "metrics are state"),
    "averages of others": (lambda t, p: t.update(averages=[["head.kernel", "head.bias"]]), "one type"),
    "no logs": (lambda t, p: t.update(logs=["loss"]), "the logs of training"),
    "random numbers that are not": (lambda t, p: t.update(random=True), "random numbers"),
    "another target": (lambda t, p: t["targets"][0].update(dtype="float32"), "what training takes"),
    "a target of nothing": (lambda t, p: t.update(outputs=["z"]), "targets of outputs"),
    "runs of others": (lambda t, p: t.update(runs={"fit": 2**40, "train_on_batch": 0}), "numbers of runs"),
    "weights of others": (lambda t, p: t.update(weights=t["step"]), "what makes its weights"),
    "another step": (lambda t, p: t.update(step=t["weights"]), "params and state of training"),
    "an op too many": (lambda t, p: t["step"]["ops"].update(relu=1), "other ops"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("training") / "m.kgc"
    classifier().export(path, platforms=(), training=True)
    return path.read_bytes()


@pytest.mark.parametrize("what", EDITS)
def test_training_that_lies(whole: bytes, tmp_path: Path, what: str) -> None:
    edit, says = EDITS[what]
    (tmp_path / "m.kgc").write_bytes(whole)
    rewritten(tmp_path / "m.kgc", edit)
    with pytest.raises(ArtifactError, match=says):
        kgc.load(tmp_path / "m.kgc").train_on_batch(X, LABELS)


def test_other_weights_are_noticed(whole: bytes, tmp_path: Path) -> None:
    def edit(training: dict[str, Any], parts: Any) -> None:
        spec = next(spec for spec in training["state"] if spec["name"] == training["rate"])
        spec["part"] = parts.add(np.float32(7).tobytes())

    (tmp_path / "m.kgc").write_bytes(whole)
    rewritten(tmp_path / "m.kgc", edit)
    with pytest.raises(ArtifactError, match="train as it did"):
        kgc.load(tmp_path / "m.kgc").verify()

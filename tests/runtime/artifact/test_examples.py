"""Recorded examples: what is recorded, and what counts as the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler.errors import ArtifactError
from kgc.runtime.artifact import container, examples
from kgc.runtime.artifact.container import Container
from kgc.runtime.artifact.examples import deviation


@pytest.mark.parametrize(
    ("given", "recorded", "equal"),
    [
        ([1.0, 100.0], [1.0, 100.005], True),
        ([1.0, 100.0], [1.0, 100.02], False),
        ([np.nan, 1.0], [np.nan, 1.0], True),
        ([np.nan, 1.0], [1.0, 1.0], False),
        ([1.0, 1.0], [np.nan, 1.0], False),
        ([np.inf], [np.inf], True),
        ([np.inf], [-np.inf], False),
        ([0.0], [0.0], True),
        ([1e-9], [0.0], False),
        ([], [], True),
        ([1.0], [[1.0]], False),
    ],
)
def test_deviation(given: Any, recorded: Any, equal: bool) -> None:
    found = deviation([np.array(given, np.float32)], [np.array(recorded, np.float32)])
    assert (found <= 1) == equal


def test_integers_must_be_the_same() -> None:
    assert deviation([np.array([1, 2])], [np.array([1, 2])]) == 0
    assert deviation([np.array([1, 2])], [np.array([1, 3])]) == float("inf")
    assert deviation([np.array([1, 2], "int32")], [np.array([1, 2], "int64")]) == float("inf")


def test_example_has_sizes_that_the_model_takes(tmp_path: Path) -> None:
    x = kgc.Input((None, 2), name="x")
    kgc.Model(x, layers.Conv1D(3, 20)(x)).export(tmp_path / "m.kgc", platforms=())
    loaded = kgc.load(tmp_path / "m.kgc")
    assert loaded._header.example.inputs[0].shape == (2, 32, 2)
    assert loaded.verify() == 0


def test_large_examples_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "LARGEST", 100)
    x = kgc.Input((30,), name="x")
    kgc.Model(x, layers.Dense(3)(x)).export(tmp_path / "m.kgc", platforms=())
    with pytest.raises(ArtifactError, match="no example to be held to: an example would take 264 bytes"):
        kgc.load(tmp_path / "m.kgc").verify()


def test_other_weights_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m.kgc"
    x = kgc.Input((3,), name="x")
    kgc.Model(x, layers.Dense(2, name="head")(x)).export(path, platforms=())
    old = Container(path)
    parts = container.Parts()
    for number in range(len(old.sizes)):
        data = np.array(old.part(number))
        if number == old.fields["params"][0]["part"]:
            data = np.ones(6, np.float32).view(np.uint8)
        parts.add(data)
    container.write(path, old.fields, parts)
    with pytest.raises(ArtifactError, match="outputs that were recorded"):
        kgc.load(path).verify()

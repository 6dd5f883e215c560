"""`kgc.passes`: what README says of passes of one's own is run as it stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgc as keras
from kgc import layers, ops, passes
from kgc.compiler import pipeline
from kgc.compiler.errors import IRError

README = Path(keras.__file__).parent / "README.md"


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    """The pipeline as it was, after the test."""
    before = list(pipeline.PASSES)
    yield
    pipeline.PASSES[:] = before


def blocks() -> list[str]:
    """The Python of README's section."""
    section = README.read_text(encoding="utf-8").partition("### A pass of your own\n")[2].partition("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.S)


def model() -> Any:
    inputs = keras.Input(shape=(4,))
    x = ops.relu(layers.Dense(4, activation="relu")(inputs))
    return keras.Model(inputs, ops.exp(ops.log(ops.exp(x))) * ops.exp(inputs))


def ops_of(graph: Any) -> list[str]:
    return [node.op.name for node in graph.nodes]


def test_readme(capsys: pytest.CaptureFixture[str]) -> None:
    before = model()
    x = np.linspace(-1, 1, 8, dtype="float32").reshape(2, 4)
    expected = before.predict(x, verbose=0)
    kept = passes.optimize(before.graph()).graph
    known: dict[str, Any] = {}
    for code in blocks():
        exec(compile(code, str(README), "exec"), known)
    out = capsys.readouterr().out
    assert out.count("relu") == 3 and "f32[64, 4]" in out  # one is dropped, and specialising drops none
    assert {"cancel_exponentials", "drop_repeats"} <= set(passes.names(training=True))
    made = passes.optimize(before.graph(), paranoid=True).graph
    assert ops_of(kept).count("exp") == 3 and ops_of(made).count("exp") == 1 and "log" not in ops_of(made)
    other = model()
    other.set_weights(before.get_weights())
    np.testing.assert_allclose(other.predict(x, verbose=0), expected, rtol=1e-5)


def test_each_is_written_in_ten_lines() -> None:
    lengths = [len([line for line in code.splitlines() if line.strip()]) for code in blocks()]
    assert len(lengths) == 3 and max(lengths[:2]) <= 10


def test_a_wrong_row_is_found() -> None:
    rules = passes.Rules("wrong")
    rules.row("relu(x)")(lambda x: ops.absolute(x))
    passes.register("wrong", rules, before="simplify_inference")
    with pytest.raises(IRError, match="the pass wrong changed what @"):
        passes.optimize(model().graph(), paranoid=True)
    passes.unregister("wrong")
    passes.optimize(model().graph(), paranoid=True)


def test_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = passes.Rules("wrong")
    rules.row("relu(x)")(lambda x: x)
    passes.register("wrong", rules, before="simplify_inference")
    x = np.ones((2, 4), "float32")
    model().predict(x, verbose=0)
    monkeypatch.setenv("KGC_PARANOID", "1")
    with pytest.raises(IRError, match="the pass wrong"):
        model().predict(x, verbose=0)
    assert passes.optimize(model().graph(), paranoid=False)
    monkeypatch.setenv("KGC_PARANOID", "0")
    model().predict(x, verbose=0)

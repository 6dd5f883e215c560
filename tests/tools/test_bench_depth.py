"""The table of depths runs, and its parts add up.  How fast anything is, no test says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kgc.tools.bench import depth
from kgc.tools.bench.deep import Phases, length


def test_intervals_within_each_other_count_once() -> None:
    assert length([]) == 0
    assert length([(0, 4), (1, 2), (3, 5), (7, 8)]) == 6


def test_what_lies_within_an_earlier_phase_is_not_counted_again() -> None:
    class Monitoring:
        def register_event_duration_secs_listener(self, listener: object) -> None:
            pass

    phases = Phases(Monitoring())
    phases._ends.update(trace=[(0.0, 3.0), (1.0, 2.0)], lower=[(2.0, 5.0)], compile=[(6.0, 7.0)])
    assert phases.seconds() == {"trace": 3.0, "lower": 2.0, "compile": 1.0}


def test_aims() -> None:
    row = {"first step": 2.0, "python": 0.5, "trace": 0.1, "lower": 0.1, "compile": 0.8, "steady": 0.01}
    rows = {
        ("mlp", 10, "rolled"): row,
        ("mlp", 400, "rolled"): row | {"compile": 1.0, "python": 0.89},
        ("mlp", 400, "unrolled"): row | {"steady": 0.02},
    }
    text = "\n".join(depth.aims(rows))
    assert "400 blocks to the end of the first step: 2.00 s (aim 3.5 s)" in text
    assert "mlp 400: JAX 1.20 s, 1.20 times that of 10" in text
    assert "Python 1.00 ms for each further block" in text
    assert "a step 0.50 times that of unrolled" in text


@pytest.mark.slow
def test_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "depth.json"
    told = ["--depths", "3", "--blocks", "3", "--sides", "rolled,unrolled", "--json", str(path)]
    assert depth.main(told) == 0
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert [(row["model"], row["side"]) for row in rows] == [
        (model, side) for model in ("mlp", "transformer") for side in ("rolled", "unrolled")
    ]
    for row in rows:
        assert row["first step"] >= row["compile"] > 0 and row["steady"] > 0
        assert ("3 blocks of" in row["decision"][0]) == (row["side"] == "rolled")
    assert "ms a step" in capsys.readouterr().out

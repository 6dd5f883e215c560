"""The benchmark runs, and its rows are sane. How fast anything is, no test says."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kgc.tools.bench import __main__ as bench
from kgc.tools.bench.table import table
from kgc.tools.bench.timing import ChildError, Row, alternate, child, child_json
from kgc.tools.bench.workloads import WORKLOADS

EXPECTED = {
    **{name: {f"{name} {verb}" for verb in ("fit", "evaluate", "predict")} for name in WORKLOADS},
    "call": {"mlp model(x), batch 1", "conv model(x), batch 1"},
    "cold": {
        "mlp first step, cold",
        "mlp   of which import",
        "import",
        "import and use of names",
        "kgc --help (hand: empty program)",
    },
    "chain": {"define 10 layers", "define 30 layers"},
}


def check(document: dict[str, Any], name: str, sides: set[str]) -> None:
    """Every row of a measurement is there, every side has a time in it, and nothing failed."""
    rows = {row["name"]: row for row in document["rows"]}
    assert set(rows) == EXPECTED[name]
    for row in rows.values():
        failed = {side: note for side, note in row["notes"].items() if side in sides}
        assert failed == {}
        wanted = sides - {"hand"} if name == "chain" else sides - {"keras"} if "--help" in row["name"] else sides
        assert set(row["median"]) == wanted
        for side, value in row["median"].items():
            low, high = row["range"][side]
            assert 0 < low <= value <= high and math.isfinite(high)
    assert document["versions"]["jax"] != "-" and "cores" in document["machine"]


SLOW = (*(name for name in WORKLOADS if name != "mlp"), "cold")


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in EXPECTED])
def test_kgc_and_handwritten(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bench.json"
    assert bench.main(["--quick", "--only", name, "--sides", "kgc,hand", "--json", str(path)]) == 0
    document = json.loads(path.read_text(encoding="utf-8"))
    check(document, name, {"kgc", "hand"})
    printed = capsys.readouterr().out
    assert all(row["name"] in printed for row in document["rows"])


@pytest.mark.keras
@pytest.mark.parametrize("name", EXPECTED)
def test_all_sides(name: str, tmp_path: Path) -> None:
    """In a process of its own: this one holds JAX to stricter promotions than Keras can bear."""
    path = tmp_path / "bench.json"
    command = [sys.executable, "-m", "kgc.tools.bench", "--quick", "--only", name, "--json", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    check(json.loads(path.read_text(encoding="utf-8")), name, {"kgc", "keras", "hand"})


def test_unknown_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        bench.main(["--only", "mpl"])
    assert stop.value.code == 2 and "mpl" in capsys.readouterr().err


def test_runs_alternate_and_take_turns_at_going_first() -> None:
    order: list[str] = []
    runs = {name: (lambda name=name: order.append(name) or float(len(order))) for name in "ab"}
    assert alternate(runs, 3) == {"a": [1.0, 4.0, 5.0], "b": [2.0, 3.0, 6.0]}
    assert "".join(order) == "abbaab"
    assert alternate({}, 3) == {}


def test_rows_hold_medians_and_ratios() -> None:
    row = Row("x", "ms")
    row.add("kgc", [0.001, 0.005, 0.002], 1e3)
    row.add("hand", [0.001], 1e3)
    row.add("keras", [])
    row.notes["keras"] = "not there"
    assert row.values == {"kgc": 2.0, "hand": 1.0} and row.spread["kgc"] == (1.0, 5.0)
    assert row.plain()["ratio"] == {"kgc/hand": 2.0}
    text = table([row])
    assert "2.00" in text and "x: keras: not there" in text


def test_a_failing_process_says_why() -> None:
    with pytest.raises(ChildError, match="ValueError: no"):
        child(["-c", "raise ValueError('no')"])
    with pytest.raises(ChildError, match="over"):
        child(["-c", "import time; time.sleep(60)"], timeout=0.2)
    assert child_json(["-c", "print('noise'); print('[1, 2]')"]) == [1, 2]

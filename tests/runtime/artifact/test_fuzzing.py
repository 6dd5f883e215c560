"""A few of the corrupt files that `fuzzing` makes: the same ones every time, in a process of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import fuzzing

COUNT = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("fuzzing")
    fuzzing.seeds(place)
    return place


def test_corrupt_files_are_refused_and_nothing_else(folder: Path) -> None:
    rows, memory = fuzzing.work(folder, 0, list(range(COUNT)))
    assert len(rows) == COUNT
    wrong = [row for row in rows if row["found"] not in ("refused", "ran")]
    assert not wrong
    assert sum(row["found"] == "refused" for row in rows) > COUNT // 2
    assert max(one["peak"] - one["before"] for one in memory) < 256 << 10  # KiB


def test_a_process_that_dies_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzing, "__file__", str(folder / "dies.py"))
    Path(fuzzing.__file__).write_text(
        "import json, os, signal, sys\n"
        "for number in map(int, sys.argv[4:]):\n"
        "    print(json.dumps({'began': number, 'kind': 'text'}), flush=True)\n"
        "    if number == 1: os.kill(os.getpid(), signal.SIGSEGV)\n"
        "    print(json.dumps({'number': number, 'kind': 'text', 'found': 'refused'}), flush=True)\n"
    )
    rows, _ = fuzzing.work(folder, 0, [0, 1, 2])
    assert [(row["number"], row["found"]) for row in rows] == [(0, "refused"), (1, "crashed: -11"), (2, "refused")]

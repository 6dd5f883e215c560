"""The figures of artifacts: every phase of both sides is there, each from a process of its own."""

from __future__ import annotations

import pytest

from kgc.tools.bench import artifact


@pytest.mark.slow
def test_rows_of_both_sides() -> None:
    rows = {row.name.split(maxsplit=1)[1].strip(): row for row in artifact.measure(["kgc", "hand"], 1, True)}
    assert not any(row.notes for row in rows.values())
    assert rows.pop("first call, programs kept (kgc)").values.keys() == {"kgc"}
    assert len(rows) == 7
    for row in rows.values():
        assert row.values.keys() == {"kgc", "hand"} and min(row.values.values()) > 0

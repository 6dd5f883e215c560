"""`kgc bench`: what is timed, and how it is told; no figure is judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kgc.tools.cli import main

MODEL = """
import kgc

x = kgc.Input((4,), name="x")
model = kgc.Model(x, kgc.layers.Dense(3, name="head")(x), name="net")
"""


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *argv: str, status: int = 0) -> tuple[str, str]:
    assert main(["bench", *argv]) == status
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_both_modes_of_a_compiled_model_as_json(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(model).write_text(MODEL + "model.compile('sgd', 'mse')\n")
    rows = json.loads(run(capsys, model, "--batch", "1,8", "--rounds", "2", "--json")[0])
    assert [(row["mode"], row["batch"]) for row in rows] == [
        ("predict", 1),
        ("train", 1),
        ("predict", 8),
        ("train", 8),
    ]
    assert all(0 < row["low"] <= row["step"] <= row["high"] and row["first"] > 0 for row in rows)


def test_several_sources_have_ratios_to_the_first(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "net.ir"
    assert main(["compile", model, "-o", str(text)]) == 0
    out, said = run(capsys, model, str(text), "--batch", "4", "--rounds", "1")
    head, *rows = out.splitlines()
    assert head.split()[-1] == "ratio" and said == ""
    assert [row.split()[1:3] for row in rows] == [["predict", "4"]] * 2
    assert rows[0].split()[-1] == "1.00"


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--batch", "0"], 2, "--batch takes numbers of rows"),
        (["--batch", "many"], 2, "--batch takes numbers of rows"),
        (["--rounds", "0"], 2, "--rounds takes a number of samples"),
        (["--mode", "train"], 1, "is no compiled model"),
    ],
)
def test_what_cannot_be_timed(
    options: list[str], status: int, message: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, said = run(capsys, model, *options, status=status)
    assert out == "" and message in said


def test_one_source_twice_is_refused(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, said = run(capsys, model, model, status=2)
    assert out == "" and "given twice" in said

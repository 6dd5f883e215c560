"""`kgc run` and `kgc inspect`: arrays through an artifact, and what is in one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler.parser import parse
from kgc.tools.cli import main

ROWS = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGC_CACHE", "")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    a, b = kgc.Input((3,), name="a"), kgc.Input((3,), name="b")
    model = kgc.Model([a, b], [layers.Add(name="sum")([a, b]), layers.Dense(2, name="head x")(a)], name="two")
    model.export(tmp_path / "m.kgc")
    return tmp_path / "m.kgc"


@pytest.fixture
def single(tmp_path: Path) -> Path:
    x = kgc.Input((3,), name="x")
    kgc.Model(x, layers.Activation("tanh", name="file", dtype="bfloat16")(x)).export(tmp_path / "s.kgc", platforms=())
    return tmp_path / "s.kgc"


def run(*argv: object) -> int:
    return main([str(word) for word in argv])


def failure(capsys: pytest.CaptureFixture[str], *argv: object, status: int = 1) -> str:
    assert run(*argv) == status
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("kgc: ") and "Traceback" not in captured.err
    return captured.err


def test_runs_named_arrays(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "x.npz", b=ROWS, a=2 * ROWS)
    assert run("run", path, "--input", tmp_path / "x.npz", "--output", tmp_path / "y.npz") == 0
    assert capsys.readouterr().err == "sum: float32[4, 3], head x: float32[4, 2]\n"
    with np.load(tmp_path / "y.npz") as made:
        assert made.files == ["sum", "head x"]
        np.testing.assert_allclose(made["sum"], 3 * ROWS, rtol=1e-6)
        np.testing.assert_array_equal(made["head x"], kgc.load(path).run({"a": 2 * ROWS, "b": ROWS})["head x"])


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_one_input_needs_no_name(single: Path, tmp_path: Path, name: str) -> None:
    (np.save if name == "x.npy" else np.savez)(tmp_path / name, ROWS)
    assert run("run", single, "--input", tmp_path / name, "--output", tmp_path / "y.npz") == 0
    with np.load(tmp_path / "y.npz") as made:
        assert made["file"].dtype == np.float32
        np.testing.assert_allclose(made["file"], np.tanh(ROWS), atol=1e-2)


def test_run_says_what_is_wrong(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "x.npz", a=ROWS)
    np.save(tmp_path / "x.npy", ROWS)
    np.save(tmp_path / "objects.npy", np.array([object()]), allow_pickle=True)
    (tmp_path / "text.npz").write_text("no array")
    out = ("--output", tmp_path / "y.npz")
    assert "lacks data for 'b'" in failure(capsys, "run", path, "--input", tmp_path / "x.npz", *out)
    assert "give an .npz file" in failure(capsys, "run", path, "--input", tmp_path / "x.npy", *out)
    assert "it is neither" in failure(capsys, "run", path, "--input", tmp_path / "text.npz", *out)
    assert "cannot be read" in failure(capsys, "run", path, "--input", tmp_path / "objects.npy", *out)
    assert "is no artifact" in failure(capsys, "run", tmp_path / "x.npz", "--input", tmp_path / "x.npz", *out)
    np.savez(tmp_path / "both.npz", a=ROWS, b=ROWS)
    assert "no random" in failure(capsys, "run", path, "--seed", 1, "--input", tmp_path / "both.npz", *out)
    assert "there is no file" in failure(capsys, "run", path, "--input", tmp_path / "no.npz", *out, status=2)
    assert "there is no file" in failure(capsys, "run", tmp_path / "no.kgc", "--input", path, *out, status=2)
    assert ".npz file" in failure(capsys, "run", path, "--input", path, "--output", "y.csv", status=2)
    assert not (tmp_path / "y.npz").exists()


def test_inspect_describes(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("inspect", path, "--weights", "--verify") == 0
    text = capsys.readouterr().out
    for part in (
        "two   ",
        "signature   [a: float32[b, 3], b: float32[b, 3]] -> [sum: float32[b, 3], head x: float32[b, 2]]",
        "ops         add, dense",
        "example     recorded on cpu",
        "stablehlo   tpu: ",
        "head x.kernel: float32[3, 2]   24 B",
        "verified",
    ):
        assert part in text


def test_inspect_prints_ir_and_json(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("inspect", path, "--ir", "--verify") == 0
    text = capsys.readouterr().out
    assert str(parse(text)).rstrip() == text.rstrip() and text.startswith("graph @two(")
    assert run("inspect", path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["ir"]["ops"] == {"add": 1, "dense": 1}


def test_inspect_of_files_that_train(tmp_path: Path, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = kgc.Input((3,), name="x")
    model = kgc.Model(x, layers.Dense(2, name="head")(x), name="line")
    model.compile(kgc.optimizers.SGD(0.1, name="sgd"), "mse")
    model.export(tmp_path / "t.kgc", platforms=(), training=True)
    assert run("inspect", tmp_path / "t.kgc", "--verify", "--weights") == 0
    text = capsys.readouterr().out
    parts = "trains on head: float32[b, 2] -> loss", "training    a step", "sgd.learning_rate: float32[]", "logs of"
    for part in parts:
        assert part in text
    assert run("inspect", tmp_path / "t.kgc", "--step") == 0
    assert capsys.readouterr().out.startswith("graph @line_train(%x: f32[b, 3], %y: f32[b, 2]) -> (loss: f32[])")
    assert "for inference" in failure(capsys, "inspect", path, "--step")


def test_inspect_of_damaged_files(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # in the last part, which nothing but a check reads
    path.write_bytes(data)
    assert run("inspect", path) == 0
    capsys.readouterr()
    assert run("inspect", path, "--verify") == 1
    assert "does not have the hash" in capsys.readouterr().err
    (tmp_path / "t.kgc").write_bytes(data[:100])
    assert "is damaged" in failure(capsys, "inspect", tmp_path / "t.kgc")
    assert "--verify" in failure(capsys, "inspect", path, "--trust", status=2)


def test_terminals_are_not_obeyed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = kgc.Input((3,), name="x")
    kgc.Model(x, layers.Dense(2, name="a\x1b[2Jb")(x)).export(tmp_path / "m.kgc", platforms=())
    assert run("inspect", tmp_path / "m.kgc", "--weights") == 0
    text = capsys.readouterr().out
    assert "\x1b" not in text and "a\\x1b[2Jb" in text

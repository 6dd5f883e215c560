"""`kgc opt`, `diff`, `check` and `plot`: on standard output what they found, in the exit status whether it is well."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from kgc.compiler import pipeline
from kgc.compiler.parser import parse
from kgc.compiler.printer import constant_name
from kgc.compiler.rules import Rules
from kgc.tools.cli import main

TEXT = """graph @net(%x: f32[b, 3]) -> (f32[b, 2]) {
  param %w: f32[3, 2]
  param %unused: f32[3]
  %0: f32[b, 2] = matmul(%x, %w)
  %1: f32[b, 2] = matmul(%x, %w)
  %2: f32[b, 2] = add(%0, %1)
  return %2
}
"""
MODEL = """
import kgc
from kgc import layers

x = kgc.Input((4,), name="x")
small = kgc.Model(x, layers.Dense(2, name="head")(x), name="small")
large = kgc.Model(x, layers.Dense(2, name="head")(layers.Dense(8, activation="relu", name="hidden")(x)), name="large")
large.compile("adam", "mse", metrics=["mae"])
"""


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    status = main(list(argv))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def ir(tmp_path: Path) -> str:
    path = tmp_path / "net.ir"
    path.write_text(TEXT)
    return str(path)


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return str(path)


# opt
def test_opt_prints_ir_after_the_passes(ir: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "opt", ir)
    assert (status, err) == (0, "")
    graph = parse(out)
    assert [node.op.name for node in graph.nodes] == ["matmul", "add"] and len(graph.params) == 1


def test_opt_runs_the_passes_asked_for_in_their_order(ir: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "opt", ir, "--passes", "prune-dead", "--print-after", "all")
    assert status == 0 and out.count("matmul") == 4 and "// after prune_dead" in out and "// final" in out
    status, _, err = run(capsys, "opt", ir, "--passes", "prune_dad")
    assert status == 2 and "there is no pass 'prune_dad'" in err
    status, _, err = run(capsys, "opt", ir, "--train", "--passes", "fold_batch_norm")
    assert status == 2 and "those for training are" in err
    status, _, err = run(capsys, "opt", ir, "--passes", "prune_dead", "--print-after", "eliminate_common")
    assert status == 2 and "--print-after takes all, prune_dead" in err


def test_opt_paranoid_names_the_pass_that_changes_numbers(
    ir: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = Rules("wrong")
    wrong.row("add(x, y)")(lambda x, y: x)
    monkeypatch.setattr(pipeline, "PASSES", [*pipeline.PASSES[:3], pipeline.Pass("wrong", wrong), *pipeline.PASSES[3:]])
    assert run(capsys, "opt", ir)[0] == 0
    status, out, err = run(capsys, "opt", ir, "--paranoid")
    assert status == 1 and not out and "the pass wrong changed what @net computes: output 0" in err
    assert run(capsys, "opt", ir, "--paranoid", "--passes", "prune_dead,eliminate_common")[0] == 0


def test_opt_reads_standard_input_and_writes_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(TEXT))
    assert run(capsys, "opt", "-", "-o", str(tmp_path / "out.ir")) == (0, "", "")
    assert len(parse((tmp_path / "out.ir").read_text()).nodes) == 2


def test_opt_says_what_is_wrong_with_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.ir"
    path.write_text(TEXT.replace("add(%0, %1)", "add(%0, %9)"))
    status, out, err = run(capsys, "opt", str(path))
    assert status == 1 and out == "" and "%9" in err and "Traceback" not in err
    status, _, err = run(capsys, "opt", str(tmp_path / "none.ir"))
    assert status == 2 and "cannot be read" in err


def test_opt_takes_constants_from_beside_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    array = np.arange(100, dtype=np.float32)
    name = constant_name(array)
    path = tmp_path / "g.ir"
    path.write_text(
        f"graph @g(%x: f32[100]) -> (f32[100]) {{\n  const %c: f32[100] {name}\n"
        "  %0: f32[100] = add(%x, %c)\n  return %0\n}"
    )
    np.savez(tmp_path / "consts.npz", **{name: array})
    status, out, _ = run(capsys, "opt", str(path), "--consts", str(tmp_path / "consts.npz"))
    assert status == 0 and name in out
    status, _, err = run(capsys, "opt", str(path))
    assert status == 1 and "sha256" in err


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_constants_that_cannot_be_read_are_named(
    ir: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "consts.npz"
    path.write_bytes(content)
    status, out, err = run(capsys, "opt", ir, "--consts", str(path))
    assert (status, out) == (1, "") and f"{path} cannot be read" in err
    path.unlink()
    assert run(capsys, "opt", ir, "--consts", str(path))[0] == 2


def test_opt_tells_what_new_parameters_are_made_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bn.py"
    path.write_text(
        "import kgc\nfrom kgc import layers\nx = kgc.Input((4,))\n"
        "model = kgc.Model(x, layers.BatchNormalization()(layers.Dense(2)(x)))\n"
    )
    _, text, _ = run(capsys, "compile", str(path), "--no-passes")
    (tmp_path / "bn.ir").write_text(text)
    status, out, _ = run(capsys, "opt", str(tmp_path / "bn.ir"))
    assert status == 0 and "// New parameters are made by" in out and "folded" in out
    assert len(parse(out).nodes) < len(parse(text).nodes)


# diff
def test_diff_of_equal_graphs_is_silent(ir: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "renamed.ir"
    other.write_text(TEXT.replace("%2", "%last"))
    assert run(capsys, "diff", ir, str(other)) == (0, "", "")


def test_diff_shows_what_one_has_and_the_other_has_not(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "diff", f"{model}:small", f"{model}:large")
    assert (status, err) == (1, "")
    lines = out.splitlines()
    assert "+param %hidden.kernel: f32[4, 8]" in lines
    assert "-param %head.kernel: f32[4, 2]" in lines and "+param %head.kernel: f32[8, 2]" in lines
    assert any(line.startswith("+relu(") for line in lines)


def test_diff_of_one_op_is_one_line(ir: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.ir"
    other.write_text(
        TEXT.replace("%2: f32[b, 2] = add(%0, %1)", "%2: f32[b, 2] = tanh(%1)\n  %3: f32[b, 2] = add(%0, %2)").replace(
            "return %2", "return %3"
        )
    )
    status, out, _ = run(capsys, "diff", ir, str(other))
    changed = [line for line in out.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert status == 1 and changed == ["+tanh(%) -> f32[b, 2]"]


def test_diff_names_what_lines_cannot_show(ir: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "wired.ir"
    other.write_text(TEXT.replace("add(%0, %1)", "add(%0, %0)"))
    status, out, _ = run(capsys, "diff", ir, str(other))
    assert status == 1 and "differ: " in out


# check
def test_check_goes_over_all_models_of_a_file(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "check", model)
    small, large = out.splitlines()
    assert (status, err) == (0, "")
    assert small.startswith(f"{model}:small: Functional 'small' (x: f32[b, 4]) -> (f32[b, 2]); not compiled")
    assert "trains on y: f32[b, 2]" in large and "logs loss, mae" in large
    assert run(capsys, "check", "-q", f"{model}:small") == (0, "", "")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("y = layers.Conv2D(2, 3)(x)", "Conv2D"),
        ('small.compile("adam", ["mse", "mse"])', "compile() was given loss for 2 outputs"),
        ('small.compile("adam", "mse", metrics=["acuracy"])', "acuracy"),
    ],
)
def test_check_fails_at_the_users_line(
    line: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(f"{MODEL}{line}\n")
    status, out, err = run(capsys, "check", str(path))
    number = len(MODEL.splitlines()) + 1
    assert status == 1 and said in err and f"wrong.py:{number}" in err and "Traceback" not in err, (out, err)


# plot
def test_plot_writes_the_format_of_the_ending(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, head in (("m.svg", b"<?xml"), ("m.png", b"\x89PNG"), ("m.pdf", b"%PDF"), ("m.dot", b"")):
        status, out, err = run(capsys, "plot", f"{model}:large", "-o", str(tmp_path / name), "--shapes")
        assert (status, out, err) == (0, "", "")
        assert (tmp_path / name).read_bytes().startswith(head)
    assert b"hidden" in (tmp_path / "m.dot").read_bytes()
    status, _, err = run(capsys, "plot", f"{model}:large", "-o", str(tmp_path / "m.docx"))
    assert status == 1 and "docx" in err

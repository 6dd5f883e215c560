"""`kgc compile`: the IR on stdout or in a file, before, between and after the passes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kgc.compiler import pipeline
from kgc.compiler.parser import parse
from kgc.tools.cli import main
from kgc.tools.cli.compile import write_whole
from kgc.tools.cli.failure import Failure

MODEL = """
import kgc
from kgc import layers

x = kgc.Input((8, 8, 1), name="x")
y = layers.Conv2D(2, 3, name="conv")(x)
y = layers.BatchNormalization(name="bn")(y)
y = layers.Dropout(0.5, name="drop")(layers.Flatten(name="flat")(y))
model = kgc.Model(x, layers.Dense(3, activation="softmax", name="head")(y), name="net")
"""
COMPILED = MODEL + "model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])\n"


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return str(path)


@pytest.fixture
def compiled(tmp_path: Path) -> str:
    path = tmp_path / "compiled.py"
    path.write_text(COMPILED)
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    status = main(["compile", *argv])
    captured = capsys.readouterr()
    assert (status, captured.err) == (0, "")
    return captured.out


def test_prints_ir_that_parses(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, model)
    assert text.startswith("graph @net(%x: f32[b, 8, 8, 1]) -> (f32[b, 3])")
    assert str(parse(text)).rstrip("\n") == text.rstrip("\n")


def test_passes_change_what_is_printed(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = run(capsys, model, "--no-passes"), run(capsys, model)
    assert "%bn." in before
    assert len(after.splitlines()) < len(before.splitlines())
    assert run(capsys, model, "--passes", "") == before
    assert run(capsys, model, "--passes", ",".join(step.name for step in pipeline.PASSES)) == after


def test_one_pass_by_either_spelling(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    folded = run(capsys, model, "--passes", "fold_batch_norm")
    assert run(capsys, model, "--passes", "fold-batch-norm") == folded
    assert folded != run(capsys, model, "--no-passes")


def test_print_after_all_and_after_one(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, model, "--print-after", "all")
    heads = [line.removeprefix("// ") for line in text.splitlines() if line.startswith("// ")]
    assert list(dict.fromkeys(heads)) == [*(f"after {name}" for name in pipeline.names(asked=False)), "final"]
    last = text.rpartition("// final\n")[2]
    assert last == run(capsys, model)
    text = run(capsys, model, "--print-after", pipeline.names()[0])
    assert {line for line in text.splitlines() if line.startswith("// ")} == {
        f"// after {pipeline.names()[0]}",
        "// final",
    }


DEEP = """
import kgc
from kgc import layers

x = y = kgc.Input((4,), name="x")
for _ in range(60):
    y = layers.Dense(4, activation="tanh")(y)
model = kgc.Model(x, y, name="deep")
model.compile("adam", "mse")
"""


@pytest.mark.parametrize("mode", ["predict", "train"])
def test_loops_and_the_decision_about_them(mode: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "deep.py"
    path.write_text(DEEP)
    text = run(capsys, str(path), "--mode", mode)
    assert text.startswith("// roll_loops: not rolled" if "scan" not in text else "// roll_loops: 60 blocks of ")
    assert "scan(" in text and len(parse(text).nodes) < 30
    never = run(capsys, str(path), "--mode", mode, "--roll", "never")
    assert never.startswith("// roll_loops: never, as told\n") and len(parse(never).nodes) >= 60
    named = run(capsys, str(path), "--mode", mode, "--passes", "roll-loops")
    assert named.startswith("// roll_loops: 60 blocks of ") and "scan(" in named


def test_output_goes_into_a_file_whole(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "net.ir"
    target.write_text("old")
    assert run(capsys, model, "-o", str(target)) == ""
    assert target.read_text() == run(capsys, model)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["model.py", "net.ir"]


def test_output_with_print_after_keeps_stdout_for_the_passes(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "net.ir"
    name = pipeline.names()[0]
    out = run(capsys, model, "-o", str(target), "--print-after", name)
    assert out.startswith(f"// after {name}\n") and "// final" not in out
    assert "//" not in target.read_text()


def test_train_mode_of_a_compiled_model_has_loss_and_new_state(
    compiled: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = run(capsys, compiled, "--mode", "train")
    assert "assign %bn.moving_mean" in text
    assert "assign" not in run(capsys, compiled)
    header = text.splitlines()[0]
    assert header.count("%") > 1, "the targets are inputs"
    parse(text)


def test_train_mode_of_a_model_that_is_not_compiled(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", model, "--mode", "train"]) == 1
    assert "is not compiled, and --mode train shows loss" in capsys.readouterr().err


def test_a_pass_that_the_file_registers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.py"
    path.write_text(MODEL + "kgc.passes.register('own', lambda graph: graph)\n")
    try:
        assert "// after own\n" in run(capsys, str(path), "--passes", "own", "--print-after", "own")
    finally:
        pipeline.unregister("own")


def test_an_artifact_shows_no_training(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "m.kgc")
    assert main(["compile", model, "--emit", "artifact", "-o", path]) == 0
    assert main(["compile", path, "--mode", "train"]) == 2
    assert "predicts" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--passes", "fold_batch_norm,polish"], "there is no pass 'polish'; those for --mode predict are: "),
        (["--print-after", "polish"], "no pass 'polish' is run"),
        (["--passes", "prune_dead", "--print-after", "fold_batch_norm"], "no pass 'fold_batch_norm' is run"),
        (["--passes", "fold_batch_norm", "--mode", "train"], "no pass 'fold_batch_norm'; those for --mode train are: "),
        (["--no-passes", "--print-after", "all"], "--no-passes runs none"),
        (["--no-passes", "--passes", "prune_dead"], "not allowed with"),
        (["--mode", "dream"], "invalid choice"),
    ],
)
def test_wrong_options(model: str, options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", model, *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and message in captured.err and "Traceback" not in captured.err


def test_an_output_that_cannot_be_written(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", model, "-o", str(tmp_path / "absent" / "net.ir")]) == 1
    assert "net.ir cannot be written: there is no folder " in capsys.readouterr().err


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "net.ir"
    target.write_text("old")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(Failure, match="No space left on device"):
        write_whole(target, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["net.ir"]
    assert target.read_text() == "old"


def test_a_written_file_has_the_usual_mode_and_follows_links(tmp_path: Path) -> None:
    plain, real, link = tmp_path / "plain", tmp_path / "real", tmp_path / "link"
    plain.write_text("")
    link.symlink_to(real)
    write_whole(link, "text")
    assert link.is_symlink() and real.read_text() == "text"
    assert stat.S_IMODE(real.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    write_whole(Path(os.devnull), "text")
    assert not Path(os.devnull).is_file()


def test_the_command_as_a_process(model: str) -> None:
    command = [sys.executable, "-m", "kgc.tools.cli", "compile"]
    done = subprocess.run([*command, model], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("graph @net")
    Path(model).write_text(MODEL + "layers.Dense(3)(kgc.Input((None,)))\n")
    done = subprocess.run([*command, model], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("kgc: ShapeError: ") and "model.py:10 " in done.stderr
    assert "Traceback" not in done.stderr

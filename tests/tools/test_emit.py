"""`kgc compile --emit`: every form of a graph, from a model and from IR text."""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path

import pytest

import kgc
from kgc.compiler import pipeline
from kgc.compiler.ops.activation import tanh
from kgc.compiler.parser import parse
from kgc.compiler.rules import Rules
from kgc.tools.cli import drawn, groups, main

MODEL = """
import kgc
from kgc import layers

x = kgc.Input((4,), name="x")
shared = layers.Dense(4, activation="relu", name="shared")
y = shared(shared(x))
y = layers.Dropout(0.5, name="drop")(y)
model = kgc.Model(x, [layers.Dense(3, name="a")(y), layers.Add(name="sum")([y, x])], name="net")
model.compile("sgd", ["mse", "mse"])
"""


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *argv: str, status: int = 0) -> tuple[str, str]:
    assert main(list(argv)) == status
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_layers_have_a_line_each_and_the_users_line(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, _ = run(capsys, "compile", model, "--emit", "layers")
    lines = text.splitlines()
    assert lines[0] == "model @net(%x: f32[b, 4])"
    assert sorted(line.split()[0].rstrip(":") for line in lines[1:-1]) == ["%a", "%shared", "%shared_1", "%sum"]
    assert "20 weights" in lines[1] and lines[1].endswith("model.py:7")
    assert lines[-1] == "  return %a, %sum"


def test_a_group_is_one_call_of_a_layer_and_gives_what_others_use() -> None:
    x = kgc.Input((4,), name="x")
    y = kgc.layers.Dense(4, activation="tanh", name="d")(x)
    graph = kgc.Model(x, kgc.layers.Add(name="add")([x, y])).graph()
    parts = groups.group(graph)
    assert [(one.label, one.ops()) for one in parts] == [("d", "matmul, add, tanh"), ("add", "add")]
    assert parts[0].uses == [graph.inputs[0]] and parts[1].gives == [graph.outputs[0]]
    assert groups.count(parts[0].weights) == 20


@pytest.mark.parametrize("form", ["mermaid", "dot"])
def test_pictures_have_a_box_a_layer_and_an_arrow_a_use(
    form: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text, _ = run(capsys, "compile", model, "--no-passes", "--emit", form)
    arrow = r"(\w+) -->" if form == "mermaid" else r"(\w+) ->"
    boxes = set(re.findall(r"^  (\w+)(?=\[| \[label|\(\[)", text, re.MULTILINE))
    assert len(re.findall(arrow, text)) >= 8
    assert set(re.findall(arrow, text)) <= boxes
    assert text.count("shared") == 2 and "f32[b, 4]" in text


def test_markup_in_names_is_text() -> None:
    graph = parse('graph @"a\\"b"(%"<x>": f32[2]) -> ("o\\"": f32[2]) {\n  return %"<x>"\n}')
    assert "<x>" not in drawn.mermaid(graph) and "&lt;x&gt;" in drawn.mermaid(graph)
    assert '"a\\"b"' in drawn.dot(graph) and '"<x>"' in drawn.dot(graph)


def test_json_says_what_the_text_says(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, _ = run(capsys, "compile", model, "--mode", "train", "--emit", "json")
    found = json.loads(text)
    ir, _ = run(capsys, "compile", model, "--mode", "train")
    graph = parse(ir)
    assert [node["op"] for node in found["nodes"]] == [node.op.name for node in graph.nodes]
    assert [one["name"] for one in found["params"]] == [value.name for value in graph.params]
    assert [one["state"] for one in found["assigns"]] == [target.name for target, _ in graph.assigns]
    assert any(node["location"]["scope"].startswith("shared") for node in found["nodes"])
    names = {one["name"] for kind in ("inputs", "params", "state", "constants") for one in found[kind]}
    for node in found["nodes"]:
        for operand in node["operands"].values():
            for item in operand if isinstance(operand, list) else [operand]:
                assert not isinstance(item, dict) or item["value"] in names
        names.update(result["name"] for result in node["results"])
    assert set(found["outputs"]) <= names


def test_jaxpr_and_stablehlo_of_a_graph_and_of_the_whole_step(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, _ = run(capsys, "compile", model, "--emit", "jaxpr")
    assert text.startswith("// arguments: x, ") and "f32[b,4]" in text and "dot_general" in text
    step, _ = run(capsys, "compile", model, "--emit", "jaxpr", "--mode", "train", "--batch", "8")
    assert "f32[8,4]" in step and step.count("dot_general") > 2 * text.count("dot_general")
    text, _ = run(capsys, "compile", model, "--emit", "stablehlo", "--platforms", "cpu,tpu")
    assert text.count("module @") == 2 and "tensor<?x4xf32>" in text and "loc(" not in text
    text, _ = run(capsys, "compile", model, "--emit", "stablehlo", "--batch", "2", "--mode", "train")
    assert "tensor<2x4xf32>" in text and "?" not in text


def test_batch_is_that_of_all_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "two.ir"
    path.write_text(
        "graph @two(%x: f32[b, 3], %y: f32[b1, t0]) -> (f32[b, 3], f32[b1, t0]) {\n"
        "  %0: f32[b, 3] = tanh(%x)\n  %1: f32[b1, t0] = tanh(%y)\n  return %0, %1\n}\n"
    )
    text, _ = run(capsys, "compile", str(path), "--batch", "8")
    assert "%x: f32[8, 3], %y: f32[8, t0]" in text
    _, said = run(capsys, "compile", str(path), "--batch", "8", "--emit", "hlo", status=2)
    assert "t0 is open: give `Input" in said


def test_hlo_needs_a_batch(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, said = run(capsys, "compile", model, "--emit", "hlo", status=2)
    assert "give --batch N" in said
    text, _ = run(capsys, "compile", model, "--emit", "hlo", "--batch", "8")
    assert text.startswith("HloModule") and "f32[8,4]" in text


def test_an_artifact_is_written_and_compared(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.kgc"
    run(capsys, "compile", model, "--emit", "artifact", "-o", str(path), "--platforms", "cpu")
    assert [spec.name for spec in kgc.load(path).signature.input_specs] == ["x"]
    run(capsys, "diff", model, str(path), "--optimized")
    text, _ = run(capsys, "diff", model, str(path), status=1)
    assert "-dropout" in text


def test_batch_makes_sizes_numbers(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, _ = run(capsys, "compile", model, "--batch", "16")
    assert "f32[16, 4]" in text and "f32[b," not in text
    parse(text)


def test_ir_text_is_a_source(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text, _ = run(capsys, "compile", model, "--no-passes")
    path = tmp_path / "net.ir"
    path.write_text(text)
    wanted, _ = run(capsys, "compile", model)
    assert run(capsys, "compile", str(path))[0] == wanted
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert run(capsys, "compile", "-")[0] == wanted
    assert run(capsys, "compile", str(path), "--no-passes", "--batch", "3")[0] == text.replace("[b, ", "[3, ").replace(
        "(b, ", "(3, "
    )


def test_diff_and_time_of_passes(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, times = run(capsys, "compile", model, "--diff", "--time-passes")
    assert text.startswith("--- as traced\n+++ after all passes\n") and "-dropout(" in text
    rows = [line.split()[0] for line in times.splitlines()[1:]]
    ran = [step.name for step in pipeline.PASSES if not step.asked]
    assert rows == [*ran, "in"]
    text, _ = run(capsys, "compile", model, "--diff", "--print-after", "all")
    assert "// after fold_constants: nothing changed" in text and "+++ after prune_dead" in text
    text, _ = run(capsys, "compile", model, "--diff", "--emit", "layers")
    assert text.startswith("--- as traced") and text.rpartition("// final\n")[2].startswith("model @net")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--no-passes", "--diff"], "--diff needs passes"),
        (["--no-passes", "--time-passes"], "--time-passes needs passes"),
        (["--platforms", "cpu"], "--platforms is for --emit stablehlo and artifact"),
        (["--emit", "stablehlo", "--platforms", "abacus"], "no platform 'abacus'"),
        (["--batch", "0"], "--batch takes a number of rows"),
        (["--emit", "artifact"], "say which, -o model.kgc"),
        (["--emit", "artifact", "-o", "m.kgc", "--batch", "2"], "--batch does not go with --emit artifact"),
        (["--emit", "jaxpr", "--mode", "train", "--no-passes"], "shows the whole step, after all passes"),
        (["--consts", "c.npz"], "--consts goes with IR text"),
    ],
)
def test_arguments_that_do_not_go_together(
    options: list[str], message: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, said = run(capsys, "compile", model, *options, status=2)
    assert (out, message in said) == ("", True), said


def test_paranoid_names_the_pass_that_breaks_the_numbers(
    model: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KGC_PARANOID", raising=False)
    text, _ = run(capsys, "compile", model, "--paranoid")
    assert text == run(capsys, "compile", model)[0]
    wrong = Rules("polish")
    wrong.row("relu(x)")(lambda x: tanh(x))
    pipeline.register("polish", wrong, before="fuse_layers")
    try:
        run(capsys, "compile", model)
        _, said = run(capsys, "compile", model, "--paranoid", status=1)
    finally:
        pipeline.unregister("polish")
    assert "polish" in said
    assert "KGC_PARANOID" not in os.environ

"""Paranoid mode: every seeded fault is found and laid to the pass that made it; nothing is cried over what is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest

from kgc.compiler import paranoid, pipeline, rewrite
from kgc.compiler.errors import IRError
from kgc.compiler.graph import Graph
from kgc.compiler.loops import Rolling
from kgc.compiler.op import REGISTRY as OPS
from kgc.compiler.parser import parse
from kgc.compiler.specialize import specialize
from kgc.compiler.transform import PassResult

from .fault_graphs import BLOCKS, DENSE
from .faults import FAULTS, Fault


@pytest.fixture
def registry() -> Iterator[None]:
    """The pipeline as it was, after the test."""
    before = list(pipeline.PASSES)
    yield
    pipeline.PASSES[:] = before


def seed(fault: Fault) -> str:
    """Put the fault into the pipeline; its name there."""
    if not fault.instead:
        place = {"before": "prune_dead"} if fault.first else {"after": fault.after}
        pipeline.register("faulty", fault.fault, **place)
        return "faulty"
    places = [i for i, step in enumerate(pipeline.PASSES) if step.name == fault.instead]
    for i in places:
        pipeline.PASSES[i] = pipeline.Pass(fault.instead, fault.fault, asked=fault.instead == "roll_loops")
    return fault.instead


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_every_fault_is_found_and_laid_to_its_pass(fault: Fault) -> None:
    graph, name = parse(fault.graph), seed(fault)
    if fault.training:  # for time's sake: gradients take XLA long, and it is one set of sizes then
        graph = specialize(graph, b=5)
    roll = fault.instead == "roll_loops"
    made = pipeline.optimize(graph, training=fault.training, roll=roll)  # to the verifier it is right
    assert str(made.graph) and name in pipeline.names()
    with pytest.raises(IRError) as caught:
        pipeline.optimize(graph, training=fault.training, roll=roll, paranoid=True)
    assert caught.value.what.startswith(f"the pass {name} ") and fault.breaks in caught.value.what
    assert caught.value.received and caught.value.hint


def wrong_below_zero(graph: Graph) -> Graph:
    return rewrite.rebuild(graph, lambda n: OPS["absolute"](*n.operands) if n.op.name == "relu" else None)


@pytest.mark.usefixtures("registry")
def test_the_message_says_what_broke_where_and_on_which_values() -> None:
    pipeline.register("wrong", wrong_below_zero, before="prune_dead")
    with pytest.raises(IRError) as caught:
        pipeline.optimize(parse(DENSE), paranoid=True)
    error = caught.value
    assert re.fullmatch(
        r"the pass wrong changed what @dense computes: output 0 differs by [\d.e+-]+ in \d+ of \d+ elements, at b=\d+",
        error.what,
    )
    assert re.fullmatch(
        r"[\d.e+-]+ before and [\d.e+-]+ after at \[\d+, \d+\]; rounding explains [\d.e+-]+", error.received or ""
    )
    assert error.hint == "inputs are the plain ones of seed 0; `--print-after wrong` shows the graph."


@pytest.mark.usefixtures("registry")
def test_only_the_first_of_two_wrong_passes_is_named() -> None:
    pipeline.register("first", wrong_below_zero, before="prune_dead")
    pipeline.register("second", lambda graph: rewrite.replace(graph, outputs=graph.outputs[::-1]))
    with pytest.raises(IRError, match="the pass first"):
        pipeline.optimize(parse(DENSE), paranoid=True)


@pytest.mark.usefixtures("registry")
def test_chosen_passes_are_watched_and_rolled_graphs() -> None:
    pipeline.register("wrong", wrong_below_zero)
    with pytest.raises(IRError, match="the pass wrong"):
        pipeline.optimize(parse(DENSE), ["eliminate_common", "wrong"], paranoid=True)
    pipeline.optimize(parse(DENSE), ["eliminate_common", "prune_dead"], paranoid=True)
    plain = pipeline.optimize(parse(BLOCKS), ["prune_dead"])
    assert pipeline.rolled(plain, Rolling(), paranoid=True).transform is not None
    index = [step.name for step in pipeline.PASSES].index("prune_dead")
    pipeline.PASSES[index] = pipeline.Pass("prune_dead", lambda g: rewrite.replace(g, assigns=g.assigns[:-1]))
    with pytest.raises(IRError, match="the pass prune_dead changed what @blocks computes: state "):
        pipeline.rolled(plain, Rolling(), paranoid=True)


def test_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for told, expected in (("", False), ("0", False), ("1", True), ("yes", True)):
        monkeypatch.setenv("KGC_PARANOID", told)
        assert paranoid.wanted(None) is expected and paranoid.wanted(True) and not paranoid.wanted(False)
    monkeypatch.delenv("KGC_PARANOID")
    assert not paranoid.wanted(None)


# What is not cried over


def watched(old: Graph, new: Graph, training: bool = False) -> list[str]:
    """The notes where `new` stands for `old`."""
    watch = paranoid.Watch(old, training=training)
    watch.check("other", old, PassResult(new))
    return watch.notes


def exchanged(text: str, *pairs: tuple[str, str]) -> tuple[Graph, Graph]:
    changed = text
    for a, b in pairs:
        changed = changed.replace(a, b)
    assert changed != text
    return parse(text), parse(changed)


SUM = """graph @main(%x: f32[b, 64]) -> (f32[]) {
  %0: f32[b] = sum(%x, axis=1)
  %1: f32[] = sum(%0)
  return %1
}"""
CANCELS = """graph @main(%x: f32[b, 8]) -> (f32[b, 8]) {
  %0: f32[b, 8] = add(%x, 1000.0)
  %1: f32[b, 8] = subtract(%0, 1000.0)
  %2: f32[b, 8] = multiply(%1, 0.1)
  return %2
}"""
BF16 = """graph @main(%x: f32[b, 8]) -> (f32[b, 8]) {
  %0: bf16[b, 8] = cast(%x, dtype="bfloat16")
  %1: bf16[b, 8] = exp(%0)
  %2: f32[b, 8] = cast(%1, dtype="float32")
  return %2
}"""
LOGS = """graph @main(%x: f32[b, 4]) -> (f32[b, 4], i32[b]) {
  param %w: f32[4]
  %0: f32[b, 4] = add(%x, 0.5)
  %1: f32[b, 4] = log(%0)
  %2: f32[b, 4] = multiply(%1, %w)
  %3: i32[b] = argmax(%2, axis=1)
  return %2, %3
}"""


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        (SUM, [("sum(%x, axis=1)", "sum(%x, axis=0)"), ("%0: f32[b]", "%0: f32[64]")]),
        (CANCELS, [("add(%x, 1000.0)", "add(%x, 1010.0)"), ("subtract(%0, 1000.0)", "subtract(%0, 1010.0)")]),
        (BF16, [("%1: bf16[b, 8] = exp(%0)", "%1: f32[b, 8] = exp(%x)"), ('cast(%1, dtype="float32")', "abs(%1)")][:1]),
        (LOGS, [("add(%x, 0.5)", "subtract(%x, -0.5)")]),
    ],
    ids=["order of a sum", "cancellation", "bfloat16", "numbers and none"],
)
def test_rounding_is_no_fault(text: str, pairs: list[tuple[str, str]]) -> None:
    old, new = exchanged(text, *pairs)
    notes = watched(old, new)
    assert all("rounding" in note for note in notes) if text is BF16 else notes == []


def test_what_rounding_explains_is_not_all() -> None:
    """The tests above could fail: a fault a few times larger than rounding is found."""
    for text, pair in (
        (SUM, ("sum(%0)", "sum(%0)\n  %9: f32[] = multiply(%1, 1.0001)")),
        (CANCELS, ("multiply(%1, 0.1)", "multiply(%1, 0.101)")),
        (BF16, ("exp(%0)", "expm1(%0)")),
        (LOGS, ("add(%x, 0.5)", "add(%x, 0.50001)")),
    ):
        old, new = exchanged(text, pair, *([("return %1", "return %9")] if text is SUM else []))
        with pytest.raises(IRError, match="the pass other changed"):
            watched(old, new)


# What is not checked, and said


def test_notes_say_what_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = exchanged(SUM, ("axis=1", "axis=-1"))
    monkeypatch.setattr(paranoid, "MOST_NODES", 1)
    assert watched(old, new) == ["not checked: 2 nodes, and 1 are the most"]
    monkeypatch.setattr(paranoid, "MOST_NODES", 9)
    monkeypatch.setattr(paranoid, "FEW_NODES", 1)
    assert [note[:30] for note in watched(old, new)] == [
        "not checked at one row: more t",
        "not checked at sizes that are ",
    ]
    monkeypatch.setattr(paranoid, "MOST_ELEMENTS", 100)
    assert "not checked at sizes that differ: an evaluation takes about" in watched(old, new)[0]
    assert pipeline.optimize(old, ["prune_dead"], paranoid=True).notes == ()  # nothing was changed


def test_a_loop_without_gradient_is_checked_by_its_values() -> None:
    text = """graph @less(%i: i32[], %x: f32[b]) -> (bool[]) {
  %0: bool[] = less(%i, 3)
  return %0
}

graph @double(%i: i32[], %x: f32[b]) -> (i32[], f32[b]) {
  %0: i32[] = add(%i, 1)
  %1: f32[b] = add(%x, %x)
  return %0, %1
}

graph @main(%x: f32[b]) -> (f32[b]) {
  %0: i32[], %1: f32[b] = while_loop(cond=@less, body=@double, operands=[0, %x])
  return %1
}"""
    old, new = exchanged(text, ("add(%x, %x)", "multiply(%x, 2.0)"))
    notes = watched(old, new, training=True)
    assert len(notes) == 1 and notes[0].startswith("gradients are not checked: ValueError: Reverse-mode")
    old, new = exchanged(text, ("add(%x, %x)", "multiply(%x, 3.0)"))
    with pytest.raises(IRError, match="output 0 differs"):
        watched(old, new, training=True)


def test_inside_a_trace_of_the_users() -> None:
    @jax.jit
    def f(x: Any) -> Any:
        pipeline.optimize(parse(SUM), paranoid=True)
        old, new = exchanged(SUM, ("axis=1", "axis=-1"))
        assert watched(old, new) == []
        return x

    assert f(np.float32(1)) == 1

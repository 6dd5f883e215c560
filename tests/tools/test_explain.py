"""`kgc explain`: what is counted and predicted from fixed rates, how rates are kept, and what the command prints."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler import flat
from kgc.compiler.errors import ArgumentError
from kgc.tools.cli import main
from kgc.tools.explain import accuracy, costs, kernels, machine, probes, programs, report, table
from kgc.tools.explain.machine import Machine

KINDS = (
    "each flops functions strided fresh window gather scatter sort random key".split()
    + "reduce last,reduce first,scatter window,scan axis".split(",")
)


def rates() -> Machine:
    """A machine of round numbers: 1 ns an operation of a product, 0.1 ns a byte."""
    made = Machine("a test", 1e-5, 1e-7, 1e-6, 1e-6, {kind: [(1.0, 1e-10)] for kind in KINDS})
    made.products = {"dot": [([0.0, 6.0, 6.0, 6.0, 1.5, 0.0], 1e-9)], "conv": [([0.0] * 9, 1e-9)]}
    return made


def plan_of(run: Any, *shapes: tuple[int, ...]) -> kernels.Plan:
    specs = [jax.ShapeDtypeStruct(shape, "float32") for shape in shapes]
    return kernels.plan(flat.flatten(jax.make_jaxpr(run)(*specs)))


def small() -> Any:
    x = kgc.Input((6, 6, 2), name="x")
    y = layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    y = layers.Dense(3, name="head")(layers.Flatten(name="flat")(y))
    model = kgc.Model(x, y, name="small")
    model.compile("adam", kgc.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


# Kernels
def test_a_chain_of_elementwise_steps_is_one_kernel_that_moves_its_edges_only() -> None:
    (kernel,) = plan_of(lambda x, y: jnp.maximum(x * y + 1.0, 0.0) - x, (100,), (100,)).kernels
    assert (kernel.kind, kernel.reads, kernel.writes, kernel.work.flops) == ("each", 800, 400, 400)


def test_products_stand_alone_and_reshapes_and_their_transpositions_are_free() -> None:
    plan = plan_of(lambda x, y: jnp.tanh(x.reshape(8, 10) @ y.T).reshape(-1), (2, 4, 10), (5, 10))
    assert [kernel.kind for kernel in plan.kernels] == ["dot", "each"]
    assert plan.kernels[0].reads == 4 * (80 + 50) and plan.kernels[1].writes == 4 * 40


def test_what_is_dear_and_used_twice_is_written() -> None:
    assert len(plan_of(lambda x: ((y := jnp.exp(jnp.sin(x))) + 1, y * 2), (50,)).kernels) == 3
    assert len(plan_of(lambda x: ((y := x + 3.0) + 1, y * 2), (50,)).kernels) == 2


def test_slices_and_gathers_read_what_they_take() -> None:
    (kernel,) = plan_of(lambda x: x[:2] + 1, (1000, 4)).kernels
    assert kernel.reads == kernel.writes == 32
    plan = plan_of(lambda x: jnp.take(x, jnp.array([1, 2, 3]), axis=0), (1000, 4))
    assert sum(kernel.gathered for kernel in plan.kernels) == 48


def test_loops_take_their_body_as_often_as_they_run() -> None:
    plan = plan_of(lambda x: jax.lax.scan(lambda c, _: (jnp.sin(c @ c), None), x, None, length=7)[0], (8, 8))
    leaves = [(kernel.kind, times) for kernel, times in plan.kernels[0].leaves()]
    assert leaves == [("loop", 1), ("dot", 7), ("each", 7)]


@pytest.mark.parametrize(
    ("subscripts", "shapes", "copied"),
    [
        ("ij,jk->ik", ((4, 5), (5, 6)), 0),
        ("ji,jk->ik", ((5, 4), (5, 6)), 0),
        ("abi,abk->ik", ((2, 3, 4), (2, 3, 5)), 4 * 24),
        ("bthd,bshd->bhts", ((2, 3, 4, 5), (2, 6, 4, 5)), 4 * (120 + 240)),
    ],
)
def test_operands_in_an_order_that_no_product_takes_are_copied(subscripts: str, shapes: Any, copied: int) -> None:
    plan = plan_of(lambda x, y: jnp.einsum(subscripts, x, y), *shapes)
    assert sum(kernel.copied for kernel in plan.kernels if kernel.kind == "dot") == copied


# Time and memory
def test_time_is_the_longer_of_computing_and_moving_and_a_start() -> None:
    dot, add = costs.costs(plan_of(lambda x, y: x @ y + 1.0, (64, 64), (64, 64)), rates())
    assert dot.computing == pytest.approx(2 * 64**3 * 1e-9) and dot.seconds == pytest.approx(dot.computing + 1e-6)
    assert add.moving == pytest.approx(2 * 4 * 64**2 * 1e-10) and add.seconds == pytest.approx(add.moving + 1e-6)


def test_rates_between_measured_amounts_lie_between_theirs() -> None:
    made = rates()
    made.rates["each"] = [(100.0, 1e-9), (10_000.0, 4e-9)]
    assert made.seconds("each", 10) == pytest.approx(1e-8) and made.seconds("each", 1e6) == pytest.approx(4e-3)
    assert made.seconds("each", 1000) == pytest.approx(1000 * 2e-9)


def test_memory_counts_what_lives_together() -> None:
    def run(x: Any) -> Any:
        return ((x @ x) @ x) @ x

    found = costs.memory(plan_of(run, (16, 16)), donated=0)
    assert (found.arguments, found.results, found.temporary) == (1024, 1024, 2048)
    assert costs.memory(plan_of(run, (16, 16)), donated=1024).peak == 1024 + 2048


def test_peak_memory_is_near_what_xla_says() -> None:
    x = kgc.Input((64,))
    y = layers.Dense(8)(layers.Dense(256, activation="relu")(layers.Dense(256, activation="relu")(x)))
    model = kgc.Model(x, y)
    model.compile("sgd", "mse")
    for mode in ("predict", "train"):
        traced = programs.trace(model, mode, 128)
        xla = traced.lower().compile().memory_analysis()
        whole = xla.argument_size_in_bytes + xla.output_size_in_bytes - xla.alias_size_in_bytes + xla.temp_size_in_bytes
        assert costs.memory(kernels.plan(traced.block), traced.donated).peak == pytest.approx(whole, rel=0.25)


# Programs and their data
def test_made_up_data_has_the_types_and_ranges_that_the_model_takes() -> None:
    words = kgc.Input((None,), dtype="int32", name="words")
    other = kgc.Input((4,), name="other")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(50, 4)(words))
    model = kgc.Model([words, other], layers.Dense(3)(layers.add([x, other])))
    model.compile("sgd", kgc.losses.SparseCategoricalCrossentropy(from_logits=True))
    graph = model.train_graph()
    env, shown = programs._sizes(graph, 200, {"words.1": 9})
    data = dict(zip([v.name for v in graph.inputs], programs._data(graph, env), strict=True))
    assert shown == {"words.1": 9} and data["words"].shape == (200, 9) and data["other"].dtype == np.float32
    assert data["words"].dtype == np.int32 and data["words"].max() < 50 and data["words"].max() > 30
    assert set(np.unique(data["y"])) == {0, 1, 2}


def test_a_size_for_an_axis_that_is_not_there_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"no axis of unknown size 'x\.7'"):
        programs.trace(small(), "predict", 4, {"x.7": 3})


def test_the_true_step_is_what_is_run() -> None:
    model = small()
    before = np.asarray(model.layers[1].kernel)
    traced = programs.trace(model, "train", 8)
    jax.block_until_ready(traced.run())
    assert not np.array_equal(before, np.asarray(model.layers[1].kernel))
    assert traced.graph is model.train_program().graph


# The report
def test_rows_are_layers_with_what_belongs_to_them() -> None:
    made = report.explain(small(), "train", 8, rates())
    rows = {row.layer: row for row in made.rows}
    assert rows["conv"].params == 3 * 3 * 2 * 4 + 4 and rows["head"].params == 64 * 3 + 3
    convolution = 2 * 8 * 16 * 9 * 2 * 4
    assert convolution < rows["conv"].forward < 1.2 * convolution
    assert convolution <= rows["conv"].backward < 1.5 * convolution  # no gradient by the data
    assert rows["head"].backward == pytest.approx(2 * rows["head"].forward, rel=0.1)
    assert rows["conv"].kept >= 8 * 16 * 4 * 4 and rows["(optimizer)"].forward > 0
    assert rows["conv"].line.startswith("test_explain.py:")
    total = made.total
    assert total.params == sum(row.params for row in made.rows) == small().count_params()
    assert total.seconds == pytest.approx(sum(row.seconds for row in made.rows) + made.call)


def test_what_binds_a_row_follows_from_the_machine() -> None:
    bound = {row.layer: row.bound for row in report.explain(small(), "predict", 256, rates()).rows}
    assert bound["conv"] == "compute"
    fast = rates()
    fast.products = {kind: [(rows[0][0], 1e-15)] for kind, rows in fast.products.items()}
    fast.rates["flops"] = [(1.0, 1e-15)]
    assert {row.layer: row.bound for row in report.explain(small(), "predict", 256, fast).rows}["conv"] == "memory"
    fast.kernel = 1.0
    assert {row.bound for row in report.explain(small(), "predict", 256, fast).rows} == {"starts"}


def test_a_rolled_model_has_its_weights_where_they_are_used() -> None:
    x = y = kgc.Input((8,))
    for i in range(12):
        y = layers.Dense(8, activation="relu", name=f"d{i}")(y)
    model = kgc.Model(x, y)
    model.compile("sgd", "mse", roll="always")
    made = report.explain(model, "train", 4, rates())
    assert sum(row.params for row in made.rows) == 12 * 72
    assert any(row.forward >= 12 * 2 * 4 * 64 for row in made.rows)


def test_a_measurement_is_beside_the_prediction() -> None:
    made = report.explain(small(), "predict", 4, rates(), measure=True)
    assert made.measured is not None and 0 < made.measured.least <= made.measured.seconds <= made.measured.most
    said = table.text(made)
    assert "measured" in said and "by XLA's analysis" in said and said.count("off by") == 2
    assert json.loads(json.dumps(made.plain()))["measured"]["xla"]["peak"] > 0


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (table.count(0), ""),
        (table.count(999), "999"),
        (table.count(12_345), "12.3k"),
        (table.size(0), "0"),
        (table.size(1536), "1.50 KiB"),
        (table.size(1023.9), "1.00 KiB"),
        (table.seconds(1.5e-6), "1.50 µs"),
        (table.seconds(0.0123), "12.3 ms"),
        (table.seconds(2.0), "2.00 s"),
    ],
)
def test_numbers_have_three_digits(made: str, wanted: str) -> None:
    assert made == wanted


def test_ranks_are_correlated() -> None:
    assert accuracy.spearman([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1.0)
    assert accuracy.spearman([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)


# The machine
@pytest.fixture
def calibrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No machine is measured: what would be is named here."""
    asked: list[str] = []

    def calibrate(name: str, say: Any = None) -> Machine:
        asked.append(name)
        return rates()

    monkeypatch.setenv("KGC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(machine, "calibrate", calibrate)
    return asked


def test_a_machine_is_measured_once_and_kept_for_its_owner_only(tmp_path: Path, calibrated: list[str]) -> None:
    first, second = machine.load(), machine.load()
    assert len(calibrated) == 1 and first == second == rates()
    (file,) = (tmp_path / "cache").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    machine.load(recalibrate=True)
    assert len(calibrated) == 2


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"name": "x"}', '{"rates": 3}'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, calibrated: list[str], damage: str) -> None:
    machine.load()
    (file,) = (tmp_path / "cache").iterdir()
    file.write_text(damage)
    assert machine.load() == rates() and len(calibrated) == 2


def test_without_a_cache_nothing_is_written(calibrated: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGC_CACHE", "")
    machine.load()
    machine.load()
    assert len(calibrated) == 2


def test_a_product_is_looked_up_by_its_like() -> None:
    probe = next(p for p in probes.all_probes() if p.kind == "dot")
    kernel = probes.kernel(probe)
    near, far = machine.features(kernel.step), [x + 5 for x in machine.features(kernel.step)]
    made = Machine("", 0, 0, 0, 0, {}, {"dot": [(far, 1e-9), (near, 2e-9)]})
    assert made.product(kernel) == pytest.approx(2e-9 * kernel.work.flops)


def test_a_machine_follows_from_the_times_of_its_probes() -> None:
    chosen = probes.all_probes()
    times = {"call": 1e-5, "arguments": 1e-5 + 128 * 6e-7, "kernel": 1e-5 + 64e-6, "loop": 1e-5 + 256 * 3e-6}
    made = machine._machine("x", [(probe, times.get(probe.kind, 1e-3)) for probe in chosen])
    assert made.call == 1e-5 and made.argument == pytest.approx(1e-7) and made.kernel == pytest.approx(1e-6)
    assert made.loop == pytest.approx(2e-6)
    assert set(made.rates) == set(KINDS) and set(made.products) == {"dot", "conv"}
    assert all(rate > 0 for rows in made.rates.values() for _, rate in rows)


# The command
MODEL = """
import kgc
from kgc import layers

x = kgc.Input((4,), name="x")
plain = kgc.Model(x, layers.Dense(2, name="head")(x), name="plain")
y = layers.Dense(8, activation="relu", name="hidden")(x)
trained = kgc.Model(x, layers.Dense(2, name="last")(y), name="trained")
trained.compile("adam", "mse")
"""


@pytest.fixture
def model(tmp_path: Path, calibrated: list[str]) -> str:
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    status = main(["explain", *argv])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_table_names_layers_and_lines(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, f"{model}:trained", "--batch", "16")
    assert (status, err) == (0, "")
    assert "trained: a step of training, batch 16, on a test" in out and "backward" in out
    (hidden,) = (line for line in out.splitlines() if line.startswith("hidden"))
    assert hidden.split()[1:3] == ["model.py:7", "40"]
    assert "(optimizer)" in out and "time    predicted" in out and "memory  predicted" in out


def test_a_model_that_is_not_compiled_predicts(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, f"{model}:plain")
    assert status == 0 and "plain: predict, batch 32" in out and "backward" not in out
    status, _, err = run(capsys, f"{model}:plain", "--mode", "train")
    assert status == 1 and "is not compiled" in err


def test_json_has_the_figures(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, f"{model}:trained", "--json", "--mode", "predict")
    found = json.loads(out)
    assert status == 0 and found["total"]["params"] == 40 + 18 and found["measured"] is None
    assert found["total"]["seconds"] == pytest.approx(
        sum(row["seconds"] for row in found["rows"]) + found["call_seconds"]
    )


def test_text_of_a_graph_is_explained_by_the_names_of_its_weights(
    tmp_path: Path, calibrated: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.ir"
    path.write_text(
        "graph @net(%x: f32[b, t, 3]) -> (f32[b, t]) {\n  param %head.kernel.folded: f32[3, 2]\n"
        "  %0: f32[b, t, 2] = matmul(%x, %head.kernel.folded)\n  %1: f32[b, t] = sum(%0, axis=-1)\n  return %1\n}\n"
    )
    status, out, _ = run(capsys, str(path), "--size", "x.1=6", "--measure")
    assert status == 0 and "net: predict, batch 32, x.1=6" in out and "measured" in out
    (head,) = (line for line in out.splitlines() if line.startswith("head "))
    assert head.split()[1] == "6" and "(sum)" in out
    status, _, err = run(capsys, str(path), "--mode", "train")
    assert status == 2 and "only --mode predict" in err


@pytest.mark.parametrize("arguments", [("--batch", "0"), ("--size", "x=3"), ("--size", "x.1=0"), ("--size", "x.1=a")])
def test_wrong_arguments_are_one_message(
    model: str, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str]
) -> None:
    status, out, err = run(capsys, f"{model}:plain", *arguments)
    assert status == 2 and out == "" and err.count("\n") == 1 and arguments[1] in err

"""The limit of memory: how it is written, and which program is chosen, with programs that only say what they need."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kgc.compiler.errors import ArgumentError
from kgc.compiler.graph import Graph
from kgc.compiler.parser import parse
from kgc.runtime.memory import MemoryLimit, needed, parse_limit, shown


def chain(count: int) -> Graph:
    block = "%{0}: f32[b, 8] = matmul({1}, %w)\n %{2}: f32[b, 8] = tanh(%{0})\n"
    lines = [block.format(2 * k, f"%{2 * k - 1}" if k else "%x", 2 * k + 1) for k in range(count)]
    end = f"%{2 * count}: f32[] = sum(%{2 * count - 1})\nreturn %{2 * count}\n}}"
    return parse("graph @chain(%x: f32[b, 8]) -> (f32[]) {\nparam %w: f32[8, 8]\n" + "".join(lines) + end)


class Fake:
    """A compiled program: what it needs follows from how much of the graph is computed again."""

    def __init__(self, graph: Graph, needs: int) -> None:
        self.graph, self.needs = graph, needs

    def memory_analysis(self) -> Any:
        return SimpleNamespace(
            temp_size_in_bytes=self.needs,
            argument_size_in_bytes=10,
            output_size_in_bytes=8,
            alias_size_in_bytes=8,
        )


class Compiler:
    def __init__(self, needs: dict[bool, int]) -> None:
        self.needs, self.compiled = needs, list[bool]()

    def __call__(self, graph: Graph) -> Any:
        again = any(node.op.name == "checkpoint" for node in graph.nodes)
        self.compiled.append(again)
        return Fake(graph, self.needs[again])


def choose(limit: MemoryLimit, compiler: Compiler, rows: int = 512) -> Any:
    data = [np.zeros((rows, 8), "float32")]
    return limit.choose(data, 1, (data, np.zeros(4, "float32")), compiler)


@pytest.mark.parametrize(
    ("given", "size"),
    [
        (None, None),
        ("2GB", 2 * 10**9),
        ("1.5 GiB", 3 << 29),
        (" 512 MiB ", 512 << 20),
        ("10kb", 10_000),
        ("7 B", 7),
        (12345, 12345),
        (np.int64(9), 9),
    ],
)
def test_how_a_limit_is_written(given: Any, size: int | None) -> None:
    assert parse_limit(given) == size


@pytest.mark.parametrize("given", ["", "2", "GB", "-1GB", "2 G B", "0MB", "2 XB", 0, -5, 1.5, True, [2], "nan GB"])
def test_what_is_no_limit(given: Any) -> None:
    with pytest.raises(ArgumentError, match="takes memory_limit as a text such as '2GB'"):
        parse_limit(given)


def test_sizes_are_shown_in_powers_of_1000() -> None:
    assert [shown(x) for x in (5, 1500, 2_340_000, 2e9, 3e12)] == ["5 B", "1.5 KB", "2.34 MB", "2 GB", "3 TB"]


def test_what_a_program_needs() -> None:
    assert needed(Fake(chain(1), 100)) == 110
    with pytest.raises(ArgumentError, match="does not say what a program needs"):
        needed(SimpleNamespace(memory_analysis=lambda: None))


def test_what_fits_as_it_is_stays_and_is_compiled_once() -> None:
    compiler = Compiler({False: 10**6, True: 0})
    limit = MemoryLimit(10**7, chain(16))
    found = choose(limit, compiler)
    assert compiler.compiled == [False] and found.graph is limit.graph and found.program.graph is found.graph
    assert "computes nothing again, and needs 1 MB of 10 MB" in found.note and "float32[512, 8]" in found.note


def test_xla_has_the_last_word() -> None:
    """The estimate says that it fits, the analysis says no: the next plan."""
    compiler = Compiler({False: 10**7 + 1, True: 10**6})
    found = choose(MemoryLimit(10**7, chain(16)), compiler)
    assert compiler.compiled == [False, True]
    assert any(node.op.name == "checkpoint" for node in found.graph.nodes)
    assert "without that it needs 10 MB" in found.note and "done again" in found.note


def test_the_estimate_spares_a_program_that_cannot_fit() -> None:
    compiler = Compiler({False: 10**6, True: 10**5})
    found = choose(MemoryLimit(150_000, chain(16)), compiler)
    assert compiler.compiled == [True] and found.program.needs == 10**5


def test_a_smaller_batch_takes_the_plan_of_a_larger_one_and_is_checked() -> None:
    limit = MemoryLimit(150_000, chain(16))
    compiler = Compiler({False: 10**6, True: 10**5})
    first, second = choose(limit, compiler), choose(limit, compiler, rows=100)
    assert compiler.compiled == [True, True] and str(first.graph) == str(second.graph)
    compiler.needs[True] = 10**9
    with pytest.raises(ArgumentError, match="does not fit"):
        choose(limit, compiler, rows=90)


def test_what_does_not_fit_is_refused_with_the_figures() -> None:
    compiler = Compiler({False: 10**6, True: 10**6})
    with pytest.raises(ArgumentError) as caught:
        choose(MemoryLimit(100_000, chain(16)), compiler)
    text = str(caught.value)
    assert "a training step on float32[512, 8] does not fit into memory_limit=100 KB" in text
    assert "1 MB by XLA" in text and "computes nothing again: about" in text and "alone: 16.4 KB" in text
    assert "a batch of about" in text and 'roll="always"' in text
    assert 1 < len(compiler.compiled) <= 4


def test_arguments_that_do_not_fit_need_no_compilation() -> None:
    compiler = Compiler({False: 1, True: 1})
    with pytest.raises(ArgumentError, match=r"parameters, optimizer and data alone: 16\.4 KB"):
        choose(MemoryLimit(1000, chain(2)), compiler)
    assert not compiler.compiled

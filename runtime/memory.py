"""Training within a limit of memory: which plan of `compiler.segments` the step is compiled with.

An estimate says which plan computes least again and fits; XLA's own analysis of the compiled program says whether it
does.  If not, the next plan is tried, with the estimate corrected by what XLA said.  The program that was measured is
the one that runs.  Shapes, graph and platform decide, never a clock.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax

from ..compiler import interpret, pipeline, segments
from ..compiler.errors import ArgumentError
from ..compiler.graph import Graph
from ..compiler.segments import Option

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")
_MOST = 4
"""Programs that are compiled before the search gives up."""


def parse_limit(value: Any) -> int | None:
    """Bytes that `memory_limit` means; None for no limit.

    Args:
        value: None, a positive number of bytes, or text such as "2GB" or "512 MiB" (GB: 10^9 bytes, GiB: 2^30).

    Raises:
        ArgumentError: it is none of these.
    """
    if value is None:
        return None
    found: float = 0
    if isinstance(value, str):
        match = _TEXT.fullmatch(value)
        unit = _UNITS.get(match.group(2).upper()) if match else None
        found = float(match.group(1)) * unit if match and unit else 0
    elif not isinstance(value, bool | float):
        try:
            found = operator.index(value)
        except TypeError:
            found = 0
    if found < 1:
        raise ArgumentError(
            "compile() takes memory_limit as a text such as '2GB', or as a number of bytes",
            received=f"memory_limit={value!r}",
            hint="units are KB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (powers of 1024).",
        )
    return int(found)


def shown(size: float) -> str:
    """Bytes as people read them, in powers of 1000."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.4g} TB"


def needed(compiled: Any) -> int:
    """Bytes that a compiled program needs by XLA's analysis: arguments, results that take no argument's place, and
    temporary buffers."""
    analysis = compiled.memory_analysis()
    if analysis is None:
        raise ArgumentError(
            "memory_limit cannot be kept here: this platform's XLA does not say what a program needs",
            hint="leave memory_limit out.",
        )
    return int(
        analysis.temp_size_in_bytes
        + analysis.argument_size_in_bytes
        + analysis.output_size_in_bytes
        - analysis.alias_size_in_bytes
    )


class Chosen(NamedTuple):
    """The graph that a program was compiled of, the program, and why it is that one, with the figures."""

    graph: Graph
    program: Any
    note: str


class _Request(NamedTuple):
    """What a program is wanted for: sizes by symbol, steps in one program, bytes of its arguments, shapes in words."""

    sizes: dict[str, int]
    steps: int
    arguments: int
    shapes: str

    def within(self, other: _Request) -> bool:
        """Whether no size is larger than the other's."""
        return self.steps <= other.steps and all(size <= other.sizes.get(k, -1) for k, size in self.sizes.items())


@dataclass
class MemoryLimit:
    """A limit, and the plans that were found for a graph and met it.

    Attributes:
        limit: bytes.
        graph: the optimised train graph, which computes nothing again.
    """

    limit: int
    graph: Graph
    _known: list[tuple[_Request, Option]] = field(default_factory=list[tuple[_Request, Option]])

    def choose(self, data: Sequence[Any], steps: int, arguments: Any, compile: Callable[[Graph], Any]) -> Chosen:
        """The program to run: of the plan that computes least again among those that fit.

        Args:
            data: the inputs of one step, without keys; shapes and dtypes are looked at.
            steps: how many steps the program is of.
            arguments: all that the program is given, nested.
            compile: makes the program of a graph.

        Raises:
            ArgumentError: nothing that was tried fits.
        """
        sizes: dict[str, Any] = {}
        inputs = [value for value in self.graph.inputs if value.type.dtype != "key"]
        if not all([interpret.bind(value.type, array, sizes) for value, array in zip(inputs, data, strict=True)]):
            compile(self.graph)  # which says what does not fit
        shapes = ", ".join(f"{array.dtype}{list(array.shape)}" for array in data)
        given = sum(int(array.nbytes) for array in jax.tree.leaves(arguments))
        wanted = _Request(sizes, steps, given, shapes if steps == 1 else f"{steps} times {shapes}")
        for larger, option in self._known:
            if wanted.within(larger):  # what fits more fits less, and XLA is asked all the same
                graph = self._graph(option)
                program = compile(graph)
                need = needed(program)
                if need <= self.limit:
                    return Chosen(graph, program, self._note(wanted, need, option, []))
        return self._search(wanted, compile)

    def _search(self, wanted: _Request, compile: Callable[[Graph], Any]) -> Chosen:
        if wanted.arguments > self.limit:
            raise self._too_small(wanted, [], [])
        options = segments.options(self.graph, wanted.sizes)
        left, tried = list(options), list[tuple[Option, int]]()
        factor = 1.0
        while left and len(tried) < _MOST:
            fitting = [o for o in left if wanted.arguments + factor * o.estimate.peak <= self.limit]
            option = fitting[0] if fitting else min(left, key=lambda o: o.estimate.peak)
            left.remove(option)
            graph = self._graph(option)
            program = compile(graph)
            need = needed(program)
            if need <= self.limit:
                self._known.append((wanted, option))
                return Chosen(graph, program, self._note(wanted, need, option, tried))
            tried.append((option, need))
            factor = max(factor, (need - wanted.arguments) / max(option.estimate.peak, 1))
            if fitting:
                left = [o for o in left if o.estimate.peak < option.estimate.peak]
        raise self._too_small(wanted, tried, [o for o in options if all(o is not t for t, _ in tried)])

    def _graph(self, option: Option) -> Graph:
        again = option.plan.segments or option.plan.loops
        return pipeline.rematerialized(self.graph, option.plan) if again else self.graph

    def _note(self, wanted: _Request, need: int, option: Option, tried: list[tuple[Option, int]]) -> str:
        text = f"rematerialize: a step on {wanted.shapes} {self._described(option)}"
        text += f", and needs {shown(need)} of {shown(self.limit)}"
        if option.estimate.again:
            share = option.estimate.again / max(option.estimate.work, 1)
            text += f"; {100 * share:.0f} % of the forward pass is done again"
        if tried:
            text += f"; without that it needs {shown(tried[0][1])}"
        return text

    def _described(self, option: Option) -> str:
        return segments.describe(option.plan, self.graph)

    def _too_small(self, wanted: _Request, tried: list[tuple[Option, int]], others: list[Option]) -> ArgumentError:
        figures = [f"{self._described(option)}: {shown(need)} by XLA" for option, need in tried]
        figures += [f"{self._described(o)}: about {shown(wanted.arguments + o.estimate.peak)}" for o in others[:1]]
        given = f"parameters, optimizer and data alone: {shown(wanted.arguments)}"
        return ArgumentError(
            f"a training step on {wanted.shapes} does not fit into memory_limit={shown(self.limit)}",
            received="; ".join([given, *figures]),
            hint=self._advice(wanted, tried),
        )

    def _advice(self, wanted: _Request, tried: list[tuple[Option, int]]) -> str:
        advice: list[str] = []
        batches = [size for name, size in wanted.sizes.items() if name.startswith("b")]
        if tried and batches:
            least = min(need for _, need in tried) - wanted.arguments
            fits = int(max(batches) * (self.limit - wanted.arguments) / max(least, 1) * 0.95)
            advice.append(f"a batch of about {fits}" if fits > 0 else "a smaller batch")
        if not any(node.op.name == "scan" for node in self.graph.nodes):
            advice.append('roll="always" where blocks repeat')
        advice += ["an optimizer with fewer slots"] if not tried else []
        return f"try {', '.join([*advice, 'or a larger limit'])}."

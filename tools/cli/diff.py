"""Compare two models, or two files of IR, by their structure.

    kgc diff old.keras new.keras
    kgc diff model.py:small model.py:large
    kgc diff before.ir after.ir

Says nothing and ends with status 0 where the graphs are equal up to the names of values; else prints what one has and
the other does not, inputs, parameters and ops in order, and ends with status 1.  Weights' values are not compared.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import source, text

if TYPE_CHECKING:
    from ...compiler.graph import Graph


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("old", metavar="A", help=f"{source.HELP}, or IR text")
    parser.add_argument("new", metavar="B", help="what to compare it with, likewise")
    parser.add_argument("--optimized", action="store_true", help="compare after all passes, not as traced")


def run(args: argparse.Namespace) -> int:
    """Print the difference; 1 where there is one."""
    from ...compiler import equality, pipeline

    with _graph(args.old) as old, _graph(args.new) as new:
        if args.optimized:
            old, new = pipeline.optimize(old).graph, pipeline.optimize(new).graph
        first = equality.difference(old, new)
        if first is None:
            return 0
        lines = difflib.unified_diff(_lines(old), _lines(new), args.old, args.new, lineterm="", n=2)
        shown = list(lines)
        sys.stdout.write("\n".join(shown) + "\n" if shown else f"{args.old} and {args.new} differ: {first}\n")
    return 1


@contextlib.contextmanager
def _graph(given: str) -> Iterator[Graph]:
    if given == "-" or given.endswith((".ir", ".mlir", ".txt")):
        yield text.read(given)
        return
    with source.open_model(given) as model:
        yield model.graph()


def _lines(graph: Graph) -> list[str]:
    """Arguments and ops, a line each, without the numbers of values: those that follow a new op would all differ."""
    found = [f"input {line}" for line in text.inputs_of(graph)]
    body = str(graph)[str(graph).rindex("graph ") :].splitlines()[1:]
    names = {f"%{value.name}" for value in graph.arguments()}
    for line in body:
        head, equals, rest = line.strip().partition(" = ")
        if head.startswith("%") and equals:
            types = ", ".join(part.partition(": ")[2] for part in head.split(", %"))
            found.append(f"{_unnumbered(rest, names)} -> {types}")
        elif line.strip() != "}":
            found.append(_unnumbered(line.strip(), names))
    return found


def _unnumbered(line: str, names: set[str]) -> str:
    """The line with the numbers of computed values taken out; arguments keep their names."""
    parts = re.split(r"(%[\w.]+)", line)
    return "".join("%" if part[:1] == "%" and part not in names and part[1:].isdigit() else part for part in parts)

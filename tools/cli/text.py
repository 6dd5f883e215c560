"""IR text as a command's argument: a file, or standard input."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import arrays
from .failure import Failure

if TYPE_CHECKING:
    from ...compiler.graph import Graph


def read(source: str, consts: Path | None = None) -> Graph:
    """The verified graph of a file of IR text, or of standard input for `-`.

    Args:
        source: the file.
        consts: an `.npz` file of the constants that stand beside the text, by the names that the text has for them.

    Raises:
        Failure: the file cannot be read.
        IRError: it is no IR; the message has the line.
    """
    from ...compiler.parser import parse
    from ...compiler.verifier import verify

    if source == "-":
        found = sys.stdin.read()
    else:
        try:
            found = Path(source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise Failure(f"{source} cannot be read: {reason}", status=2) from error
    return verify(parse(found, None if consts is None else arrays.read(consts)))


def inputs_of(graph: Graph) -> list[str]:
    """The graph's inputs, `x: f32[b, 4]` each, with unknown sizes named as the text names them."""
    head = _head(graph)
    inside = head[head.index("(") + 1 : head.rindex(") -> (")]
    return [part.removeprefix("%") for part in inside.split(", %")] if inside else []


def batches_of(graph: Graph) -> list[str]:
    """The names that the text has for the inputs' first sizes where they are open: inputs may have several."""
    sizes = [line.partition("[")[2].partition("]")[0].partition(",")[0].strip() for line in inputs_of(graph)]
    return list(dict.fromkeys(size for size in sizes if size.isidentifier()))


def outputs_of(graph: Graph) -> str:
    """The types of the graph's outputs as the text has them."""
    head = _head(graph)
    return head[head.rindex(" -> (") + 5 : head.rindex(") {")]


def _head(graph: Graph) -> str:
    whole = str(graph)
    return whole[whole.rindex("\ngraph ") + 1 if "\ngraph " in whole else 0 :].partition("\n")[0]


def lines(graph: Graph) -> list[str]:
    """Arguments and ops, a line each, without the numbers of values: those that follow a new op would all differ."""
    found = [f"input {line}" for line in inputs_of(graph)]
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

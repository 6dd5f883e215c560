"""IR text as a command's argument: a file, or standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    return verify(parse(found, None if consts is None else _arrays(consts)))


def _arrays(path: Path) -> dict[str, Any]:
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError) as error:
        raise Failure(f"{path} is no .npz file of constants: {error}", status=2) from error


def inputs_of(graph: Graph) -> list[str]:
    """The graph's inputs, `x: f32[b, 4]` each, with unknown sizes named as the text names them."""
    head = _head(graph)
    inside = head[head.index("(") + 1 : head.rindex(") -> (")]
    return [part.removeprefix("%") for part in inside.split(", %")] if inside else []


def outputs_of(graph: Graph) -> str:
    """The types of the graph's outputs as the text has them."""
    head = _head(graph)
    return head[head.rindex(" -> (") + 5 : head.rindex(") {")]


def _head(graph: Graph) -> str:
    whole = str(graph)
    return whole[whole.rindex("\ngraph ") + 1 if "\ngraph " in whole else 0 :].partition("\n")[0]

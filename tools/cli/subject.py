"""What a command works on: a model from Python or a `.keras` file, or a graph from IR text or an artifact."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from . import source, text
from .failure import Failure

if TYPE_CHECKING:
    from ...compiler.graph import Graph
    from ...frontend.functional import Model

HELP = f"{source.HELP}, IR text (.ir, or - for standard input), or an artifact (.kgc)"
_TEXT = (".ir", ".mlir", ".txt")


@contextlib.contextmanager
def open_subject(given: str, consts: Path | None = None) -> Iterator[Model | Graph]:
    """The model, or the graph, that the argument names, for the length of the block.

    Args:
        consts: for IR text, an `.npz` file of the constants that stand beside it.

    Raises:
        Failure: there is no such file, or it cannot be read.
        KgcError: what is in it is damaged, or what the user's own model definition raised.
    """
    if given == "-" or given.endswith(_TEXT):
        yield text.read(given, consts)
        return
    if consts is not None:
        raise Failure(f"--consts goes with IR text, and {given} brings its own constants", status=2)
    if given.endswith(".kgc"):
        if not Path(given).exists():
            raise Failure(f"there is no file {given!r}", status=2)
        from ...runtime.artifact.program import load

        # Reading executes nothing: only what an `extern` op stands for would need trust, and it is not run here.
        yield load(given).graph
        return
    with source.open_model(given) as model:
        yield model


def graph_of(subject: Model | Graph) -> Graph:
    """The graph itself, or the model's for inference, before any pass."""
    from ...compiler.graph import Graph

    return subject if isinstance(subject, Graph) else subject.graph()

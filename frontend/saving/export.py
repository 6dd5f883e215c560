"""`model.export`: the model as a `.kgc` artifact, for inference without its code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ...compiler.errors import ArgumentError
from ...runtime.artifact import writer
from ...runtime.program import data_names
from .. import tree

PLATFORMS = ("cpu", "cuda", "tpu")


def export_model(
    model: Any,
    filepath: str | os.PathLike[str],
    format: str = "kgc",
    verbose: bool | None = None,
    input_signature: Any = None,
    platforms: Sequence[str] = PLATFORMS,
    **kwargs: Any,
) -> None:
    """Write what `model(x)` computes to a file that `kgc.load` reads (see `Model.export`)."""
    for name in kwargs:
        raise ArgumentError(f"export() has no argument '{name}'", received=f"{name}={kwargs[name]!r:.60}")
    if format != "kgc":
        raise ArgumentError(
            "export() writes kgc's artifact and no other format",
            received=f"{format=}",
            hint="leave `format` out; StableHLO for other runtimes lies in the artifact, one for each of `platforms`.",
        )
    if input_signature is not None:
        raise ArgumentError(
            "export() takes no input_signature: an artifact has the model's own inputs, for any batch size",
            received=f"input_signature={input_signature!r:.60}",
            hint="leave it out, or give `Input(shape=…)` the sizes that you want fixed.",
        )
    path = os.fspath(filepath)
    if not path.endswith(".kgc"):
        raise ArgumentError(
            "export() writes `.kgc` files",
            received=f"filepath={path!r}",
            hint="`model.export('model.kgc')`; `model.save` writes `.keras` files.",
        )
    functional = model.functional
    program = functional.program(None)
    inputs = tree.pack(functional.input, data_names(program.source))
    outputs = tree.pack(functional.output, _unique(functional.output_names))
    writer.write(path, program, _plain(inputs), _plain(outputs), platforms)
    if verbose:
        print(f"Saved artifact at '{path}'.")


def _unique(names: Sequence[str]) -> list[str]:
    """The names, with a number behind those that are taken: a layer may have several outputs."""
    found: list[str] = []
    for name in names:
        candidate, count = name, 0
        while candidate in found:
            count += 1
            candidate = f"{name}_{count}"
        found.append(candidate)
    return found


def _plain(structure: Any) -> Any:
    """Named tuples as tuples, which is what a file can say."""
    if isinstance(structure, tuple):
        return tuple([_plain(item) for item in structure])
    if isinstance(structure, list):
        return [_plain(item) for item in structure]
    return {key: _plain(item) for key, item in structure.items()} if isinstance(structure, dict) else structure

"""`model.export`: the model as a `.kgc` artifact, which runs, and trains, without its code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ...compiler.errors import ArgumentError
from ...runtime.artifact import portable, stablehlo, writer
from ...runtime.program import data_names
from ...runtime.store import STORE
from .. import tree
from . import training_export

PLATFORMS = ("cpu", "cuda", "tpu")
_SUFFIXES = {"kgc": (".kgc",), "stablehlo": portable.SUFFIXES}


def export_model(
    model: Any,
    filepath: str | os.PathLike[str],
    format: str = "kgc",
    verbose: bool | None = None,
    input_signature: Any = None,
    platforms: Sequence[str] | None = None,
    training: bool = False,
    batch_size: int | None = None,
    **kwargs: Any,
) -> None:
    """Write what `model(x)` computes to a file that `kgc.load` reads (see `Model.export`)."""
    for name in kwargs:
        raise ArgumentError(f"export() has no argument '{name}'", received=f"{name}={kwargs[name]!r:.60}")
    if format not in _SUFFIXES:
        raise ArgumentError(
            "export() writes kgc's artifact, or StableHLO, and no other format",
            received=f"{format=}",
            hint="'kgc' (a `.kgc` file, for `kgc.load`) or 'stablehlo' (`.mlirbc` or `.mlir`, for other runtimes).",
        )
    if input_signature is not None:
        raise ArgumentError(
            "export() takes no input_signature: an artifact has the model's own inputs, for any batch size",
            received=f"input_signature={input_signature!r:.60}",
            hint="leave it out, or give `Input(shape=…)` the sizes that you want fixed.",
        )
    path = os.fspath(filepath)
    if not path.endswith(_SUFFIXES[format]):
        suits = next((name for name, suffixes in _SUFFIXES.items() if path.endswith(suffixes)), format)
        raise ArgumentError(
            f"export() writes {' and '.join(f'`{suffix}`' for suffix in _SUFFIXES[format])} files in the format "
            f"{format!r}",
            received=f"filepath={path!r}",
            hint=f"`model.export('model{_SUFFIXES[suits][0]}', format={suits!r})`; `model.save` writes `.keras` files.",
        )
    if format == "stablehlo":
        _export_stablehlo(model, path, platforms, training, batch_size)
        return _tell(verbose, path)
    if batch_size is not None:
        raise ArgumentError(
            "export() takes batch_size for format='stablehlo' only: an artifact runs with any",
            received=f"{batch_size=}",
            hint="leave it out, or give `Input(batch_size=…)`.",
        )
    functional = model.functional
    names = _unique(functional.output_names)
    outputs = tree.pack(functional.output, names)
    wanted = PLATFORMS if platforms is None else platforms
    with STORE.lock:  # no other thread's step gives a weight away, or comes between the model's and the training's
        program = functional.program(None)
        inputs = tree.pack(functional.input, data_names(program.source))
        trained = training_export.trained(model, names) if training else None
        writer.write(path, program, _plain(inputs), _plain(outputs), wanted, trained)
    _tell(verbose, path)


def _export_stablehlo(
    model: Any, path: str, platforms: Sequence[str] | None, training: bool, batch_size: int | None
) -> None:
    if training:
        raise ArgumentError(
            "export() writes the model's outputs as StableHLO, not its training",
            received="training=True",
            hint="`model.export('model.kgc', training=True)` writes an artifact that trains.",
        )
    named = stablehlo.check_platforms(("cpu",) if platforms is None else platforms)
    if len(named) != 1:
        raise ArgumentError(
            "a StableHLO module is for one platform", received=f"{platforms=}", hint="`platforms=('cuda',)`."
        )
    sized = isinstance(batch_size, int) and not isinstance(batch_size, bool) and batch_size > 0
    if batch_size is not None and not sized:
        raise ArgumentError("export() takes batch_size as a number of rows", received=f"{batch_size=}")
    with STORE.lock:
        portable.write(path, model.functional.program(None), named[0], batch_size)


def _tell(verbose: bool | None, path: str) -> None:
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

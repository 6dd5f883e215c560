"""Run an artifact on arrays from a file, and write its outputs.

    kgc run model.kgc --input x.npz --output y.npz

An .npz file holds an array for each input, under its name (`kgc inspect model.kgc` shows the names); with one input,
any name will do, and an .npy file too. The output has an array for each output, under its name; numbers that NumPy has
no dtype for (bfloat16) are written as float32.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import arrays
from .failure import Failure

if TYPE_CHECKING:
    from ...runtime.artifact.program import Artifact


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE.kgc", type=Path, help="what `model.export` wrote")
    parser.add_argument("--input", metavar="X.npz", type=Path, required=True, help="arrays by input name")
    parser.add_argument("--output", metavar="Y.npz", type=Path, required=True, help="where the outputs go")
    parser.add_argument("--seed", metavar="N", type=int, help="of random numbers, where the model draws any")
    parser.add_argument("--trust", action="store_true", help="let StableHLO in the file reach JAX")


def run(args: argparse.Namespace) -> int:
    """Compute the outputs of `args.file` on `args.input`."""
    if not args.file.exists():
        raise Failure(f"there is no file {str(args.file)!r}", status=2)
    if args.output.suffix != ".npz":
        raise Failure(f"--output is an .npz file: got {str(args.output)!r}", status=2)
    from ...runtime.artifact.program import load

    artifact = load(args.file, trust=args.trust)
    outputs = artifact.run(_named(artifact, arrays.read(args.input)), seed=args.seed)
    _write(args.output, outputs)
    print(", ".join(f"{name}: {value.dtype}{list(value.shape)}" for name, value in outputs.items()), file=sys.stderr)
    return 0


def _named(artifact: Artifact, given: dict[str, Any]) -> dict[str, Any]:
    """The arrays by input name; a single one belongs to the single input, whatever it is called."""
    specs = artifact.signature.input_specs
    if len(specs) == len(given) == 1:
        return {specs[0].name: next(iter(given.values()))}
    if "" in given:
        raise Failure(f"the model has {len(specs)} inputs, and an .npy file holds one array; give an .npz file")
    return given


def _write(path: Path, outputs: Mapping[str, Any]) -> None:
    import numpy as np

    from ...runtime.files import atomic_write

    try:
        with atomic_write(path) as file, zipfile.ZipFile(file, "w") as archive:
            for name, output in outputs.items():
                array = np.asarray(output)
                if array.dtype.kind == "V":
                    array = array.astype(np.float32)
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror or error}") from error

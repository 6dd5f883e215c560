"""Artifacts against a `jax.export` round trip written by hand: size, load, first call, steady call.

Each file is loaded in a fresh process, kgc's with `kgc.frontend` made unimportable.  By hand means what a person would
write: the forward function exported with an open batch, its parameters in an `.npz` file, `deserialize` and `jax.jit`
around `call` where it is loaded.  "raw" is the same forward function, jitted in the process that defines it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import export

from . import sides
from .handwritten import Handwritten
from .timing import ChildError, Row, alternate, child_json
from .workloads import compiled, data

MODELS = ("mlp", "conv", "transformer")
SCRIPT = str(Path(__file__).with_name("loaded.py"))


def measure(asked: list[str], rounds: int, quick: bool) -> list[Row]:
    """Rows of all models; Keras has no such file on JAX, and has no column."""
    return [row for name in (MODELS[:1] if quick else MODELS) for row in of_model(name, asked, rounds, quick)]


def of_model(name: str, asked: list[str], rounds: int, quick: bool) -> list[Row]:
    """A row for each phase; a process is one sample of all of them."""
    rows = {
        "size": Row(f"{name} artifact: file", "KiB"),
        "import": Row(f"{name}   import", "ms"),
        "load": Row(f"{name}   load", "ms"),
        "first": Row(f"{name}   first call", "ms"),
        "ready": Row(f"{name}   load and first call", "ms"),
        "again": Row(f"{name}   first call, programs kept (kgc)", "ms"),
        "steady": Row(f"{name}   call, batch 1", "µs"),
        "raw": Row(f"{name}   call, batch 1 (hand: raw jit)", "µs"),
    }
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        x, _ = data(name, 1)
        np.save(folder / "x.npy", x)
        files: dict[str, Path] = {}
        for side in (side for side in asked if side in WRITERS):
            try:
                files[side] = WRITERS[side](name, folder, x)
            except Exception as error:
                rows["size"].notes[side] = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
        samples: dict[str, dict[str, list[float]]] = {key: {side: [] for side in files} for key in rows}
        for side, path in files.items():
            held = [path] if path.is_file() else list(path.iterdir())
            rows["size"].add(side, [sum(file.stat().st_size for file in held) / 1024])
        environment = sides.environment()
        cold = {**environment, "KGC_CACHE": ""}
        warm = {**environment, "KGC_CACHE": str(folder / "cache")}

        def run(side: str, kind: str = "") -> float:
            arguments = [SCRIPT, kind or side, str(files[side]), str(folder / "x.npy"), name, "1" if quick else "0"]
            return _sampled(samples, rows, side, kind, arguments, warm if kind == "again" else cold)

        runs: dict[str, Callable[[], float]] = {side: (lambda side=side: run(side)) for side in files}
        if "kgc" in files:
            run("kgc", "again")  # fills the cache
            samples["again"]["kgc"].clear()
            runs["again"] = lambda: run("kgc", "again")
        if "hand" in files:
            runs["raw"] = lambda: run("hand", "raw")
        alternate(runs, rounds)
    samples["raw"]["kgc"] = list(samples["steady"].get("kgc", []))
    for key, row in rows.items():
        for side, found in samples[key].items():
            row.add(side, found)
    return list(rows.values())


def _sampled(
    samples: dict[str, dict[str, list[float]]],
    rows: Mapping[str, Row],
    side: str,
    kind: str,
    arguments: list[str],
    environment: Mapping[str, str],
) -> float:
    """Run a process, and put its figures where they belong."""
    try:
        found = child_json(arguments, env=environment)
    except ChildError as error:
        rows["load"].notes[side] = str(error)
        return 0.0
    if kind == "again":
        samples["again"][side].append(found["first"])
    elif kind == "raw":
        samples["raw"][side].append(found["steady"])
    else:
        for key in ("import", "load", "first", "steady"):
            samples[key][side].append(found[key])
        samples["ready"][side].append(found["load"] + found["first"])
    return found["first"]


def _artifact(name: str, folder: Path, x: Any) -> Path:
    """kgc's file, without StableHLO: what is compared is what runs."""
    model = compiled(sides.load("kgc"), name)
    model(x)
    model.export(folder / "model.kgc", platforms=())
    return folder / "model.kgc"


def _by_hand(name: str, folder: Path, x: Any) -> Path:
    """A folder with the exported function and its parameters."""
    made = Handwritten(name)
    place = folder / "hand"
    place.mkdir()
    shape = export.symbolic_shape(", ".join(["b", *map(str, x.shape[1:])]))
    leaves = jax.tree.leaves((made.params, made.state))
    tree = jax.tree.structure((made.params, made.state))

    def forward(held: list[Any], given: Any) -> Any:
        params, state = tree.unflatten(held)
        return made.forward(params, state, given)

    avals = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves]
    exported = export.export(jax.jit(forward))(avals, jax.ShapeDtypeStruct(shape, x.dtype))
    (place / "model.bin").write_bytes(exported.serialize())
    np.savez(place / "weights.npz", *map(np.asarray, leaves))
    return place


WRITERS: dict[str, Callable[[str, Path, Any], Path]] = {"kgc": _artifact, "hand": _by_hand}

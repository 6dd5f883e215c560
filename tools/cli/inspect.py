"""Show what is in an artifact, without running it.

With --verify every part is read and compared with its hash, the IR is parsed and verified, and the model runs on the
example that was recorded when it was exported: the outputs must be the same.  A file that can be trained also takes two
steps on a recorded batch, and its logs must be the same.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .failure import Failure

if TYPE_CHECKING:
    from ...runtime.artifact.container import Container
    from ...runtime.artifact.header import Header


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE.kgc", type=Path, help="what `model.export` wrote")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--ir", action="store_true", help="print the IR that is run, and nothing else")
    how.add_argument("--step", action="store_true", help="print the IR of a step of training, and nothing else")
    how.add_argument("--json", action="store_true", help="print the header as JSON")
    parser.add_argument("--weights", action="store_true", help="list every array")
    parser.add_argument("--verify", action="store_true", help="run the recorded example")
    parser.add_argument("--trust", action="store_true", help="let StableHLO in the file reach JAX (with --verify)")


def run(args: argparse.Namespace) -> int:
    """Describe `args.file`."""
    if not args.file.exists():
        raise Failure(f"there is no file {str(args.file)!r}", status=2)
    if args.trust and not args.verify:
        raise Failure("--trust goes with --verify: without it nothing in the file is run", status=2)
    from ...runtime.artifact import header as headers
    from ...runtime.artifact.container import Container

    container = Container(args.file)
    header = headers.read(container.fields, container.path)
    if args.step and header.training is None:
        raise Failure(f"{args.file} was exported for inference, and has no step of training")
    if args.ir or args.step:
        number = header.training.step.part if args.step and header.training is not None else header.ir
        print(_safe(container.copy(number).decode(errors="replace")))
    elif args.json:
        print(json.dumps(header.fields() | {"parts": _parts(container)}, indent=1))
    else:
        for line in describe(container, header, args.weights):
            print(_safe(line))
    if args.verify:
        from ...runtime.artifact.program import load

        found = load(args.file, trust=args.trust).verify()
        what = "outputs" if header.training is None else "outputs, and the logs of training,"
        line = f"verified: the {what} are those recorded ({found:.2g} of the tolerance)"
        print(line, file=sys.stderr if args.ir or args.step or args.json else sys.stdout)
    return 0


def describe(container: Container, header: Header, weights: bool = False) -> list[str]:
    """The lines that are printed."""
    from ...runtime.artifact.fields import Example

    arrays = [*header.params, *header.state]
    held = sum(spec.size for spec in arrays)
    example = header.example
    lines = [
        f"{header.name}   {_bytes(container.size)}: header {_bytes(container.header_size)}, "
        f"IR {_bytes(container.bytes_of(header.ir))}, weights {_bytes(held)}",
        f"signature   {header.signature}",
        f"weights     {len(header.params)} parameters, {len(header.state)} state, {len(header.consts)} constants",
        "ops         " + ", ".join(n if v == 1 else f"{n} (version {v})" for n, v in header.ops.items()),
        "example     " + (f"recorded on {example.platform}" if isinstance(example, Example) else f"none: {example}"),
    ]
    for platform, part in header.stablehlo.items():
        shown = f"none: {part}" if isinstance(part, str) else _bytes(container.bytes_of(part))
        lines.append(f"stablehlo   {platform}: {shown}")
    if header.extern:
        lines.append(f"extern      {len(header.extern)} functions as StableHLO: loads with trust only")
    if header.training is not None:
        trains = header.training
        ir, count = container.bytes_of(trains.step.part), sum(s.size for s in (*trains.params, *trains.state))
        lines.append(
            f"training    a step of {len(trains.step.ops)} kinds of ops, IR {_bytes(ir)}; "
            f"{len(trains.state)} state, {_bytes(count)}; {', '.join(trains.logs)}"
        )
        arrays += [*trains.params, *trains.state]
    lines.append("made by     " + ", ".join(f"{name} {version}" for name, version in header.producer.items()))
    if weights:
        lines += [f"  {spec.name}: {spec.dtype}{list(spec.shape)}   {_bytes(spec.size)}" for spec in arrays]
    return lines


def _parts(container: Container) -> list[dict[str, Any]]:
    return [{"bytes": size, "sha256": container.hash(number)} for number, size in enumerate(container.sizes)]


def _bytes(count: int) -> str:
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def _safe(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)

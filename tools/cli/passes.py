"""What commands that run passes share: the arguments that choose them, and the printing between them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from .failure import Failure

if TYPE_CHECKING:
    from ...compiler.graph import Graph


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare `--print-after`; `--passes` differs between commands."""
    parser.add_argument("--print-after", metavar="PASS", help="print the IR after this pass too, or after `all`")


def chosen(given: str | None, known: list[str], what: str) -> list[str] | None:
    """The passes of a comma-separated list; None for all of them.

    Args:
        given: as the user wrote it; '-' in a name stands for '_'.
        known: names of the passes that may run.
        what: says for which ("those for --mode train").

    Raises:
        Failure: a name is unknown.
    """
    if given is None:
        return None
    names = [name.strip().replace("-", "_") for name in given.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise Failure(f"there is no pass {name!r}; {what} are: {', '.join(known)}", status=2)
    return names


def printing(wanted: str | None, running: list[str]) -> Callable[[str, Graph], None]:
    """What prints the graph after the wanted pass (or all), for `optimize(after=…)`.

    Raises:
        Failure: that pass does not run.
    """
    wanted = None if wanted is None else wanted.replace("-", "_")
    if wanted not in (None, "all", *running):
        raise Failure(f"no pass {wanted!r} is run; --print-after takes all, {', '.join(running)}", status=2)

    def after(name: str, graph: Graph) -> None:
        if wanted in (name, "all"):
            sys.stdout.write(f"// after {name}\n{graph}\n\n")

    return after

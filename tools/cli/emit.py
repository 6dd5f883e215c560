"""The forms in which `kgc compile` shows what it made: IR, layers, JAX's and XLA's texts, pictures, JSON, a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import drawn, lowered
from .failure import Failure

if TYPE_CHECKING:
    from ...compiler.graph import Graph
    from ...runtime.step import TrainStep

FORMS = {
    "ir": "the IR (default)",
    "layers": "a line a layer",
    "jaxpr": "what JAX traces",
    "stablehlo": "what JAX lowers to, for --platforms",
    "hlo": "what XLA compiles here; needs --batch",
    "mermaid": "a flowchart by layers",
    "dot": "the same for Graphviz",
    "json": "the IR as JSON",
    "artifact": "a .kgc file, into -o",
}
"""Name of each form, and what it is."""

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


@dataclass
class Made:
    """What was compiled.

    Attributes:
        graph: in its last form.
        notes: what passes decided.
        step: the train step whose graph it is, where there is one: it has gradients and update besides.
        sizes: by name, what unknown sizes were set to.
    """

    graph: Graph
    notes: Sequence[str]
    step: TrainStep | None
    sizes: dict[str, int]


def platforms(given: str | None) -> list[str]:
    """The platforms of a comma-separated list; by default the one of this machine.

    Raises:
        Failure: one is unknown to JAX.
    """
    if given is None:
        import jax

        return ["cuda" if jax.default_backend() == "gpu" else jax.default_backend()]
    found = list(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))
    unknown = [name for name in found if name not in PLATFORMS]
    if unknown or not found:
        said = ", ".join(map(repr, unknown)) or repr(given)
        raise Failure(f"no platform {said}; they are {', '.join(PLATFORMS)}", status=2)
    return found


def text(form: str, made: Made, wanted: Sequence[str]) -> str:
    """The graph in a form of text.

    Args:
        wanted: platforms, for StableHLO.
    """
    graph = made.graph
    if form == "ir":
        return "".join(f"// {note}\n" for note in made.notes) + str(graph).rstrip("\n") + "\n"
    if form == "layers":
        return drawn.layers(graph)
    if form == "mermaid":
        return drawn.mermaid(graph)
    if form == "dot":
        return drawn.dot(graph)
    if form == "json":
        return drawn.as_json(graph)
    function = lowered.of_graph(graph) if made.step is None else lowered.of_step(made.step, made.sizes)
    if form == "jaxpr":
        return lowered.jaxpr(function)
    if form == "stablehlo":
        return lowered.stablehlo(function, wanted)
    return lowered.hlo(function, graph)

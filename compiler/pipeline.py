"""The passes, in the order in which they run: read `PASSES` from top to bottom.

Each pass is a function `Graph -> Graph`, or `Graph -> PassResult` where it changes parameters.  The verifier runs after
every pass, and the pass's contract is checked: the same outputs, and no argument that was not there or made by its
transform.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import dims, transform as transforms
from .dims import Dim
from .errors import ArgumentError, IRError, KgcError
from .graph import Graph
from .loops import Rolling
from .passes.eliminate_common import eliminate_common
from .passes.fold_batch_norm import fold_batch_norm
from .passes.fold_constants import fold_constants
from .passes.prune_dead import prune_dead
from .passes.roll_loops import roll_loops
from .passes.simplify_inference import simplify_inference
from .passes.stabilize_loss import stabilize_loss
from .transform import PassResult
from .verifier import verify

Function = Callable[[Graph], "Graph | PassResult"]


@dataclass(frozen=True)
class Pass:
    """A pass in the pipeline.

    Attributes:
        training: whether it may run on a graph that gradients are taken of.
        asked: whether it runs only where it is asked for: by its name, or by an argument of `optimize`.
    """

    name: str
    function: Function
    training: bool = True
    asked: bool = False


PASSES: list[Pass] = [
    Pass("prune_dead", prune_dead),  # first, so that nothing below works on what nobody wants
    Pass("simplify_inference", simplify_inference, training=False),
    Pass("fold_constants", fold_constants),
    Pass("eliminate_common", eliminate_common),  # before the patterns: what is written twice is used once
    Pass("stabilize_loss", stabilize_loss),
    Pass("fold_batch_norm", fold_batch_norm, training=False),
    Pass("roll_loops", roll_loops, asked=True),  # `optimize(roll=…)`: whoever asks must store what it stacks
    Pass("prune_dead", prune_dead),  # last, for the parameters that the passes above made needless
]


@dataclass(frozen=True)
class Optimized:
    """What the pipeline makes of a graph.

    Attributes:
        graph: its inputs, params and state are those of the original that are still needed, in their order, with the
            same names; and params, and stacks of state, that `transform` makes.
        transform: a graph from the original's params and state to new ones, by name; None where there are none.
        notes: what passes decided, and why: "roll_loops: 98 blocks of 7 nodes".
    """

    graph: Graph
    transform: Graph | None = None
    notes: tuple[str, ...] = ()

    def params(self, arrays: Mapping[str, Any]) -> list[Any]:
        """Arrays for the graph's params, from those of the original's params and state by name."""
        made = transforms.apply(self.transform, arrays)
        return [made[value.name] if value.name in made else arrays[value.name] for value in self.graph.params]


def names(training: bool | None = None, *, asked: bool = True) -> list[str]:
    """Names of the passes, in order, each once.

    Args:
        training: True for those that may run on a graph in training.
        asked: whether with those that run only where they are asked for.
    """
    chosen = [p for p in PASSES if (training is not True or p.training) and (asked or not p.asked)]
    return list(dict.fromkeys(p.name for p in chosen))


def register(
    name: str,
    function: Function,
    *,
    before: str | None = None,
    after: str | None = None,
    training: bool = True,
) -> None:
    """Put a pass of one's own into the pipeline.

    Args:
        name: a new name.
        function: `Graph -> Graph` (or `PassResult`), pure; a table of `rules.Rules` is one.
        before: name of the pass in front of which it runs first; by default the closing `prune_dead`.
        after: or name of the pass behind which it runs.
        training: whether it keeps gradients, and so may run on a graph in training.

    Raises:
        ArgumentError: the name is taken, there is no such pass, or both places are given.
    """
    if any(p.name == name for p in PASSES):
        raise ArgumentError(f"a pass '{name}' exists")
    if before is not None and after is not None:
        raise ArgumentError(
            "a pass stands before one pass or after one", received=f"before={before!r}, after={after!r}"
        )
    order = [p.name for p in PASSES]
    place = len(PASSES) - 1
    for wanted in filter(None, (before, after)):
        _known(wanted)
        place = order.index(wanted) if before else len(order) - order[::-1].index(wanted)
    PASSES.insert(place, Pass(name, function, training))


def unregister(name: str) -> None:
    """Take a pass out of the pipeline."""
    _known(name)
    PASSES[:] = [p for p in PASSES if p.name != name]


def optimize(
    graph: Graph,
    passes: Sequence[str] | None = None,
    *,
    training: bool = False,
    roll: bool | Rolling = False,
    after: Callable[[str, Graph], None] | None = None,
) -> Optimized:
    """Run the pipeline, or the named passes in the order given.

    Args:
        graph: left as it is.
        passes: names of passes; None for all.
        training: whether gradients are taken of the graph.
        roll: whether `roll_loops` is among all passes, and what it may roll.
        after: called with the name of each pass that ran and the graph it gave.

    Raises:
        ArgumentError: there is no such pass, or it is for inference only.
        IRError: the graph does not verify; or a pass failed, or broke it: the message names the pass.
    """
    chosen = [p for p in PASSES if (p.training or not training) and (not p.asked or roll)]
    if isinstance(roll, Rolling):
        roller = Pass("roll_loops", lambda graph: roll_loops(graph, roll), asked=True)
        chosen = [roller if p.name == "roll_loops" else p for p in chosen]
    if passes is not None:
        chosen = [_known(name) for name in passes]
    for step in chosen:
        if training and not step.training:
            raise ArgumentError(f"the pass '{step.name}' is for inference, and this graph is for training")
    verify(graph)
    transform: Graph | None = None
    notes: list[str] = []
    for step in chosen:
        made = _run(step, graph)
        notes.extend(f"{step.name}: {note}" for note in made.notes)
        transform = transforms.compose(transform, made.transform)
        graph = made.graph
        if after is not None:
            after(step.name, graph)
    transform = transforms.restrict(transform, {value.name for value in (*graph.params, *graph.state)})
    return Optimized(graph, transform if transform is None else eliminate_common(transform), tuple(notes))


def rolled(optimized: Optimized, rolling: Rolling) -> Optimized:
    """An optimised graph with loops in place of its equal blocks; the same graph where there are none.

    Raises:
        IRError: the pass failed, or broke the graph.
    """
    graph, transform, notes = optimized.graph, optimized.transform, list(optimized.notes)
    for step in (Pass("roll_loops", lambda graph: roll_loops(graph, rolling)), _known("prune_dead")):
        made = _run(step, graph)
        notes.extend(f"{step.name}: {note}" for note in made.notes)
        if made.graph is optimized.graph:
            return Optimized(graph, transform, tuple(notes))
        graph, transform = made.graph, transforms.compose(transform, made.transform)
    transform = transforms.restrict(transform, {value.name for value in (*graph.params, *graph.state)})
    return Optimized(graph, transform, tuple(notes))


def _known(name: str) -> Pass:
    for step in PASSES:
        if step.name == name:
            return step
    near = difflib.get_close_matches(name, names(), 3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names())}."
    raise ArgumentError(f"there is no pass '{name}'", hint=hint)


def _run(step: Pass, graph: Graph) -> PassResult:
    try:
        made = step.function(graph)
    except Exception as error:
        shown = error.what if isinstance(error, KgcError) else f"{type(error).__name__}: {error}"
        where = error.where if isinstance(error, KgcError) else None
        raise IRError(f"the pass {step.name} failed on @{graph.name}: {shown}", where=where) from error
    if isinstance(made, Graph):
        made = PassResult(made)
    if made.graph is not graph:
        made = made._replace(graph=_in_the_sizes_of(graph, made.graph))
        verify(made.graph, step.name)
        _check_contract(step.name, graph, made)
    return made


def _in_the_sizes_of(old: Graph, new: Graph) -> Graph:
    """`new` with the unknown sizes named as in `old`: a pass that goes through text brings names of its own."""
    known = {value.name: value.type for value in old.inputs}
    pairs = [(value.type, known[value.name]) for value in new.inputs if value.name in known]
    pairs += [(a.type, b.type) for a, b in zip(new.outputs, old.outputs, strict=False)]
    env: dict[str, int | Dim] = {}
    for mine, theirs in pairs:
        if mine is not theirs and mine.rank == theirs.rank:
            for size, wanted in zip(mine.shape, theirs.shape, strict=True):
                dims.solve(size, wanted, env)
    return new.substitute(env) if env else new


def _check_contract(name: str, old: Graph, made: PassResult) -> None:
    """Outputs and arguments of a pass's result against those of the graph it was given."""
    blame, new = f"@{old.name} after {name}", made.graph
    if [v.type for v in new.outputs] != [v.type for v in old.outputs] or new.output_names != old.output_names:
        received = f"{[str(v.type) for v in new.outputs]} for {[str(v.type) for v in old.outputs]}"
        raise IRError(f"{blame}: the outputs are others", received=received)
    derived = {}
    if made.transform is not None:
        verify(made.transform, name)
        derived = dict(zip(made.transform.output_names, (v.type for v in made.transform.outputs), strict=True))
    for kind in ("inputs", "params", "state"):
        known = {value.name: value.type for value in getattr(old, kind)}
        for value in getattr(new, kind):
            wanted = None if kind == "inputs" else derived.get(value.name)
            if (wanted or known.get(value.name)) is not value.type:
                raise IRError(f"{blame}: {kind} has %{value.name}: {value.type}, which the graph before did not have")
    targets = {target.name for target, _ in old.assigns}
    stacks = transforms.stacks(made.transform)
    targets |= {name for name, members in stacks.items() if targets.issuperset(members)}
    for target, _ in new.assigns:
        if target.name not in targets:
            raise IRError(f"{blame}: %{target.name} is assigned, and was not before")

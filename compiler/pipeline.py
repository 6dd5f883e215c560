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

from . import dims, paranoid as paranoia, transform as transforms
from .dims import Dim
from .errors import ArgumentError, IRError, KgcError
from .graph import Graph
from .loops import Rolling
from .passes.batch_branches import batch_branches
from .passes.cast_params import cast_params
from .passes.eliminate_common import eliminate_common
from .passes.fold_batch_norm import fold_batch_norm
from .passes.fold_constants import fold_constants
from .passes.fuse_attention import fuse_attention
from .passes.fuse_layers import fuse_layers
from .passes.hoist_params import hoist_params
from .passes.merge_casts import merge_casts
from .passes.merge_parallel import merge_parallel
from .passes.prune_dead import prune_dead
from .passes.rematerialize import Plan, rematerialize
from .passes.roll_loops import roll_loops
from .passes.simplify_algebra import simplify_algebra
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
        moderate: whether it keeps the numbers on moderate values only, and betters them elsewhere (paranoid mode asks).
    """

    name: str
    function: Function
    training: bool = True
    asked: bool = False
    moderate: bool = False


PASSES: list[Pass] = [
    Pass("prune_dead", prune_dead),  # first, so that nothing below works on what nobody wants
    Pass("simplify_inference", simplify_inference, training=False),
    Pass("fold_constants", fold_constants),
    Pass("merge_casts", merge_casts),
    Pass("simplify_algebra", simplify_algebra),
    Pass("eliminate_common", eliminate_common),  # before the patterns: what is written twice is used once
    Pass("cast_params", cast_params, training=False),  # behind it: a weight that is cast twice is cast once
    Pass("stabilize_loss", stabilize_loss, moderate=True),
    Pass("fold_batch_norm", fold_batch_norm, training=False),
    Pass("fuse_attention", fuse_attention, moderate=True),
    Pass("merge_parallel", merge_parallel, training=False),
    Pass("batch_branches", batch_branches, training=False),
    Pass("roll_loops", roll_loops, asked=True),  # `optimize(roll=…)`: whoever asks must store what it stacks
    Pass("hoist_params", hoist_params, training=False),  # behind what joins them, and the loops, which want them whole
    Pass("fuse_layers", fuse_layers),  # behind what knows products and sums, and behind the loops, for their bodies
    Pass("rematerialize", rematerialize, asked=True),  # `compile(memory_limit=…)`, which makes the plan
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
    moderate: bool = False,
) -> None:
    """Put a pass of one's own into the pipeline.

    Args:
        name: a new name.
        function: `Graph -> Graph` (or `PassResult`), pure; a table of `rules.Rules` is one.
        before: name of the pass in front of which it runs first; by default the closing `prune_dead`.
        after: or name of the pass behind which it runs.
        training: whether it keeps gradients, and so may run on a graph in training.
        moderate: whether it keeps the numbers on moderate values only (see `Pass`).

    Raises:
        ArgumentError: the name is taken, there is no such pass, both places are given, or the pass is no function.
    """
    if not callable(function):  # pyright: ignore[reportUnnecessaryComparison]
        raise ArgumentError(f"the pass '{name}' is a function `Graph -> Graph`", received=type(function).__name__)
    if any(p.name == name for p in PASSES):
        raise ArgumentError(f"a pass '{name}' exists")
    if before is not None and after is not None:
        raise ArgumentError(
            "a pass stands before one pass or after one", received=f"before={before!r}, after={after!r}"
        )
    order = [p.name for p in PASSES]
    place = max((index for index, known in enumerate(order) if known == "prune_dead"), default=len(order))
    for wanted in filter(None, (before, after)):
        _known(wanted)
        place = order.index(wanted) if before else len(order) - order[::-1].index(wanted)
    PASSES.insert(place, Pass(name, function, training, moderate=moderate))


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
    paranoid: bool | None = None,
) -> Optimized:
    """Run the pipeline, or the named passes in the order given.

    Args:
        graph: left as it is.
        passes: names of passes; None for all.
        training: whether gradients are taken of the graph.
        roll: whether `roll_loops` is among all passes; and what it may roll, where it is among them or named.
        after: called with the name of each pass that ran and the graph it gave.
        paranoid: whether to evaluate the graph before and after each pass as well (see `paranoid`); None for what the
            environment variable KGC_PARANOID says.

    Raises:
        ArgumentError: there is no such pass, or it is for inference only; or it is not for what `roll` says.
        IRError: the graph does not verify; or a pass failed, or broke it: the message names the pass.
    """
    if passes is None:
        suit = [p for p in PASSES if p.training or not training]
        chosen = [p for p in suit if not p.asked or (roll and p.name == "roll_loops")]
    else:
        if isinstance(passes, str):
            raise ArgumentError("passes are a list of names", received=f"passes={passes!r}", hint=f"[{passes!r}].")
        chosen = [_known(name) for name in passes]
        if roll and "roll_loops" not in passes:
            raise ArgumentError("roll is for all passes, or for roll_loops among them", received=f"passes={passes!r}")
    if isinstance(roll, Rolling):
        roller = Pass("roll_loops", lambda graph: roll_loops(graph, roll), asked=True)
        chosen = [roller if p.name == "roll_loops" else p for p in chosen]
    for step in chosen:
        if training and not step.training:
            raise ArgumentError(f"the pass '{step.name}' is for inference, and this graph is for training")
    verify(graph)
    return _through(chosen, Optimized(graph), training, paranoid, after)


def prepared(
    graph: Graph, passes: Sequence[str] | None = None, *, training: bool = False, paranoid: bool | None = None
) -> Optimized:
    """As `optimize`, but with the passes in front of `roll_loops` only, unless they are named.

    Then `rolled` may follow, and `finished` must.
    """
    if passes is None:
        verify(graph)
        return _through(_beside_loops(training)[0], Optimized(graph), training, paranoid)
    return optimize(graph, passes, training=training, paranoid=paranoid)


def rolled(
    optimized: Optimized, rolling: Rolling, *, training: bool = False, paranoid: bool | None = None
) -> Optimized:
    """An optimised graph with loops in place of its equal blocks; the same graph where there are none.

    Args:
        optimized: the graph, and what was made of its params already.
        rolling: what may be rolled.
        training: whether gradients are taken of the graph.
        paranoid: as for `optimize`.

    Raises:
        IRError: the pass failed, or broke the graph.
    """
    roller = Pass("roll_loops", lambda graph: roll_loops(graph, rolling))
    pruning = [p for p in PASSES if p.name == "prune_dead"][:1]  # somebody may have taken it out
    return _through([roller, *pruning], optimized, training, paranoid)


def finished(
    optimized: Optimized,
    passes: Sequence[str] | None = None,
    *,
    training: bool = False,
    paranoid: bool | None = None,
) -> Optimized:
    """What `prepared` or `rolled` gave, after the passes behind `roll_loops`; arguments as for `prepared`."""
    if passes is not None:
        return optimized
    return _through(_beside_loops(training)[1], optimized, training, paranoid)


def _beside_loops(training: bool) -> tuple[list[Pass], list[Pass]]:
    """The passes that run unasked in front of `roll_loops`, and behind it; all in front where somebody took it out."""
    at = next((i for i, p in enumerate(PASSES) if p.name == "roll_loops"), len(PASSES))
    before, behind = (
        [p for p in part if (p.training or not training) and not p.asked] for part in (PASSES[:at], PASSES[at:])
    )
    return before, behind


def _through(
    chosen: Sequence[Pass],
    given: Optimized,
    training: bool,
    paranoid: bool | None,
    after: Callable[[str, Graph], None] | None = None,
) -> Optimized:
    """What the passes make of a graph; if that is the same graph, its transform too is as it was."""
    graph, transform, notes = given.graph, given.transform, list(given.notes)
    watch = paranoia.Watch(graph, training=training) if paranoia.wanted(paranoid) else None
    for step in chosen:
        made = _run(step, graph)
        if watch is not None:
            watch.check(step.name, graph, made, moderate=step.moderate)
        notes.extend(f"{step.name}: {note}" for note in made.notes)
        transform = transforms.compose(transform, made.transform)
        graph = made.graph
        if after is not None:
            after(step.name, graph)
    notes.extend(f"paranoid: {note}" for note in (watch.notes if watch is not None else ()))
    if graph is given.graph:
        return Optimized(graph, given.transform, tuple(notes))
    transform = transforms.restrict(transform, {value.name for value in (*graph.params, *graph.state)})
    return Optimized(graph, transform if transform is None else eliminate_common(transform), tuple(notes))


def rematerialized(graph: Graph, plan: Plan, *, paranoid: bool | None = None) -> Graph:
    """A graph for training that computes again what the plan says; verified, and `paranoid` as for `optimize`.

    Raises:
        IRError: the pass failed, or broke the graph.
    """
    step = Pass("rematerialize", lambda graph: rematerialize(graph, plan), asked=True)
    return _through([step], Optimized(graph), True, paranoid).graph


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
    if not isinstance(made, PassResult):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise IRError(
            f"the pass {step.name} gave no graph for @{graph.name}",
            received=type(made).__name__,
            hint="a pass returns the graph that it was given where it changes nothing.",
        )
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

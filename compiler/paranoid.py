"""Paranoid mode: hold what a graph computes against what it computed before each pass, and name the pass that broke it.

The verifier sees types; this sees numbers.  A graph is evaluated before and after every pass that changed it, on small
random instances of its unknown sizes (`instances`): outputs, assigned state, and for a graph in training the gradients
of all outputs with respect to params and inputs.

How close is close?  A correct pass may round otherwise, and no more.  Where results differ by more than a few units in
the last place, the graph from before the first pass is evaluated again with every intermediate result shaken by one
unit (`shaking`), and what that does to a result is the measure for it.  So a fault of one part in a hundred thousand
shows where a computation is stable, and where it is not (bfloat16, cancellation) nobody cries wolf.

What could not be checked is said in the notes, never passed over.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from . import builder, instances, printer, shaking, transform as transforms
from .errors import IRError, KgcError
from .graph import Graph
from .infer import REFUSALS
from .shaking import GRADIENT, Results
from .transform import PassResult
from .types import is_float

MOST_WORK = 4e9
"""Floating point operations of one evaluation, by estimate, beyond which a graph is not checked at those sizes."""
MOST_ELEMENTS = 5e7
"""Elements of all that one evaluation computes, likewise."""
MOST_NODES = 4000
FEW_NODES = 600
"""A graph of more nodes is checked at one set of sizes only: each costs a compilation a pass."""

_LAST_PLACES = 4
"""Units in the last place of the largest element by which a result may differ without a second look."""
_PHASES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
_FACTOR, _FEW = 4, 8
"""A result may differ by so many times the most that shaking did to it; a result of few elements, on which chance may
have been kind, by `_FEW` times that over their number more."""
_BLIND = 0.1
"""Where that is more than this part of its size, a difference says nothing, and a note says so."""
_FLOOR = 1e-3
"""Gradients are no smaller than this part of the largest of them: one that should be zero is rounding only."""

_jax, _jnp = cast(Any, jax), cast(Any, jnp)


def wanted(asked: bool | None) -> bool:
    """Whether to be paranoid: as asked, else as the environment variable KGC_PARANOID says."""
    return os.environ.get("KGC_PARANOID", "") not in ("", "0") if asked is None else asked


@dataclass
class Case:
    """One instance: sizes, arrays, what the source gave on them, and what the last graph that was checked did.

    `floats` are the arguments with respect to which gradients are taken: at the first sizes only, for time's sake.
    """

    env: instances.Env
    draw: str
    arrays: instances.Arrays
    floats: frozenset[str]
    first: Results
    last: Results
    shaken: list[Results] = field(default_factory=list[Results])


class Watch:
    """Watches one graph through the passes.

    Args:
        source: the graph before the first of them.
        training: whether gradients must stay.
        seed: of sizes and arrays.

    Attributes:
        notes: what is not checked, and why.
    """

    def __init__(self, source: Graph, *, training: bool, seed: int = 0) -> None:
        self.source, self.training, self.seed = source, training, seed
        self.notes: list[str] = []
        self._transform: Graph | None = None
        self._floats: frozenset[str] = frozenset()
        self._known: list[Case] | None = None
        self._shaking: dict[frozenset[str], Callable[..., Results]] = {}

    def check(self, name: str, old: Graph, made: PassResult, *, moderate: bool = False) -> None:
        """Hold the result of a pass against the graph it was given.

        Args:
            name: of the pass.
            old: what it was given: the source, or what the last pass that was checked made.
            made: what it made of it.
            moderate: whether the pass keeps the numbers on moderate values only.

        Raises:
            IRError: outputs, assigned state or gradients differ; the message says where, at which sizes and seed.
        """
        self._transform = transforms.compose(self._transform, made.transform)
        if _computes_the_same(old, made.graph):
            return
        with _apart():
            if self._known is None:
                self._known = list(self._cases())
            runs = {
                floats: shaking.compiled(made.graph, self._transform, self.source, floats)
                for floats in {case.floats for case in self._known}
            }
            for case in self._known:
                try:
                    results = runs[case.floats](case.arrays, 0.0)
                except REFUSALS as error:
                    raise self._error(name, f"broke @{old.name}: {_said(error)}", case) from error
                if case.draw != "wide" or not moderate:
                    self._compare(name, results, case)
                case.last = results

    def _cases(self) -> Iterator[Case]:
        """Sizes and arrays on which the source is evaluated; what cannot be is noted."""
        graph, rng = self.source, np.random.default_rng(self.seed)
        count = len(graph.nodes)
        if count > MOST_NODES:
            self._note(f"not checked: {count} nodes, and {MOST_NODES} are the most")
            return
        if self.training:
            chosen = instances.domains(graph, {})
            of = (value for value in (*graph.inputs, *graph.params) if is_float(value.type.dtype))
            self._floats = frozenset(v.name for v in of if v not in chosen or chosen[v].kind != "index")
        done = False
        for kind, env in instances.sizes(graph, rng):
            at = f" at {kind}" if kind else ""
            if env is None:
                self._note(f"not checked{at}: the graph takes none of those tried")
                continue
            operations, elements = instances.work(graph, env)
            if operations > MOST_WORK or elements > MOST_ELEMENTS:
                self._note(
                    f"not checked{at}: an evaluation takes about {operations / 1e9:.3g} GFLOP and "
                    f"{elements / 1e6:.3g} M elements; the most are {MOST_WORK / 1e9:g} and {MOST_ELEMENTS / 1e6:g}"
                )
            elif done and count > FEW_NODES:
                self._note(f"not checked{at}: more than {FEW_NODES} nodes are checked at one set of sizes")
            else:
                for case in self._draws(env, rng, frozenset() if done else self._floats):
                    done = True
                    yield case

    def _draws(self, env: instances.Env, rng: np.random.Generator, floats: frozenset[str]) -> Iterator[Case]:
        run = shaking.compiled(self.source, None, self.source, floats)
        broken = False
        for draw in instances.DRAWS:
            if draw == "positive" and not broken:
                return
            arrays = instances.arrays(self.source, env, draw, rng)
            try:
                results = run(arrays, 0.0)
            except Exception as error:  # whatever a user's own function, or XLA, raises
                if not floats:
                    self._note(f"not checked: the graph cannot be evaluated: {_said(error)}")
                    return
                self._note(f"gradients are not checked: {_said(error)}")  # a loop that ends by its data has none
                yield from self._draws(env, rng, frozenset())
                return
            broken = broken or not all(np.isfinite(array).all() for array in results.values())
            yield Case(env, draw, arrays, floats, results, results)

    def _compare(self, name: str, new: Results, case: Case) -> None:
        floor = _FLOOR * max((_scale(array) for key, array in case.last.items() if key.startswith(GRADIENT)), default=0)
        for key, left in case.last.items():
            right = new[key]
            if left.dtype != right.dtype or left.shape != right.shape:
                what = f"made {key} of @{self.source.name} {right.dtype}{list(right.shape)}"
                raise self._error(name, what, case, f"before: {left.dtype}{list(left.shape)}")
            if left.tobytes() != right.tobytes():
                self._hold(name, key, left, right, case, floor if key.startswith(GRADIENT) else 0.0)

    def _hold(self, name: str, key: str, left: Any, right: Any, case: Case, floor: float) -> None:
        """Raise where the two differ by more than rounding explains."""
        if not _is_float(left):
            self._reject(name, key, left, right, case, (left != right) & self._firm(key, case), 0.0)
            return
        with np.errstate(invalid="ignore", over="ignore"):
            old, new = (np.asarray(array, "float64") for array in (left, right))
            gap = np.where((old == new) | (np.isnan(old) & np.isnan(new)), 0.0, np.abs(old - new))
            scale = max(_scale(left), floor)
            allowed = _LAST_PLACES * float(_jnp.finfo(left.dtype).eps) * scale
            if (gap <= allowed).all():
                return
            steady = np.asarray(case.first[key], "float64")
            moves = [np.abs(np.asarray(shaken[key], "float64") - steady) for shaken in self._shaken(case)]
            most = max(float(np.max(move[np.isfinite(move)], initial=0.0)) for move in moves)
            allowed += _FACTOR * (1 + _FEW / max(1, left.size)) * most
            wrong = ~(gap <= allowed)
            wrong &= np.isfinite(gap) | self._firm(key, case)  # overflow here and none there may be rounding too
        self._reject(name, key, left, right, case, wrong, allowed)
        if allowed > _BLIND * scale:
            self._note(f"{name}: {key} is known to {allowed:.1g} of {scale:.1g} only{self._at(case)}: rounding")

    def _firm(self, key: str, case: Case) -> Any:
        """Where shaking does not change the result: an index, or whether there is a number at all."""
        steady = case.first[key]
        if _is_float(steady):
            return np.all([np.isfinite(shaken[key]) == np.isfinite(steady) for shaken in self._shaken(case)], axis=0)
        return np.all([shaken[key] == steady for shaken in self._shaken(case)], axis=0)

    def _shaken(self, case: Case) -> list[Results]:
        if not case.shaken:
            if case.floats not in self._shaking:
                self._shaking[case.floats] = shaking.compiled(self.source, None, self.source, case.floats, shaken=True)
            case.shaken = [self._shaking[case.floats](case.arrays, phase) for phase in _PHASES]
        return case.shaken

    def _reject(self, name: str, key: str, left: Any, right: Any, case: Case, wrong: Any, allowed: float) -> None:
        if not wrong.any():
            return
        old, new = (np.asarray(array, "float64") for array in (left, right))
        with np.errstate(invalid="ignore"):
            gap = np.where(wrong, np.nan_to_num(np.abs(old - new), nan=np.inf), 0.0)
        place = np.unravel_index(int(np.argmax(gap)), gap.shape)
        index = ", ".join(str(int(i)) for i in place)
        what = (
            f"changed what @{self.source.name} computes: {key} differs by {float(gap[place]):.3g} "
            f"in {int(wrong.sum())} of {wrong.size} elements"
        )
        received = f"{old[place]:.7g} before and {new[place]:.7g} after at [{index}]; rounding explains {allowed:.1g}"
        raise self._error(name, what, case, received)

    def _error(self, name: str, what: str, case: Case, received: str | None = None) -> IRError:
        return IRError(
            f"the pass {name} {what}{self._at(case)}",
            received=received,
            hint=f"inputs are the {case.draw} ones of seed {self.seed}; `--print-after {name}` shows the graph.",
        )

    def _at(self, case: Case) -> str:
        shown = printer.symbol_names(self.source)
        sizes = ", ".join(f"{shown.get(name, name)}={size}" for name, size in case.env.items())
        return f", at {sizes}" if sizes else ""

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _computes_the_same(old: Graph, new: Graph) -> bool:
    """Whether the very same values are returned and assigned: then the pass dropped what nobody needs, at most."""
    if len(old.outputs) != len(new.outputs) or len(old.assigns) != len(new.assigns):
        return False
    pairs = [*zip(old.outputs, new.outputs, strict=True)]
    pairs += [pair for a, b in zip(old.assigns, new.assigns, strict=True) for pair in zip(a, b, strict=True)]
    return all(a is b for a, b in pairs) and all(new.consts[v] is old.consts.get(v) for v in new.consts)


@contextlib.contextmanager
def _apart() -> Generator[None]:
    """Apart from any trace around us, and on the CPU, which computes in the dtypes that the graph says."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(builder.suspended())
        stack.enter_context(jax.ensure_compile_time_eval())
        with contextlib.suppress(RuntimeError):
            stack.enter_context(jax.default_device(_jax.local_devices(backend="cpu")[0]))
        yield


def _said(error: Exception) -> str:
    what = error.what if isinstance(error, KgcError) else f"{type(error).__name__}: {error}"
    return what.strip().partition("\n")[0][:200]


def _is_float(array: Any) -> bool:
    return bool(_jnp.issubdtype(array.dtype, _jnp.floating))


def _scale(array: Any) -> float:
    found = np.abs(np.asarray(array, "float64"))
    return float(np.max(found[np.isfinite(found)], initial=0.0))

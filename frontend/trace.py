"""What is going on while layers' `call` methods are traced into a graph.

A `Trace` wraps a graph builder: it turns variables into parameters and state of the graph, keeps assignments in
order, collects losses, and gives every random draw its site.  One thread traces one graph at a time, in a stack.
"""

from __future__ import annotations

import gc
import re
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Protocol

from jax import core

from ..compiler import builder as building, importing
from ..compiler.graph import Graph
from ..compiler.ir import Value
from ..compiler.op import REGISTRY
from ..compiler.types import TensorType, tensor_type
from ..runtime.program import KEY, SEEDLESS_KEY
from .saving.registry import snake_case

_local = threading.local()


class Variable(Protocol):
    """What a trace needs of a `variable.Variable`, which itself asks the current trace."""

    path: str
    declared_trainable: bool
    type: TensorType

    def read(self) -> Any: ...


def current() -> Trace | None:
    """The innermost trace of this thread."""
    stack = getattr(_local, "stack", None)
    return stack[-1] if stack else None


class Trace:
    """One graph being recorded.

    Attributes:
        training: the phase, for layers to which nobody says otherwise; None where a call has none.
        by_default: whether a layer computes as in training because nobody said anything and its signature says so.
        callers: layers whose calls are going on, outermost first; `scopes` are their names.
        losses: scalar Values that `add_loss`, regularizers and activity regularizers left.
        variables: those read or assigned so far, by the name that the graph has for them.
        concrete: whether nothing is recorded, and layers run on arrays (see `concrete`).
    """

    concrete = False

    def __init__(self, name: str, training: bool | None) -> None:
        self.builder = building.Builder(name)
        self.training, self.by_default = training, False
        self.callers: list[Any] = []
        self.scopes: list[str] = []
        self.training_stack: list[bool | None] = []
        self.losses: list[Any] = []
        self.variables: dict[str, Any] = {}  # each a `variable.Variable`
        self._first: dict[int, Value] = {}
        self._now: dict[int, Any] = {}
        self._sites: dict[str, int] = {}
        self._taken_sites: set[int] = set()
        self._streams: dict[tuple[str, str], dict[int, int]] = {}
        self._journal: list[Callable[[], object]] = []  # how to undo, newest last
        self._keys: dict[str, Value] = {}
        self._masks: dict[int, tuple[Any, Any]] = {}  # by the tensor's id, with the tensor, which keeps the id its own

    def __enter__(self) -> Trace:
        if not hasattr(_local, "stack"):
            _local.stack = []
        _local.stack.append(self)
        self.builder.__enter__()
        # Nothing recorded is garbage: collecting would only walk it again and again.
        self._collects = gc.isenabled()
        gc.disable()
        return self

    def __exit__(self, *exc: object) -> None:
        self.builder.__exit__(*exc)
        _local.stack.pop()
        if self._collects:
            gc.enable()

    # Variables
    def declare(self, variable: Variable) -> Value:
        """The graph's argument for a variable; params are what layers create as trainable, frozen or not."""
        value = self._first.get(id(variable))
        if value is None:
            path = variable.path.replace("/", ".")
            add = self.builder.param if variable.declared_trainable else self.builder.declare_state
            value = add(path, variable.type)
            self._first[id(variable)] = self._now[id(variable)] = value
            self.variables[value.name] = variable
        return value

    def read(self, variable: Variable) -> Any:
        """The variable's value at this point of the trace: what was last assigned, or the argument."""
        self.declare(variable)
        value = self._now[id(variable)]
        return importing.outer(value) if importing.is_active() and type(value) is Value else value

    def assign(self, variable: Variable, value: Any) -> None:
        """Later reads, and the graph's new state, are `value`."""
        self.declare(variable)
        key, before = id(variable), self._now[id(variable)]
        self._journal.append(lambda: self._now.update({key: before}))
        self._now[key] = value

    def traced_assignments(self) -> list[tuple[Variable, Any]]:
        """Variables whose last assigned value is a JAX tracer (see `compiler.importing`), and these."""
        by_id = {id(variable): variable for variable in self.variables.values()}
        return [(by_id[key], value) for key, value in self._now.items() if isinstance(value, core.Tracer)]

    def assigns(self) -> dict[Value, Value]:
        """State arguments and their final values."""
        changed = ((self._first[key], value) for key, value in self._now.items() if value is not self._first[key])
        return {first: self.builder.operand(value) for first, value in changed}

    # Masks
    def mask(self, tensor: Any) -> Any:
        """The mask that travels beside a tensor of this trace, or None."""
        found = self._masks.get(id(tensor))
        return None if found is None else found[1]

    def set_mask(self, tensor: Any, mask: Any) -> None:
        """From here on, `mask` travels beside `tensor`."""
        self._masks[id(tensor)] = (tensor, mask)

    # Random sites
    def key(self, stream: str, seed: int | None = None) -> Any:
        """A random key for the next draw of `stream` (the trace's `stream`): `fold_in(%key, site)`.

        The site depends on the stream and on how many draws it made in this trace, on nothing else.  With a `seed` of
        its own the stream is that seed's, and the process-wide seed plays no part.
        """
        name = KEY if seed is None else SEEDLESS_KEY
        stream = stream if seed is None else f"seed {seed}"
        if name not in self._keys:
            self._keys[name] = self.builder.input(name, tensor_type((), "key"))
        count = self._sites.get(stream, 0)
        self._sites[stream] = count + 1
        self._journal.append(lambda: self._sites.update({stream: count}))
        site = zlib.crc32(f"{stream}:{count}".encode()) & 0x7FFFFFFF
        while site in self._taken_sites:
            site = (site + 1) & 0x7FFFFFFF
        self._taken_sites.add(site)
        self._journal.append(lambda: self._taken_sites.discard(site))
        return REGISTRY["fold_in"](self._keys[name], site)

    def loop(self, body: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any, reverse: bool) -> tuple[Any, Any]:
        """The loop of `regions.scan`, run on arrays; only where `concrete`."""
        raise NotImplementedError

    # Scopes
    @property
    def path(self) -> str:
        """Path of the layer that is being called."""
        return "/".join(self.scopes)

    @property
    def stream(self) -> str:
        """As `path`, for random draws.

        Names that were counted over the process, such as `dropout_7`, are counted anew within the layer around, so
        that the same model draws the same numbers when it is made a second time, or after others.
        """
        parts: list[str] = []
        for layer in self.callers:
            kind, around = snake_case(type(layer).__name__), "/".join(parts)
            if re.fullmatch(rf"{kind}(_\d+)?", layer.name):
                known = self._streams.setdefault((around, kind), {})
                parts.append(f"{kind}/{known.setdefault(id(layer), len(known))}")  # no name has a '/'
            else:
                parts.append(layer.name)
        return "/".join(parts)

    @contextmanager
    def layer(self, layer: Any, training: bool | None) -> Iterator[None]:
        """Inside, nodes belong to `layer`, called with this resolved `training`."""
        self.callers.append(layer)
        self.scopes.append(layer.name)
        self.training_stack.append(training)
        before = self.builder.scope
        self.builder.scope = "/".join(self.scopes)
        try:
            with importing.scoped(self.builder.scope) if importing.is_active() else nullcontext():
                yield
        finally:
            self.callers.pop()
            self.scopes.pop()
            self.training_stack.pop()
            self.builder.scope = before

    def enclosing_training(self) -> bool | None:
        """`training` of the innermost enclosing call that was given one, else the phase."""
        return next((t for t in reversed(self.training_stack) if t is not None), self.training)

    # Rolling back a call that JAX refused
    def mark(self) -> tuple[int, int, int]:
        """Where the trace stands."""
        return len(self.builder.nodes), len(self.losses), len(self._journal)

    def roll_back(self, mark: tuple[int, int, int]) -> None:
        """Forget what was recorded since `mark`; declared arguments stay."""
        nodes, losses, changes = mark
        del self.builder.nodes[nodes:]
        del self.losses[losses:]
        while len(self._journal) > changes:
            self._journal.pop()()

    def finish(self, outputs: Any, output_names: Any = ()) -> Graph:
        """The graph of what was traced."""
        return self.builder.finish(outputs, self.assigns(), output_names)


def op(name: str) -> Any:
    """The op of that name (the catalogue is imported by `frontend.ops`)."""
    return REGISTRY[name]


def around() -> list[str]:
    """Names of the models that are being put together around what is traced, outermost first (see `within`)."""
    return getattr(_local, "around", [])


@contextmanager
def within(*names: str) -> Iterator[None]:
    """Inside, weights that are made stand in the model of that path, whose layers are being called one by one."""
    before, _local.around = around(), [*around(), *names]
    try:
        yield
    finally:
        _local.around = before


@contextmanager
def pushed(tracing: Trace) -> Iterator[None]:
    """Inside, `tracing` is this thread's innermost trace."""
    if not hasattr(_local, "stack"):
        _local.stack = []
    stack = _local.stack
    stack.append(tracing)
    try:
        yield
    finally:
        stack.pop()


@contextmanager
def suspended() -> Iterator[None]:
    """Inside, nothing is being traced in this thread (a nested model builds its own call graph)."""
    stack, _local.stack = getattr(_local, "stack", []), []
    try:
        with building.suspended():
            yield
    finally:
        _local.stack = stack

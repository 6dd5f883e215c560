"""The store that owns every array: weights, state, optimizer slots, metrics.

A `Handle` (the frontend's `Variable`) does not hold an array but names a place: a slot, and an index where the slot is
a stack of several variables' arrays.  Programs take the slots' arrays and rebind them; handles of all models over the
same layers see the new arrays at once.  `version` rises with every change, so that what is derived from weights (folded
parameters, argument tuples) knows when it is stale.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import numpy as np
from jax import core

from ..compiler.errors import GraphError
from ..compiler.types import TensorType


class Slot:
    """One array: a NumPy array until a program first needs it, a JAX array after.

    `lent` says that somebody outside holds the array, so that its buffer may not be given away; `fresh`, that it is a
    NumPy array nobody has seen yet, which may be written in place.
    """

    __slots__ = ("array", "fresh", "lent")

    def __init__(self, array: Any) -> None:
        self.array, self.lent, self.fresh = array, False, False


class Store:
    """Counts changes; puts arrays on the device; stacks slots.

    Attributes:
        version: rises when an array changes.
        trainable_version: rises when something is frozen or unfrozen, which a running `fit` has to know.
        lock: held from taking slots' arrays until a program that may give their buffers away has been dispatched and
            the slots rebound, so that another thread never computes with a buffer that is gone.
    """

    def __init__(self) -> None:
        self.version = 0
        self.trainable_version = 0
        self.lock = threading.RLock()

    def touch(self) -> None:
        """Say that some slot changed."""
        self.version += 1

    def roles_changed(self) -> None:
        """Say that something was frozen or unfrozen."""
        self.trainable_version += 1
        self.version += 1

    def rebind(self, slots: Sequence[Slot], arrays: Sequence[Any]) -> None:
        """Give the slots their new arrays.

        Raises:
            GraphError: the arrays are tracers of somebody's `jax.jit`, which must not outlive it.
        """
        refuse_tracers(arrays)
        for slot, array in zip(slots, arrays, strict=True):
            slot.array = array
        self.version += 1

    def on_device(self, slots: Iterable[Slot]) -> tuple[Any, ...]:
        """The slots' arrays as JAX arrays; NumPy ones are moved in one transfer, without compiling anything."""
        slots = list(slots)
        waiting = [slot for slot in slots if not isinstance(slot.array, jax.Array)]
        if waiting:
            with jax.ensure_compile_time_eval():  # inside somebody's `jax.jit` too, arrays and no tracers
                moved = jax.device_put([slot.array for slot in waiting])
            for slot, array in zip(waiting, moved, strict=True):
                slot.array, slot.lent = array, False  # nobody else has seen this one
        return tuple([slot.array for slot in slots])

    def to_donate(self, slots: Iterable[Slot]) -> tuple[Any, ...]:
        """As `on_device`, for a program that gives the buffers away: arrays that were lent are copied first."""
        slots = list(slots)
        self.on_device(slots)
        for slot in slots:
            if slot.lent:
                with jax.ensure_compile_time_eval():
                    slot.array, slot.lent = slot.array.copy(), False
        return tuple([slot.array for slot in slots])

    def stack(self, handles: Sequence[Handle]) -> Slot:
        """Move the arrays of `handles` (equal types, not yet stacked) into one slot with a leading axis.

        The handles stay what they are to everybody who holds them; programs that were specialised to the old slots
        see that `handle.slot` moved and are made anew.
        """
        slot = Slot(np.stack([np.asarray(handle.read()) for handle in handles]))
        self.touch()  # first: after an interrupt halfway, programs must look where the handles are
        for index, handle in enumerate(handles):
            handle.slot, handle.index = slot, index
        return slot

    def unstack(self, handles: Sequence[Handle]) -> None:
        """Give each of these handles, which are all that lies in one slot, a slot of its own again."""
        whole = np.asarray(handles[0].slot.array)
        self.touch()  # first, as in `stack`
        for handle in handles:
            handle.slot, handle.index = Slot(np.array(whole[handle.index])), None


STORE = Store()
"""The process's store: layers live before and outside models, so there is one."""


class Handle:
    """A place in the store, with the type of what lies there."""

    def __init__(self, array: Any, *, name: str, type: TensorType) -> None:
        self.slot, self.index = Slot(array), None
        self.name, self.type = name, type

    slot: Slot
    index: int | None

    def read(self) -> Any:
        """The current array (NumPy or JAX)."""
        array, self.slot.fresh = self.slot.array, False
        return array if self.index is None else array[self.index]

    def lend(self) -> Any:
        """The current array, for keeping: no later step takes its buffer away."""
        with STORE.lock:
            if not self.slot.lent:
                self.slot.lent = True
                STORE.touch()  # a program that holds the array must ask again
            return self.read()

    def copy(self) -> np.ndarray:
        """A copy of the current array, as a NumPy array."""
        with STORE.lock:
            whole = np.asarray(self.slot.array)  # a stack comes from the device once, for all that lies in it
            return np.array(whole if self.index is None else whole[self.index])

    def write(self, array: Any) -> None:
        """Replace the array; shape and dtype are the caller's duty.

        Raises:
            GraphError: the array is a tracer.
        """
        refuse_tracers((array,))
        with STORE.lock:
            self._write(array)

    def _write(self, array: Any) -> None:
        if self.index is None:
            self.slot.array, self.slot.lent = array, True  # the array may be somebody's own
        else:
            if not (self.slot.fresh and isinstance(self.slot.array, np.ndarray)):
                self.slot.array, self.slot.lent, self.slot.fresh = np.array(self.slot.array), False, True
            self.slot.array[self.index] = np.asarray(array)  # so all parts of a stack can be written with one copy
        STORE.touch()


def refuse_tracers(arrays: Iterable[Any]) -> None:
    """Raise GraphError if one of `arrays` is a tracer: it would outlive the transformation that it belongs to."""
    if any(isinstance(array, core.Tracer) for array in arrays):
        raise GraphError(
            "a variable cannot be assigned inside `jax.jit`, `jax.grad` or another transformation of JAX",
            received="a tracer as its new value",
            hint="there, call the model with `training=False`; or use `fit`, which compiles the whole step.",
        )

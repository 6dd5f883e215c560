"""Slots and handles: versions, lending, stacks, and what is copied before its buffer is given away."""

from __future__ import annotations

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
import pytest

from kgc.compiler.errors import GraphError
from kgc.compiler.types import parse_type
from kgc.runtime.store import STORE, Handle, Slot


def handle(value: float = 0.0, name: str = "h") -> Handle:
    return Handle(np.full(3, value, "float32"), name=name, type=parse_type("f32[3]"))


def test_every_change_raises_the_version() -> None:
    h = handle()
    for change in (
        h.lend,
        lambda: h.write(np.ones(3, "float32")),
        STORE.touch,
        lambda: STORE.rebind([h.slot], [jnp.ones(3)]),
    ):
        before = STORE.version
        change()
        assert STORE.version > before
    before = STORE.version
    h.read()
    h.copy()
    STORE.on_device([h.slot])
    assert STORE.version == before


def test_arrays_move_to_the_device_once() -> None:
    slots = [handle(1.0).slot, handle(2.0).slot]
    assert all(isinstance(slot.array, np.ndarray) for slot in slots)
    first = STORE.on_device(slots)
    assert all(isinstance(array, jax.Array) for array in first)
    assert all(a is b for a, b in zip(first, STORE.on_device(slots), strict=True))


def test_only_what_is_lent_is_copied() -> None:
    lent, own = handle(1.0), handle(2.0)
    STORE.on_device([lent.slot, own.slot])
    mine, before = lent.lend(), own.slot.array
    given = STORE.to_donate([lent.slot, own.slot])
    assert given[0] is not mine and given[1] is before
    for array in given:
        array.delete()
    np.testing.assert_array_equal(np.asarray(mine), 1.0)


def test_a_copy_is_the_callers_own() -> None:
    h = handle(1.0)
    h.copy()[:] = 5
    assert h.read().tolist() == [1.0] * 3


def test_a_stack_holds_several_handles() -> None:
    handles = [handle(float(i)) for i in range(3)]
    handles[1].write(jnp.full(3, 7.0))
    slot = STORE.stack(handles)
    assert slot.array.shape == (3, 3) and [h.index for h in handles] == [0, 1, 2]
    assert [h.read()[0] for h in handles] == [0.0, 7.0, 2.0]
    old = slot.array
    handles[0].write(np.full(3, 4.0, "float32"))  # on the host
    STORE.on_device([slot])
    handles[2].write(np.full(3, 5.0, "float32"))  # and on the device
    assert [float(h.read()[0]) for h in handles] == [4.0, 7.0, 5.0] and old[0, 0] == 0.0
    other = STORE.stack(handles[:2])  # out of one stack into another
    assert handles[2].slot is slot and handles[0].slot is other and float(handles[1].read()[0]) == 7.0


def test_tracers_are_refused() -> None:
    h = handle(1.0)
    with pytest.raises(GraphError, match="cannot be assigned inside"):
        jax.jit(lambda x: h.write(x))(jnp.zeros(3))
    with pytest.raises(GraphError, match="cannot be assigned inside"):
        jax.jit(lambda x: STORE.rebind([h.slot], [x]))(jnp.zeros(3))
    jax.jit(lambda x: x + STORE.on_device([h.slot])[0])(jnp.zeros(3))
    assert isinstance(h.slot, Slot) and not isinstance(h.slot.array, jax.core.Tracer)
    np.testing.assert_array_equal(h.copy(), 1.0)

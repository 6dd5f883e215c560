"""The small programs by which a machine is measured: what one kernel of each kind takes, at a few sizes.

A probe is run often enough to fill some milliseconds, several times over, and the least is taken: whatever else the
machine does only adds.  Of each time, what calling any program takes is subtracted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...compiler import flat
from . import kernels

_ROUNDS, _FILL = 20, 0.002
"""Rounds of a probe, and seconds that each is to fill: short, so that some are not interrupted on a busy machine."""


_CONVOLUTIONS: tuple[tuple[Any, ...], ...] = (
    (64, 28, 1, 16),
    (64, 28, 1, 16, "VALID"),
    (64, 26, 16, 1),
    (32, 32, 3, 32, "VALID"),
    (64, 26, 16, 32),
    (64, 26, 16, 32, "VALID"),
    (8, 26, 16, 32),
    (64, 8, 32, 32, "VALID"),
    (32, 28, 32, 64),
    (32, 30, 32, 64, "VALID"),
    (64, 9, 64, 64),
    (8, 9, 64, 64),
    (64, 9, 64, 64, "VALID"),
    (4, 16, 128, 128),
    (16, 32, 32, 32, "SAME", 3, 2),
    (16, 14, 64, 64, "SAME", 1),
)
"""Rows, size, channels, filters, and then padding ("SAME"), window (3) and stride (1)."""


class Probe(NamedTuple):
    """A program, and what its time stands for.

    Attributes:
        kind: table that it goes into.
        run: the function, jitted by the caller.
        arguments: arrays of these shapes; a tuple with a dtype name behind it for others than float32.
        times: how often it does what is measured.
    """

    kind: str
    run: Callable[..., Any]
    arguments: tuple[Any, ...]
    times: int = 1


def _dot(m: int, k: int, n: int, form: str = "nn", batch: int = 1) -> Probe:
    contract = {"nn": (1, 0), "nt": (1, 1), "tn": (0, 0)}[form]
    left = (k, m) if form == "tn" else (m, k)
    right = (n, k) if form == "nt" else (k, n)
    lead = (batch,) if batch > 1 else ()
    shift = len(lead)
    numbers = (((contract[0] + shift,), (contract[1] + shift,)), (tuple(range(shift)), tuple(range(shift))))
    return Probe("dot", lambda x, y: lax.dot_general(x, y, numbers), ((*lead, *left), (*lead, *right)))


def _conv(
    rows: int, size: int, channels: int, filters: int, padding: str = "SAME", window: int = 3, stride: int = 1
) -> Iterator[Probe]:
    """A convolution, its gradient by the inputs, and that by the kernel."""
    x, k = (rows, size, size, channels), (window, window, channels, filters)

    def forward(x: Any, k: Any) -> Any:
        return lax.conv_general_dilated(x, k, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))

    y = jax.eval_shape(forward, jax.ShapeDtypeStruct(x, "float32"), jax.ShapeDtypeStruct(k, "float32")).shape
    yield Probe("conv", forward, (x, k))
    x_spec, k_spec = jax.ShapeDtypeStruct(x, "float32"), jax.ShapeDtypeStruct(k, "float32")

    def by_inputs(k: Any, g: Any) -> Any:
        return jax.linear_transpose(lambda x: forward(x, k), x_spec)(g)[0]

    def by_kernel(x: Any, g: Any) -> Any:
        return jax.linear_transpose(lambda k: forward(x, k), k_spec)(g)[0]

    if channels > 4 and (padding == "VALID" or stride > 1):  # else it is a convolution like the one forward
        yield Probe("conv", by_inputs, (k, y))
    yield Probe("conv", by_kernel, (x, y))


def _chain(x: Any) -> Any:
    for i in range(64):
        x = x * 0.999 + (0.1 + i)
    return x


def _products(x: Any) -> Any:
    for _ in range(64):
        x = x @ x
    return x


def _loop(x: Any) -> Any:
    return lax.fori_loop(0, 256, lambda i, x: x @ x, x)


def all_probes() -> list[Probe]:
    """Every probe; of each kind the cheapest first."""
    found = [
        Probe("call", lambda x, y: x * 0.5 + y, ((2048,), (2048,))),
        Probe("arguments", lambda *xs: [x * 0.5 for x in xs], ((2048,),) * 64, 128),
        Probe("kernel", _products, ((8, 8),), 64),
        Probe("loop", _loop, ((8, 8),), 256),
    ]
    found += [Probe("each", lambda x, y: x * 0.5 + y, ((n,), (n,))) for n in (1 << 14, 1 << 17, 1 << 20, 1 << 22)]
    found += [Probe("flops", _chain, ((n,),)) for n in (1 << 13, 1 << 17)]
    found += [Probe("functions", lambda x: jnp.tanh(jnp.exp(-x)), ((n,),)) for n in (1 << 13, 1 << 17)]
    found += [_large(mib) for mib in (16, 48)]
    found += [Probe("strided", lambda x: x.T + 1, ((n, n),)) for n in (128, 512, 1024)]
    found += [Probe("reduce last", lambda x: x.sum(1), ((n, 64),)) for n in (64, 1 << 13)]
    found += [Probe("reduce first", lambda x: x.sum(0), ((n, 64),)) for n in (64, 1 << 13)]
    found += [
        Probe("window", _pooled, ((4, 28, 28, 16),)),
        Probe("scatter window", _pooled_back, ((4, 28, 28, 16), (4, 14, 14, 16))),
        Probe("gather", lambda x, i: jnp.take(x, i, axis=0), ((5000, 32), ((2048,), "int32"))),
        Probe("scatter", lambda x, i, u: x.at[i].add(u), ((5000, 64), ((1024,), "int32"), (1024, 64))),
        Probe("scatter", lambda x, i, u: x.at[i].add(u), ((5000, 2), ((1024,), "int32"), (1024, 2))),
        Probe("sort", jnp.sort, ((16, 256),)),
        Probe("random", lambda x: jax.random.bits(jax.random.key(x[0].astype("uint32")), (1 << 15,)), ((1,),)),
        Probe("key", _keys, ((1,),), 4),
        Probe("scan axis", lambda x: jnp.cumsum(x, 1), ((256, 256),)),
    ]  # fmt: skip
    for m, k, n in ((64, 64, 10), (64, 64, 64), (64, 784, 64), (64, 1024, 1024), (384, 384, 384), (4096, 64, 256)):
        found.append(_dot(m, k, n))
    found += [_dot(64, 10, 64, "nt"), _dot(64, 64, 784, "nt"), _dot(64, 1024, 1024, "nt"), _dot(4096, 256, 64, "nt")]
    found += [_dot(64, 64, 10, "tn"), _dot(784, 64, 64, "tn"), _dot(1024, 64, 1024, "tn"), _dot(64, 4096, 256, "tn")]
    found += [_dot(16, 32768, 32, "tn"), _dot(1, 32768, 16, "tn"), _dot(4096, 16, 16, "nt"), _dot(1, 128, 64)]
    found += [_dot(64, 16, 64, "nt", 128), _dot(64, 64, 16, "nn", 128), _dot(64, 64, 16, "tn", 128)]
    for shape in _CONVOLUTIONS:
        found += _conv(*shape)
    return found


def _large(mib: int) -> Probe:
    """A result of so many MiB: a large one gets memory that the system clears first, page by page."""
    return Probe("fresh", lambda x: jnp.broadcast_to(x[:, None], (1 << 12, mib << 6)), ((1 << 12,),))


def _pooled(x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "SAME")


def _pooled_back(x: Any, g: Any) -> Any:
    return jax.vjp(_pooled, x)[1](g)[0]


def _keys(x: Any) -> Any:
    key = jax.random.key(x[0].astype("uint32"))
    for i in range(4):
        key = jax.random.fold_in(key, i)
    return jax.random.key_data(key)


def arrays(probe: Probe) -> list[Any]:
    """What a probe is run on: numbers from 0 to 1, and indices from 0 on."""
    made: list[Any] = []
    random = np.random.default_rng(0)
    for shape in probe.arguments:
        if shape and isinstance(shape[0], tuple):
            made.append(jnp.asarray(random.integers(0, 5000, shape[0]), shape[1]))
        else:
            made.append(jnp.asarray(random.random(shape, dtype="float32")))
    return made


def kernel(probe: Probe) -> kernels.Kernel:
    """The one kernel of a probe that is a product or a convolution: what it is looked up by."""
    specs = [jax.ShapeDtypeStruct(shape, "float32") for shape in probe.arguments]
    found = kernels.plan(flat.flatten(jax.make_jaxpr(probe.run)(*specs))).kernels
    return next(one for one in found if one.kind == probe.kind)


def seconds(probe: Probe) -> float:
    """The least time of one call."""
    given = arrays(probe)
    run = jax.jit(probe.run).lower(*given).compile()
    return least(lambda: run(*given))


wall = time.perf_counter


def clock() -> Callable[[], float]:
    """What time is measured by: on one core of a CPU the time that the process runs, to which others add nothing."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return time.process_time if cores == 1 and jax.default_backend() == "cpu" else wall


def least(call: Callable[[], Any], rounds: int = _ROUNDS, fill: float = _FILL, most: float = 0.08) -> float:
    """The least seconds of one call, of several rounds; each call is waited for.

    Args:
        most: seconds that all rounds may take, but for the first two.
    """
    return min(samples(call, rounds, fill, most))


def samples(call: Callable[[], Any], rounds: int, fill: float, most: float) -> list[float]:
    """Seconds of one call, by round."""
    now = clock()
    jax.block_until_ready(call())
    begun = start = time.perf_counter()
    jax.block_until_ready(call())
    once = time.perf_counter() - start
    count = max(1, min(1000, int(fill / max(once, 1e-7))))
    found: list[float] = []
    for _ in range(rounds):
        start = now()
        for _ in range(count):
            jax.block_until_ready(call())
        found.append((now() - start) / count)
        if len(found) > 1 and time.perf_counter() - begun > most:
            break
    return found


def amount(probe: Probe) -> float:
    """How many units of its kind a probe does: bytes, elements, operations or functions."""
    shapes = [spec[0] if spec and isinstance(spec[0], tuple) else spec for spec in probe.arguments]
    first = int(np.prod(shapes[0]))
    if probe.kind == "each":
        return 12.0 * first
    if probe.kind == "strided":
        return 8.0 * first
    if probe.kind == "flops":
        return 128.0 * first
    if probe.kind == "functions":
        return 2.0 * first
    if probe.kind == "window":
        return 4.0 * int(np.prod(shapes[0])) / 4
    if probe.kind == "scatter window":
        return 4.0 * int(np.prod(shapes[1]))
    if probe.kind == "gather":
        return 2.0 * 4 * shapes[1][0] * shapes[0][1]
    if probe.kind == "scatter":
        return float(np.prod(shapes[2]))
    if probe.kind == "sort":
        return first * np.log2(shapes[0][1])
    if probe.kind == "random":
        return float(1 << 15)
    if probe.kind == "fresh":
        return float(jax.eval_shape(probe.run, jax.ShapeDtypeStruct(shapes[0], "float32")).size * 4)
    return 1.0 if probe.kind == "key" else float(first)

"""What this machine can do: a table of rates, measured once in some seconds and kept in the cache folder.

The folder is that of compiled programs (`runtime.artifact.compiled`): `$KGC_CACHE`, else `~/.cache/kgc`, the user's
alone.  Rates are of one processor model, number of usable cores, and versions of jax and jaxlib; another has a file of
its own.  Once written, a file is obeyed until `kgc explain --recalibrate`.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
from jaxlib.version import __version__ as jaxlib_version

from ...compiler.flat import Step
from ...runtime.artifact import compiled
from ...runtime.files import atomic_write
from . import probes
from .kernels import Kernel

_VERSION = 1
"""Of the file; raised when probes or their meaning change."""
_NEAR = 3
"""How many of the measured products an unmeasured one is put between."""


@dataclass
class Machine:
    """Rates of one machine.

    Attributes:
        name: as a person says it.
        call, argument, kernel, loop: seconds of calling a program, of each of its arguments, of each kernel, and of
            each turn of a loop.
        rates: by kind, (amount, seconds for one unit) in the order of amounts.
        products: by kind ("dot", "conv"), (features, seconds for one operation).
    """

    name: str
    call: float
    argument: float
    kernel: float
    loop: float
    rates: dict[str, list[tuple[float, float]]] = field(default_factory=dict[str, "list[tuple[float, float]]"])
    products: dict[str, list[tuple[list[float], float]]] = field(
        default_factory=dict[str, "list[tuple[list[float], float]]"]
    )

    def seconds(self, kind: str, amount: float) -> float:
        """Seconds for that amount of a kind, whose rate is interpolated between the amounts that were measured."""
        return amount * _between(self.rates[kind], max(amount, 1.0)) if amount > 0 else 0.0

    def product(self, kernel: Kernel) -> float:
        """Seconds for the operations of a product or a convolution, from the measured ones that are most like it."""
        rows, wanted = self.products[kernel.kind], features(kernel.step)
        near = sorted((math.dist(row, wanted), rate) for row, rate in rows if len(row) == len(wanted))[:_NEAR]
        if near[0][0] < 1e-3:
            return kernel.work.flops * near[0][1]
        weights = [1.0 / distance**2 for distance, _ in near]
        logs = [math.log(rate) for _, rate in near]
        return kernel.work.flops * math.exp(sum(w * x for w, x in zip(weights, logs, strict=True)) / sum(weights))

    def peak(self) -> float:
        """Operations a second of the fastest product measured."""
        return 1.0 / min(rate for _, rate in self.products["dot"])

    def bandwidth(self) -> float:
        """Bytes a second to and from memory, beyond the caches."""
        return 1.0 / self.rates["each"][-1][1]


def features(step: Step) -> list[float]:
    """What a product's speed depends on, as coordinates: sizes by their logarithm, layouts by steps of their own."""
    left, right = step.operand_specs[0].shape, step.operand_specs[1].shape
    if step.primitive == "dot_general":
        (inner, other), (batch, _) = step.params["dimension_numbers"]
        lead = math.prod(left[axis] for axis in batch)
        k = math.prod(left[axis] for axis in inner)
        m = math.prod(left) // max(lead * k, 1)
        n = math.prod(right) // max(lead * k, 1)
        late = [float(not axes or max(axes) == len(shape) - 1) for axes, shape in ((inner, left), (other, right))]
        return [*map(_log, (lead, m, k, n)), 1.5 * late[0], 1.5 * late[1]]
    numbers, p = step.params["dimension_numbers"], step.params
    result = step.result_specs[0].shape
    sizes = (
        left[numbers.lhs_spec[0]],
        right[numbers.rhs_spec[1]],
        right[numbers.rhs_spec[0]],
        math.prod(right[axis] for axis in numbers.rhs_spec[2:]),
        math.prod(result[axis] for axis in numbers.out_spec[2:]),
    )
    batched = numbers.lhs_spec[0] != 0 or numbers.lhs_spec[1] != len(left) - 1
    groups = p["feature_group_count"] * p["batch_group_count"]
    spread = math.prod(p["lhs_dilation"]) * math.prod(p["rhs_dilation"])
    bare = not any(amount for pair in p["padding"] for amount in pair)  # which XLA:CPU computes another way
    return [*map(_log, sizes), 2.0 * batched, 2.0 * _log(groups), 2.0 * _log(spread), 3.0 * bare]


def load(recalibrate: bool = False, say: Callable[[str], None] | None = None) -> Machine:
    """The rates of this machine: those kept, or measured now.

    Args:
        recalibrate: whether to measure, whatever is kept.
        say: told, as measuring goes on, how far it is.
    """
    place = compiled.folder()
    identity = _identity()
    digest = hashlib.sha256(repr(identity).encode()).hexdigest()[:24]
    file = None if place is None else place / f"machine-{digest}.json"
    found = None if file is None or recalibrate else _read(file)
    if found is None:
        found = calibrate(identity[0], say)
        if file is not None:
            _write(file, found)
    return found


def calibrate(name: str, say: Callable[[str], None] | None = None) -> Machine:
    """Measure this machine.

    Args:
        name: what the result is called.
        say: told, as measuring goes on, how far it is.
    """
    chosen = probes.all_probes()
    taken: list[tuple[probes.Probe, float]] = []
    start = time.perf_counter()
    for at, probe in enumerate(chosen):
        if say is not None:
            say(f"measuring this machine, once: {at + 1}/{len(chosen)} {probe.kind}")
        taken.append((probe, probes.seconds(probe)))
    if say is not None:
        say(f"measured this machine in {time.perf_counter() - start:.0f} s\n")
    return _machine(name, taken)


def _machine(name: str, taken: Sequence[tuple[probes.Probe, float]]) -> Machine:
    single = {probe.kind: (seconds, probe.times) for probe, seconds in taken}
    base = single["call"][0]

    def each(kind: str) -> float:
        seconds, count = single[kind]
        return max(seconds - base, 1e-9) / count

    made = Machine(name, base, each("arguments"), max(each("kernel"), 1e-7), each("loop"))
    made.loop = max(made.loop - made.kernel, 1e-7)
    made.argument = max(made.argument - made.kernel / 2, 1e-8)  # that program has a kernel for two arrays
    for probe, seconds in taken:
        net = max(seconds - base, 0.02 * base) / probe.times
        if probe.kind in ("dot", "conv"):
            one = probes.kernel(probe)
            flops = one.work.flops
            made.products.setdefault(probe.kind, []).append((features(one.step), max(net, 1e-8) / flops))
        elif probe.kind not in ("call", "arguments", "kernel", "loop"):
            amount = probes.amount(probe)
            made.rates.setdefault(probe.kind, []).append((amount, net / amount))
    fastest = min(rate for _, rate in made.products["dot"] if rate > 0)
    sound = sorted(rate for row, rate in made.products["dot"] if sum(row[:4]) > 20)[:1] or [fastest]
    made.products["dot"] = [(row, max(rate, sound[0] * 0.8)) for row, rate in made.products["dot"]]
    for rows in made.rates.values():
        rows.sort()
    cached = made.rates["fresh"][0][1]
    made.rates["fresh"] = [(amount, max(rate - cached, 1e-15)) for amount, rate in made.rates["fresh"]]
    return made


def _between(rows: Sequence[tuple[float, float]], amount: float) -> float:
    """The rate at an amount: on a line between the logarithms of measured ones, and at the ends theirs."""
    if amount <= rows[0][0]:
        return rows[0][1]
    for (low, first), (high, second) in itertools.pairwise(rows):
        if amount <= high:
            part = math.log(amount / low) / math.log(high / low)
            return math.exp((1 - part) * math.log(first) + part * math.log(second))
    return rows[-1][1]


def _log(size: float) -> float:
    return math.log2(max(size, 1))


def _identity() -> tuple[str, ...]:
    """What rates depend on; the name first."""
    device: Any = jax.devices()[0]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    kind = model if device.platform == "cpu" else str(device.device_kind)
    name = f"{kind}, {cores} core{'s' if cores > 1 else ''}" if device.platform == "cpu" else kind
    flags = " ".join(f"{key}={value}" for key, value in sorted(os.environ.items()) if key.startswith("XLA_"))
    return name, device.platform, jax.__version__, jaxlib_version, flags, str(_VERSION)


def _read(file: Path) -> Machine | None:
    """What a file holds; None where there is none, or it holds something else."""
    try:
        with open(os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), encoding="utf-8") as opened:
            plain = json.loads(opened.read(1 << 20))
        rates = {kind: [(float(a), float(r)) for a, r in rows] for kind, rows in plain["rates"].items()}
        products = {
            kind: [([float(x) for x in row], float(rate)) for row, rate in rows]
            for kind, rows in plain["products"].items()
        }
        call, argument, kernel, loop = (float(plain[key]) for key in ("call", "argument", "kernel", "loop"))
        return Machine(str(plain["name"]), call, argument, kernel, loop, rates, products)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write(file: Path, machine: Machine) -> None:
    plain = {
        "name": machine.name,
        "call": machine.call,
        "argument": machine.argument,
        "kernel": machine.kernel,
        "loop": machine.loop,
        "rates": machine.rates,
        "products": machine.products,
    }
    try:
        with atomic_write(file) as opened:
            os.chmod(opened.name, 0o600)
            opened.write(json.dumps(plain).encode())
    except OSError as error:
        print(
            f"kgc: {file} cannot be written ({error.strerror}): this machine is measured again next time",
            file=sys.stderr,
        )

"""One row through `model(x)`, against a jitted function of the same arithmetic, in microseconds a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from . import sides
from .handwritten import Handwritten
from .timing import Row, alternate, seconds
from .workloads import compiled, data


def caller(side: str, name: str) -> Callable[[Any], Any]:
    """The inference call of one side."""
    return Handwritten(name).call if side == "hand" else compiled(sides.load(side), name)


def measure(name: str, asked: list[str], rounds: int, quick: bool) -> list[Row]:
    """A row for NumPy input; every call is waited for."""
    x, _ = data(name, 1)
    row = Row(f"{name} model(x), batch 1", "µs")
    runs: dict[str, Callable[[], float]] = {}
    for side in asked:
        try:
            call = caller(side, name)
            for _ in range(3):
                jax.block_until_ready(call(x))
        except Exception as error:
            row.notes[side] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
            continue
        # Keras's calls are slow: as many as fill about the same time.
        once = seconds(lambda call=call: jax.block_until_ready(call(x)))
        count = 3 if quick else max(20, min(2000, int(0.2 / once)))

        def run(call: Any = call, count: int = count) -> float:
            def loop() -> None:
                for _ in range(count):
                    jax.block_until_ready(call(x))

            return seconds(loop) / count

        runs[side] = run
    for side, samples in alternate(runs, rounds).items():
        row.add(side, samples, 1e6)
    return [row]

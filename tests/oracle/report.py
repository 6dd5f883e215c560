"""How near kgc comes to what was recorded:  python -m tests.oracle.report [--package kgc] [FAMILY …]

For each family the number of cases, how many fail or raise, and the largest error as a share of what is allowed.
With `--package keras` real Keras is held against its own record: under another `XLA_FLAGS=--xla_cpu_max_isa=…` that
says how much of the allowance another processor's arithmetic takes.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Any

import numpy as np

from .case import Case, differences, limits, results
from .catalogue import families, recorded


def share(case: Case, package: Any) -> tuple[float, str]:
    """A case's largest error over its limit (tolerance left out), and where; infinite where it fails otherwise."""
    try:
        got, _ = results(case, package)
    except Exception as error:
        return np.inf, f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    expected, _ = recorded(case)
    largest, where = 0.0, ""
    for key, value in got.items():
        if key in expected and value.value.shape == expected[key].shape and expected[key].dtype.kind == "f":
            error, limit = limits(value, expected[key])
            found = float(np.max(error / np.where(limit > 0, limit, np.where(error > 0, 1e-300, 1.0)), initial=0.0))
            if found > largest:
                largest, where = found, key
    if (wrong := differences(got, expected, case.tolerance)) and largest <= case.tolerance:
        return np.inf, wrong[0]
    return largest, where


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.report", description=__doc__)
    parser.add_argument("families", nargs="*")
    parser.add_argument("--package", default="kgc", choices=("kgc", "keras"))
    parser.add_argument("--failing", action="store_true", help="name every case that fails")
    options = parser.parse_args(arguments)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ["KERAS_BACKEND"] = "jax"
    package = importlib.import_module(options.package)
    failed = total = 0
    for family, cases in families().items():
        if options.families and family not in options.families:
            continue
        shares = {case: share(case, package) for case in cases}
        failing = {case: found for case, found in shares.items() if not found[0] <= case.tolerance}
        fine = {case: found for case, found in shares.items() if case not in failing}
        worst = max(fine.items(), key=lambda row: row[1][0], default=None)
        note = f"largest error {worst[1][0]:.2f} of the limit in {worst[0].name} {worst[1][1]}" if worst else ""
        print(f"{family:14} {len(cases):4} cases {len(failing):4} fail  {note}", flush=True)
        if options.failing:
            for case, (found, where) in failing.items():
                print(f"    {case.name}: {found:.3g} {where}"[:200])
        failed, total = failed + len(failing), total + len(cases)
    print(f"{total} cases, {failed} fail")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

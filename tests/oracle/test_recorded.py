"""kgc against what real Keras gave when the fixtures were recorded: every case by itself, without Keras."""

from __future__ import annotations

import json

import pytest

import kgc

from .case import Case, differences, results
from .catalogue import CASES, FACTS, recorded, recorded_facts


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_numbers(case: Case) -> None:
    expected, digest = recorded(case)
    got, drew = results(case, kgc)
    assert drew == digest, "the case draws other numbers than when it was recorded"
    wrong = differences(got, expected, case.tolerance)
    assert not wrong, "\n".join([case.name, *wrong])


@pytest.mark.parametrize("name", FACTS)
def test_facts(name: str) -> None:
    got = json.loads(json.dumps(FACTS[name](kgc)))
    assert got == recorded_facts()[name]

"""What every test runs under: the CPU, fixed seeds, and JAX's strictest reading of ranks and dtypes.

Ranks and dtypes are held strict so that a silent broadcast or promotion inside kgc shows up as an error; an op whose
contract broadcasts or promotes lifts the rule for its own body.
"""

from __future__ import annotations

import os

# Before the first import of JAX, which reads it once.
os.environ["JAX_PLATFORMS"] = "cpu"

import random
from collections.abc import Iterator
from typing import Any

import hypothesis
import jax
import numpy as np
import pytest

from kgc.compiler import equality, pipeline
from kgc.compiler.parser import parse
from kgc.compiler.printer import external_constants
from kgc.compiler.verifier import verify

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

hypothesis.settings.register_profile("kgc", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("kgc")


_seen: set[str] = set()


@pytest.fixture(autouse=True)
def graphs_are_their_text(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check, after each test, that every graph it compiled parses from its text to an equal graph."""
    graphs: list[Any] = []
    through: Any = pipeline._through  # what every pipeline goes through, in one piece or in several

    def watched(chosen: Any, given: Any, *args: Any, **kwargs: Any) -> Any:
        made = through(chosen, given, *args, **kwargs)
        graphs.extend((given.graph, made.graph, *([] if made.transform is None else [made.transform])))
        return made

    monkeypatch.setattr(pipeline, "_through", watched)
    yield
    for graph in graphs:
        text = str(graph)
        if text not in _seen and len(graph.nodes) < 500:
            _seen.add(text)
            again = parse(text, external_constants(graph))
            difference = equality.difference(again, graph)
            assert difference is None, f"{difference}\n{text}"
            assert again.digest() == graph.digest() and str(again) == text
            verify(again)


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    """Start each test from the same seeds, so that no test depends on those run before it."""
    random.seed(0)
    np.random.seed(0)

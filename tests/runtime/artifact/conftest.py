"""Artifacts in tests: no cache but where a test makes one, and a few models."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep programs of tests out of the user's cache."""
    monkeypatch.setenv("KGC_CACHE", "")

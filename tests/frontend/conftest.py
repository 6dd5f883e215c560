"""Fixtures for what is drawn: a clock that the test sets, and a screen that it reads."""

from __future__ import annotations

import sys

import pytest

from kgc.frontend import progbar

from .terminal import Clock


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progbar, "clock", clock)
    return clock


@pytest.fixture
def screen(monkeypatch):
    """Put a stream in the place of standard output."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def put(stream):
        monkeypatch.setattr(sys, "stdout", stream)
        return stream

    return put

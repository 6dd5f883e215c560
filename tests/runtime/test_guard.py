"""The ban on running while a file is read (`runtime.guard`)."""

from __future__ import annotations

import sys
import threading

import pytest

from kgc.compiler.errors import GraphError
from kgc.runtime.guard import check_running_allowed, forbid_running


def test_allowed_outside_a_ban() -> None:
    check_running_allowed("fit")


def test_forbidden_inside_and_allowed_after() -> None:
    with pytest.raises(GraphError), forbid_running("here"):
        check_running_allowed("fit")
    check_running_allowed("fit")


def test_the_error_says_what_why_where_and_hint() -> None:
    with forbid_running("while model.py was being read", "Move it."):
        line = sys._getframe().f_lineno + 2
        with pytest.raises(GraphError) as caught:
            check_running_allowed("evaluate")
    error = caught.value
    assert error.what == "evaluate() was called while model.py was being read"
    assert error.hint == "Move it."
    assert error.where is not None
    assert (error.where.file, error.where.line) == (__file__, line)


def test_inner_bans_end_where_they_end() -> None:
    with forbid_running("outside"):
        with forbid_running("inside"), pytest.raises(GraphError, match="inside"):
            check_running_allowed("fit")
        with pytest.raises(GraphError, match="outside"):
            check_running_allowed("fit")


def test_another_thread_is_not_banned() -> None:
    caught: list[BaseException] = []

    def work() -> None:
        try:
            check_running_allowed("fit")
        except GraphError as error:
            caught.append(error)

    with forbid_running("here"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert caught == []

"""The progress bar on a terminal, in a notebook and in a pipe: exact strings, with a clock that we set."""

from __future__ import annotations

import io

import pytest

from kgc.compiler.errors import ArgumentError
from kgc.frontend.progress import Progbar

from .terminal import BAR, Ascii, Notebook, Terminal, coloured, three_steps


# Recorded from Keras 3.15.1, without its backspaces.
def test_terminal(clock, screen):
    out = screen(Terminal())
    three_steps(clock)
    assert out.getvalue() == (
        coloured("1/3", 6, "3s", "2s/step - loss: 1.0000 - acc: 0.1235")
        + coloured("3/3", 20, "3s", "760ms/step - loss: 0.3333 - acc: 0.1235")
        + "\n"
    )


def test_notebook_has_no_escape_codes(clock, screen):
    out = screen(Notebook())
    three_steps(clock)
    assert out.getvalue() == (
        f"\r1/3 {BAR} 3s 2s/step - loss: 1.0000 - acc: 0.1235\r3/3 {BAR} 3s 760ms/step - loss: 0.3333 - acc: 0.1235\n"
    )


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_terminal_that_wants_no_colours(clock, screen, monkeypatch, environment):
    out = screen(Terminal())
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    three_steps(clock)
    assert "\x1b" not in out.getvalue()
    assert out.getvalue().endswith(f"3/3 {BAR} 3s 760ms/step - loss: 0.3333 - acc: 0.1235\n")
    assert out.getvalue().count("\r") == (2 if "NO_COLOR" in environment else 0)


def test_pipe_gets_one_line_when_all_is_done(clock, screen):
    out = screen(io.StringIO())
    three_steps(clock)
    assert out.getvalue() == f"3/3 {BAR} 3s 760ms/step - loss: 0.3333 - acc: 0.1235\n"


def test_pipe_without_the_characters(clock, screen):
    out = screen(Ascii())
    three_steps(clock)
    assert out.getvalue() == f"3/3 {'=' * 20} 3s 760ms/step - loss: 0.3333 - acc: 0.1235\n"


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_verbose(clock, screen, stream):
    out = screen(stream())
    three_steps(clock, verbose=2)
    assert out.getvalue() == "3/3 - 3s - 760ms/step - loss: 0.3333 - acc: 0.1235\n"
    out = screen(stream())
    three_steps(clock, verbose=0)
    assert out.getvalue() == ""
    one = screen(stream())
    three_steps(clock, verbose=1)
    auto = screen(stream())
    three_steps(clock, verbose="auto")
    assert one.getvalue() == auto.getvalue() != ""


def test_no_standard_output_at_all(clock, screen):
    screen(None)
    three_steps(clock)


@pytest.mark.parametrize("verbose", ["loud", -1, 4, 1.0, "1"])
def test_illegal_verbose(verbose):
    with pytest.raises(ArgumentError) as caught:
        Progbar(3, verbose=verbose)
    assert caught.value.received == f"verbose={verbose!r}"


def test_draws_no_more_often_than_the_interval(clock, screen):
    """Recorded from Keras 3.15.1."""
    out = screen(Notebook())
    bar = Progbar(10, interval=0.05)
    for i in range(1, 11):
        clock.now += 0.02
        bar.update(i)
    assert out.getvalue() == "".join(f"\r{i} {BAR} 0s 20ms/step" for i in (" 1/10", " 4/10", " 7/10", "10/10")) + "\n"


# Recorded from Keras 3.15.1: two steps of so many seconds, the time left after the first, and the line at the end.
@pytest.mark.parametrize(
    ("seconds", "left", "elapsed", "pace"),
    [
        (0, "0s", "0s", "0s"),
        (3e-7, "0s", "0s", "0us"),
        (5e-5, "0s", "0s", "50us"),
        (0.0009, "0s", "0s", "900us"),
        (0.5, "0s", "1s", "500ms"),
        (0.999, "0s", "2s", "999ms"),
        (0.9996, "0s", "2s", "1000ms"),
        (1.5, "1s", "3s", "2s"),
        (59.6, "59s", "119s", "60s"),
        (75, "1:15", "150s", "75s"),
        (3599, "59:59", "7198s", "3599s"),
        (3600, "60:00", "7200s", "3600s"),
        (90000, "25:00:00", "180000s", "90000s"),
        (200000, "55:33:20", "400000s", "200000s"),
    ],
)
def test_times(clock, screen, seconds, left, elapsed, pace):
    clock.now = 0.0
    out = screen(Notebook())
    bar = Progbar(2, interval=0.0)
    for i in (1, 2):
        clock.now += seconds
        bar.update(i)
    first, last = out.getvalue().split("\r")[1:]
    assert first.rstrip() == f"1/2 {BAR} {left} {pace}/step"
    assert last.rstrip() == f"2/2 {BAR} {elapsed} {pace}/step"


# Recorded from Keras 3.15.1.
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1.0, 2.0], "1.5000"),
        (0.0, "0.0000e+00"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (3, "3.0000"),
        (1e-3, "1.0000e-03"),
        (9.99e-4, "9.9900e-04"),
        (-1e-4, "-1.0000e-04"),
        (123456.789, "123456.7890"),
        ("text", "text"),
    ],
    ids=str,
)
@pytest.mark.parametrize("stateless", [(), None])
def test_values(clock, screen, value, text, stateless):
    out = screen(io.StringIO())
    bar = Progbar(1, stateless_metrics=stateless)
    clock.now += 0.1
    bar.update(1, [("k", value), ("left out", None)])
    assert out.getvalue() == f"1/1 {BAR} 0s 100ms/step - k: {text}\n"


def test_averages(clock, screen):
    out = screen(Notebook())
    bar = Progbar(10, interval=0, stateful_metrics=["s"])
    for steps, value in ((1, 1.0), (3, 3.0), (6, 4.0)):
        bar.add(steps, [("mean", value), ("s", value)])
    lines = [line.partition(" - ")[2].rstrip() for line in out.getvalue().split("\r")[1:]]
    assert lines == ["mean: 1.0000 - s: 1.0000", "mean: 2.5000 - s: 3.0000", "mean: 3.4000 - s: 4.0000"]
    out = screen(io.StringIO())
    bar = Progbar(2, stateless_metrics=["mean"])
    bar.update(1, [("mean", 1.0), ("s", 1.0)])
    bar.update(2, [("mean", 2.0), ("s", 2.0)])
    assert out.getvalue().endswith("mean: 1.5000 - s: 2.0000\n")
    with pytest.raises(ArgumentError, match="not both"):
        Progbar(2, stateful_metrics=["a"], stateless_metrics=["b"])


def test_a_shorter_line_covers_the_longer_one(clock, screen):
    out = screen(Terminal())
    bar = Progbar(3, stateless_metrics=())
    for i, value in ((1, 123456.0), (2, 1.0), (3, 2.0)):
        clock.now += 1
        bar.update(i, [("loss", value)])
    lines = out.getvalue().split("\r")[1:]
    assert lines[1].endswith("loss: 1.0000     ") and lines[2].endswith("loss: 2.0000\n")


def test_a_narrow_terminal_gets_no_wrapped_lines_until_the_last(clock, screen, monkeypatch):
    out = screen(Terminal())
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    bar = Progbar(2, stateless_metrics=())
    for i in (1, 2):
        clock.now += 1
        bar.update(i, [(f"a_long_metric_name_{k}", 1.0) for k in range(4)])
    first, last = out.getvalue().split("\r")[1:]
    assert len(first) == 59 and first.endswith("1s/step - a_long_metric_name_0:")
    assert last.endswith("a_long_metric_name_3: 1.0000\n")


def test_unknown_target(clock, screen):
    out = screen(Terminal())
    bar = Progbar(None, stateless_metrics=())
    for i in (1, 2, 3):
        clock.now += 0.2
        bar.update(i, [("loss", 1.0)], finalize=i == 3)
    line = "\r      {}/Unknown \x1b[1m{}s\x1b[0m 200ms/step - loss: 1.0000"
    assert out.getvalue() == line.format(1, 0) + line.format(2, 0) + line.format(3, 1) + "\n"
    out = screen(io.StringIO())
    bar = Progbar(None, verbose=2)
    bar.update(4, [("loss", 1.0)], finalize=True)
    assert out.getvalue() == "4/Unknown - 0s - 0s/step - loss: 1.0000\n"


def test_width_unit_and_steps_beyond_the_target(clock, screen):
    out = screen(io.StringIO())
    bar = Progbar(1000, width=10, unit_name="row")
    clock.now += 1
    bar.update(1)
    clock.now += 2
    bar.update(1001)
    assert out.getvalue() == f"1001/1000 {'━' * 10} 3s 2ms/row\n"

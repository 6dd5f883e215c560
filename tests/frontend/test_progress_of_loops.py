"""The progress bar of fit, evaluate and predict."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from kgc.frontend.callback_list import CallbackList
from kgc.frontend.progress import ProgbarLogger

from .terminal import BAR, Terminal, coloured


class Number:
    """A scalar on a device that tells when the host waits for it."""

    def __init__(self, value: float, waits: list[float]) -> None:
        self._value, self._waits = value, waits

    def __float__(self) -> float:
        self._waits.append(self._value)
        return float(self._value)


class Model:
    pass


def fit(clock, epochs=2, validate=True, steps=6, verbose=1, waits=None, target="steps", user=()):
    """Training as the loop tells of it, 20 ms a step, 30 s of validation."""
    hooks = CallbackList(
        list(user),
        add_history=True,
        add_progbar=True,
        model=Model(),
        verbose=verbose,
        epochs=epochs,
        steps=steps if target == "steps" else None,
    )
    waits = [] if waits is None else waits
    logs: dict[str, float] = {}
    hooks.on_train_begin()
    for epoch in range(epochs):
        hooks.on_epoch_begin(epoch)
        for i in range(steps):
            hooks.on_train_batch_begin(i)
            clock.now += 1.0 if i == 0 else 0.02
            hooks.on_train_batch_end(i, {"loss": Number(i, waits), "accuracy": Number(0.5, waits)})
        logs = {"accuracy": 0.5, "loss": 2.0}
        if validate:
            hooks.on_test_begin()
            clock.now += 30
            hooks.on_test_batch_end(0, {"loss": Number(9, waits)})
            hooks.on_test_end({"loss": 9.0})
            logs |= {"val_loss": 9.0}
        hooks.on_epoch_end(epoch, logs)
    hooks.on_train_end(logs)
    return hooks


def test_fit_in_a_pipe(clock, screen):
    out = screen(io.StringIO())
    waits: list[float] = []
    fit(clock, waits=waits)
    # The first step, which compiles, and the validation count as elapsed time and not as time per step.
    line = f"6/6 {BAR} 31s 20ms/step - accuracy: 0.5000 - loss: 2.0000 - val_loss: 9.0000\n"
    assert out.getvalue() == f"Epoch 1/2\n{line}Epoch 2/2\n{line}"
    assert waits == [], "nothing is drawn between, so nothing is read"


def test_fit_on_a_terminal_reads_only_what_it_draws(clock, screen):
    out = screen(Terminal())
    waits: list[float] = []
    fit(clock, epochs=1, waits=waits)
    assert "Epoch" not in out.getvalue()
    drawn = out.getvalue().count("\r")
    assert drawn == 3, "steps 1 and 4, and the end"
    assert waits == [0.5, 0, 0.5, 3], "two values at two drawings, and none of the validation's"


def test_fit_verbose(clock, screen):
    out = screen(Terminal())
    fit(clock, verbose=2, validate=False)
    line = "6/6 - 1s - 20ms/step - accuracy: 0.5000 - loss: 2.0000\n"
    assert out.getvalue() == f"Epoch 1/2\n{line}Epoch 2/2\n{line}"
    out = screen(Terminal())
    fit(clock, verbose=0)
    assert out.getvalue() == ""
    out = screen(Terminal())
    fit(clock, verbose=3)
    assert out.getvalue() == "Epoch 1/2\nEpoch 2/2\n"


def test_fit_with_an_unknown_number_of_steps(clock, screen):
    out = screen(Terminal())
    fit(clock, target="unknown", epochs=1, validate=False)
    assert "      1/Unknown" in out.getvalue()
    assert out.getvalue().endswith(coloured("6/6", 20, "1s", "20ms/step - accuracy: 0.5000 - loss: 2.0000") + "\n")


def test_evaluate_and_predict(clock, screen):
    out = screen(io.StringIO())
    hooks = CallbackList(add_progbar=True, verbose=1, epochs=1, steps=2)
    hooks.on_test_begin()
    for i in range(2):
        clock.now += 0.03
        hooks.on_test_batch_end(i, {"loss": 1.0})
    hooks.on_test_end({"accuracy": 0.25, "loss": 2.0})
    assert out.getvalue() == f"2/2 {BAR} 0s 30ms/step - accuracy: 0.2500 - loss: 2.0000\n"
    out = screen(io.StringIO())
    hooks = CallbackList(add_progbar=True, verbose=2, epochs=1, steps=2)
    hooks.on_predict_begin()
    for i in range(2):
        clock.now += 0.01
        hooks.on_predict_batch_end(i, {"outputs": object()})
    hooks.on_predict_end()
    assert out.getvalue() == "2/2 - 0s - 10ms/step\n"


def test_stopping_early_shows_the_steps_that_were_done(clock, screen):
    out = screen(io.StringIO())
    hooks = CallbackList(add_progbar=True, verbose=1, epochs=1, steps=4)
    hooks.on_train_begin()
    hooks.on_epoch_begin(0)
    hooks.on_train_batch_end(0, {})
    hooks.on_epoch_end(0, {})
    assert out.getvalue() == f"1/4 {BAR} 0s 0s/step\n"


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_an_exception_leaves_no_half_line(clock, screen, stream):
    out = screen(stream())
    hooks = CallbackList(add_progbar=True, verbose=1, epochs=1, steps=4)
    hooks.on_train_begin()
    hooks.on_epoch_begin(0)
    hooks.on_train_batch_end(0, {})
    hooks.aborted()
    hooks.aborted()
    assert out.getvalue() == ("\r" + coloured("1/4", 5, "0s", "0s/step")[1:] + "\n" if stream is Terminal else "")
    # And the same hooks serve again: evaluation outside fit shows a bar of its own.
    hooks.on_test_begin()
    hooks.on_test_end({"loss": 1.0})
    assert "loss: 1.0000\n" in out.getvalue()


def test_a_logger_of_ones_own_is_not_doubled(clock, screen):
    out = screen(io.StringIO())
    own = ProgbarLogger()
    hooks = fit(clock, epochs=1, validate=False, user=[own])
    assert [c for c in hooks.callbacks if isinstance(c, ProgbarLogger)] == [own]
    assert out.getvalue().count("6/6") == 1


SCRIPT = """
from kgc.frontend.callback_list import CallbackList
hooks = CallbackList(add_progbar=True, verbose="auto", epochs=2, steps=3)
hooks.on_train_begin()
for epoch in range(2):
    hooks.on_epoch_begin(epoch)
    for i in range(3):
        hooks.on_train_batch_end(i, {"loss": 0.5})
    hooks.on_epoch_end(epoch, {"loss": 0.5})
hooks.on_train_end({})
"""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_a_real_terminal_and_a_real_pipe():
    environment = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    environment.pop("NO_COLOR", None)
    piped = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, check=True)
    lines = piped.stdout.decode().splitlines()
    assert [line.partition(" 0s ")[0] for line in lines] == ["Epoch 1/2", f"3/3 {BAR}", "Epoch 2/2", f"3/3 {BAR}"]
    assert b"\r" not in piped.stdout and b"\x1b" not in piped.stdout and not piped.stderr

    master, slave = os.openpty()
    subprocess.run([sys.executable, "-c", SCRIPT], env=environment, stdout=slave, check=True)
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 4096):
            shown += chunk
    except OSError:
        pass  # Linux says so when the other end is closed and all is read.
    finally:
        os.close(master)
    text = shown.decode()
    assert text.startswith(
        "Epoch 1/2\r\n\r\x1b[1m1/3\x1b[0m \x1b[32m━━━━━━\x1b[0m\x1b[37m━━━━━━━━━━━━━━\x1b[0m \x1b[1m"
    )
    assert f"\r\x1b[1m3/3\x1b[0m \x1b[32m{BAR}\x1b[0m\x1b[37m\x1b[0m \x1b[1m0s\x1b[0m" in text
    assert text.count("loss: 0.5000") == 4 and text.count("\n") == 4

"""The `kgc` command as a whole: help, usage, failures, and what it leaves alone."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import types
from collections.abc import Callable

import pytest

from kgc.compiler.errors import ShapeError
from kgc.compiler.location import Location
from kgc.tools import cli
from kgc.tools.cli import main
from kgc.tools.cli.failure import Failure


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[argparse.Namespace], int]], None]:
    """Install `run` as the command `try`."""

    def install(run: Callable[[argparse.Namespace], int]) -> None:
        module = types.ModuleType(f"{cli.__name__}.try")
        module.__dict__.update(configure=lambda parser: parser.add_argument("word", nargs="?"), run=run)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(cli.COMMANDS, "try", "for the tests")

    return install


def failing(error: BaseException) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        raise error

    return run


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for name, line in cli.COMMANDS.items():
        assert name in out and line in out


def test_help_is_fast() -> None:
    def once() -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "kgc.tools.cli", "--help"], check=True, capture_output=True, timeout=60)
        return time.perf_counter() - start

    # The best of a few, since other processes share the machine.
    assert min(once() for _ in range(3)) < 0.3


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    import kgc

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"kgc {kgc.__version__}\n"


@pytest.mark.parametrize("argv", [[], ["nothing"], ["compile"], ["compile", "a.py", "--no-such-option"]])
def test_wrong_usage_is_status_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "usage: kgc" in captured.err


def test_a_command_gets_its_arguments_and_gives_its_status(command, capsys: pytest.CaptureFixture[str]) -> None:
    command(lambda args: print(args.word) or 7)
    assert main(["try", "this"]) == 7
    assert capsys.readouterr().out == "this\n"


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (Failure("no such thing", status=2), 2, "kgc: no such thing\n"),
        (Failure("no such thing"), 1, "kgc: no such thing\n"),
        (RuntimeError("broke"), 1, "kgc: RuntimeError: broke\n"),
        (KeyboardInterrupt(), 130, "kgc: interrupted\n"),
        (
            ShapeError("too small", where=Location("m.py", 3), received="f32[2]", hint="Grow."),
            1,
            "kgc: ShapeError: too small\n  m.py:3\n  Received: f32[2]\n  Hint: Grow.\n",
        ),
    ],
)
def test_failures_are_one_message(
    command, error: BaseException, status: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command(failing(error))
    assert main(["try"]) == status
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", text)


def test_debug_adds_the_traceback(command, capsys: pytest.CaptureFixture[str]) -> None:
    command(failing(Failure("no such thing")))
    assert main(["try", "--debug"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err and "no such thing" in err


def test_an_error_without_a_user_line_names_no_line(monkeypatch: pytest.MonkeyPatch, command, capsys) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "/usr/bin/kgc", raising=False)
    command(failing(ShapeError("too small", where=Location("/usr/bin/kgc", 8), hint="Grow.")))
    assert main(["try"]) == 1
    assert capsys.readouterr().err == "kgc: ShapeError: too small\n  Hint: Grow.\n"


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    code = (
        "import sys, types; from kgc.tools import cli\n"
        "def run(args):\n    for n in range(100_000): print('line', n)\n    return 0\n"
        "module = types.ModuleType('kgc.tools.cli.try'); module.configure = lambda parser: None; module.run = run\n"
        "sys.modules[module.__name__] = module; cli.COMMANDS['try'] = ''\n"
        "sys.exit(cli.main(['try']))"
    )
    reader, writer = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    os.read(reader, 10)
    os.close(reader)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (141, "")

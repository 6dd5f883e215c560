"""The SOURCE argument of a command: a model from `model.py`, `model.py:name` or `model.keras`.

A Python file is run as a module under its own name, never as `__main__`, so that what stands under
`if __name__ == "__main__":` stays unrun. Whatever it prints goes to stderr: stdout belongs to the command. While it is
imported nothing may train (see `runtime.guard`).
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from .failure import Failure

if TYPE_CHECKING:
    from ...frontend.functional import Model

HELP = "model.py, model.py:NAME, or model.keras"


@contextlib.contextmanager
def open_model(source: str) -> Iterator[Model]:
    """The model that `source` names, for the length of the block.

    A block, because the folder of a Python file is on `sys.path` and its module in `sys.modules` only within it.

    Raises:
        Failure: there is no such file, it cannot be run, or it does not name one model.
        KgcError: what the user's own model definition raised.
    """
    path, name = split(source)
    if path.suffix == ".keras":
        if name is not None:
            raise Failure(f"{path} holds one model, so a name is not understood: got {source!r}", status=2)
        from ...frontend.saving.keras_file import load_model

        yield load_model(path)
    elif path.suffix == ".py":
        with run_file(path) as module:
            yield pick(path, module, name)
    else:
        raise Failure(f"{path} is neither a .py nor a .keras file", status=2)


@contextlib.contextmanager
def open_models(source: str) -> Iterator[dict[str, Model]]:
    """As `open_model`, but all models of a file, by the names that it has for them.

    Raises:
        Failure: the file defines none; and as `open_model`.
    """
    path, name = split(source)
    if path.suffix != ".py" or name is not None:
        with open_model(source) as model:
            yield {source: model}
        return
    with run_file(path) as module:
        found = models_in(module)
        if not found:
            raise Failure(f"{path} defines no model: assign one to a name at the top level of the file")
        yield {f"{path}:{key}": model for key, model in found.items()}


def split(source: str) -> tuple[Path, str | None]:
    """`model.py:name` in its two parts; the file must exist."""
    path, name = Path(source), None
    if not path.is_file() and ":" in source:
        before, _, name = source.rpartition(":")
        path = Path(before)
    if not path.exists():
        raise Failure(f"there is no file {str(path)!r}", status=2)
    if not path.is_file():
        raise Failure(f"{str(path)!r} is not a file", status=2)
    if name is not None and not name.isidentifier():
        raise Failure(f"{name!r} is not a name; expected {HELP}", status=2)
    return path, name


@contextlib.contextmanager
def run_file(path: Path) -> Iterator[ModuleType]:
    """Run a Python file as a module, and undo what that needed when the block ends."""
    from ...runtime.guard import forbid_running

    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise Failure(f"{path} cannot be run as a Python module")
    module = importlib.util.module_from_spec(spec)
    folder, argv = str(path.resolve().parent), sys.argv
    hint = f'Put the call under `if __name__ == "__main__":`; {path.name} is run as a module here.'
    sys.modules[name] = module
    sys.path.insert(0, folder)
    sys.argv = [str(path)]
    try:
        with contextlib.redirect_stdout(sys.stderr), forbid_running(f"while {path} was being read", hint):
            _execute(module, path)
        yield module
    finally:
        sys.argv = argv
        sys.modules.pop(name, None)
        if folder in sys.path:
            sys.path.remove(folder)


def _execute(module: ModuleType, path: Path) -> None:
    from ...compiler.errors import KgcError

    try:
        # Compiled here, not by the module's loader, so that lines are named as the user named the file, and no
        # __pycache__ appears beside it.
        exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), vars(module))
    except KgcError:
        raise  # names the user's line itself
    except SyntaxError as error:
        raise Failure(f"{error.filename}:{error.lineno}: SyntaxError: {error.msg}") from error
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f"{path}:{lines[-1]}" if lines else str(path)
        what = "the file exits when it is run" if isinstance(error, SystemExit) else f"{type(error).__name__}: {error}"
        raise Failure(f"{where}: {what}") from error


def _module_name(path: Path) -> str:
    """The file's own name, unless a module of that name is there already."""
    stem = path.stem
    return f"kgc_source_{stem}" if stem in sys.modules or stem in sys.stdlib_module_names else stem


def models_in(module: ModuleType) -> dict[str, Model]:
    """The models that a module has at its top level, each under its first name."""
    from ...frontend.functional import Model

    found: dict[str, Model] = {}
    for key, value in vars(module).items():
        if isinstance(value, Model) and not any(value is other for other in found.values()):
            found[key] = value
    return found


def pick(path: Path, module: ModuleType, name: str | None) -> Model:
    """The model called `name` in `module`, or the only one there is."""
    from ...frontend.functional import Model

    found = models_in(module)
    known = "".join(f"\n  {path}:{key}   {type(model).__name__} {model.name!r}" for key, model in found.items())
    if name is not None:
        value = getattr(module, name, None)
        if isinstance(value, Model):
            return value
        called = [model for model in found.values() if model.name == name]
        if value is None and len(called) == 1:
            return called[0]
        what = f"{path} has no {name!r}" if value is None else f"{path}:{name} is {type(value).__name__}, not a model"
        raise Failure(what + (f"; its models are:{known}" if found else ", and the file defines no model"))
    if not found:
        raise Failure(f"{path} defines no model: assign one to a name at the top level of the file")
    if len(found) > 1:
        raise Failure(f"{path} defines {len(found)} models; say which:{known}", status=2)
    return next(iter(found.values()))

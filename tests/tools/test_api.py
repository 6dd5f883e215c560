"""The public namespaces: what type checkers read, what runs, and `__all__` are one list."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kgc.tools import api

ROOT = Path(__file__).resolve().parents[2]
FILES = api.namespaces(ROOT)


def package_of(path: Path) -> str:
    """The public name of a namespace file."""
    parts = path.parent.relative_to(ROOT).parts
    return ".".join(["kgc", *parts[2:]])


def static_names(path: Path) -> dict[str, tuple[str, str | None]]:
    """Name -> (module, attribute), read from the imports under TYPE_CHECKING without the tool under test."""
    found: dict[str, tuple[str, str | None]] = {}
    for block in ast.parse(path.read_text(encoding="utf-8")).body:
        for node in block.body if isinstance(block, ast.If) else []:
            if isinstance(node, ast.ImportFrom):
                found |= {alias.asname or alias.name: (node.module or "", alias.name) for alias in node.names}
            elif isinstance(node, ast.Import):
                found |= {alias.asname or alias.name: (alias.name, None) for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=package_of)
def test_static_imports_table_and_all_agree(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables: list[dict[str, str]] = []
    lazy = importlib.import_module("kgc.runtime.lazy")
    monkeypatch.setattr(lazy, "lazy", lambda package, public, table: tables.append(table) or (None, None))
    scope = {"__name__": "read"}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), scope)
    static = static_names(path)
    assert lazy.locate(tables[0]) == static
    own = {name for name in scope["__all__"] if name in scope}
    assert sorted(scope["__all__"]) == sorted({*static, *own})


@pytest.mark.parametrize("path", FILES, ids=package_of)
def test_every_public_name_is_there(path: Path) -> None:
    package = importlib.import_module(package_of(path))
    assert Path(package.__file__ or "") == path
    missing = [name for name in package.__all__ if not hasattr(package, name)]
    assert missing == []
    assert set(package.__all__) <= set(dir(package))


@pytest.mark.parametrize("path", FILES, ids=package_of)
def test_files_are_up_to_date(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert api.render(source) == source


STALE = '''"""Doc."""

__all__ = ["gone"]

if TYPE_CHECKING:
    from kgc.frontend.b import b as b
    from kgc.frontend.b import B as B
    from kgc.frontend.a import Old as New
    import kgc.c as c


def version():
    return 1
'''


def test_render_writes_all_and_table_from_the_imports() -> None:
    wanted = '''"""Doc."""

__all__ = [
    "B", "New", "b", "c", "version",
]  # fmt: skip

if TYPE_CHECKING:
    import kgc.c as c
    from kgc.frontend.a import Old as New
    from kgc.frontend.b import B as B
    from kgc.frontend.b import b as b
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.c": "=c",
            "kgc.frontend.a": "New=Old",
            "kgc.frontend.b": "B b",
        },
    )


def version():
    return 1
'''
    assert api.render(STALE) == wanted
    assert api.render(wanted) == wanted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("import B as B", "import B"), "only `from module import name as name`"),
        (("import B as B", "import B as b"), "named twice: b"),
        (("from kgc.frontend.b import b", "from .b import b"), "full module name"),
        (("if TYPE_CHECKING", "if OTHER"), "no `if TYPE_CHECKING:` block"),
        (("__all__", "names"), "one `__all__"),
    ],
)
def test_render_refuses_other_forms(change: tuple[str, str], message: str) -> None:
    with pytest.raises(api.ApiError, match=message):
        api.render(STALE.replace(*change))


def test_render_keeps_lines_short_however_many_names() -> None:
    names = [f"Layer{n}" for n in range(100)]
    imports = "\n".join(f"    from kgc.frontend.layers.core import {name} as {name}" for name in names)
    text = api.render(f"__all__ = []\nif TYPE_CHECKING:\n{imports}\n")
    assert max(map(len, text.splitlines())) <= 120
    scope: dict[str, Any] = {"TYPE_CHECKING": False, "lazy": lambda name, public, table: (table, None)}
    exec(text, scope)
    assert {module: sorted(row.split()) for module, row in scope["__getattr__"].items()} == {
        "kgc.frontend.layers.core": sorted(names)
    }
    assert scope["__all__"] == sorted(names)


def test_check_fails_on_a_stale_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "__init__.py"
    file.write_text(STALE)
    monkeypatch.setattr(api, "ROOT", tmp_path)
    monkeypatch.setattr(api, "namespaces", lambda: [file])
    assert api.main(["--check"]) == 1
    assert file.read_text() == STALE
    assert api.main([]) == 0
    assert api.main(["--check"]) == 0
    assert capsys.readouterr().out == "__init__.py: out of date\n__init__.py: written\n"
    file.write_text("x = 1\n")
    assert api.main([]) == 1


def test_the_ways_to_import_are_one() -> None:
    import kgc
    import kgc as keras
    from kgc import layers
    from kgc.layers import Dense

    assert kgc.layers.Dense is Dense
    assert layers.Dense is Dense
    assert keras.Model is kgc.models.Model
    assert kgc.optimizers.schedules.ExponentialDecay is not None
    assert kgc.version() == kgc.__version__


def test_star_import_gives_the_public_names() -> None:
    code = "from kgc.layers import *\nimport kgc.layers\nprint(all(name in globals() for name in kgc.layers.__all__))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "True\n", done.stderr


if TYPE_CHECKING:  # read by pyright from the installed wheel (`make lint`): the names resolve, with their types
    from typing import assert_type

    import kgc
    from kgc.layers import Dense

    assert_type(Dense(3), kgc.layers.Dense)
    assert_type(kgc.version(), str)
    _ = kgc.layers.NoSuchLayer  # pyright: ignore[reportAttributeAccessIssue]

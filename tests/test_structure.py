"""The walls between the folders: who imports whom, and what the package holds.

Each rule is a function from sources (path from the root -> text) to violations, tried here on a made-up violation
as well as on the project, so that a rule that has stopped looking is noticed.
"""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = {"compiler": 0, "runtime": 1, "frontend": 2, "tools": 3}
LONGEST = 400
# Run by its path, as a user's program is: it imports kgc as a user does.
SCRIPTS = {"tools/demo.py"}
Sources = Mapping[str, str]


def project() -> dict[str, str]:
    """Every Python file of the project, the tests included."""
    places = [ROOT / "__init__.py", *(path for top in (*FLOORS, "tests") for path in (ROOT / top).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in places}


def packaging() -> dict[str, str]:
    """Package name -> folder, as pyproject.toml has it."""
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders: dict[str, str] = {}
    for package in setuptools["packages"]:
        known, rest = package, ""
        while known not in setuptools["package-dir"]:
            known, _, last = known.rpartition(".")
            rest = f"/{last}{rest}"
        folders[package] = str(PurePosixPath(setuptools["package-dir"][known] + rest))
    return folders


@functools.cache
def parse(source: str) -> ast.Module:
    """The tree of a file; each rule reads every file, so it is kept."""
    return ast.parse(source)


def floor(path: str) -> str:
    """The folder that a file belongs to; the top of the API belongs with the frontend."""
    top = path.partition("/")[0]
    return "frontend" if top == "__init__.py" else top


def is_face(path: str) -> bool:
    """Whether the file is a face of the public API, which alone names project modules in full."""
    return path == "__init__.py" or path.startswith("frontend/api/")


@functools.cache
def imports(path: str, source: str) -> list[tuple[int, str, str]]:
    """(line, dotted name, kind) of each project import; kind is "module", "function" or "typing" (TYPE_CHECKING).

    `from .a import b` gives the dotted name of `b`, which may be a module or a name in one.
    """

    def walk(node: ast.AST, kind: str) -> Iterator[tuple[int, str, str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
                yield from walk(ast.Module(child.body, []), "typing")
                yield from walk(ast.Module(child.orelse, []), kind)
            elif isinstance(child, ast.Import):
                yield from ((child.lineno, alias.name, kind) for alias in child.names if is_ours(alias.name))
            elif isinstance(child, ast.ImportFrom):
                home = ["kgc", *path.split("/")[: -child.level]] if child.level else []
                base = ".".join([*home, *([child.module] if child.module else [])])
                if is_ours(base):
                    yield from ((child.lineno, f"{base}.{alias.name}", kind) for alias in child.names)
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                yield from walk(child, "function" if kind == "module" else kind)
            else:
                yield from walk(child, kind)

    return list(walk(parse(source), "module"))


def is_ours(dotted: str) -> bool:
    """Whether a dotted name lies in this project."""
    return dotted.partition(".")[0] == "kgc"


@functools.cache
def longest_first(packages: tuple[str, ...]) -> list[str]:
    """Packages in the order in which a name is matched against them."""
    return sorted(packages, key=len, reverse=True)


def file_of(dotted: str, sources: Sources, folders: Mapping[str, str]) -> str | None:
    """The file that an imported name is or stands in: a module, or a package's `__init__`."""
    for name in (dotted, dotted.rpartition(".")[0]):
        for package in longest_first(tuple(folders)):
            if name == package or name.startswith(f"{package}."):
                stem = PurePosixPath(folders[package], *name[len(package) :].split("."))
                for candidate in (f"{stem}.py", f"{stem / '__init__.py'}"):
                    if candidate in sources:
                        return candidate
                break
    return None


def edges(sources: Sources, folders: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """File -> the files it imports when it is imported, with the line."""
    found: dict[str, dict[str, int]] = {path: {} for path in sources}
    for path, source in sources.items():
        for line, dotted, kind in imports(path, source):
            target = file_of(dotted, sources, folders)
            if target is not None and target != path and kind == "module":
                found[path].setdefault(target, line)
    return found


def upward(sources: Sources, folders: Mapping[str, str]) -> list[str]:
    """Imports of a higher floor, wherever they stand: in functions and under TYPE_CHECKING too."""
    bad: list[str] = []
    for path, source in sources.items():
        for line, dotted, _ in imports(path, source):
            target = file_of(dotted, sources, folders)
            if floor(path) in FLOORS and target is not None and FLOORS.get(floor(target), 9) > FLOORS[floor(path)]:
                bad.append(f"{path}:{line} imports {target}")
    return bad


def cycles(sources: Sources, folders: Mapping[str, str]) -> list[str]:
    """Files that import each other, directly or by way of others."""
    graph = edges(sources, folders)
    state: dict[str, int] = {}
    bad: list[str] = []
    for start in graph:
        if start in state:
            continue
        state[start] = 1
        stack = [(start, iter(graph[start]))]
        while stack:
            path, rest = stack[-1]
            for target in rest:
                if state.get(target) == 1:
                    names = [name for name, _ in stack]
                    bad.append(" -> ".join([*names[names.index(target) :], target]))
                elif target not in state:
                    state[target] = 1
                    stack.append((target, iter(graph[target])))
                    break
            else:
                state[path] = 2
                stack.pop()
    return bad


def local_imports(sources: Sources, folders: Mapping[str, str]) -> list[str]:
    """Project imports inside functions, or by name at run time; the command line alone may."""
    bad: list[str] = []
    for path, source in sources.items():
        if floor(path) not in FLOORS or path in SCRIPTS or path.startswith("tools/cli/"):
            continue
        inside = {line for line, _, kind in imports(path, source) if kind == "function"}
        bad += [f"{path}:{line} imports project code inside a function" for line in sorted(inside)]
        if floor(path) != "tools" and path != "runtime/lazy.py":
            calls = [node for node in ast.walk(parse(source)) if isinstance(node, ast.Call)]
            names = [(call.lineno, ast.unparse(call.func)) for call in calls]
            bad += [
                f"{path}:{line} calls {name}"
                for line, name in names
                if re.search(r"\b(import_module|__import__)$", name)
            ]
    return bad


def absolute_imports(sources: Sources, folders: Mapping[str, str]) -> list[str]:
    """`import kgc…` outside the faces of the API and the tests, where an import is relative."""
    bad: list[str] = []
    for path, source in sources.items():
        if floor(path) not in FLOORS or path in SCRIPTS or is_face(path):
            continue
        for node in ast.walk(parse(source)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            if any(is_ours(name) for name in names):
                bad.append(f"{path}:{node.lineno} imports kgc by its name")  # pyright: ignore[reportAttributeAccessIssue]
    return bad


def unpackaged(sources: Sources, folders: Mapping[str, str]) -> list[str]:
    """Folders and the packaging list, held against each other."""
    # `frontend/api` itself is a shelf for the public packages, not a package.
    have = {str(PurePosixPath(path).parent) for path in sources if floor(path) in FLOORS}
    listed = set(folders.values())
    bad = [f"{folder} is not in the packaging list" for folder in sorted(have - listed)]
    bad += [f"{folder} is in the packaging list and not there" for folder in sorted(listed - have)]
    return bad + [
        f"{f} has no __init__.py" for f in sorted(have) if str(PurePosixPath(f, "__init__.py")) not in sources
    ]


def too_long(sources: Sources, folders: Mapping[str, str]) -> list[str]:
    """Files past the length at which a file is two things."""
    lengths = {path: source.count("\n") for path, source in sources.items()}
    return [f"{path} has {length} lines" for path, length in lengths.items() if length > LONGEST]


def unfinished(sources: Sources, folders: Mapping[str, str]) -> list[str]:
    """Notes of work to be done, which belong in an issue."""
    marks = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME")) + r")\b")
    lines = [(path, n, line) for path, source in sources.items() for n, line in enumerate(source.splitlines(), 1)]
    return [f"{path}:{n} {line.strip()}" for path, n, line in lines if marks.search(line)]


def undocumented(sources: Sources, folders: Mapping[str, str]) -> list[str]:
    """Files that do not say why they exist."""
    return [path for path, source in sources.items() if not ast.get_docstring(parse(source))]


def asserting(sources: Sources, folders: Mapping[str, str]) -> list[str]:
    """Bare asserts outside the tests: an error says what, where, received, hint."""
    bad: list[str] = []
    for path, source in sources.items():
        if floor(path) in FLOORS:
            bad += [f"{path}:{node.lineno}" for node in ast.walk(parse(source)) if isinstance(node, ast.Assert)]
    return bad


FOLDERS = {"kgc": ".", "kgc.layers": "frontend/api/layers", "kgc.frontend": "frontend", "kgc.compiler": "compiler"}
EMPTY = {
    "__init__.py": "",
    "frontend/__init__.py": "",
    "compiler/__init__.py": "",
    "frontend/api/layers/__init__.py": "",
}
RULES = {
    upward: [
        {"compiler/a.py": "from ..frontend.b import c", "frontend/b.py": ""},
        {"compiler/a.py": "from ..frontend import b", "frontend/b.py": ""},
        {"compiler/a.py": "def f():\n  from .. import layers"},
        {"compiler/a.py": "if typing.TYPE_CHECKING:\n  from ..frontend.b import c", "frontend/b.py": ""},
        {"compiler/a.py": "try:\n  import kgc.layers\nfinally:\n  pass"},
    ],
    cycles: [
        {"compiler/a.py": "from . import b", "compiler/b.py": "from .a import x"},
        {
            "compiler/a.py": "from .b import x",
            "compiler/b.py": "try:\n  from .c import y\nfinally: pass",
            "compiler/c.py": "class A:\n  from .a import z",
        },
    ],
    local_imports: [
        {"compiler/a.py": "def f():\n  from .b import x", "compiler/b.py": ""},
        {"compiler/a.py": "class A:\n  def f(self):\n    if 1:\n      import kgc.compiler"},
        {"frontend/a.py": "import importlib\ndef f(): return importlib.import_module('kgc.layers')"},
    ],
    absolute_imports: [{"compiler/a.py": "import kgc.compiler"}, {"frontend/a.py": "from kgc.compiler import b"}],
    unpackaged: [
        {"compiler/ops/__init__.py": ""},
        {"frontend/api/layers/__init__.py": None},
        {"compiler/__init__.py": None, "compiler/a.py": ""},
    ],
    too_long: [{"tests/test_a.py": "\n" * (LONGEST + 1)}],
    unfinished: [{"compiler/a.py": f"x = 1  # {'TO'}DO: more"}],
    undocumented: [{"compiler/a.py": "# no docstring\n"}],
    asserting: [{"compiler/a.py": "def f(x):\n  assert x"}],
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_project_keeps(rule) -> None:
    assert rule(project(), packaging()) == []


@pytest.mark.parametrize(
    ("rule", "violation"),
    [pytest.param(rule, bad, id=f"{rule.__name__}-{n}") for rule, bads in RULES.items() for n, bad in enumerate(bads)],
)
def test_rule_sees(rule, violation) -> None:
    clean = {path: '"""Why."""' for path in EMPTY}
    assert rule(clean, FOLDERS) == []
    sources = {path: text for path, text in {**clean, **violation}.items() if text is not None}
    assert len(rule(sources, FOLDERS)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  from . import b\nelse:\n  import jax",
        "def f():\n  import h5py",
        "from . import b",
        "from .b import c\nfrom numpy import kgc",
    ],
)
def test_rules_allow(source: str) -> None:
    sources = {
        **dict.fromkeys(EMPTY, '"""Why."""'),
        "compiler/a.py": f'"""Why."""\n{source}',
        "compiler/b.py": '"""Why."""',
    }
    assert [line for rule in RULES for line in rule(sources, FOLDERS)] == []


def loaded(statement: str) -> set[str]:
    """The top-level modules of a fresh interpreter after `statement`, "backend" among them if JAX started one."""
    code = (
        f"import sys\n{statement}\n"
        "print(*{name.partition('.')[0] for name in sys.modules if sys.modules[name] is not None})\n"
        "bridge = sys.modules.get('jax._src.xla_bridge')\n"
        "print('backend' if bridge is not None and bridge.backends_are_initialized() else '')"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


HEAVY = {"jax", "jaxlib", "numpy", "optax", "h5py", "rich", "keras", "sklearn"}
HELP = "from kgc.tools.cli import main\nmain(['--help']), main(['compile', '--help']), main(['--version'])"


@pytest.mark.parametrize("statement", ["import kgc", "from kgc import layers, ops", HELP], ids=["kgc", "faces", "help"])
def test_nothing_heavy_is_imported(statement: str) -> None:
    assert loaded(statement) & HEAVY == set()


def test_heavy_imports_are_seen() -> None:
    assert {"jax", "numpy", "backend"} <= loaded("import jax; jax.numpy.zeros(3)")


def test_importing_everything_starts_no_backend() -> None:
    names = [name for name in packaging() if not name.startswith("kgc.tools")]
    modules = [
        ".".join(["kgc", *PurePosixPath(path).with_suffix("").parts])
        for path in project()
        if floor(path) in ("compiler", "runtime", "frontend") and not is_face(path) and "__init__" not in path
    ]
    statement = f"import importlib\nfor name in {names + modules!r}: importlib.import_module(name)"
    assert loaded(statement) & {"backend", "h5py", "rich", "keras", "sklearn"} == set()

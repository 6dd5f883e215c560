"""Keep the public namespaces in step with themselves: `python -m kgc.tools.api [--check]`.

A namespace (`__init__.py` at the top, and `frontend/api/<name>/__init__.py`) says its names three times: in the imports
under `TYPE_CHECKING`, which type checkers read; in `__all__`; and in the table that `runtime.lazy` reads when a name
is used. The imports are the place to edit. This tool sorts them and writes the other two from them; a test runs it
with `--check`.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class ApiError(ValueError):
    """A namespace file does not have the form that this tool reads."""


@dataclass(frozen=True)
class Entry:
    """One public name: `attribute` of `module` (None: the module itself) under the name `name`."""

    module: str
    attribute: str | None
    name: str

    def statement(self) -> str:
        """The import that a type checker reads."""
        if self.attribute is None:
            return f"import {self.module} as {self.name}"
        return f"from {self.module} import {self.attribute} as {self.name}"

    def row(self) -> str:
        """The entry of the table, as `runtime.lazy.locate` reads it."""
        if self.attribute is None:
            return f"={self.name}"
        return self.name if self.name == self.attribute else f"{self.name}={self.attribute}"


def namespaces(root: Path = ROOT) -> list[Path]:
    """Every namespace file: the top and those of `frontend/api`."""
    return [root / "__init__.py", *sorted((root / "frontend" / "api").rglob("__init__.py"))]


def type_checking_block(tree: ast.Module) -> ast.If | None:
    """The module-level `if TYPE_CHECKING: … else: …`, or None where a file has none."""
    for node in tree.body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return node
    return None


def entries(block: ast.If) -> list[Entry]:
    """The names that the imports of the block make public."""
    found: list[Entry] = []
    for node in block.body:
        if not isinstance(node, ast.Import | ast.ImportFrom) or any(alias.asname is None for alias in node.names):
            raise ApiError(f"line {node.lineno}: only `from module import name as name` and `import module as name`")
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                if node.level or node.module is None:
                    raise ApiError(f"line {node.lineno}: a public name is imported from its full module name")
                found.append(Entry(node.module, alias.name, alias.asname or alias.name))
            else:
                found.append(Entry(alias.name, None, alias.asname or alias.name))
    names = [entry.name for entry in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ApiError(f"named twice: {', '.join(twice)}")
    return sorted(found, key=_import_order)


def _import_order(entry: Entry) -> tuple[object, ...]:
    """The order that ruff's isort rule keeps: modules first; then by module, constants, classes, functions."""
    name = entry.attribute or ""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return (entry.attribute is not None, entry.module, kind, _natural(name.lower()), _natural(name), entry.name)


def _natural(name: str) -> list[tuple[int, str]]:
    """A key in which Conv10D comes after Conv2D."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def defined_names(tree: ast.Module) -> list[str]:
    """Public names that the file itself defines (`version`, `__version__`)."""
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            found.append(node.name)
        elif isinstance(node, ast.Assign):
            targets = [target.id for target in node.targets if isinstance(target, ast.Name)]
            found += [name for name in targets if name == "__version__" or not name.startswith("_")]
    return found


def render(source: str) -> str:
    """The namespace file `source` with its imports in order, and `__all__` and the table written from them."""
    tree = ast.parse(source)
    block = type_checking_block(tree)
    if block is None:
        raise ApiError("no `if TYPE_CHECKING:` block")
    public = entries(block)
    names = sorted({*(entry.name for entry in public), *defined_names(tree)})
    all_lines = ["__all__ = [", *_packed([f'"{name}",' for name in names], " " * 4), "]  # fmt: skip"]
    modules: dict[str, list[str]] = {}
    for entry in public:
        modules.setdefault(entry.module, []).append(entry.row())
    table = [line for module, rows in modules.items() for line in _row(module, rows)]
    block_lines = [
        "if TYPE_CHECKING:",
        *(line for entry in public for line in _import(entry)),
        "else:",
        "    __getattr__, __dir__ = lazy(",
        "        __name__,",
        "        __all__,",
        "        {",
        *table,
        "        },",
        "    )",
    ]
    lines = source.splitlines()
    spans = [(block.lineno, block.end_lineno or block.lineno, block_lines)]
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            spans.append((node.lineno, node.end_lineno or node.lineno, all_lines))
    if len(spans) != 2:
        raise ApiError("one `__all__ = []` and one `if TYPE_CHECKING:` block are wanted")
    for first, last, new in sorted(spans, reverse=True):
        lines[first - 1 : last] = new
    return "\n".join(lines) + "\n"


def _import(entry: Entry, indent: str = "    ", width: int = 120) -> list[str]:
    """The import of an entry, in parentheses where it is too long for a line, as the formatter wants it."""
    line = indent + entry.statement()
    if len(line) <= width:
        return [line]
    head, _, names = line.partition(" import ")
    return [f"{head} import (", f"{indent}    {names},", f"{indent})"]


def _packed(words: Sequence[str], indent: str, width: int = 120) -> list[str]:
    text = " ".join(words)
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _row(module: str, rows: Sequence[str]) -> list[str]:
    """One table row; a long one is a parenthesised run of string literals, each line within the line length."""
    indent = " " * 12
    line = f'{indent}"{module}": "{" ".join(rows)}",'
    if len(line) <= 120:
        return [line]
    # The formatter joins what fits on one line.
    width = 102 if len(" ".join(rows)) <= 102 else 100
    pieces = textwrap.wrap(" ".join(rows), width, break_long_words=False, break_on_hyphens=False)
    parts = [f'{indent}    "{piece} "' for piece in pieces[:-1]] + [f'{indent}    "{pieces[-1]}"']
    return [f'{indent}"{module}": (', *parts, f"{indent}),"]


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite every namespace file that is out of date; with `--check`, only name them. 1 if a file is not in order."""
    parser = argparse.ArgumentParser(prog="python -m kgc.tools.api", description="Write __all__ and the lazy tables.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a file is out of date")
    args = parser.parse_args(argv)
    failed = 0
    for path in namespaces():
        source = path.read_text(encoding="utf-8")
        try:
            wanted = render(source)
        except (ApiError, SyntaxError) as error:
            print(f"{path.relative_to(ROOT)}: {error}", file=sys.stderr)
            failed += 1
            continue
        if wanted != source:
            print(f"{path.relative_to(ROOT)}: {'out of date' if args.check else 'written'}")
            if args.check:
                failed += 1
            else:
                path.write_text(wanted, encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Tokens of the IR text, and errors that name its line."""

from __future__ import annotations

import json
import re
from typing import Any

from .errors import IRError

_STRING = r'"(?:[^"\\\n]|\\.)*"'
_PATTERNS = {
    name: re.compile(pattern)
    for name, pattern in {
        "space": r"(?:\s|//[^\n]*)*",
        "name": rf"[A-Za-z_0-9][\w./-]*|{_STRING}",
        "string": _STRING,
        "word": r"[A-Za-z_][\w.]*",
        "type": r"~?[a-z]+[0-9]*\[[^\]]*\]",
        "sha": r"sha256:[0-9a-f]{64}",
        "number": r"-?(?:inf|nan|(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)(?=\s*[,)\]}])",
        "scalar": r"-?(?:inf|nan|(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)(?=[,\]\s]|$)",
    }.items()
}
_NAMES = {mark: re.compile(rf"\s*{mark}([A-Za-z_0-9][\w./-]*)") for mark in "%@"}
_BLANK = ("", " ", "\n", "\t", "\r", "\f", "\v", "/")


class Scanner:
    """A text and a place in it, from which tokens are taken."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def error(self, problem: str, hint: str | None = None) -> IRError:
        """An error at this place, which names the line and shows it."""
        line = self.text.count("\n", 0, self.at) + 1
        shown = self.text.split("\n")[line - 1].strip() if self.text else ""
        return IRError(f"line {line} of the IR text: {problem}", received=shown[:200], hint=hint)

    def skip(self) -> None:
        """Pass over blanks and comments."""
        if self.text[self.at : self.at + 1] not in _BLANK:
            return
        found = _PATTERNS["space"].match(self.text, self.at)
        self.at = found.end() if found else self.at

    def peek(self, mark: str) -> bool:
        """Whether `mark` comes next."""
        self.skip()
        return self.text.startswith(mark, self.at)

    def take(self, mark: str) -> bool:
        """Pass over `mark` if it comes next; whether it did."""
        if self.peek(mark):
            self.at += len(mark)
            return True
        return False

    def expect(self, mark: str) -> None:
        """Pass over `mark`, or raise."""
        if not self.take(mark):
            raise self.error(f"`{mark}` is expected before {self._ahead()}")

    def _ahead(self) -> str:
        rest = self.text[self.at : self.at + 20]
        return f"`{rest}`" if rest else "the end of the text"

    def match(self, kind: str, wanted: str) -> str:
        """The next token, of this kind, or an error that says what was wanted."""
        found = self.maybe(kind)
        if found is None:
            raise self.error(f"{wanted} is expected before {self._ahead()}")
        return found

    def maybe(self, kind: str) -> str | None:
        """The next token if it is of this kind."""
        self.skip()
        found = _PATTERNS[kind].match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found.group()

    def keyword(self, word: str) -> bool:
        """Pass over a word if it comes next, whole; whether it did."""
        self.skip()
        end = self.at + len(word)
        follows = self.text[end : end + 1]
        if self.text.startswith(word, self.at) and not (follows.isalnum() or follows == "_"):
            self.at = end
            return True
        return False

    def name(self, mark: str) -> str:
        """The name behind `%` or `@`, without its quotes."""
        found = _NAMES[mark].match(self.text, self.at)
        if found is not None:  # all but quoted names and those behind a comment
            self.at = found.end()
            return found[1]
        self.expect(mark)
        text = self.match("name", "a name")
        return self.unquote(text) if text[0] == '"' else text

    def unquote(self, text: str) -> str:
        """The string that a token in quotes stands for."""
        try:
            return str(json.loads(text))
        except ValueError:
            raise self.error(f"{text} is no string") from None

    def number(self, text: str) -> Any:
        """The number that a token stands for."""
        try:
            return int(text) if text.lstrip("-").isdigit() else float(text)
        except ValueError:
            raise self.error(f"`{text:.40}` is no number") from None

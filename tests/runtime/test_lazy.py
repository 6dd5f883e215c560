"""Names resolved on first use (`runtime.lazy`)."""

from __future__ import annotations

import sys
import types

import pytest

from kgc.runtime.lazy import lazy, locate


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("lazily")
    monkeypatch.setitem(sys.modules, "lazily", module)
    table = {"colorsys": "rgb_to_hls hue=rgb_to_hsv", "xml.dom": "=dom", "no_such_module": "lost"}
    module.__getattr__, module.__dir__ = lazy("lazily", ["rgb_to_hls", "hue", "dom", "lost"], table)  # type: ignore[method-assign]
    return module


def test_locate_reads_names_aliases_and_modules() -> None:
    table = {"a.b": "X Y=Z", "a.c": "=c"}
    assert locate(table) == {"X": ("a.b", "X"), "Y": ("a.b", "Z"), "c": ("a.c", None)}


def test_nothing_is_imported_until_a_name_is_used(package: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    assert "hue" in dir(package)
    assert "colorsys" not in sys.modules
    assert package.hue(1.0, 1.0, 1.0) == (0.0, 0.0, 1.0)
    assert "colorsys" in sys.modules


def test_a_name_is_kept_once_found(package: types.ModuleType) -> None:
    import colorsys
    import xml.dom

    assert package.rgb_to_hls is colorsys.rgb_to_hls
    assert vars(package)["rgb_to_hls"] is colorsys.rgb_to_hls
    assert package.dom is xml.dom


def test_unknown_names_are_plain_attribute_errors(package: types.ModuleType) -> None:
    with pytest.raises(AttributeError, match=r"module 'lazily' has no attribute 'nothing'"):
        _ = package.nothing
    assert not hasattr(package, "__path__")


def test_a_broken_module_is_not_taken_for_a_missing_name(package: types.ModuleType) -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        _ = package.lost

"""The tables through which names in files become objects."""

from __future__ import annotations

import threading

import pytest

from kgc.frontend.saving import registry


def test_a_name_means_something_in_its_place_only(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh(monkeypatch)

    @registry.serializable("keras.layers", kind="layer", also=("keras.src.old",), aliases=("mine",))
    class MyLayer:
        pass

    for module in ("keras.layers", "keras.src.old"):
        entry = registry.find(("layer",), module, "MyLayer")
        assert entry is not None and entry.obj is MyLayer
    assert registry.find(("loss", "metric"), "keras.layers", "MyLayer") is None
    assert registry.find(("layer",), "keras.losses", "MyLayer") is None
    assert registry.find(("layer",), None, "MyLayer") is None
    assert [registry.by_name("layer", n) is entry for n in ("MyLayer", "my_layer", "mine", "MYLAYER")] == [
        True, True, True, False,
    ]  # fmt: skip
    assert registry.by_name("loss", "MyLayer") is None
    assert registry.entry_of(MyLayer) is entry
    assert registry.entry_of(MyLayer, ("loss",)) is None
    assert registry.identifiers("layer") == ("MyLayer", "mine", "my_layer")
    assert registry.entries("layer") == (entry,)


def test_a_subclass_is_another_class(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh(monkeypatch)

    @registry.serializable("keras.layers", kind="layer")
    class Base:
        pass

    class Derived(Base):
        pass

    assert registry.entry_of(Derived) is None


def test_a_taken_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh(monkeypatch)
    registry.serializable("keras.layers", kind="layer", name="Same")(type("One", (), {}))
    with pytest.raises(ValueError, match="already stands for"):
        registry.serializable("keras.layers", kind="layer", name="Same")(type("Two", (), {}))
    with pytest.raises(ValueError, match="none of"):
        registry.serializable("keras.layers", kind="layers")  # pyright: ignore[reportArgumentType]


def test_names_of_classes_as_files_spell_them() -> None:
    spelled = {
        "InputLayer": "input_layer", "Conv2D": "conv2d", "Conv2DTranspose": "conv2d_transpose", "ReLU": "re_lu",
        "MaxPooling2D": "max_pooling2d", "GlobalAveragePooling2D": "global_average_pooling2d", "LSTM": "lstm",
        "BatchNormalization": "batch_normalization", "CustomDense": "custom_dense", "Functional": "functional",
    }  # fmt: skip
    assert {name: registry.snake_case(name) for name in spelled} == spelled


def test_registered_and_scoped_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh(monkeypatch)

    @registry.register_keras_serializable(package="shop", name="Till")
    def count(x: int) -> int:
        return x

    assert registry.get_registered_name(count) == "shop>Till"
    assert registry.get_registered_object("shop>Till") is count
    assert registry.get_registered_object("Till") is None
    assert registry.get_registered_object(None) is None
    assert registry.get_registered_name(len) == "len"
    with registry.custom_object_scope({"a": 1, "b": 2}):
        with registry.custom_object_scope({"a": 3}):
            assert registry.get_registered_object("a") == 3
            assert registry.get_registered_object("b") == 2
            assert registry.get_registered_object("a", custom_objects={"a": 4}) == 4
            assert set(registry.custom_names()) == {"a", "b", "shop>Till"}
        assert registry.get_registered_object("a") == 1
    assert registry.get_registered_object("a") is None
    registry.get_custom_objects().clear()
    assert registry.get_registered_object("shop>Till") is None
    assert registry.get_registered_name(count) == "count"


def test_a_scope_is_one_threads_own() -> None:
    seen: list[object] = []
    with registry.custom_object_scope({"a": 1}):
        thread = threading.Thread(target=lambda: seen.append(registry.get_registered_object("a")))
        thread.start()
        thread.join()
    assert seen == [None]


def test_what_cannot_be_registered() -> None:
    with pytest.raises(ValueError, match="get_config"):
        registry.register_keras_serializable()(type("Bare", (), {}))
    with pytest.raises(ValueError, match="dict"), registry.custom_object_scope([1]):  # pyright: ignore[reportArgumentType]
        pass


def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty tables for one test."""
    for table in ("_BY_PATH", "_BY_NAME", "_BY_ALIAS", "_BY_OBJECT", "_BASES", "_CUSTOM", "_CUSTOM_NAMES"):
        monkeypatch.setattr(registry, table, {})

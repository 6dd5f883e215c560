"""What `get`, `serialize` and `deserialize` mean in every family alike."""

from __future__ import annotations

from typing import Any

import pytest

from kgc.compiler.errors import ArgumentError, FileFormatError
from kgc.frontend import constraints, identifiers, initializers


def halved(w: Any) -> Any:
    return w / 2


class Doubled(constraints.Constraint):
    """A user's own."""

    def __call__(self, w: Any) -> Any:
        return w * 2


def test_a_function_is_stored_by_its_name_and_found_where_it_is_given() -> None:
    config = identifiers.serialize("constraint", halved)
    assert config == {
        "module": "builtins", "class_name": "function", "config": "halved", "registered_name": "function",
    }  # fmt: skip
    assert identifiers.deserialize("constraint", config, custom_objects={"halved": halved}) is halved
    assert identifiers.get("constraint", config, custom_objects={"halved": halved}) is halved
    with pytest.raises(FileFormatError, match="'halved' as a constraint, which is in no table"):
        identifiers.deserialize("constraint", config)


@pytest.mark.parametrize("thing", [lambda w: w, "non_neg", Doubled])
def test_what_has_no_name_in_files_cannot_be_stored(thing: Any) -> None:
    with pytest.raises(ArgumentError):
        identifiers.serialize("constraint", thing)


def test_a_class_of_the_callers_own_is_never_imported_by_name() -> None:
    config = identifiers.serialize("constraint", Doubled())
    assert config["module"] == __name__
    with pytest.raises(FileFormatError, match="Doubled' as a constraint, which is in no table"):
        identifiers.deserialize("constraint", config)
    for name in ("Doubled", "package>Doubled"):
        given = {**config, "registered_name": name}
        assert isinstance(identifiers.deserialize("constraint", given, custom_objects={name: Doubled}), Doubled)
    assert isinstance(identifiers.get("constraint", "Doubled", custom_objects={"Doubled": Doubled}), Doubled)


def test_a_name_counts_in_its_own_family_only() -> None:
    assert isinstance(initializers.get("zeros"), initializers.Zeros)
    with pytest.raises(ArgumentError, match="No constraint is called 'zeros'"):
        constraints.get("zeros")
    config = initializers.serialize(initializers.Zeros())
    with pytest.raises(FileFormatError, match="Zeros' as a constraint"):
        constraints.deserialize(config)
    with pytest.raises(FileFormatError, match="stands in the place of a constraint"):
        identifiers.deserialize(
            "constraint", {"class_name": "Mine", "config": {}}, custom_objects={"Mine": initializers.Zeros}
        )


@pytest.mark.parametrize("config", [{}, {"class_name": 3}, {"config": {}}])
def test_what_is_no_config_is_refused(config: Any) -> None:
    with pytest.raises(ArgumentError, match="no config of an initializer"):
        initializers.deserialize(config)
    with pytest.raises(FileFormatError):
        initializers.deserialize({"class_name": "Zeros", "config": 3})


def test_an_optimizer_that_optax_has_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"does not have Keras's optimizer 'Nadam' yet[\s\S]*optax.nadam") as caught:
        identifiers.get("optimizer", "Nadam")
    assert "goes in as itself" in str(caught.value)

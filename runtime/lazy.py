"""Names that are imported when they are first used.

`import kgc` and `kgc --help` must not pay for JAX, and a user of `kgc.losses` need not load the layers. So each public
namespace holds a table of where its names live, and imports a module when one of its names is asked for (PEP 562).
Type checkers read the same imports, written out under `TYPE_CHECKING` in the same file; `kgc.tools.api` writes the
table from them.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable, Sequence


def locate(table: dict[str, str]) -> dict[str, tuple[str, str | None]]:
    """Read a table: name -> (module, attribute), where no attribute means the module itself.

    The table maps a module to its public names, separated by spaces: "Dense", "MaxPool2D=MaxPooling2D" for a name that
    differs from the attribute, and "=layers" for the module itself under that name.
    """
    places: dict[str, tuple[str, str | None]] = {}
    for module, names in table.items():
        for entry in names.split():
            name, equals, attribute = entry.partition("=")
            if equals and not name:
                places[attribute] = (module, None)
            else:
                places[name] = (module, attribute or name)
    return places


def lazy(
    package: str, public: Sequence[str], table: dict[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Make the `__getattr__` and `__dir__` of `package`, whose names `table` locates (see `locate`).

    A name that was found is kept in the package, so that it is looked up once. A name that is not in the table raises
    AttributeError, as for any module.
    """
    places = locate(table)

    def __getattr__(name: str) -> object:
        place = places.get(name)
        if place is None:
            near = difflib.get_close_matches(name, public, 3)
            hint = f"did you mean {', '.join(near)}? " if near else ""
            raise AttributeError(
                f"module {package!r} has no attribute {name!r}; {hint}kgc does not have all of Keras's names yet, "
                f"and dir({package}) lists what it has"
            )
        module, attribute = place
        found = importlib.import_module(module)
        value = found if attribute is None else getattr(found, attribute)
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]), *public})

    return __getattr__, __dir__

"""`kgc.passes`: what it takes to write a pass of one's own, and to run the pipeline with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "Graph", "Node", "Optimized", "PassResult", "Rules", "Trait", "Value", "again", "derive", "is_fixed", "map_regions",
    "names", "optimize", "parse", "rebuild", "register", "replace", "specialize", "unregister", "verify",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.compiler.graph import Graph as Graph
    from kgc.compiler.ir import Node as Node
    from kgc.compiler.ir import Value as Value
    from kgc.compiler.op import Trait as Trait
    from kgc.compiler.parser import parse as parse
    from kgc.compiler.pipeline import Optimized as Optimized
    from kgc.compiler.pipeline import names as names
    from kgc.compiler.pipeline import optimize as optimize
    from kgc.compiler.pipeline import register as register
    from kgc.compiler.pipeline import unregister as unregister
    from kgc.compiler.rewrite import again as again
    from kgc.compiler.rewrite import derive as derive
    from kgc.compiler.rewrite import is_fixed as is_fixed
    from kgc.compiler.rewrite import map_regions as map_regions
    from kgc.compiler.rewrite import rebuild as rebuild
    from kgc.compiler.rewrite import replace as replace
    from kgc.compiler.rules import Rules as Rules
    from kgc.compiler.specialize import specialize as specialize
    from kgc.compiler.transform import PassResult as PassResult
    from kgc.compiler.verifier import verify as verify
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.compiler.graph": "Graph",
            "kgc.compiler.ir": "Node Value",
            "kgc.compiler.op": "Trait",
            "kgc.compiler.parser": "parse",
            "kgc.compiler.pipeline": "Optimized names optimize register unregister",
            "kgc.compiler.rewrite": "again derive is_fixed map_regions rebuild replace",
            "kgc.compiler.rules": "Rules",
            "kgc.compiler.specialize": "specialize",
            "kgc.compiler.transform": "PassResult",
            "kgc.compiler.verifier": "verify",
        },
    )

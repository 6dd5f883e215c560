"""kgc: the Keras functional API as a language, compiled for JAX.

Names are imported when they are first used, so that `import kgc` loads neither JAX nor NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__version__ = "0.1.0"

__all__ = [
    "DTypePolicy", "Initializer", "Input", "KerasTensor", "Layer", "Loss", "Metric", "Model", "Optimizer",
    "Regularizer", "Sequential", "Variable", "__version__", "activations", "applications", "callbacks", "compile",
    "config", "constraints", "datasets", "dtype_policies", "initializers", "layers", "load", "losses", "metrics",
    "mixed_precision", "models", "ops", "optimizers", "parse", "passes", "random", "regularizers", "saving", "utils",
    "version",
]  # fmt: skip

if TYPE_CHECKING:
    import kgc.activations as activations
    import kgc.applications as applications
    import kgc.callbacks as callbacks
    import kgc.config as config
    import kgc.constraints as constraints
    import kgc.datasets as datasets
    import kgc.dtype_policies as dtype_policies
    import kgc.initializers as initializers
    import kgc.layers as layers
    import kgc.losses as losses
    import kgc.metrics as metrics
    import kgc.mixed_precision as mixed_precision
    import kgc.models as models
    import kgc.ops as ops
    import kgc.optimizers as optimizers
    import kgc.passes as passes
    import kgc.random as random
    import kgc.regularizers as regularizers
    import kgc.saving as saving
    import kgc.utils as utils
    from kgc.compiler.parser import parse as parse
    from kgc.frontend.dtype_policies import DTypePolicy as DTypePolicy
    from kgc.frontend.functional import Model as Model
    from kgc.frontend.graph_program import compile as compile
    from kgc.frontend.initializers import Initializer as Initializer
    from kgc.frontend.input import Input as Input
    from kgc.frontend.layer import Layer as Layer
    from kgc.frontend.losses import Loss as Loss
    from kgc.frontend.metrics import Metric as Metric
    from kgc.frontend.optimizers import Optimizer as Optimizer
    from kgc.frontend.regularizers import Regularizer as Regularizer
    from kgc.frontend.sequential import Sequential as Sequential
    from kgc.frontend.symbolic import KerasTensor as KerasTensor
    from kgc.frontend.variable import Variable as Variable
    from kgc.runtime.artifact.program import load as load
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.activations": "=activations",
            "kgc.applications": "=applications",
            "kgc.callbacks": "=callbacks",
            "kgc.config": "=config",
            "kgc.constraints": "=constraints",
            "kgc.datasets": "=datasets",
            "kgc.dtype_policies": "=dtype_policies",
            "kgc.initializers": "=initializers",
            "kgc.layers": "=layers",
            "kgc.losses": "=losses",
            "kgc.metrics": "=metrics",
            "kgc.mixed_precision": "=mixed_precision",
            "kgc.models": "=models",
            "kgc.ops": "=ops",
            "kgc.optimizers": "=optimizers",
            "kgc.passes": "=passes",
            "kgc.random": "=random",
            "kgc.regularizers": "=regularizers",
            "kgc.saving": "=saving",
            "kgc.utils": "=utils",
            "kgc.compiler.parser": "parse",
            "kgc.frontend.dtype_policies": "DTypePolicy",
            "kgc.frontend.functional": "Model",
            "kgc.frontend.graph_program": "compile",
            "kgc.frontend.initializers": "Initializer",
            "kgc.frontend.input": "Input",
            "kgc.frontend.layer": "Layer",
            "kgc.frontend.losses": "Loss",
            "kgc.frontend.metrics": "Metric",
            "kgc.frontend.optimizers": "Optimizer",
            "kgc.frontend.regularizers": "Regularizer",
            "kgc.frontend.sequential": "Sequential",
            "kgc.frontend.symbolic": "KerasTensor",
            "kgc.frontend.variable": "Variable",
            "kgc.runtime.artifact.program": "load",
        },
    )


def version() -> str:
    """The version of kgc, as `__version__` holds it."""
    return __version__

"""`kgc.initializers`: how weights begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "IdentityInitializer",
    "Initializer", "LecunNormal", "LecunUniform", "Ones", "Orthogonal", "OrthogonalInitializer", "RandomNormal",
    "RandomUniform", "TruncatedNormal", "VarianceScaling", "Zeros", "constant", "deserialize", "get", "glorot_normal",
    "glorot_uniform", "he_normal", "he_uniform", "identity", "lecun_normal", "lecun_uniform", "ones", "orthogonal",
    "random_normal", "random_uniform", "serialize", "truncated_normal", "variance_scaling", "zeros",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.initializers import Constant as Constant
    from kgc.frontend.initializers import Constant as constant
    from kgc.frontend.initializers import GlorotNormal as GlorotNormal
    from kgc.frontend.initializers import GlorotNormal as glorot_normal
    from kgc.frontend.initializers import GlorotUniform as GlorotUniform
    from kgc.frontend.initializers import GlorotUniform as glorot_uniform
    from kgc.frontend.initializers import HeNormal as HeNormal
    from kgc.frontend.initializers import HeNormal as he_normal
    from kgc.frontend.initializers import HeUniform as HeUniform
    from kgc.frontend.initializers import HeUniform as he_uniform
    from kgc.frontend.initializers import Identity as Identity
    from kgc.frontend.initializers import Identity as IdentityInitializer
    from kgc.frontend.initializers import Identity as identity
    from kgc.frontend.initializers import Initializer as Initializer
    from kgc.frontend.initializers import LecunNormal as LecunNormal
    from kgc.frontend.initializers import LecunNormal as lecun_normal
    from kgc.frontend.initializers import LecunUniform as LecunUniform
    from kgc.frontend.initializers import LecunUniform as lecun_uniform
    from kgc.frontend.initializers import Ones as Ones
    from kgc.frontend.initializers import Ones as ones
    from kgc.frontend.initializers import Orthogonal as Orthogonal
    from kgc.frontend.initializers import Orthogonal as OrthogonalInitializer
    from kgc.frontend.initializers import Orthogonal as orthogonal
    from kgc.frontend.initializers import RandomNormal as RandomNormal
    from kgc.frontend.initializers import RandomNormal as random_normal
    from kgc.frontend.initializers import RandomUniform as RandomUniform
    from kgc.frontend.initializers import RandomUniform as random_uniform
    from kgc.frontend.initializers import TruncatedNormal as TruncatedNormal
    from kgc.frontend.initializers import TruncatedNormal as truncated_normal
    from kgc.frontend.initializers import VarianceScaling as VarianceScaling
    from kgc.frontend.initializers import VarianceScaling as variance_scaling
    from kgc.frontend.initializers import Zeros as Zeros
    from kgc.frontend.initializers import Zeros as zeros
    from kgc.frontend.initializers import deserialize as deserialize
    from kgc.frontend.initializers import get as get
    from kgc.frontend.initializers import serialize as serialize
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.initializers": (
                "Constant constant=Constant GlorotNormal glorot_normal=GlorotNormal GlorotUniform "
                "glorot_uniform=GlorotUniform HeNormal he_normal=HeNormal HeUniform he_uniform=HeUniform Identity "
                "IdentityInitializer=Identity identity=Identity Initializer LecunNormal lecun_normal=LecunNormal "
                "LecunUniform lecun_uniform=LecunUniform Ones ones=Ones Orthogonal OrthogonalInitializer=Orthogonal "
                "orthogonal=Orthogonal RandomNormal random_normal=RandomNormal RandomUniform "
                "random_uniform=RandomUniform TruncatedNormal truncated_normal=TruncatedNormal VarianceScaling "
                "variance_scaling=VarianceScaling Zeros zeros=Zeros deserialize get serialize"
            ),
        },
    )

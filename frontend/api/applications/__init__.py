"""`kgc.applications`: models of the literature, which take published weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "VGG16", "VGG19", "imagenet_utils", "vgg16", "vgg19",
]  # fmt: skip

if TYPE_CHECKING:
    import kgc.applications.imagenet_utils as imagenet_utils
    import kgc.applications.vgg16 as vgg16
    import kgc.applications.vgg19 as vgg19
    from kgc.frontend.applications.vgg import VGG16 as VGG16
    from kgc.frontend.applications.vgg import VGG19 as VGG19
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.applications.imagenet_utils": "=imagenet_utils",
            "kgc.applications.vgg16": "=vgg16",
            "kgc.applications.vgg19": "=vgg19",
            "kgc.frontend.applications.vgg": "VGG16 VGG19",
        },
    )

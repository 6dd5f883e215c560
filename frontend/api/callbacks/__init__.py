"""`kgc.callbacks`: what is called while a model trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback", "LearningRateScheduler",
    "ModelCheckpoint", "ProgbarLogger", "ReduceLROnPlateau", "TerminateOnNaN",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.callbacks import Callback as Callback
    from kgc.frontend.callbacks import CallbackList as CallbackList
    from kgc.frontend.callbacks import CSVLogger as CSVLogger
    from kgc.frontend.callbacks import EarlyStopping as EarlyStopping
    from kgc.frontend.callbacks import History as History
    from kgc.frontend.callbacks import LambdaCallback as LambdaCallback
    from kgc.frontend.callbacks import LearningRateScheduler as LearningRateScheduler
    from kgc.frontend.callbacks import ModelCheckpoint as ModelCheckpoint
    from kgc.frontend.callbacks import ProgbarLogger as ProgbarLogger
    from kgc.frontend.callbacks import ReduceLROnPlateau as ReduceLROnPlateau
    from kgc.frontend.callbacks import TerminateOnNaN as TerminateOnNaN
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.callbacks": (
                "Callback CallbackList CSVLogger EarlyStopping History LambdaCallback LearningRateScheduler "
                "ModelCheckpoint ProgbarLogger ReduceLROnPlateau TerminateOnNaN"
            ),
        },
    )

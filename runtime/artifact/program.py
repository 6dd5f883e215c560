"""`kgc.load(path)`: what is in an artifact, as a callable that can be trained where the file can."""

from __future__ import annotations

import os

from . import header as headers
from .container import Container
from .inference import Artifact as Artifact
from .trainable import TrainableArtifact


def load(filepath: str | os.PathLike[str], trust: bool = False) -> Artifact:
    """The model in an artifact (`model.export` writes one), as a callable.

    What was exported with `training=True` can be trained further (see `TrainableArtifact`).

    Nothing that the file says is executed: it is IR over kgc's own ops, which is parsed and verified here, and compiled
    at the first call.  Weights stay in the file until then.

    Args:
        filepath: a `.kgc` file.
        trust: whether StableHLO in the file may be handed to JAX.  Files with functions that have gradient rules of
            their own need it; say it of files only whose maker you trust as you would trust a program of his.

    Raises:
        ArtifactError: it is no artifact, is damaged, or says what no artifact may.
    """
    container = Container(filepath)
    header = headers.read(container.fields, container.path)
    return (Artifact if header.training is None else TrainableArtifact)(container, header, trust)

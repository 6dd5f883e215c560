"""Signatures of what users write: a layer's `call` and `build`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any


@functools.cache
def signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a `call` or `build` (without `self`)."""
    found = inspect.signature(function)
    return found.replace(parameters=list(found.parameters.values())[1:])

"""Signatures of what users write: a layer's `call` and `build`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any


@functools.cache
def signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a `call` or `build` (without `self`)."""
    found = inspect.signature(function)
    return found.replace(parameters=list(found.parameters.values())[1:])


def first_argument(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """What a `call` is given as its first parameter, in order or by name; None where it is given nothing."""
    if args:
        return args[0]
    for name in signature(function).parameters:
        if name in kwargs:
            return kwargs[name]
    return next(iter(kwargs.values()), None)

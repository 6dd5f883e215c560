"""Warnings of the loops: they name the user's line, as errors do."""

from __future__ import annotations

import warnings

from ..compiler import location


def warn(what: str, hint: str) -> None:
    """Warn at the user's line, with what he can do about it."""
    where = location.here()
    warnings.warn_explicit(
        f"{what} Hint: {hint}",
        UserWarning,
        where.file if where is not None else "<unknown>",
        where.line if where is not None else 0,
    )

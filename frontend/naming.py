"""Automatic names: `dense`, `dense_1`, … counted by class over the process, as Keras counts them."""

from __future__ import annotations

import threading

from .saving.registry import snake_case

_counts: dict[str, int] = {}
_lock = threading.Lock()


def auto_name(prefix: str) -> str:
    """The next name with this prefix."""
    prefix = snake_case(prefix)
    with _lock:
        count = _counts.get(prefix, 0)
        _counts[prefix] = count + 1
    return f"{prefix}_{count}" if count else prefix


def reset() -> None:
    """Start every count again (`utils.clear_session`)."""
    with _lock:
        _counts.clear()

"""JSON that every reader reads alike: the store, this server and clients in JavaScript."""

from __future__ import annotations

import math
from typing import Any

MAX_DEPTH = 16
LARGEST_WHOLE = 2**53  # beyond, JavaScript reads another number


def plain(value: Any) -> Any:
    """Return a JSON value as it is.

    Args:
        value: What a JSON or TOML parser gave.

    Raises:
        ValueError: If it is nested too deeply, or holds a number or a text that not all can read.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        for one in level:
            _check(one)
        level = [part for one in level for part in _parts(one)]
        if not level:
            return value
    raise ValueError(f"is nested more than {MAX_DEPTH} levels deep; say it flatter")


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return list(value) if isinstance(value, list | tuple) else []


def _check(value: Any) -> None:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError(f"the text {value!r} is no Unicode; write it anew") from None
    elif isinstance(value, bool) or value is None or isinstance(value, dict | list | tuple):
        return
    elif not isinstance(value, int | float):
        raise ValueError(f"{value!r} cannot be written as JSON; give it as text")
    elif not math.isfinite(value) if isinstance(value, float) else abs(value) > LARGEST_WHOLE:
        raise ValueError(f"{value!r} is no number that every client reads alike; choose another")

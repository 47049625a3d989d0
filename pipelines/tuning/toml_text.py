"""Settings as TOML text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings with others put over them."""
    together = dict(below)
    for name, value in above.items():
        old = together.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        together[name] = merged(old, value) if both else value  # type: ignore[arg-type]
    return together


def toml_text(document: Mapping[str, Any]) -> str:
    """Return nested settings as a TOML document; tables inside lists stand on one line.

    Args:
        document: What `tomllib` could have read: no None.

    Example:
        >>> print(toml_text({"train": {"seed": 7, "ranker": {"leaves": 31}}}), end="")
        [train]
        seed = 7
        <BLANKLINE>
        [train.ranker]
        leaves = 31
    """
    return "\n".join(_blocks(document, ()))


def _blocks(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    plain = {name: value for name, value in table.items() if not isinstance(value, Mapping)}
    nested = {name: value for name, value in table.items() if isinstance(value, Mapping)}
    if plain or (path and not nested):
        head = f"[{'.'.join(map(_key, path))}]\n" if path else ""
        yield head + "".join(f"{_key(name)} = {_value(one)}\n" for name, one in plain.items())
    for name, value in nested.items():
        yield from _blocks(value, (*path, name))


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    # JSON's escapes are TOML's, but for surrogates, which are kept as characters, and DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(name)} = {_value(one)}" for name, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return _number(value)


def _number(value: Any) -> str:
    text = repr(value)
    if not isinstance(value, int | float):
        raise TypeError(f"{text} has no form in TOML")
    return text  # Python's nan, inf and exponents are TOML's

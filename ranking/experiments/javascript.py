"""JSON values compared as JavaScript compares them, because that is what client SDKs do.

Source: ECMA-262, sections 7.1 (type conversion) and 7.2 (testing and comparison),
https://tc39.es/ecma262/. Only what JSON can hold is covered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

LARGEST_PLAIN = 1e21  # from here on JavaScript writes numbers with an exponent


def type_name(value: Any) -> str:
    """Return what JavaScript calls a value: null, boolean, number, string, array or object."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def is_array(value: Any) -> TypeGuard[Sequence[Any]]:
    """Return whether a value is a JSON array."""
    return isinstance(value, list | tuple)


def is_truthy(value: Any) -> bool:
    """Return whether a value counts as true; empty arrays and objects do."""
    if isinstance(value, float) and math.isnan(value):
        return False
    return bool(value) or is_array(value) or isinstance(value, Mapping)


def as_text(value: Any) -> str:
    """Return a value as text: 1.0 is "1", null inside an array is nothing."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return _number_text(value)
    if isinstance(value, Mapping):
        return "[object Object]"
    return ",".join("" if part is None else as_text(part) for part in value)


def as_number(value: Any) -> float:
    """Return a value as a number; NaN where it is none."""
    if value is None:
        return 0.0
    if isinstance(value, int | float):
        return float(value)
    text = as_text(value).strip()
    if not text:
        return 0.0
    if "_" in text or text.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
        return float("nan")  # Python reads these as numbers
    try:
        return float(text)
    except ValueError:
        return float("nan")


def is_identical(one: Any, other: Any) -> bool:
    """Return whether `===` holds; two arrays or objects out of JSON are never the same one."""
    kind = type_name(one)
    return kind == type_name(other) and kind not in {"array", "object"} and bool(one == other)


def is_same_json(one: Any, other: Any) -> bool:
    """Return whether two values are written alike in JSON; the order of keys counts."""
    if is_array(one) and is_array(other):
        return len(one) == len(other) and all(map(is_same_json, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return list(one) == list(other) and all(map(is_same_json, one.values(), other.values()))
    return is_identical(one, other)


def ordering_keys(one: Any, other: Any) -> tuple[Any, Any]:
    """Return two values as what `<` compares: two texts by code unit, anything else as numbers."""
    if isinstance(one, str) and isinstance(other, str):
        return in_code_units(one), in_code_units(other)
    return as_number(one), as_number(other)


def in_code_units(text: str) -> bytes:
    """Return bytes that sort as JavaScript sorts text: an emoji before U+FFFD."""
    return text.encode("utf-16-be", "surrogatepass")


def _number_text(value: float) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if value == int(value) and abs(value) < LARGEST_PLAIN:
        return str(int(value))
    return repr(float(value))

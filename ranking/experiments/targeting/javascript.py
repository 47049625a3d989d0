"""JSON values compared as JavaScript compares them, because that is what client SDKs do.

Source: ECMA-262, sections 7.1 (type conversion) and 7.2 (testing and comparison),
https://tc39.es/ecma262/. Only what JSON can hold is covered.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeGuard

DECIMAL = re.compile(r"[+-]?(Infinity|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)", re.ASCII)
PREFIXED = re.compile(r"0([xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)", re.ASCII)
LONGEST_PLACE = 10  # digits of an array's last place
LARGEST_EXACT = 2**53 - 1  # whole numbers beyond are rounded
LEAST_POINT, LARGEST_POINT = -6, 21  # JavaScript writes numbers beyond with an exponent


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


def element_at(values: Sequence[Any], name: str) -> Any:
    """Return an array's element by its place as text; None where there is none.

    >>> element_at(["a", "b"], "1")
    'b'
    """
    is_place = len(name) <= LONGEST_PLACE and name.isascii() and name.isdigit()
    return values[int(name)] if is_place and int(name) < len(values) else None


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
        return _as_double(value)
    text = as_text(value).strip()
    if DECIMAL.fullmatch(text):  # not what float() reads: that takes 1_0 and nan too
        return float(text)
    if PREFIXED.fullmatch(text):
        return _as_double(int(text, 0))
    return 0.0 if not text else float("nan")


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
    texts = [as_text(v) if _is_text_in_comparisons(v) else None for v in (one, other)]
    if texts[0] is not None and texts[1] is not None:
        return in_code_units(texts[0]), in_code_units(texts[1])
    return as_number(one), as_number(other)


def in_code_units(text: str) -> bytes:
    """Return bytes that sort as JavaScript sorts text: an emoji before U+FFFD."""
    return text.encode("utf-16-be", "surrogatepass")


def _is_text_in_comparisons(value: Any) -> bool:
    return type_name(value) in {"string", "array", "object"}


def _as_double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # JSON may write a whole number of any length
        return math.inf if value > 0 else -math.inf


def _number_text(value: float) -> str:
    """Return a number as JavaScript writes it (Number::toString): 1e-7, 1e+21, plain between."""
    if isinstance(value, int) and abs(value) <= LARGEST_EXACT:
        return str(value)
    number = _as_double(value)
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")
    if number == 0:
        return "0"
    shortest = Decimal(repr(number)).normalize()
    _, digits, exponent = shortest.as_tuple()
    point = len(digits) + int(exponent)  # where it stands, counted from the first digit
    if LEAST_POINT < point <= LARGEST_POINT:
        return f"{shortest:f}"
    first, rest = str(digits[0]), "".join(map(str, digits[1:]))
    sign = "-" if number < 0 else ""
    return f"{sign}{first}{'.' if rest else ''}{rest}e{point - 1:+d}"

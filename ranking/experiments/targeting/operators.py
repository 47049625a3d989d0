"""The operators of targeting conditions that need only the two values.

Source: GrowthBook SDK specification 0.8.0 (evalOperatorCondition).
"""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from ranking.experiments.targeting.javascript import (
    as_text,
    is_array,
    is_identical,
    is_truthy,
    ordering_keys,
    type_name,
)
from ranking.experiments.targeting.versions import version_key

Operator = Callable[[Any, Any], bool]
Order = Callable[[Any, Any], Any]


def _ordered(order: Order) -> Operator:
    def compare(value: Any, wanted: Any) -> bool:
        return bool(order(*ordering_keys(value, wanted)))

    return compare


def _versioned(order: Order) -> Operator:
    def compare(value: Any, wanted: Any) -> bool:
        return bool(order(version_key(value), version_key(wanted)))

    return compare


def _exists(value: Any, wanted: Any) -> bool:
    return (value is not None) == is_truthy(wanted)


def _differs(value: Any, wanted: Any) -> bool:
    return not is_identical(value, wanted)


def _has_type(value: Any, wanted: Any) -> bool:
    return bool(type_name(value) == wanted)


def _is_in(value: Any, wanted: Any) -> bool:
    """Return whether a list holds a value, or any part of it where it is a list itself."""
    if not is_array(wanted):
        return False
    parts = value if is_array(value) else (value,)
    return any(_holds(wanted, part) for part in parts)


def _holds(values: Sequence[Any], part: Any) -> bool:
    if isinstance(part, str):  # equals nothing but itself: Python may go through a long list
        return part in values
    return any(is_identical(part, one) for one in values)


def _is_in_any_case(value: Any, wanted: Any) -> bool:
    return is_array(wanted) and _is_in(_lowered(value), _lowered(wanted))


def _is_not_in(value: Any, wanted: Any) -> bool:
    return is_array(wanted) and not _is_in(value, wanted)


def _is_not_in_any_case(value: Any, wanted: Any) -> bool:
    return is_array(wanted) and not _is_in_any_case(value, wanted)


def _lowered(value: Any) -> Any:
    if is_array(value):
        return [part.lower() if isinstance(part, str) else part for part in value]
    return value.lower() if isinstance(value, str) else value


def _fits(value: Any, wanted: Any) -> bool:
    # Without a Unicode flag, JavaScript's \d and \w know ASCII alone.
    return _found(as_text(wanted), re.ASCII, as_text(value))


def _fits_any_case(value: Any, wanted: Any) -> bool:
    return _found(as_text(wanted), re.IGNORECASE, as_text(value))


def _found(pattern: str, flags: int, text: str) -> bool:
    compiled = _compiled(pattern, flags)
    return compiled is not None and compiled.search(text) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str, flags: int) -> re.Pattern[str] | None:
    """Return a pattern, None where it is none: it then fits nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of patterns that a later Python may read otherwise
        try:
            return re.compile(pattern, flags)
        except (re.error, OverflowError, RecursionError):
            return None


OPERATORS: dict[str, Operator] = {
    "$eq": is_identical,
    "$ne": _differs,
    "$lt": _ordered(operator.lt),
    "$lte": _ordered(operator.le),
    "$gt": _ordered(operator.gt),
    "$gte": _ordered(operator.ge),
    "$veq": _versioned(operator.eq),
    "$vne": _versioned(operator.ne),
    "$vlt": _versioned(operator.lt),
    "$vlte": _versioned(operator.le),
    "$vgt": _versioned(operator.gt),
    "$vgte": _versioned(operator.ge),
    "$exists": _exists,
    "$type": _has_type,
    "$in": _is_in,
    "$nin": _is_not_in,
    "$ini": _is_in_any_case,
    "$nini": _is_not_in_any_case,
    "$regex": _fits,
    "$regexi": _fits_any_case,
}
"""Word → what it says of (value, wanted)."""

"""Decide whether a listener's attributes meet a targeting condition.

A condition is a JSON object: paths of attributes with what their values must be, and `$and`, `$or`,
`$nor`, `$not` around other conditions.

Source: GrowthBook SDK specification 0.8.0 (evalCondition). Values are compared as JavaScript
compares them; regular expressions are Python's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ranking.experiments.javascript import (
    as_number,
    as_text,
    is_array,
    is_same_json,
    is_truthy,
)
from ranking.experiments.operators import OPERATORS

Groups = Mapping[str, Sequence[Any]]
"""Saved group → its members."""
NO_GROUPS: Groups = {}


def meets(attributes: Any, condition: Mapping[str, Any], groups: Groups = NO_GROUPS) -> bool:
    """Return whether attributes meet a condition.

    Args:
        attributes: What is known of a listener, as JSON.
        condition: What must hold, all of it.
        groups: Saved groups that `$inGroup` and `$notInGroup` name; an unknown one is empty.
    """
    return all(_holds(attributes, key, wanted, groups) for key, wanted in condition.items())


def _holds(attributes: Any, key: str, wanted: Any, groups: Groups) -> bool:
    if key == "$and":
        return all(meets(attributes, part, groups) for part in wanted)
    if key == "$or":
        return _any_met(attributes, wanted, groups)
    if key == "$nor":
        return not _any_met(attributes, wanted, groups)
    if key == "$not":
        return not meets(attributes, wanted, groups)
    return _is_as_wanted(_at_path(attributes, key), wanted, groups)


def _any_met(attributes: Any, parts: Sequence[Any], groups: Groups) -> bool:
    return not parts or any(meets(attributes, part, groups) for part in parts)


def _at_path(attributes: Any, path: str) -> Any:
    """Return the value at a path with dots; None where there is none."""
    value = attributes
    for name in path.split("."):
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif is_array(value) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _is_as_wanted(value: Any, wanted: Any, groups: Groups) -> bool:
    if _has_only_operators(wanted):
        return all(_operates(word, value, what, groups) for word, what in wanted.items())
    return _equals(value, wanted)


def _has_only_operators(wanted: Any) -> bool:
    return isinstance(wanted, Mapping) and bool(wanted) and all(key[:1] == "$" for key in wanted)


def _equals(value: Any, wanted: Any) -> bool:
    """Return whether a value equals a plain one, converted to its type."""
    if isinstance(wanted, str):
        return as_text(value) == wanted
    if isinstance(wanted, bool):
        return value is not None and is_truthy(value) == wanted
    if isinstance(wanted, int | float):
        return as_number(value) == wanted
    return is_same_json(value, wanted)


def _operates(word: str, value: Any, wanted: Any, groups: Groups) -> bool:
    plain = OPERATORS.get(word)
    if plain is not None:
        return plain(value, wanted)
    nested = NESTED.get(word)
    return nested is not None and nested(value, wanted, groups)


def _not(value: Any, wanted: Any, groups: Groups) -> bool:
    return not _is_as_wanted(value, wanted, groups)


def _size(value: Any, wanted: Any, groups: Groups) -> bool:
    return is_array(value) and _is_as_wanted(len(value), wanted, groups)


def _elem_match(value: Any, wanted: Any, groups: Groups) -> bool:
    """Return whether an element meets operators, or, as an object, a condition."""
    if not (is_array(value) and isinstance(wanted, Mapping)):
        return False
    check = _is_as_wanted if _has_only_operators(wanted) else meets
    return any(part is not None and check(part, wanted, groups) for part in value)


def _all(value: Any, wanted: Any, groups: Groups) -> bool:
    if not (is_array(value) and is_array(wanted)):
        return False
    return all(any(_is_as_wanted(part, one, groups) for part in value) for one in wanted)


def _alli(value: Any, wanted: Any, groups: Groups) -> bool:
    if not (is_array(value) and is_array(wanted)):
        return False
    return all(any(_is_alike(part, one, groups) for part in value) for one in wanted)


def _is_alike(value: Any, wanted: Any, groups: Groups) -> bool:
    if isinstance(wanted, str):
        return as_text(value).lower() == wanted.lower()
    return _is_as_wanted(value, wanted, groups)


def _in_group(value: Any, wanted: Any, groups: Groups) -> bool:
    return OPERATORS["$in"](value, groups.get(as_text(wanted), ()))


def _not_in_group(value: Any, wanted: Any, groups: Groups) -> bool:
    return not _in_group(value, wanted, groups)


NESTED = {
    "$not": _not,
    "$size": _size,
    "$elemMatch": _elem_match,
    "$all": _all,
    "$alli": _alli,
    "$inGroup": _in_group,
    "$notInGroup": _not_in_group,
}
"""Operators that look inside, or into saved groups."""

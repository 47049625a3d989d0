"""Decide whether a listener's attributes meet a targeting condition.

A condition is a JSON object: paths of attributes with what their values must be, and `$and`, `$or`,
`$nor`, `$not` around other conditions.

Source: GrowthBook SDK specification 0.8.0 (evalCondition). Values are compared as JavaScript
compares them; regular expressions are Python's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ranking.experiments.targeting.javascript import (
    as_number,
    as_text,
    element_at,
    is_array,
    is_same_json,
    is_truthy,
)
from ranking.experiments.targeting.operators import OPERATORS

Groups = Mapping[str, Sequence[Any]]
"""Saved group → its members."""
NO_GROUPS: Groups = {}
Check = Callable[[Any, Groups], bool]
"""Whether (attributes, groups) meet a condition, or (value, groups) what is wanted of a value."""


def meets(attributes: Any, condition: Mapping[str, Any], groups: Groups = NO_GROUPS) -> bool:
    """Return whether attributes meet a condition.

    Args:
        attributes: What is known of a listener, as JSON.
        condition: What must hold, all of it.
        groups: Saved groups that `$inGroup` and `$notInGroup` name; an unknown one is empty.
    """
    return compiled(condition)(attributes, groups)


def compiled(condition: Mapping[str, Any]) -> Check:
    """Return a condition as a function; it is read once, and then asked of every listener.

    Args:
        condition: One that `shape_faults` finds nothing wrong with.
    """
    return _all_of([_entry(key, wanted) for key, wanted in condition.items()])


def _entry(key: str, wanted: Any) -> Check:
    if key == "$and":
        return _all_of([compiled(part) for part in wanted])
    if key == "$or":
        return _any_of([compiled(part) for part in wanted])
    if key == "$nor":
        return _none_of(_any_of([compiled(part) for part in wanted]))
    if key == "$not":
        return _none_of(compiled(wanted))
    return _at_path(key, _value_check(wanted))


def _all_of(checks: list[Check]) -> Check:
    if len(checks) == 1:
        return checks[0]

    def check(subject: Any, groups: Groups) -> bool:
        for one in checks:  # noqa: SIM110 -- a generator costs more than the checks
            if not one(subject, groups):
                return False
        return True

    return check


def _any_of(checks: list[Check]) -> Check:
    return lambda subject, groups: not checks or any(one(subject, groups) for one in checks)


def _none_of(check: Check) -> Check:
    return lambda subject, groups: not check(subject, groups)


def _at_path(path: str, check: Check) -> Check:
    """Return a check of the value at a path with dots; None where there is none."""
    names = path.split(".")

    def found(attributes: Any, groups: Groups) -> bool:
        value = attributes
        for name in names:
            if isinstance(value, Mapping):
                value = value.get(name)
            else:
                value = element_at(value, name) if is_array(value) else None
        return check(value, groups)

    return found


def _value_check(wanted: Any) -> Check:
    if _has_only_operators(wanted):
        return _all_of([_operator_check(word, what) for word, what in wanted.items()])
    return lambda value, _: _equals(value, wanted)


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


def _operator_check(word: str, wanted: Any) -> Check:
    plain = OPERATORS.get(word)
    if plain is not None:
        return lambda value, _: plain(value, wanted)
    nested = NESTED.get(word)
    return nested(wanted) if nested is not None else _never


def _not(wanted: Any) -> Check:
    return _none_of(_value_check(wanted))


def _size(wanted: Any) -> Check:
    check = _value_check(wanted)
    return lambda value, groups: is_array(value) and check(len(value), groups)


def _elem_match(wanted: Any) -> Check:
    """Return whether an element meets operators, or, as an object, a condition."""
    if not isinstance(wanted, Mapping):
        return _never
    check = _value_check(wanted) if _has_only_operators(wanted) else compiled(wanted)

    def matches(value: Any, groups: Groups) -> bool:
        return is_array(value) and any(part is not None and check(part, groups) for part in value)

    return matches


def _all(wanted: Any) -> Check:
    return _each_found([_value_check(one) for one in wanted]) if is_array(wanted) else _never


def _alli(wanted: Any) -> Check:
    return _each_found([_alike_check(one) for one in wanted]) if is_array(wanted) else _never


def _each_found(checks: list[Check]) -> Check:
    def found(value: Any, groups: Groups) -> bool:
        return is_array(value) and all(any(one(part, groups) for part in value) for one in checks)

    return found


def _alike_check(wanted: Any) -> Check:
    if not isinstance(wanted, str):
        return _value_check(wanted)
    lowered = wanted.lower()
    return lambda value, _: as_text(value).lower() == lowered


def _in_group(wanted: Any) -> Check:
    name = as_text(wanted)
    return lambda value, groups: OPERATORS["$in"](value, groups.get(name, ()))


def _not_in_group(wanted: Any) -> Check:
    return _none_of(_in_group(wanted))


def _never(_value: Any, _groups: Groups) -> bool:
    return False


NESTED: dict[str, Callable[[Any], Check]] = {
    "$not": _not,
    "$size": _size,
    "$elemMatch": _elem_match,
    "$all": _all,
    "$alli": _alli,
    "$inGroup": _in_group,
    "$notInGroup": _not_in_group,
}
"""Operators that look inside, or into saved groups: what is wanted → the check of a value."""

"""Find what is wrong with a targeting condition before listeners meet it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ranking.experiments.targeting.conditions import NESTED
from ranking.experiments.targeting.javascript import is_array
from ranking.experiments.targeting.operators import OPERATORS

LISTS = ("$and", "$or", "$nor")
BEYOND = ("$savedGroup", "$savedGroups")
"""Words of newer SDKs that are not in the specification this package follows."""
ATTRIBUTES = ("$groups",)  # bears a `$` and is no operator
KNOWN = frozenset((*OPERATORS, *NESTED, *LISTS, *ATTRIBUTES))


def shape_faults(condition: Any) -> list[str]:
    """Return what of a condition cannot be evaluated at all, each as a phrase."""
    faults: list[str] = []
    for word, wanted in _entries(condition):
        if word in LISTS and not _is_list_of_objects(wanted):
            faults.append(f"{word} takes a list of conditions, not {wanted!r}")
        if word in BEYOND:
            faults.append(f"{word} is not understood; name the group with $inGroup")
    if not isinstance(condition, Mapping):
        faults.append(f"a condition is an object, not {condition!r}")
    elif "$not" in condition and not isinstance(condition["$not"], Mapping):
        faults.append(f"$not takes a condition, not {condition['$not']!r}")
    return faults


def unknown_operators(condition: Any) -> list[str]:
    """Return the `$` words that nothing here understands.

    By the specification a mistyped one matches nobody, and under a `$not` everybody, silently.
    """
    return [word for word, _ in _entries(condition) if word[:1] == "$" and word not in KNOWN]


def _entries(part: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, however deep."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            yield key, value
            yield from _entries(value)
    elif is_array(part):
        for value in part:
            yield from _entries(value)


def _is_list_of_objects(value: Any) -> bool:
    return is_array(value) and all(isinstance(one, Mapping) for one in value)

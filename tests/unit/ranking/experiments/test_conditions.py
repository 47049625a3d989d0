from __future__ import annotations

import warnings
from typing import Any

import pytest

from ranking.experiments.targeting.condition_faults import shape_faults, unknown_operators
from ranking.experiments.targeting.conditions import meets
from ranking.experiments.targeting.javascript import as_number, as_text, is_truthy

# What the JavaScript SDK 1.8.0 says, where Python left to itself would say otherwise.
JAVASCRIPT: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"a": 5}, {"a": "5"}, True),
    ({"a": "5"}, {"a": 5}, True),
    ({"a": 0}, {}, True),
    ({"a": False}, {"a": 0}, True),
    ({"a": False}, {"a": ""}, True),
    ({"a": True}, {"a": []}, True),
    ({"a": "1,2"}, {"a": [1, 2]}, True),
    ({"a": {"$eq": 5}}, {"a": "5"}, False),
    ({"a": {"$gt": "9"}}, {"a": "10"}, False),
    ({"a": {"$gt": 9}}, {"a": "10"}, True),
    ({"a": {"$lt": "\ufffd"}}, {"a": "😀"}, True),
    ({"a": {"$in": [1, "1"]}}, {"a": True}, False),
    ({"a": {"b": 1, "c": 2}}, {"a": {"c": 2, "b": 1}}, False),
    ({"a": {"$gt": "x"}}, {"a": 5}, False),
    ({"a": 1000}, {"a": "1e3"}, True),
    ({"a": 16}, {"a": "0x10"}, True),
    ({"a": {"$regex": "^\\d+$"}}, {"a": "٣"}, False),
    ({"a": {"$regexi": "É"}}, {"a": "é"}, True),
    ({"a": {"$gte": 0}}, {"a": None}, True),
    ({"a": {"$size": {"$lt": 3}}}, {"a": [1, 2]}, True),
    ({"a.1": "y"}, {"a": ["x", "y"]}, True),
    ({"a": "1e-7"}, {"a": 1e-7}, True),
    ({"a": "100000000000000000000"}, {"a": 1e20}, True),
]


@pytest.mark.parametrize(("condition", "attributes", "expected"), JAVASCRIPT, ids=str)
def test_values_compare_as_in_javascript(
    condition: dict[str, Any], attributes: dict[str, Any], expected: bool
) -> None:
    assert meets(attributes, condition) is expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"), (-0.0, "0"), (0.1, "0.1"), (1.5e-6, "0.0000015"), (1e-7, "1e-7"),
        (1e21, "1e+21"), (1.25e25, "1.25e+25"), (-1e20, "-100000000000000000000"),
        (2**53 + 1, "9007199254740992"), (10**400, "Infinity"), (None, "null"), (True, "true"),
        ([1, None, ["a"]], "1,,a"), ({}, "[object Object]"),
    ],
)  # fmt: skip
def test_values_are_written_as_in_javascript(value: Any, text: str) -> None:
    """Source: ECMA-262, Number::toString and Array.prototype.join."""
    assert as_text(value) == text


@pytest.mark.parametrize("text", ["1_0", "nan", "inf", "infinity", "1e", "٣", "- 1"])
def test_what_python_takes_for_a_number_is_none(text: str) -> None:
    assert as_number(text) != as_number(text)


def test_nothing_a_client_sends_breaks_a_comparison() -> None:
    assert as_number("0x" + "f" * 400) == float("inf")
    assert not meets({"a": ["x"]}, {"a." + "9" * 5_000: "x"})
    assert not meets({"a": ["x", "y"]}, {"a.\u0661": "y"})  # a digit one, and no place
    assert meets({"a": "9" * 100_000}, {"a": {"$vgt": "1.0.0"}})


def test_empty_arrays_and_objects_count_as_true() -> None:
    assert is_truthy([])
    assert is_truthy({})
    assert not is_truthy(float("nan"))


def test_a_bad_pattern_fits_nothing_and_warns_nobody() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not meets({"a": "x"}, {"a": {"$regex": "("}})
        assert meets({"a": "["}, {"a": {"$regex": "[[]"}})  # Python warns of a nested set here


def test_words_that_nothing_understands_are_found_however_deep() -> None:
    condition = {"$or": [{"a": {"$not": {"$regx": "b"}}}, {"$groups": {"$elemMatch": {"$eq": 1}}}]}
    assert unknown_operators(condition) == ["$regx"]
    assert shape_faults(condition) == []


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"$and": {"a": 1}}, "$and takes a list"),
        ({"$or": [1]}, "$or takes a list"),
        ({"$not": [{"a": 1}]}, "$not takes a condition"),
        ({"$not": {"$nor": 3}}, "$nor takes a list"),
        ({"$savedGroup": {"id": "g"}}, "$inGroup"),
        (["a"], "a condition is an object"),
    ],
)
def test_what_cannot_be_evaluated_is_said(condition: Any, said: str) -> None:
    assert said in "; ".join(shape_faults(condition))

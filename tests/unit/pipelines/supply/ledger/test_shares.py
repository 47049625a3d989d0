"""A pool is paid out to the last cent, to each as near to its share as whole cents allow."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.supply.ledger.shares import shared_out

WEIGHTS = st.lists(st.integers(0, 2**40), min_size=1, max_size=60)


@given(units=st.integers(0, 10**13), weights=WEIGHTS)
def test_everything_is_shared_out_within_one_unit_of_the_exact_share(
    units: int, weights: list[int]
) -> None:
    found = shared_out(units, np.array(weights, dtype=np.int64))
    assert found.dtype == np.int64
    total = sum(weights)
    assert found.sum() == (units if total else 0)
    for got, weight in zip(found.tolist(), weights, strict=True):
        exact = Fraction(units * weight, total) if total else Fraction(0)
        assert exact - 1 < got < exact + 1
        assert weight or not got


@given(units=st.integers(0, 10**6), weights=WEIGHTS)
def test_who_has_the_larger_remainder_is_rounded_up_first(units: int, weights: list[int]) -> None:
    total = sum(weights)
    found = shared_out(units, np.array(weights, dtype=np.int64)).tolist()
    if not total:
        return
    left = [Fraction(units * weight, total) % 1 for weight in weights]
    up = [got > units * weight // total for got, weight in zip(found, weights, strict=True)]
    raised = [rest for rest, is_up in zip(left, up, strict=True) if is_up]
    kept = [rest for rest, is_up in zip(left, up, strict=True) if not is_up]
    assert not raised or not kept or min(raised) >= max(kept)


@given(units=st.integers(0, 10**6), weights=WEIGHTS, factor=st.integers(1, 10**6))
def test_only_proportions_matter(units: int, weights: list[int], factor: int) -> None:
    """Also where the products leave 64 bits and are reckoned otherwise."""
    plain, larger = (
        shared_out(units, np.array([w * f for w in weights], dtype=np.int64))
        for f in (1, min(factor, 2**20))
    )
    np.testing.assert_array_equal(plain, larger)


def test_known_shares() -> None:
    """Exact: 9.988, 9.064, 7.181, 5.261, 3.321 and 1.185; rounded down they leave two."""
    weights = np.array([27_744, 25_178, 19_947, 14_614, 9_225, 3_292])
    assert shared_out(36, weights).tolist() == [10, 9, 7, 5, 4, 1]
    assert shared_out(2, np.array([1, 1, 1])).tolist() == [1, 1, 0]


def test_what_is_negative_cannot_be_shared() -> None:
    with pytest.raises(ValueError, match="negative"):
        shared_out(-1, np.array([1]))
    with pytest.raises(ValueError, match="negative"):
        shared_out(1, np.array([-1, 2]))

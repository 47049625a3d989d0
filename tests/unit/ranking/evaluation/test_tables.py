"""From lists to figures."""

from __future__ import annotations

import numpy as np
import pytest

from ranking.evaluation.tables import judge, paired_difference, summarise


def rows(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_a_perfect_list_scores_one_and_an_empty_one_nothing() -> None:
    relevant = {"a": rows(3, 4), "b": rows(5)}
    bits = np.ones(10)
    perfect = judge({"a": rows(4, 3, 9), "b": rows(5)}, relevant, bits)
    found = summarise("perfect", [perfect], np.random.default_rng(0)).metrics
    assert found["ndcg@10"].mean == found["mrr"].mean == found["recall@20"].mean == 1.0
    assert found["coverage@10"].mean == pytest.approx(4 / 10)
    nothing = judge({}, relevant, bits)
    missed = summarise("nothing", [nothing], np.random.default_rng(0)).metrics
    assert missed["ndcg@10"].mean == missed["recall@100"].mean == missed["coverage@10"].mean == 0.0


def test_a_listener_counts_once_however_many_splits_they_stand_in() -> None:
    bits = np.ones(10)
    good = judge({"a": rows(1)}, {"a": rows(1)}, bits)
    bad = judge({"a": rows(2), "b": rows(2)}, {"a": rows(1), "b": rows(1)}, bits)
    found = summarise("model", [good, good, good, bad], np.random.default_rng(0)).metrics["mrr"]
    assert found.mean == pytest.approx((3 / 4 + 0) / 2)  # a: 3 of 4 splits; b: none of 1


def test_a_paired_difference_removes_what_both_models_share() -> None:
    rng = np.random.default_rng(5)
    relevant = {f"u{at}": rows(at) for at in range(50)}
    first = {f"u{at}": rows(at) for at in range(50)}
    second = {f"u{at}": rows(99, at) for at in range(50)}  # every hit one rank lower
    bits = np.ones(100)
    gap = paired_difference(
        [judge(first, relevant, bits)], [judge(second, relevant, bits)], "mrr", rng
    )
    assert gap.mean == gap.low == gap.high == pytest.approx(0.5)

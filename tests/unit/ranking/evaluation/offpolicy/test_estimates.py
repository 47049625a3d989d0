from __future__ import annotations

import numpy as np
import pytest

from ranking.evaluation.offpolicy.decisions import direct, ips, logged_value, snips
from ranking.evaluation.offpolicy.estimates import Verdict, compare
from ranking.evaluation.offpolicy.overlap import MIN_EFFECTIVE_SIZE, effective_size
from ranking.evaluation.offpolicy.weighing import WeighedDecisions, weigh


def even_log(
    n: int, lift: float, unsupported: float = 0.0, users: int = 40, seed: int = 1
) -> WeighedDecisions:
    """Two actions, shown evenly; the target shows the better one `0.5 + lift` of the time."""
    rng = np.random.default_rng(seed)
    good = rng.random(n) < 0.5
    rewards = np.where(good, rng.random(n) < 0.7, rng.random(n) < 0.3).astype(float)
    target = np.where(good, 0.5 + lift, 0.5 - lift)
    mass = np.full(n, unsupported)
    return weigh(rewards, target, np.full(n, 0.5), rng.integers(0, users, n), mass)


def verdict(log: WeighedDecisions, estimator=ips, span: float = 1.0) -> Verdict:  # type: ignore[no-untyped-def]
    return compare(estimator(log), logged_value(log), span).verdict


def test_better_and_worse_are_told_apart() -> None:
    assert verdict(even_log(4000, 0.3)) is Verdict.BETTER
    assert verdict(even_log(4000, -0.3)) is Verdict.WORSE
    assert verdict(even_log(4000, 0.0)) is Verdict.UNCLEAR
    assert verdict(even_log(4000, 0.3), snips) is Verdict.BETTER


def test_below_an_effective_size_of_a_hundred_there_is_a_number_and_no_verdict() -> None:
    few = even_log(90, 0.5)
    assert few.overlap.effective_size < MIN_EFFECTIVE_SIZE
    found = compare(ips(few), logged_value(few), 1.0)
    assert found.verdict is Verdict.INSUFFICIENT
    assert found.verdict == "insufficient overlap"
    assert np.isfinite([found.difference, found.low, found.high]).all()
    n = np.arange(1, 400)
    at_99, at_100 = (weigh(np.ones(k), np.ones(k), np.ones(k), n[:k]) for k in (99, 100))
    assert verdict(at_99) is Verdict.INSUFFICIENT
    assert verdict(at_100) is Verdict.UNCLEAR


def test_the_same_policy_is_never_better_by_rounding() -> None:
    log = even_log(3000, 0.0)
    p = np.full(3000, 0.1 + 0.2)
    same = weigh(log.rewards * 0.1, p, p, log.users)
    assert verdict(same) is Verdict.UNCLEAR
    assert verdict(same, snips) is Verdict.UNCLEAR


def test_what_the_log_never_showed_may_have_earned_anything() -> None:
    log = even_log(4000, 0.3)
    gain = compare(ips(log), logged_value(log), 1.0)
    assert gain.low > 0.05
    assert verdict(even_log(4000, 0.3, unsupported=gain.low / 2)) is Verdict.BETTER
    assert verdict(even_log(4000, 0.3, unsupported=gain.low * 1.1)) is Verdict.UNCLEAR
    # The widening is in units of reward.
    assert verdict(even_log(4000, 0.3, unsupported=gain.low / 2), span=3.0) is Verdict.UNCLEAR


def test_a_model_alone_gives_no_verdict() -> None:
    """Its interval knows nothing of its own error: this one is wrong and would be sure of it."""
    log = even_log(4000, 0.3)
    sure = direct(log, np.full(4000, 0.9))
    assert compare(sure, logged_value(log), 1.0).low > 0.3
    assert compare(sure, logged_value(log), 1.0).verdict is Verdict.MODEL_ALONE


def test_a_difference_is_paired() -> None:
    """Both policies see the same rewards: what they share cancels out."""
    log = even_log(2000, 0.05)
    found = compare(ips(log), logged_value(log), 1.0)
    apart = np.hypot(ips(log).standard_error, logged_value(log).standard_error)
    assert found.standard_error < apart / 3
    assert found.difference == pytest.approx(ips(log).value - logged_value(log).value)


def test_effective_size_counts_equal_weights_and_nothing_else() -> None:
    assert effective_size(np.full(7, 0.3)) == pytest.approx(7)
    assert effective_size(np.array([5.0, 0, 0])) == pytest.approx(1)
    assert effective_size(np.zeros(3)) == 0

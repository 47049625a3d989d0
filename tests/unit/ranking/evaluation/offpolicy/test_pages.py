"""Whole pages: by hand, over every possible log, and where the forms must agree."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.errors import DataError
from ranking.evaluation.offpolicy.decisions import dr, ips, logged_value, snips
from ranking.evaluation.offpolicy.pages import (
    Behaviour,
    WeighedPages,
    cascade_dr,
    logged_page_value,
    page_direct,
    page_ips,
    page_snips,
    weigh_pages,
)
from ranking.evaluation.offpolicy.weighing import weigh

NAN = np.nan
# Three pages of two listeners, the last of one slot; ratios 2 and 1/2, 1 and 0, 1/2.
REWARDS = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, NAN]])
TARGET = np.array([[0.8, 0.2], [0.5, 0.0], [0.25, 9.0]])
LOGGED = np.array([[0.4, 0.4], [0.5, 0.5], [0.5, NAN]])
USERS = np.array([5, 5, 8])
PAGES = weigh_pages(REWARDS, TARGET, LOGGED, USERS)


def test_values_by_hand() -> None:
    assert logged_page_value(PAGES).value == pytest.approx(4 / 3)
    # Whole pages weigh 1, 0 and 1/2; cascades 2, 1 / 1, 0 / 1/2.
    assert page_ips(PAGES, Behaviour.PAGE).value == pytest.approx((2 + 0 + 0.5) / 3)
    assert page_ips(PAGES, Behaviour.CASCADE).value == pytest.approx((2 + 1 + 0 + 0.5) / 3)
    assert page_ips(PAGES, Behaviour.INDEPENDENT).value == pytest.approx((2 + 0.5 + 0.5) / 3)
    assert page_ips(PAGES, Behaviour.CASCADE, clip=1).value == pytest.approx((1 + 1 + 0.5) / 3)
    # Slot 0: (2 + 0 + 1/2) / 3.5; slot 1, on two pages of three: 1 / 1.
    assert page_snips(PAGES, Behaviour.CASCADE).value == pytest.approx(2.5 / 3.5 + 2 / 3)
    assert page_direct(PAGES, np.array([1.0, 2.0, 0.0])).value == 1


def test_cascade_dr_by_hand() -> None:
    d = np.array([[1.0, 0.5], [0.5, 0.25], [0.5, NAN]])
    q = np.array([[1.5, 0.5], [1.0, 0.75], [0.0, NAN]])
    # Page 0: 2 (1 - 1.5) + 1 and 1 (1 - 0.5) + 2 · 0.5; page 1: 1 (0 - 1) + 0.5 and 0 + 1 · 0.25;
    # page 2: 0.5 (1 - 0) + 0.5.
    expected = ((0 + 1.5) + (-0.5 + 0.25) + 1) / 3
    assert cascade_dr(PAGES, d, q).value == pytest.approx(expected)
    # Clipped at 1: page 0: (1 - 1.5) + 1 and (1 - 0.5) + 0.5.
    assert cascade_dr(PAGES, d, q, clip=1).value == pytest.approx((1.5 - 0.25 + 1) / 3)


def test_errors_by_hand() -> None:
    terms = np.array([3.0, 0.0, 0.5])
    sums = np.array([terms[:2].sum() - 2 * terms.mean(), terms[2] - terms.mean()])
    found = page_ips(PAGES, Behaviour.CASCADE).standard_error
    assert found == pytest.approx(np.sqrt(2 * sums @ sums) / 3)


def test_overlap_is_that_of_the_worst_slot() -> None:
    overlap = page_ips(PAGES, Behaviour.CASCADE).overlap
    assert overlap.effective_size == pytest.approx(1)  # slot 1: weights 1 and 0
    assert overlap.max_weight == 2
    assert (overlap.n_rows, overlap.n_users) == (3, 2)


def test_what_is_unsupported_depends_on_how_listeners_read() -> None:
    mass = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    ones = np.ones((2, 3))
    pages = weigh_pages(ones, ones, ones, np.arange(2), mass)
    share = {one: page_ips(pages, one).overlap.unsupported_share for one in Behaviour}
    assert share == pytest.approx(
        {Behaviour.PAGE: 3 / 6, Behaviour.CASCADE: 2 / 6, Behaviour.INDEPENDENT: 1 / 6}
    )
    without = np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    left = weigh_pages(ones, ones, without, np.arange(2), np.zeros((2, 3)))
    assert page_ips(left, Behaviour.INDEPENDENT).overlap.unsupported_share == 0.5
    assert page_ips(left, Behaviour.INDEPENDENT).overlap.n_rows == 1


def test_what_cannot_be_is_refused() -> None:
    ones = np.ones((2, 2))
    with pytest.raises(ValueError, match="shapes differ"):
        weigh_pages(ones, ones[:, :1], ones, np.arange(2))
    with pytest.raises(ValueError, match="lacks the reward"):
        weigh_pages(np.array([[NAN, 1.0], [1, 1]]), ones, ones, np.arange(2))
    with pytest.raises(DataError, match="no page"):
        weigh_pages(ones, ones, np.array([[0.0, 1], [1, NAN]]), np.arange(2))
    with pytest.raises(DataError, match="probability"):
        weigh_pages(ones, 2 * ones, ones, np.arange(2))


def test_without_any_weight_the_self_normalised_form_has_no_value() -> None:
    ones = np.ones((3, 2))
    pages = weigh_pages(ones, np.array([[1.0, 0], [1, 0], [1, 0]]), ones, np.arange(3))
    assert np.isnan(page_snips(pages, Behaviour.CASCADE).value)
    assert page_ips(pages, Behaviour.CASCADE).value == 1


# Three slots, three tracks, any track in any slot, drawn with regard to the track above.
rng = np.random.default_rng(4)
FIRST = {name: rng.dirichlet(np.ones(3)) for name in ("target", "logged")}
NEXT = {name: rng.dirichlet(np.ones(3), size=3) for name in ("target", "logged")}
EVERY_PAGE = [np.array(page) for page in itertools.product(range(3), repeat=3)]


def conditionals(page: np.ndarray, name: str) -> np.ndarray:
    """Return the probability of each slot's track given the slot above it."""
    return np.array(
        [FIRST[name][page[0]], *(NEXT[name][a, b] for a, b in itertools.pairwise(page))]
    )


def marginals(page: np.ndarray, name: str) -> np.ndarray:
    """Return the probability of each slot's track, whatever stands above it."""
    spread = [FIRST[name]]
    for _ in range(2):
        spread.append(spread[-1] @ NEXT[name])
    return np.array([one[track] for one, track in zip(spread, page, strict=True)])


APPEAL = np.array([0.2, 0.5, 0.9])


def independent(page: np.ndarray) -> np.ndarray:
    return APPEAL[page]


def cascading(page: np.ndarray) -> np.ndarray:
    """Return rewards that fade by what stands above."""
    return APPEAL[page] * np.cumprod([1.0, *(1 - APPEAL[page[:-1]])])


def entangled(page: np.ndarray) -> np.ndarray:
    """Return rewards that depend on the whole page."""
    return APPEAL[page] * (1 + (page[2] == page[0])) + 0.5 * (page.sum() == 4)


def mean_over_logs(estimator: Callable[[WeighedPages], float], propensities, rewards) -> float:  # type: ignore[no-untyped-def]
    """Return the expectation of an estimate over every page the logging policy may show."""
    total = 0.0
    for page in EVERY_PAGE:
        pages = weigh_pages(
            rewards(page)[None], propensities(page, "target")[None],
            propensities(page, "logged")[None], np.zeros(1, dtype=np.int64),
        )  # fmt: skip
        total += float(np.prod(conditionals(page, "logged"))) * estimator(pages)
    return total


def truth(rewards: Callable[[np.ndarray], np.ndarray]) -> float:
    chances = [float(np.prod(conditionals(page, "target"))) for page in EVERY_PAGE]
    return sum(p * float(rewards(page).sum()) for p, page in zip(chances, EVERY_PAGE, strict=True))


RIGHT = [
    (Behaviour.PAGE, conditionals, (independent, cascading, entangled)),
    (Behaviour.CASCADE, conditionals, (independent, cascading)),
    (Behaviour.INDEPENDENT, marginals, (independent,)),
]


@pytest.mark.parametrize(("behaviour", "propensities", "holds_for"), RIGHT)
def test_each_form_is_unbiased_where_listeners_read_as_it_assumes(  # type: ignore[no-untyped-def]
    behaviour: Behaviour, propensities, holds_for
) -> None:
    for rewards in (independent, cascading, entangled):
        found = mean_over_logs(lambda p: page_ips(p, behaviour).value, propensities, rewards)
        if rewards in holds_for:
            assert found == pytest.approx(truth(rewards), abs=1e-12)
        else:
            assert abs(found - truth(rewards)) > 0.01  # an assumption that fails shows


def model_rewards(page: np.ndarray, wrong: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (d, q) of a model of what is still to come; `wrong` 0 knows the truth."""

    def ahead(prefix: tuple[int, ...]) -> float:
        """The model's value of slots after a prefix, filled by the target."""
        if len(prefix) == 3:
            return 0.0
        chances = NEXT["target"][prefix[-1]] if prefix else FIRST["target"]
        return float(sum(p * taken((*prefix, a)) for a, p in enumerate(chances)))

    def taken(prefix: tuple[int, ...]) -> float:
        """The model's value of the last slot of a prefix and of those after it."""
        reward = float(cascading(np.array(prefix))[-1])
        return (1 - wrong) * reward + wrong * (prefix[-1] - 1) + ahead(prefix)

    slots = tuple(page.tolist())
    d = np.array([ahead(slots[:k]) for k in range(3)])
    return d, np.array([taken(slots[: k + 1]) for k in range(3)])


@pytest.mark.parametrize("wrong", [0.0, 0.5, 2.0])
def test_cascade_dr_is_unbiased_whatever_the_model(wrong: float) -> None:
    total, values = 0.0, []
    for page in EVERY_PAGE:
        pages = weigh_pages(
            cascading(page)[None], conditionals(page, "target")[None],
            conditionals(page, "logged")[None], np.zeros(1, dtype=np.int64),
        )  # fmt: skip
        d, q = model_rewards(page, wrong)
        values.append(cascade_dr(pages, d[None], q[None]).value)
        total += float(np.prod(conditionals(page, "logged"))) * values[-1]
    assert total == pytest.approx(truth(cascading), abs=1e-12)
    # With the true model every single page gives the truth: nothing is left to chance.
    assert (np.ptp(values) < 1e-12) == (wrong == 0.0)


probabilities = hnp.arrays(np.float64, (6, 3), elements=st.floats(0.05, 1))
rewards_ = hnp.arrays(np.float64, (6, 3), elements=st.floats(-2, 2))


@settings(max_examples=25, deadline=None)
@given(target=probabilities, logged=probabilities, rewards=rewards_)
def test_pages_of_one_slot_are_decisions(
    target: np.ndarray, logged: np.ndarray, rewards: np.ndarray
) -> None:
    users = np.array([0, 0, 1, 2, 2, 2])
    log = weigh(rewards[:, 0], target[:, 0], logged[:, 0], users)
    pages = weigh_pages(rewards[:, :1], target[:, :1], logged[:, :1], users)
    for behaviour in Behaviour:
        for one, other in (
            (page_ips(pages, behaviour), ips(log)),
            (page_ips(pages, behaviour, clip=2), ips(log, clip=2)),
            (page_snips(pages, behaviour), snips(log)),
            (logged_page_value(pages), logged_value(log)),
            (
                cascade_dr(pages, target[:, 1:2], logged[:, 1:2]),
                dr(log, target[:, 1], logged[:, 1]),
            ),
        ):
            assert one.value == pytest.approx(other.value)
            assert one.standard_error == pytest.approx(other.standard_error)
            assert one.overlap.effective_size == pytest.approx(other.overlap.effective_size)


@settings(max_examples=25, deadline=None)
@given(p=probabilities, rewards=rewards_)
def test_the_policy_that_logged_earns_what_was_logged(p: np.ndarray, rewards: np.ndarray) -> None:
    pages = weigh_pages(rewards, p, p, np.arange(6))
    for behaviour in Behaviour:
        for found in (page_ips(pages, behaviour), page_snips(pages, behaviour)):
            assert found.value == pytest.approx(rewards.sum(axis=1).mean())
            assert found.standard_error == pytest.approx(logged_page_value(pages).standard_error)


@settings(max_examples=25, deadline=None)
@given(target=probabilities, logged=probabilities, rewards=rewards_)
def test_without_a_model_cascade_dr_is_reward_interaction_ips(
    target: np.ndarray, logged: np.ndarray, rewards: np.ndarray
) -> None:
    pages = weigh_pages(rewards, target, logged, np.arange(6))
    zeros = np.zeros((6, 3))
    assert cascade_dr(pages, zeros, zeros).value == pytest.approx(
        page_ips(pages, Behaviour.CASCADE).value
    )

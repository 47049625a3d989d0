"""Intervals hold the truth in about 95 of 100 logs of clustered listeners; naive ones do not."""

from __future__ import annotations

from functools import cache

import numpy as np

from ranking.evaluation.offpolicy.decisions import dr, ips, logged_value, sndr, snips
from ranking.evaluation.offpolicy.estimates import OffPolicyEstimate, compare
from ranking.evaluation.offpolicy.pages import (
    Behaviour,
    cascade_dr,
    logged_page_value,
    page_ips,
    page_snips,
    weigh_pages,
)
from ranking.evaluation.offpolicy.weighing import weigh

LOGS = 300
LISTENERS = 50
# 300 logs: a coverage of 0.95 is found within 0.95 ± 3 √(0.95 · 0.05 / 300) = ± 0.038.
COVERAGE = (0.912, 0.988)

CONTEXTS, ACTIONS = 4, 5
_RNG = np.random.default_rng(12)
LOGGING = _RNG.dirichlet(np.full(ACTIONS, 2.0), size=CONTEXTS)
POLICY = _RNG.dirichlet(np.full(ACTIONS, 2.0), size=CONTEXTS)
MEANS = _RNG.normal(size=(CONTEXTS, ACTIONS))
MODEL = MEANS + 0.3 * _RNG.normal(size=MEANS.shape)
TRUTH = float((POLICY * MEANS).sum() / CONTEXTS)
TRUE_LIFT = float(((POLICY - LOGGING) * MEANS).sum() / CONTEXTS)


def drawn(chances: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return one action a row of chances."""
    return (chances.cumsum(axis=1) < rng.random((len(chances), 1))).sum(axis=1)


def bandit_log(seed: int) -> dict[str, OffPolicyEstimate]:
    """Return every estimate of one log: 2 to 20 decisions a listener, who has a mood."""
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(LISTENERS), rng.integers(2, 21, LISTENERS))
    contexts = rng.integers(0, CONTEXTS, users.size)
    actions = np.minimum(drawn(LOGGING[contexts], rng), ACTIONS - 1)
    mood = rng.normal(size=LISTENERS)[users]
    rewards = MEANS[contexts, actions] + mood + rng.normal(size=users.size)
    log = weigh(rewards, POLICY[contexts, actions], LOGGING[contexts, actions], users)
    d, q = (POLICY * MODEL).sum(axis=1)[contexts], MODEL[contexts, actions]
    return {
        "ips": ips(log),
        "snips": snips(log),
        "dr": dr(log, d, q),
        "sndr": sndr(log, d, q),
        "logged": logged_value(log),
    }


@cache
def bandit_logs() -> list[dict[str, OffPolicyEstimate]]:
    return [bandit_log(seed) for seed in range(LOGS)]


def assert_right(found: list[OffPolicyEstimate], truth: float, *, consistent: bool = True) -> None:
    """Assert that estimates centre on the truth and their intervals hold it."""
    values = np.array([one.value for one in found])
    error = values.std(ddof=1) / np.sqrt(values.size)
    assert abs(values.mean() - truth) < 3.5 * error
    covered = np.mean([one.low <= truth <= one.high for one in found])
    assert COVERAGE[0] <= covered <= COVERAGE[1], covered
    # The errors told are those seen from log to log.
    told = np.sqrt(np.mean([one.standard_error**2 for one in found]))
    assert 0.85 < told / values.std(ddof=1) < 1.15


def test_decisions_are_estimated_without_bias_and_with_honest_intervals() -> None:
    for name in ("ips", "snips", "dr", "sndr"):
        assert_right([log[name] for log in bandit_logs()], TRUTH)


def test_a_good_model_and_self_normalising_narrow_the_interval() -> None:
    def spread(name: str) -> float:
        return float(np.std([log[name].value for log in bandit_logs()]))

    assert spread("sndr") < spread("snips") < spread("ips")


def test_errors_that_forget_the_listener_are_too_small() -> None:
    covered = []
    for log in bandit_logs():
        one = log["snips"]
        naive = np.sqrt(one.influence @ one.influence) / one.influence.size
        covered.append(abs(one.value - TRUTH) <= 1.96 * naive)
    assert np.mean(covered) < 0.85


def test_differences_are_covered_too() -> None:
    pairs = [compare(log["snips"], log["logged"], 1.0) for log in bandit_logs()]
    covered = np.mean([pair.low <= TRUE_LIFT <= pair.high for pair in pairs])
    assert COVERAGE[0] <= covered <= COVERAGE[1]
    alone = np.mean([log["snips"].standard_error for log in bandit_logs()])
    assert np.mean([pair.standard_error for pair in pairs]) < 0.9 * alone  # moods cancel out


SLOTS = 3
_PAGES = np.random.default_rng(5)
TOP = {name: _PAGES.dirichlet(np.full(ACTIONS, 3.0)) for name in ("target", "logged")}
BELOW = {
    name: _PAGES.dirichlet(np.full(ACTIONS, 3.0), size=(ACTIONS,)) for name in ("target", "logged")
}
APPEAL = np.linspace(0.1, 0.8, ACTIONS)


def slot_means(pages: np.ndarray) -> np.ndarray:
    """Return what slots earn: less below a track that satisfied."""
    satisfied = np.column_stack([np.ones(len(pages)), 1 - APPEAL[pages[:, :-1]]])
    return APPEAL[pages] * satisfied.cumprod(axis=1)


def page_chances(pages: np.ndarray, name: str) -> np.ndarray:
    below = [BELOW[name][pages[:, k - 1], pages[:, k]] for k in range(1, SLOTS)]
    return np.column_stack([TOP[name][pages[:, 0]], *below])


def all_pages() -> np.ndarray:
    return np.stack(np.meshgrid(*[np.arange(ACTIONS)] * SLOTS), -1).reshape(-1, SLOTS)


PAGE_TRUTH = float(
    page_chances(all_pages(), "target").prod(axis=1) @ slot_means(all_pages()).sum(1)
)


def model_ahead() -> np.ndarray:
    """Return (slots, actions): a model of what a track and those below it earn.

    It takes the mean satisfaction above a slot for that of every page, so it is a little wrong.
    """
    below = np.zeros(ACTIONS)
    ahead = []
    for fading in (0.3, 0.55, 1.0):
        below = fading * APPEAL + BELOW["target"] @ below
        ahead.append(below)
    return np.array(ahead[::-1])


AHEAD = model_ahead()


def cascade_log(seed: int) -> dict[str, OffPolicyEstimate]:
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(LISTENERS), rng.integers(2, 15, LISTENERS))
    pages = np.empty((users.size, SLOTS), dtype=np.int64)
    chances = np.tile(TOP["logged"], (users.size, 1))
    for k in range(SLOTS):
        pages[:, k] = np.minimum(drawn(chances, rng), ACTIONS - 1)
        chances = BELOW["logged"][pages[:, k]]
    mood = 0.1 * rng.normal(size=(LISTENERS, 1))[users]
    rewards = slot_means(pages) + mood + 0.1 * rng.normal(size=pages.shape)
    log = weigh_pages(rewards, page_chances(pages, "target"), page_chances(pages, "logged"), users)
    d = np.column_stack([np.full(users.size, TOP["target"] @ AHEAD[0]), *(
        (BELOW["target"] @ AHEAD[k])[pages[:, k - 1]] for k in range(1, SLOTS)
    )])  # fmt: skip
    q = np.column_stack([AHEAD[k][pages[:, k]] for k in range(SLOTS)])
    return {
        "rips": page_ips(log, Behaviour.CASCADE),
        "snrips": page_snips(log, Behaviour.CASCADE),
        "page_ips": page_ips(log, Behaviour.PAGE),
        "cascade_dr": cascade_dr(log, d, q),
        "logged": logged_page_value(log),
    }


@cache
def cascade_logs() -> list[dict[str, OffPolicyEstimate]]:
    return [cascade_log(seed) for seed in range(LOGS)]


def test_pages_are_estimated_without_bias_and_with_honest_intervals() -> None:
    for name in ("rips", "snrips", "page_ips", "cascade_dr"):
        assert_right([log[name] for log in cascade_logs()], PAGE_TRUTH)


def test_assuming_a_cascade_and_having_a_model_narrow_the_interval() -> None:
    def spread(name: str) -> float:
        return float(np.std([log[name].value for log in cascade_logs()]))

    assert spread("cascade_dr") < spread("rips") < spread("page_ips")

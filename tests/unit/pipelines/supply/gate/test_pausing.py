"""When a generator is paused: examples, and the rate of false alarms by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from pipelines.supply.gate.configuration import PauseConfig
from pipelines.supply.gate.pausing import evidence_of_failing

CONFIG = PauseConfig()


def spread(failed: int, judged: int) -> list[bool]:
    """Return verdicts whose failures are spread evenly."""
    places = set(np.linspace(0, judged - 1, failed).round().astype(int).tolist())
    return [place not in places for place in range(judged)]


def test_thirty_of_forty_that_fail_pause_a_generator():
    assert evidence_of_failing(spread(30, 40), CONFIG.floor) >= CONFIG.run_length


@pytest.mark.parametrize("passes", [
    spread(5, 40),
    [True] * 35 + [False] * 5,
    [False] * 3,
    [],
])  # fmt: skip
def test_bad_luck_pauses_nothing(passes):
    assert evidence_of_failing(passes, CONFIG.floor) < CONFIG.run_length / 10


def test_a_generator_that_breaks_after_a_good_past_is_noticed_within_a_dozen():
    assert evidence_of_failing([True] * 28 + [False] * 12, CONFIG.floor) >= CONFIG.run_length


def test_the_evidence_is_the_sum_of_bets_from_every_beginning():
    passes, floor = [True, False, False], 0.4
    total = 0.0
    for start in range(3):
        hits = sum(passes[start:])
        misses = len(passes) - start - hits
        likelihood, _ = integrate.quad(lambda p: p**hits * (1 - p) ** misses / floor, 0, floor)  # noqa: B023
        total += likelihood / (floor**hits * (1 - floor) ** misses)
    assert evidence_of_failing(passes, floor) == pytest.approx(total)


def false_alarms(rate: float, verdicts: int, runs: int) -> float:
    """Return the share of runs in which a generator of a pass rate is paused."""
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(runs):
        passes = (rng.random(verdicts) < rate).tolist()
        alarms += any(
            evidence_of_failing(passes[max(0, end - CONFIG.latest) : end], CONFIG.floor)
            >= CONFIG.run_length
            for end in range(1, verdicts + 1)
        )
    return alarms / runs


def test_false_alarms_are_as_rare_as_they_should_be_and_true_ones_are_not():
    # A run of 100 verdicts at the floor: at most 100 / run_length by Markov's inequality.
    assert false_alarms(CONFIG.floor, 100, 60) <= 100 / CONFIG.run_length
    assert false_alarms(0.7, 100, 60) == 0.0
    assert false_alarms(0.25, 100, 30) > 0.9

"""Sessions: as many as activity says, one after the other, inside their day."""

import numpy as np

from core.events import DAY_MS
from pipelines.world.config import BehaviourConfig
from pipelines.world.population import draw_population
from pipelines.world.sessions import plan_day

POPULATION = draw_population(3000, 0.5, 1)
CONFIG = BehaviourConfig()


def plan(day, seed=7):
    return plan_day(POPULATION, day, day * DAY_MS, CONFIG, seed)


def test_a_day_is_the_same_whenever_it_is_planned_and_unlike_other_days():
    np.testing.assert_array_equal(plan(3).start_ms, plan(3).start_ms)
    assert len(plan(3)) != len(plan(4)) or (plan(3).user_rows != plan(4).user_rows).any()


def test_sessions_lie_in_their_day_and_follow_each_other():
    sessions = plan(2)
    assert ((sessions.start_ms >= 2 * DAY_MS) & (sessions.start_ms < 3 * DAY_MS)).all()
    order = np.lexsort((sessions.rounds, sessions.user_rows))
    same = np.diff(sessions.user_rows[order]) == 0
    assert same.any()
    assert (np.diff(sessions.start_ms[order])[same] > 0).all()
    assert (np.diff(sessions.rounds[order])[same] == 1).all()


def test_active_listeners_come_more_often():
    total = sum(np.bincount(plan(day).user_rows, minlength=3000) for day in range(20))
    busy = POPULATION.activity > np.median(POPULATION.activity)
    assert total[busy].mean() > 2 * total[~busy].mean()


def test_keys_are_distinct_over_days():
    keys = np.concatenate([plan(day).keys for day in range(5)])
    assert np.unique(keys).size == keys.size


def test_every_session_asks_for_a_page():
    assert plan(0).pages.min() >= 1

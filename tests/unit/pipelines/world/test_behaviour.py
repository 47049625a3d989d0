"""Behaviour: slots are read from the top, repeats tire, and taste shows in what is finished."""

import numpy as np
import pytest

from core.randomness import generator
from pipelines.world.behaviour import (
    HEARD_OUT,
    LEFT_EARLY,
    examination,
    examined,
    finish_probability,
    moment_appeal,
    react,
    start_probability,
)
from pipelines.world.config import BehaviourConfig

CONFIG = BehaviourConfig()


def reactions(appeal, chosen=True, opinion=0, follows=False, seed=1, config=CONFIG):
    shape = appeal.shape
    return react(
        appeal.astype(np.float32),
        np.ones(shape, dtype=bool),
        chosen,
        np.full(shape, opinion, dtype=np.int8),
        np.full(shape, follows),
        config,
        generator(seed, "test"),
    )


def test_examination_is_certain_at_the_top_and_falls_by_patience():
    probabilities = examination(np.arange(4), np.array([0.5, 0.9], dtype=np.float32))
    np.testing.assert_allclose(
        probabilities, [[1, 0.5, 0.25, 0.125], [1, 0.9, 0.81, 0.729]], rtol=1e-6
    )


def test_what_is_examined_is_a_run_from_the_top_as_often_as_examination_says():
    patience = np.full(40_000, 0.8, dtype=np.float32)
    seen = examined(6, patience, generator(1, "seen"))
    assert not (np.diff(seen.astype(int), axis=1) > 0).any()
    # the standard error of a share over 40,000 draws is at most 0.0025
    np.testing.assert_allclose(seen.mean(axis=0), 0.8 ** np.arange(6), atol=0.01)


def test_each_recent_listen_takes_appeal_away_and_more_so_from_seekers_of_the_new():
    exposures = np.array([[0.0, 1.0, 2.0, 6.0]] * 2, dtype=np.float32)
    novelty = np.array([0.5, 0.9], dtype=np.float32)
    appeal = moment_appeal(np.zeros((2, 4), dtype=np.float32), exposures, novelty, CONFIG)
    assert (np.diff(appeal, axis=1) < 0).all()
    assert appeal[0, 0] == 0.0  # at the middle of the appetite the new has no bonus
    np.testing.assert_allclose(appeal[0, 1], -CONFIG.fatigue_strength, rtol=1e-6)
    assert (appeal[1, 1:] < appeal[0, 1:]).all()
    assert appeal[1, 0] > 0.0


def test_repeats_lower_the_chance_of_a_finish():
    exposures = np.arange(5, dtype=np.float32)[None, :]
    appeal = moment_appeal(
        np.ones((1, 5), np.float32), exposures, np.array([0.5], np.float32), CONFIG
    )
    assert (np.diff(finish_probability(appeal, CONFIG)) < 0).all()


def test_probabilities_rise_with_appeal_and_match_the_logistic_curve():
    appeal = np.linspace(-3, 3, 13, dtype=np.float32)
    for probability in (start_probability(appeal, CONFIG), finish_probability(appeal, CONFIG)):
        assert (np.diff(probability) > 0).all()
    at_zero = finish_probability(
        np.zeros(1, np.float32), CONFIG.model_copy(update={"finish_bias": 0.0})
    )
    assert at_zero[0] == 0.5


@pytest.mark.parametrize("chosen", [True, False])
def test_what_suits_is_finished_more_and_skipped_less(chosen):
    appeal = np.tile(np.array([[-2.0, 0.0, 2.0]]), (4000, 1))
    done = reactions(appeal, chosen)
    for rising in (done.finished, done.liked, done.share):
        assert (np.diff(rising.mean(axis=0)) > 0).all()
    skipped_of_played = done.skipped.sum(axis=0) / done.played.sum(axis=0)
    assert (np.diff(skipped_of_played) < 0).all()


def test_outcomes_agree_with_each_other_and_with_the_share_heard():
    done = reactions(generator(2, "appeal").normal(0, 1.5, (500, 20)), chosen=False)
    assert not (done.finished & done.skipped).any()
    assert (done.share[~done.played] == 0).all()
    assert (done.share[done.finished] >= np.float32(HEARD_OUT)).all()
    unfinished = done.played & ~done.finished
    assert (done.share[unfinished] < HEARD_OUT).all()
    assert (done.skipped == (unfinished & (done.share < LEFT_EARLY))).all()
    for told, needs in (
        (done.liked, done.finished),
        (done.disliked, done.skipped),
        (done.saved, done.liked),
        (done.followed, done.liked),
    ):
        assert told.any()
        assert not (told & ~needs).any()


def test_what_was_said_already_is_not_said_again():
    appeal = np.full((2000, 1), 2.0)
    assert not reactions(appeal, opinion=1).liked.any()
    assert not reactions(-appeal, opinion=-1).disliked.any()
    again = reactions(appeal, follows=True)
    assert again.liked.any()
    assert not again.followed.any()


def test_what_was_chosen_is_played_and_what_was_not_seen_is_not():
    appeal = np.zeros((50, 4), dtype=np.float32)
    assert reactions(appeal, chosen=True).played.all()
    unseen = react(
        appeal, np.zeros((50, 4), dtype=bool), True, np.zeros((50, 4), np.int8),
        np.zeros((50, 4), dtype=bool), CONFIG, generator(1, "unseen"),
    )  # fmt: skip
    assert not unseen.played.any()


def test_equal_generators_give_equal_reactions():
    appeal = generator(3, "appeal").normal(0, 1, (30, 10))
    one, two, other = (reactions(appeal, chosen=False, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.share, two.share)
    assert not np.array_equal(one.share, other.share)

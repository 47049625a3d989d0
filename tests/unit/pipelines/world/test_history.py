"""History: the same seed lives the same days, and the figures stay in the range of real feeds."""

import numpy as np
import polars as pl
import pytest

from core.events import DAY_MS
from core.tables import EVENTS, IMPRESSIONS
from pipelines.world.choice import chart_weights
from pipelines.world.config import WorldConfig
from pipelines.world.diary import event_rows, impression_rows
from pipelines.world.memory import blank_memory, recall
from pipelines.world.scene import NEVER_MS
from tests.support.listening import live, small_world


@pytest.fixture(scope="module")
def world():
    return small_world()


def ids(world):
    users = [f"listener-{row}" for row in range(world.config.listeners)]
    return users, world.catalogue.track_ids


def test_the_same_config_lives_the_same_history_and_another_seed_another():
    config = WorldConfig(tracks=40, listeners=30, days=4, seed=5)
    one, two = live(config), live(config)
    assert one.history.listens.equals(two.history.listens)
    assert one.history.slots.equals(two.history.slots)
    np.testing.assert_array_equal(one.memory.exposures, two.memory.exposures)
    other = live(config.model_copy(update={"seed": 6}))
    assert not one.history.listens.equals(other.history.listens)


def test_how_many_slots_are_finished_lies_where_real_feeds_lie(world):
    shown = world.history.listens.filter(~pl.col("chosen"))
    assert 0.15 < shown["finish"].sum() / world.history.slots.height < 0.35
    assert 0.05 < shown["skip"].mean() < 0.35


def test_the_median_listener_plays_sixty_to_a_hundred_and_twenty_tracks(world):
    plays = np.bincount(world.history.listens["user_row"], minlength=world.config.listeners)
    assert 60 < np.median(plays) < 120
    assert np.quantile(plays, 0.95) > 2.5 * np.median(plays)


def test_popularity_is_concentrated_but_not_absurdly(world):
    on_air = world.scene.on_air_from_ms < world.config.end_ms
    plays = np.sort(
        np.bincount(world.history.listens["track_row"], minlength=world.config.tracks)[on_air]
    )
    lorenz = np.cumsum(plays) / plays.sum()
    assert 0.4 < 1 - 2 * lorenz.mean() + 1 / plays.size < 0.75


def test_finishes_fall_with_the_position(world):
    shown = world.history.slots.join(
        world.history.listens.filter("finish").select("key", "step", "slot", "finish"),
        on=["key", "step", "slot"],
        how="left",
    )
    rate = shown.group_by("slot").agg(pl.col("finish").is_not_null().mean()).sort("slot")["finish"]
    # charts put famous tracks first as well: the fall is steeper than examination alone
    assert rate[0] > 1.3 * rate[4] > 1.3 * 1.2 * rate[9]


def test_a_heavy_repeat_is_finished_less_than_a_first_listen(world):
    heard = world.history.listens.filter(~pl.col("chosen")).sort("at_ms")
    nth = heard.with_columns(nth=pl.int_range(pl.len()).over("user_row", "track_row"))
    quick = nth.with_columns(gap=pl.col("at_ms").diff().over("user_row", "track_row"))
    repeats = quick.filter(pl.col("gap") < DAY_MS)
    assert repeats.height > 500
    assert repeats["finish"].mean() < quick.filter(pl.col("nth") == 0)["finish"].mean() - 0.05


def test_listeners_finish_what_matches_their_taste(world):
    heard = world.history.listens.filter(~pl.col("chosen"))
    appeal = world.scene.lasting[heard["user_row"].to_numpy(), heard["track_row"].to_numpy()]
    finish = heard["finish"].to_numpy()
    assert finish[appeal > 1].mean() > finish[appeal < -1].mean() + 0.3


def test_an_oracle_of_true_appeal_ranks_later_finishes_far_above_popularity(world):
    cut_ms = world.config.start_ms + 24 * DAY_MS
    heard = world.history.listens
    before = heard.filter(pl.col("at_ms") < cut_ms)
    later = heard.filter((pl.col("at_ms") >= cut_ms) & pl.col("finish"))
    wanted = np.zeros(world.scene.lasting.shape, dtype=bool)
    wanted[later["user_row"], later["track_row"]] = True
    wanted[before["user_row"], before["track_row"]] = False
    plays = np.bincount(before["track_row"], minlength=world.config.tracks)
    popular = np.broadcast_to(plays, wanted.shape).astype(float)
    seen = np.zeros_like(wanted)
    seen[before["user_row"], before["track_row"]] = True
    out = world.scene.on_air_from_ms < cut_ms
    oracle = ndcg_at_10(np.where(out & ~seen, world.scene.lasting, -np.inf), wanted)
    assert oracle > 1.5 * ndcg_at_10(np.where(out & ~seen, popular, -np.inf), wanted)


def ndcg_at_10(scores, wanted):
    users = wanted.any(axis=1)
    top = np.argsort(-scores[users], axis=1, kind="stable")[:, :10]
    discount = 1 / np.log2(np.arange(2, 12))
    gained = np.take_along_axis(wanted[users], top, axis=1) @ discount
    best = np.cumsum(discount)[np.minimum(wanted[users].sum(axis=1), 10) - 1]
    return float((gained / best).mean())


def test_nobody_hears_a_trial_track_or_one_that_is_not_out(world):
    heard = world.history.listens
    out_ms = world.scene.on_air_from_ms[heard["track_row"].to_numpy()]
    assert (out_ms <= heard["at_ms"].to_numpy()).all()
    assert world.releases.trial.sum() == 12  # 4 % of 300
    assert (world.scene.on_air_from_ms[world.releases.trial] == NEVER_MS).all()


def test_who_wants_no_generated_tracks_never_meets_one(world):
    generated = world.releases.origins == 1
    strict = world.scene.population.ai_preference == 2
    assert strict.any()
    for table in (world.history.listens, world.history.slots):
        met = generated[table["track_row"].to_numpy()] & strict[table["user_row"].to_numpy()]
        assert not met.any()


def test_the_propensity_told_for_first_slots_is_the_share_they_were_drawn_with(world):
    first = world.history.slots.filter(pl.col("slot") == 0)
    assert first["propensity"].is_between(0, 1, closed="right").all()
    # an unbiased estimate of the number of tracks: the mean of 1 / propensity over draws
    on_day = first.filter(pl.col("at_ms") < world.config.start_ms + DAY_MS)
    out = int((world.scene.on_air_from_ms <= world.config.start_ms).sum())
    estimate = (1 / on_day["propensity"]).to_numpy()
    error = estimate.std() / np.sqrt(estimate.size)
    assert abs(estimate.mean() - out) < 4 * error  # those without generated tracks see some fewer


def test_memory_recalled_from_the_events_is_the_memory_that_lived(world):
    users, tracks = ids(world)
    events = event_rows(world.history.listens, users, tracks)
    row_of_user = {user: row for row, user in enumerate(users)}
    row_of_track = {track: row for row, track in enumerate(tracks)}
    told = events.select(
        pl.col("user_id").replace_strict(row_of_user).alias("user_row"),
        pl.col("track_id").replace_strict(row_of_track).alias("track_row"),
        "action",
        pl.col("at").dt.epoch("ms").alias("at_ms"),
        (pl.col("played_ms") / pl.col("track_ms")).alias("share"),
    )
    blank = blank_memory(len(users), world.memory.follows.shape[1], world.releases.fame)
    recalled = recall(
        told, world.catalogue.creator_rows, blank, world.config.start_ms, world.config.end_ms,
        world.config.behaviour,
    )  # fmt: skip
    # shares were rounded to milliseconds of tracks of ten seconds and more
    np.testing.assert_allclose(recalled.exposures, world.memory.exposures, atol=1e-3)
    np.testing.assert_allclose(recalled.popularity, world.memory.popularity, rtol=1e-4)
    np.testing.assert_array_equal(recalled.opinions, world.memory.opinions)
    np.testing.assert_array_equal(recalled.follows, world.memory.follows)


def test_a_listen_is_one_play_and_at_most_one_finish_or_skip(world):
    users, tracks = ids(world)
    events = event_rows(world.history.listens, users, tracks)
    assert events.schema == EVENTS.schema
    assert events["event_id"].is_unique().all()
    assert events["at"].is_sorted()
    assert events.filter(pl.col("action") == "play").height == world.history.listens.height
    ends = events.filter(pl.col("action").is_in(["finish", "skip"]))
    assert ends.select("session_id", "request_id", "track_id").is_unique().all()


def test_events_of_pages_point_to_slots_that_were_shown(world):
    users, tracks = ids(world)
    events = event_rows(world.history.listens, users, tracks)
    slots = impression_rows(world.history.slots, users, tracks)
    assert slots.schema == IMPRESSIONS.schema
    assert slots.select(IMPRESSIONS.key).is_unique().all()
    organic, shown = events.filter("is_organic"), events.filter(~pl.col("is_organic"))
    assert organic["request_id"].is_null().all()
    assert organic["position"].is_null().all()
    keys = ["request_id", "user_id", "track_id", "position"]
    assert shown.join(slots, on=keys, how="anti").is_empty()
    times = shown.join(slots, on=keys, suffix="_page")
    assert (times["at"] >= times["at_page"]).all()


def test_charts_are_drawn_from_weights_that_sum_to_one(world):
    on_air = world.scene.on_air_from_ms <= world.config.end_ms
    weights = chart_weights(world.memory.popularity, on_air, 1.0, 0.2)
    np.testing.assert_allclose(weights.sum(), 1, rtol=1e-5)
    assert (weights[~on_air] == 0).all()

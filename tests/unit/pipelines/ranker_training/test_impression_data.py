"""Slots described a whole log at a time are what serving would have described one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from core.events import Action
from core.tables import TIME
from pipelines.history import History
from pipelines.ranker_training.impression_data import (
    ShownSlots,
    described,
    outcomes_of,
    shown_between,
)
from pipelines.ranker_training.shown_rates import shown_rates
from pipelines.ranker_training.train_heads import impression_features
from ranking.assembly import SOURCES
from ranking.features.families import FeedFeatures, feature_builder
from ranking.features.moments import moments_of
from ranking.listeners.replay import EventLog
from ranking.model import Candidates, FeedQuery, Floats
from ranking.rankers.outcomes import HeadConfig
from tests.support.shown_log import MINUTE_MS, history_of, shown_history
from tests.support.worlds import NOW_MS, tiny_world

WORLD = tiny_world()
FAR_MS = 1 << 42


def log_of(history: History) -> EventLog:
    return EventLog.from_frames(history.events, history.plays, WORLD.catalogue, history.impressions)


def offline(history: History, threads: int = 1) -> tuple[ShownSlots, FeedFeatures, Floats]:
    shown = shown_rates(history.impressions, history.events, WORLD.catalogue)
    builder = impression_features(WORLD.catalogue, WORLD.learned, shown)
    slots = shown_between(history.impressions, WORLD.catalogue, 0, FAR_MS)
    moments = moments_of(log_of(history))
    return slots, builder, described(slots, builder, moments, threads=threads)


def online(history: History, slots: ShownSlots, page: int) -> Floats:
    """Return what serving describes: the listener and the counts of that moment, one query."""
    now_ms, user = int(slots.now_ms[page]), slots.user_ids[page]
    part = slice(slots.starts[page], slots.starts[page + 1])
    shown = shown_rates(history.impressions, history.events, WORLD.catalogue).compacted(now_ms)
    builder = feature_builder(WORLD.catalogue, replace(WORLD.learned, shown=shown), SOURCES)
    nothing = np.empty((part.stop - part.start, 0), np.float32)
    rows = slots.rows[part]
    candidates = Candidates(rows, np.zeros(rows.size, np.float32), (), nothing, nothing)
    query = FeedQuery(
        listener=log_of(history).listener(user, now_ms),
        size=20,
        now_ms=now_ms,
        seed=0,
        surface=slots.surfaces[page],
    )
    return builder.build([query], [candidates]).values


def test_offline_and_online_agree_in_every_column() -> None:
    history = shown_history(WORLD.catalogue)
    slots, builder, values = offline(history)
    assert len(set(builder.names)) == len(builder.names) == values.shape[1] > 100
    for page in range(0, len(slots.user_ids), 3):
        part = slice(slots.starts[page], slots.starts[page + 1])
        # Sums over a batch may run in another order than over one page: float32 rounding.
        np.testing.assert_allclose(
            values[part], online(history, slots, page), rtol=2e-5, atol=1e-6, err_msg=str(page)
        )
    # A column that is the same everywhere would agree whatever it says.
    known = np.array([np.unique(column[~np.isnan(column)]).size for column in values.T])
    offers = sum(name.startswith(("rank_", "score_", "offers")) for name in builder.names)
    assert (known > 1).sum() > 0.9 * (known.size - offers)


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    history = shown_history(WORLD.catalogue)
    _, _, alone = offline(history)
    monkeypatch.setattr("pipelines.ranker_training.impression_data.CHUNK_ROWS", 37)
    _, _, parts = offline(history, threads=2)
    np.testing.assert_allclose(parts, alone, rtol=2e-5, atol=1e-6)


def test_what_happens_later_changes_no_feature() -> None:
    history = shown_history(WORLD.catalogue)
    slots, _, before = offline(history)
    cut_ms = int(np.median(slots.now_ms))
    future = pl.col("at").dt.epoch("ms") >= cut_ms
    forged = history.events.filter(future).with_columns(
        pl.lit("like").alias("action"), pl.lit(slots.user_ids[0]).alias("user_id")
    )
    planted = replace(
        history,
        events=pl.concat([history.events.filter(~future), forged]),
        impressions=pl.concat(
            [history.impressions, history.impressions.with_columns(at=pl.lit(cut_ms).cast(TIME))]
        ),
    )
    again, _, after = offline(planted)
    earlier = slots.at_ms <= cut_ms
    kept = int((slots.at_ms < cut_ms).sum())
    assert 0 < kept < len(slots)
    np.testing.assert_array_equal(again.rows[:kept], slots.rows[:kept])
    np.testing.assert_array_equal(after[:kept], before[:kept])
    assert earlier.sum() >= kept
    assert not np.array_equal(after[-kept:], before[-kept:])  # it does reach what comes after


def test_outcomes_belong_to_the_page_they_name_and_to_their_window() -> None:
    tracks = WORLD.catalogue.tracks.values
    slots = [("r1", "u", tracks[0], NOW_MS, 0, "home"), ("r2", "u", tracks[0], NOW_MS + 1, 0, None)]
    late = NOW_MS + 90 * MINUTE_MS
    next_day = NOW_MS + 30 * 60 * MINUTE_MS
    events = [
        ("r1", "u", tracks[0], NOW_MS + MINUTE_MS, 0, "finish"),
        ("r2", "u", tracks[0], late, 0, "like"),
        (None, "u", tracks[1], next_day, None, "play"),
    ]
    history = history_of(slots, events)
    shown = shown_between(history.impressions, WORLD.catalogue, 0, FAR_MS)
    heads = (
        HeadConfig(name="finish", actions=(Action.FINISH,)),
        HeadConfig(name="like", actions=(Action.LIKE,)),
        HeadConfig(name="like_later", actions=(Action.LIKE,), until_hours=2),
        HeadConfig(name="return", from_hours=24, until_hours=48),
        HeadConfig(name="return_soon", from_hours=2, until_hours=24),
    )
    found = outcomes_of(shown, history.events, heads, FAR_MS)
    assert {name: values.tolist() for name, values in found.items()} == {
        "finish": [1, 0],
        "like": [0, 0],
        "like_later": [0, 1],
        "return": [1, 1],
        "return_soon": [0, 0],
    }
    unknown = outcomes_of(shown, history.events, heads, end_ms=next_day)
    assert np.isnan(unknown["return"]).all()
    assert unknown["finish"].tolist() == [1, 0]


def test_slots_of_a_page_stand_together_in_order() -> None:
    slots = shown_between(shown_history(WORLD.catalogue).impressions, WORLD.catalogue, 0, FAR_MS)
    assert (np.diff(slots.now_ms) >= 0).all()
    assert np.diff(slots.starts).tolist() == [5] * 60
    assert slots.positions.reshape(60, 5).tolist() == [[0, 1, 2, 3, 4]] * 60
    assert set(slots.surfaces) == {"home", "radio", ""}

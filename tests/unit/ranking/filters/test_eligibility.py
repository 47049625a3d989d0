"""Each filter's rule, on a catalogue small enough to write down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.ids import Ids
from ranking.catalogue import Origin, Status
from ranking.clusters import Clusters, no_clusters
from ranking.filters.ai_preference import AiPreferenceFilter, wanted
from ranking.filters.blocked_creator import BlockedCreatorFilter
from ranking.filters.disliked import DislikedFilter
from ranking.filters.excluded import ExcludedFilter
from ranking.filters.explicit import ExplicitFilter
from ranking.filters.generated_holdout import GeneratedHoldoutFilter
from ranking.filters.heard import HeardFilter
from ranking.filters.near_duplicate import NearDuplicateConfig, NearDuplicateFilter
from ranking.filters.own_upload import OwnUploadFilter
from ranking.filters.region import RegionFilter
from ranking.filters.servable import ServableFilter
from ranking.listeners.repeats import RepeatConfig
from ranking.model import AiPreference, Candidates, Listener, Preferences, one_source
from ranking.supply.holdout import GeneratedConfig, held_out
from tests.support.worlds import NOW_MS, query_of, tiny_world

CATALOGUE = replace(
    tiny_world(n_tracks=5).catalogue,
    creators=Ids(["anna", "ben"]),
    creator_rows=np.array([0, 1, -1, 0, 1]),
    statuses=np.array(
        [Status.ACTIVE, Status.TRIAL, Status.PENDING, Status.RETIRED, Status.ACTIVE], dtype=np.int8
    ),
    hidden=np.array([False, False, False, False, True]),
    origins=np.array(
        [Origin.HUMAN, Origin.GENERATED, Origin.GENERATED, Origin.ASSISTED, Origin.ASSISTED],
        dtype=np.int8,
    ),
    labelled=np.array([True, True, False, True, False]),
    explicit=np.array([True, False, False, True, False]),
    regions={1: frozenset({"DE"}), 3: frozenset({"FR", "IT"})},
)


def offered(rows: list[int]) -> Candidates:
    scores = np.arange(len(rows), 0, -1).astype(np.float32)
    return one_source("any", np.array(rows, dtype=np.int64), scores)


EVERY = offered([0, 1, 2, 3, 4])


def kept(one: object, listener: Listener, exclude: np.ndarray | None = None) -> list[int]:
    allowed = one.allows(query_of(listener, exclude=exclude), EVERY)  # type: ignore[attr-defined]
    return np.flatnonzero(allowed).tolist()


def asking(**wishes: object) -> Listener:
    return Listener("u", preferences=Preferences(**wishes))  # type: ignore[arg-type]


def test_servable_is_active_or_on_trial_and_not_hidden() -> None:
    assert kept(ServableFilter(CATALOGUE), Listener("u")) == [0, 1]


@pytest.mark.parametrize(
    ("preference", "rows"),
    [
        (AiPreference.ALL, [0, 1, 2, 3, 4]),
        (AiPreference.LABELLED, [0, 1, 3]),
        (AiPreference.NONE, [0, 3]),
    ],
)
def test_an_ai_preference_is_kept(preference: AiPreference, rows: list[int]) -> None:
    assert kept(AiPreferenceFilter(CATALOGUE), asking(ai=preference)) == rows


def test_a_stricter_ai_preference_lets_through_a_subset() -> None:
    origins = np.repeat(np.arange(3, dtype=np.int8), 2)
    labelled = np.tile([True, False], 3)
    everything, stated, none = (wanted(origins, labelled, one) for one in AiPreference)
    assert (none <= stated).all()
    assert (stated <= everything).all()


def test_who_is_held_out_gets_what_was_not_generated_and_the_others_everything() -> None:
    config = GeneratedConfig(holdout_share=0.5)
    one = GeneratedHoldoutFilter(CATALOGUE, config)
    listeners = [f"u{number}" for number in range(40)]
    out = {user for user in listeners if held_out(user, config)}
    assert 5 < len(out) < 35
    for user in listeners:
        assert kept(one, Listener(user)) == ([0, 3, 4] if user in out else [0, 1, 2, 3, 4])


def test_explicit_tracks_are_for_those_who_allow_them() -> None:
    assert kept(ExplicitFilter(CATALOGUE), asking(explicit=False)) == [1, 2, 4]
    assert kept(ExplicitFilter(CATALOGUE), asking(explicit=True)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("country", "rows"), [("DE", [0, 1, 2, 4]), ("IT", [0, 2, 3, 4]), ("", [0, 2, 4])]
)
def test_tracks_are_heard_where_they_are_cleared(country: str, rows: list[int]) -> None:
    assert kept(RegionFilter(CATALOGUE), asking(region=country)) == rows


def test_blocked_creators_are_gone_and_unknown_ones_cannot_be_blocked() -> None:
    listener = asking(blocked_creators=np.array([0, -1]))
    assert kept(BlockedCreatorFilter(CATALOGUE), listener) == [1, 2, 4]


def test_a_creator_does_not_hear_themselves() -> None:
    assert kept(OwnUploadFilter(CATALOGUE), Listener("ben")) == [0, 2, 3]
    assert kept(OwnUploadFilter(CATALOGUE), Listener("nobody")) == [0, 1, 2, 3, 4]


def test_disliked_and_excluded_tracks_are_gone() -> None:
    none = np.zeros(2, dtype=np.float32)
    opinions = np.array([-1, 1], dtype=np.int8)
    listener = Listener("u", np.array([2, 4]), none, none, none, opinions, np.array([1, 1]))
    assert kept(DislikedFilter(no_clusters()), listener) == [0, 1, 3, 4]
    assert kept(ExcludedFilter(no_clusters()), listener, exclude=np.array([0, 3])) == [1, 2, 4]


def test_what_was_done_with_a_copy_was_done_with_the_recording() -> None:
    clusters = Clusters(np.array([4, 0, 2]), np.array([4, 4, 4]))  # 0 and 2 are copies of 4
    one, none = np.ones(1, dtype=np.float32), np.zeros(1, dtype=np.float32)
    played = Listener("u", np.array([0]), one, one, none, np.array([0]), np.array([NOW_MS]))
    disliked = replace(played, plays=none, finishes=none, opinions=np.array([-1]))
    shown = Listener("u", shown_rows=np.array([2]), shown_at_ms=np.array([NOW_MS]))
    heard, against = HeardFilter(RepeatConfig(), clusters), DislikedFilter(clusters)
    assert kept(heard, played) == kept(heard, shown) == kept(against, disliked) == [1, 3]
    assert kept(heard, disliked) == kept(against, played) == [0, 1, 2, 3, 4]
    excluding = ExcludedFilter(clusters)
    assert kept(excluding, Listener("u"), exclude=np.array([4, 3])) == [1]


def test_blocking_a_creator_leaves_copies_that_others_uploaded() -> None:
    # Anna made 0 and 3, Ben 1 and 4: who blocks Anna still hears what Ben made, though she copied.
    catalogue = replace(CATALOGUE, clusters=Clusters(np.array([4, 0]), np.array([4, 4])))
    listener = asking(blocked_creators=np.array([0]))
    assert kept(BlockedCreatorFilter(catalogue), listener) == [1, 2, 4]


def test_of_near_duplicates_the_better_placed_stays() -> None:
    turns = np.radians([0.0, 1.0, 90.0, 2.0, 0.0])
    vectors = np.column_stack([np.cos(turns), np.sin(turns)]).astype(np.float32)
    vectors[4] = 0  # no vector: resembles nothing
    one = NearDuplicateFilter(vectors, NearDuplicateConfig(threshold=np.cos(np.radians(1.5))))
    query = query_of(Listener("u"))
    # 0 and 1 sound alike, 1 and 3 too, 0 and 3 do not: a track that is gone drops nothing itself.
    assert one.allows(query, offered([0, 1, 2, 3, 4])).tolist() == [True, False, True, True, True]
    assert one.allows(query, offered([1, 3, 0, 2])).tolist() == [True, False, False, True]
    assert one.allows(query, offered([3, 0, 1])).tolist() == [True, True, False]


def test_near_duplicates_are_sought_in_the_window_only() -> None:
    vectors = np.ones((4, 1), dtype=np.float32)
    one = NearDuplicateFilter(vectors, NearDuplicateConfig(window=2))
    allowed = one.allows(query_of(Listener("u")), offered([0, 1, 2, 3]))
    assert allowed.tolist() == [True, False, True, True]

"""Sticky assignments, on both stores: they come back, and whoever was in stays in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.database import open_database
from ranking.experiments.assigning.sticky import StickyStore
from ranking.experiments.lifecycle.stickiness import StoredSticky
from ranking.experiments.serving.choosing import choices, variant_name
from tests.support.running_experiments import running_experiment

pytest_plugins = ["tests.support.postgres"]

NO_FRESH = {"page": {"fresh": {"share": 0.0}}}
HEARD_MUCH = {"condition": {"tracks_heard": {"$gt": 10}}}


@pytest.fixture
def sticky(store_url: str) -> Iterator[StickyStore]:
    database = open_database(store_url)
    yield StoredSticky(database)
    database.close()


def test_what_is_kept_comes_back_and_belongs_to_one_listener(sticky: StickyStore) -> None:
    assert dict(sticky.read("user_id", "ann")) == {}
    sticky.keep("user_id", "ann", {"a__0": "control"})
    sticky.keep("user_id", "👩‍🎤", {"a__0": "v1"})
    sticky.keep("device", "ann", {"a__0": "v2"})
    sticky.keep("user_id", "ann", {"a__0": "control", "b__0": "v1"})
    assert dict(sticky.read("user_id", "ann")) == {"a__0": "control", "b__0": "v1"}
    assert dict(sticky.read("user_id", "👩‍🎤")) == {"a__0": "v1"}
    assert dict(sticky.read("device", "ann")) == {"a__0": "v2"}


def test_whoever_was_in_stays_in_though_they_are_not_meant_any_more(sticky: StickyStore) -> None:
    keeps = running_experiment("keeps", NO_FRESH, sticky=True, **HEARD_MUCH)
    forgets = running_experiment("forgets", NO_FRESH, **HEARD_MUCH)
    warm = {"user_id": "ann", "tracks_heard": 11}
    cold = {"user_id": "ann", "tracks_heard": 9}
    assert not choices([keeps, forgets], cold, sticky)
    before = choices([keeps, forgets], warm, sticky)
    assert len(before) == 2
    after = choices([keeps, forgets], cold, sticky)
    assert variant_name(after) == variant_name(before[:1])
    assert after[0].by_chance
    assert not choices([keeps, forgets], {**cold, "user_id": "bob"}, sticky)


def test_weights_that_change_move_nobody_who_was_in(sticky: StickyStore) -> None:
    users = [{"user_id": f"u{number}"} for number in range(30)]
    first = running_experiment("keeps", NO_FRESH, sticky=True, weights=[1.0, 0.0])
    turned = running_experiment("keeps", NO_FRESH, sticky=True, weights=[0.0, 1.0])
    for user in users[:20]:
        choices([first], user, sticky)
    names = [variant_name(choices([turned], user, sticky)) for user in users]
    assert names == ["keeps=control"] * 20 + ["keeps=v1"] * 10

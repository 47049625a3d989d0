"""Segments part listeners and tracks without overlap, and lists stay whole."""

from __future__ import annotations

import numpy as np
import pytest

from ranking.evaluation.segments import segments_of
from ranking.evaluation.tables import judge
from tests.support.worlds import NOW_MS, tiny_world

WORLD = tiny_world()
PLAYS = WORLD.learned.statistics.plays
MET = {"new": 3, "cold": 0, "warm": 40}


def test_every_family_parts_everything_exactly_once() -> None:
    found = segments_of(WORLD.catalogue, PLAYS, MET, NOW_MS)
    assert {one.family for one in found} == {"listener", "track age", "origin", "creator by plays"}
    for family in {one.family for one in found} - {"listener"}:
        masks = np.array([one.tracks for one in found if one.family == family])
        assert masks.sum(axis=0).tolist() == [1] * len(WORLD.catalogue)
    users = [one.users for one in found if one.users is not None]
    assert sorted(user for each in users for user in each) == sorted(MET)


def test_tiers_of_creators_go_by_their_plays() -> None:
    found = {one.name: one for one in segments_of(WORLD.catalogue, PLAYS, MET, NOW_MS)}
    owners = WORLD.catalogue.creator_rows
    total = np.bincount(owners[owners >= 0], PLAYS[owners >= 0])
    order = np.argsort(-total, kind="stable")
    share = (np.cumsum(total[order]) - total[order]) / total.sum()
    for name, low, high in (("top", 0, 0.5), ("middle", 0.5, 0.9), ("tail", 0.9, 1.1)):
        expected = set(order[(share >= low) & (share < high)].tolist())
        mask = found[name].tracks
        assert mask is not None
        assert set(owners[mask].tolist()) == expected & set(owners.tolist())


def test_a_segment_asks_for_its_tracks_among_all_others() -> None:
    found = {one.name: one for one in segments_of(WORLD.catalogue, PLAYS, MET, NOW_MS)}
    human = found["human"]
    assert human.tracks is not None
    ours, theirs = np.flatnonzero(human.tracks)[:2], np.flatnonzero(~human.tracks)[:1]
    relevant = {"new": np.concatenate([ours[:1], theirs]), "warm": theirs}
    assert {u: r.tolist() for u, r in human.of(relevant).items()} == {"new": ours[:1].tolist()}
    lists = {"new": np.concatenate([theirs, ours])}
    judged = judge(lists, human.of(relevant), np.ones(len(WORLD.catalogue)))
    assert judged.values[0][1] == pytest.approx(1 / np.log2(3))  # second place of the whole list
    assert human.share_shown(judged) == pytest.approx(2 / 3)
    assert np.isnan(found["cold (met nothing)"].share_shown(judged))
    assert set(found["new (met 1 to 9)"].of(relevant)) == {"new"}

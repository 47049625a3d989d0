"""Whom segments would feed: what is kept of it, and what is served."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import ArtifactError
from ranking.supply.audience import (
    MEMBERS,
    listener_key,
    load_audience,
    no_audience,
    save_audience,
)

USERS = tuple(f"listener-{number}" for number in range(500))
SEGMENTS = ("segment-0003", "segment-0001", "segment-0007")
TRACKS = ("a", "b", "c", "d")
MEMBERSHIP = np.array([2, -1, 0, 1])


def shares() -> np.ndarray:
    drawn = np.random.default_rng(5).dirichlet([1.0, 4.0, 0.3], len(USERS))
    return drawn.astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    save_audience(
        tmp_path / "audience",
        segment_ids=SEGMENTS,
        track_ids=TRACKS,
        members=MEMBERSHIP,
        shares=shares(),
        user_ids=USERS,
    )
    return tmp_path / "audience"


def test_a_listeners_appetite_is_read_back_over_everyones_mean(folder) -> None:
    audience = load_audience(folder, TRACKS)
    whole = shares().astype(np.float64)
    expected = np.log(whole / whole.mean(axis=0))
    for number, user in enumerate(USERS):
        found = audience.of(user)
        # float16 keeps eleven bits: a relative error of 2^-11.
        np.testing.assert_allclose(found, expected[number], rtol=1e-3, atol=1e-3)
    assert audience.of("nobody") is None
    assert np.all(np.diff(audience.keys.astype(object)) > 0)
    assert listener_key("a") != listener_key("b")


@pytest.mark.parametrize("reach", [0.01, 0.1, 0.3, 0.5, 1.0])
def test_the_floor_lets_in_as_large_a_share_as_is_asked(folder, reach: float) -> None:
    audience = load_audience(folder, TRACKS)
    inside = audience.appetites.astype(np.float32) >= audience.floor(reach)
    # Percentiles are whole, and float16 may carry the last listener over the edge.
    np.testing.assert_allclose(inside.mean(axis=0), reach, atol=0.006)


def test_tracks_stand_in_the_rows_of_the_catalogue_and_in_the_segment_they_were_made_for(
    folder,
) -> None:
    audience = load_audience(folder, ("d", "new", "c", "b", "a"))
    assert audience.segment_of.tolist() == [1, -1, 0, -1, 2]
    rows = np.array([4, 1, 3, 0])
    assert audience.segments_of(rows, {}).tolist() == [2, -1, -1, 1]
    aims = {1: "segment-0007", 4: "segment-0001", 0: "segment-that-is-gone"}
    assert audience.segments_of(rows, aims).tolist() == [1, 2, -1, 1]  # "d" lies in its own
    assert audience.segment_of.tolist() == [1, -1, 0, -1, 2]  # nothing was written into it


def test_before_the_first_search_nobody_is_known() -> None:
    audience = no_audience(3)
    assert audience.of("listener-1") is None
    assert audience.floor(0.3).size == 0
    assert audience.segments_of(np.array([0, 2]), {0: "segment-0001"}).tolist() == [-1, -1]


def test_a_broken_artifact_says_how_to_make_it_again(folder) -> None:
    (folder / MEMBERS).write_bytes(b"not parquet")
    with pytest.raises(ArtifactError, match="segue supply gaps"):
        load_audience(folder, TRACKS)

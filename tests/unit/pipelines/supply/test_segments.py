"""Segments: kinds of music are told apart however few tracks they have, and keep their names."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from core.randomness import generator
from embeddings.vectors import unit_rows
from pipelines.supply.segments.artifact import Segments
from pipelines.supply.segments.continuity import carried, grown, number_of
from pipelines.supply.segments.cutting import (
    NOWHERE,
    SegmentsConfig,
    centroids,
    cut,
    nearest,
    widest_step,
)
from pipelines.supply.segments.labels import label_of, telling_words
from pipelines.supply.segments.space import WORD_DIM, filled, words
from ranking.loading import tag_matrix

SIZES = (60, 40, 30, 30, 20, 3, 2)


def everybody(points: np.ndarray) -> sp.csr_matrix:
    """Return who met what where thirty listeners met everything."""
    return sp.csr_matrix(np.ones((30, len(points))))


def blobs(seed: int = 1, spread: float = 0.35) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, 24) unit rows around one direction a kind, and the kind of each."""
    rng = generator(seed, "blobs")
    kinds = np.repeat(np.arange(len(SIZES)), SIZES)
    noise = rng.standard_normal((kinds.size, 24)) * spread / np.sqrt(24)
    return unit_rows(np.eye(24)[kinds] + noise), kinds


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.array_equal(one[:, None] == one[None, :], other[:, None] == other[None, :]))


@pytest.mark.parametrize("seed", range(5))
def test_kinds_with_two_tracks_get_a_segment_like_those_with_sixty(seed: int) -> None:
    points, kinds = blobs(seed)
    assert same_partition(cut(points, everybody(points), SegmentsConfig(), seed), kinds)


def test_tracks_that_k_means_gathered_first_are_cut_alike() -> None:
    points, kinds = blobs()
    many = unit_rows(np.repeat(points, 4, axis=0) + 1e-3)
    config = SegmentsConfig(gathered=100)
    assert same_partition(cut(many, everybody(many), config, 1), np.repeat(kinds, 4))


def test_a_track_of_which_nothing_is_known_is_nowhere() -> None:
    points, kinds = blobs()
    points[[0, 70]] = 0.0
    segments = cut(points, everybody(points), SegmentsConfig(), 1)
    assert segments[[0, 70]].tolist() == [NOWHERE, NOWHERE]
    known = segments != NOWHERE
    assert same_partition(segments[known], kinds[known])
    assert (
        cut(
            np.zeros((4, 3), np.float32),
            everybody(np.zeros((4, 3), np.float32)),
            SegmentsConfig(),
            1,
        ).tolist()
        == [NOWHERE] * 4
    )


def test_what_too_few_ever_met_joins_the_nearest_that_more_did() -> None:
    points, kinds = blobs()
    met = np.ones((30, len(points)))
    met[19:, kinds == 6] = 0  # 19 listeners met the smallest kind
    met[20:, kinds == 5] = 0  # 20 the second smallest
    own = unit_rows(points + np.where(kinds == 6, 0.5, 0.0)[:, None] * np.eye(24)[2])
    found = cut(own, sp.csr_matrix(met), SegmentsConfig(), 1)
    assert same_partition(found, np.where(kinds == 6, 2, kinds))


def test_the_asked_number_of_segments_is_cut() -> None:
    points, _ = blobs()
    for count in (2, 5, 12):
        assert cut(points, everybody(points), SegmentsConfig(count=count), 1).max() == count - 1


def test_the_widest_step_is_sought_within_bounds_only() -> None:
    heights = np.array([0.1, 0.2, 0.3, 0.9, 1.0, 2.0])
    assert widest_step(heights, 2, 7) == 2  # between 1.0 and 2.0
    assert widest_step(heights, 3, 7) == 4  # between 0.3 and 0.9
    assert widest_step(heights[:2], 6, 64) == 3  # three points cannot be six segments


def test_a_new_track_belongs_to_the_segment_it_lies_nearest_to() -> None:
    points, kinds = blobs()
    segments = cut(points, everybody(points), SegmentsConfig(), 1)
    fresh, fresh_kinds = blobs(seed=9)
    found = nearest(fresh, centroids(points, segments))
    first = np.array([segments[kinds == kind][0] for kind in range(len(SIZES))])
    np.testing.assert_array_equal(found, first[fresh_kinds])
    assert nearest(np.zeros((1, 24), np.float32), centroids(points, segments)).tolist() == [NOWHERE]


def names(segments: np.ndarray, ids: tuple[str, ...]) -> list[str]:
    return [ids[row] for row in segments]


def test_segments_keep_their_names_though_their_numbers_changed() -> None:
    tracks = [f"t{n}" for n in range(9)]
    before = (tracks, ["segment-0003"] * 4 + ["segment-0001"] * 5)
    after = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0])
    kept = carried(before, tracks, after, 7)
    assert names(after, kept.ids) == before[1]
    assert kept.churn == 0.0


def test_what_split_off_gets_a_number_that_was_never_used() -> None:
    tracks = [f"t{n}" for n in range(10)]
    before = (tracks, ["segment-0001"] * 10)
    kept = carried(before, tracks, np.array([0] * 6 + [1] * 4), 5)
    assert kept.ids == ("segment-0001", "segment-0005")
    assert kept.churn == pytest.approx(0.4)


def test_a_segment_that_shares_too_little_is_gone() -> None:
    before = (["a", "b", "c", "d"], ["segment-0001"] * 4)
    kept = carried(before, ["a", *(f"new-{n}" for n in range(8))], np.zeros(9, dtype=int), 2)
    assert kept.ids == ("segment-0002",)  # 1 of 12 tracks in common
    assert number_of(kept.ids[0]) == 2


def kept_segments(track_ids: list[str], members: list[int], ids: tuple[str, ...]) -> Segments:
    nothing: tuple[str, ...] = ("",) * len(ids)
    centres = np.zeros((len(ids), 2), dtype=np.float32)
    words = ((),) * len(ids)
    return Segments(ids, words, nothing, centres, tuple(track_ids), np.array(members))


def test_tracks_stay_where_they_were_and_new_ones_join_what_they_sound_like() -> None:
    before = kept_segments(
        ["a", "b", "c", "unplaced"], [1, 0, 1, NOWHERE], ("segment-0004", "segment-0002")
    )
    now = ["new-b", "c", "unplaced", "b", "silent", "a"]
    east, north = [1.0, 0.0], [0.0, 1.0]
    # "a" has come to lie among the others' tracks: it stays, and outweighs nobody.
    points = np.array([north, east, east, north, [0.0, 0.0], [0.6, 0.8]], dtype=np.float32)
    found = grown(before, now, points)
    assert found.ids == before.ids
    assert found.members.tolist() == [0, 1, 1, 0, NOWHERE, 1]


def test_a_segment_whose_tracks_are_all_gone_is_no_more() -> None:
    before = kept_segments(["a", "b", "c"], [0, 1, 2], ("x", "y", "z"))
    found = grown(before, ["a", "c"], np.eye(2, dtype=np.float32))
    assert found.ids == ("x", "z")
    assert found.members.tolist() == [0, 1]


def test_words_tell_a_segment_from_the_others_and_the_heard_speak_loudest() -> None:
    told = [["jazz", "calm"]] * 5 + [["metal", "loud"]] * 4 + [["metal", "calm"]] + [["typo"]]
    tags, tag_names = tag_matrix(pl.Series(told))
    segments = np.array([0] * 5 + [1] * 6)
    weights = np.array([1.0] * 5 + [5.0] * 5 + [0.01])
    found = telling_words(tags, tag_names, segments, weights)
    assert found[0][0] == "jazz"
    assert found[1][0] == "metal"
    assert "typo" not in found[1][:2]
    assert label_of("segment-0001", found[0]) == "jazz · calm"
    assert label_of("segment-0001", ()) == "segment-0001"


def test_without_tags_there_are_no_words() -> None:
    tags, tag_names = tag_matrix(pl.Series([[], []], dtype=pl.List(pl.String)))
    assert telling_words(tags, tag_names, np.array([0, 1]), np.ones(2)) == ((), ())


def test_many_tags_are_taken_together_without_losing_who_is_alike() -> None:
    rng = generator(3, "tags")
    themes = rng.random((6, 400)) < 0.1
    theme = rng.integers(6, size=300)
    has = themes[theme] & (rng.random((300, 400)) < 0.7)
    matrix = sp.csr_matrix(unit_rows(has.astype(np.float32)))
    reduced = words(matrix)
    assert reduced.shape == (300, WORD_DIM)
    exact = (matrix @ matrix.T).toarray()
    np.testing.assert_allclose(
        np.corrcoef(exact.ravel(), (reduced @ reduced.T).ravel())[0, 1], 1, atol=0.02
    )
    np.testing.assert_array_equal(reduced, words(matrix))


def test_a_track_without_tags_lies_where_tracks_that_sound_like_it_do() -> None:
    sound, kinds = blobs()
    tags = np.eye(7, dtype=np.float32)[kinds]
    bare = np.arange(0, len(kinds), 5)
    told = tags.copy()
    told[bare] = 0.0
    whole = filled([sound, told], 1)
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1.0, atol=1e-5)
    big = kinds[bare] < 5  # the two small kinds have fewer tracks than stand in for another
    assert (whole[bare][big].argmax(axis=1) == kinds[bare][big]).all()
    np.testing.assert_array_equal(np.delete(whole, bare, 0), np.delete(tags, bare, 0))


def test_where_nothing_is_known_nothing_is_made_up() -> None:
    sound = np.array([[1.0, 0.0], [0.0, 0.0]], dtype=np.float32)
    tags = np.array([[0.0, 1.0], [0.0, 0.0]], dtype=np.float32)
    assert filled([sound, tags], 0)[1].tolist() == [0.0, 0.0]


def test_segments_are_read_back_as_they_were_written(tmp_path) -> None:
    points, _ = blobs()
    members = cut(points, everybody(points), SegmentsConfig(), 1)
    written = Segments(
        ids=tuple(f"segment-{n:04d}" for n in range(7)),
        words=(("a", "b"), (), *((("c",),) * 5)),
        labels=tuple("abcdefg"),
        centroids=centroids(points, members),
        track_ids=tuple(f"t{n}" for n in range(len(points))),
        members=members,
    )
    written.save(tmp_path)
    read = Segments.load(tmp_path)
    assert (read.ids, read.words, read.labels) == (written.ids, written.words, written.labels)
    assert read.track_ids == written.track_ids
    np.testing.assert_array_equal(read.members, members)
    np.testing.assert_array_equal(read.centroids, written.centroids)

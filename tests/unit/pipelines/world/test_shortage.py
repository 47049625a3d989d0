"""Starved worlds: most of some styles is missing, and everything else is as it was."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from core.errors import DataError
from pipelines.world.config import WorldConfig
from pipelines.world.remixes import draw_tracks
from pipelines.world.shortage import kept_rows

CONFIG = WorldConfig(tracks=200, seed=6, remix_share=0.5)
STARVED = CONFIG.model_copy(update={"starve": ("metal", "waltz")})


def test_nine_in_ten_tracks_of_the_starved_styles_are_missing_and_no_other() -> None:
    (full, _), (left, _) = draw_tracks(CONFIG), draw_tracks(STARVED)
    before = Counter(track.style for track in full.attributes)
    after = Counter(track.style for track in left.attributes)
    for style, count in before.items():
        starved = style in STARVED.starve
        assert after[style] == (max(1, round(0.1 * count)) if starved else count), style


def test_what_is_left_is_the_same_under_the_same_id() -> None:
    (full, out), (left, also) = draw_tracks(CONFIG), draw_tracks(STARVED)
    row_of = {name: row for row, name in enumerate(full.track_ids)}
    rows = [row_of[name] for name in left.track_ids]
    assert left.attributes == tuple(full.attributes[row] for row in rows)
    assert left.titles == tuple(full.titles[row] for row in rows)
    assert also.tags == tuple(out.tags[row] for row in rows)
    for column in ("quality", "fame", "origins", "labelled", "trial", "released_at_ms"):
        np.testing.assert_array_equal(getattr(also, column), getattr(out, column)[rows])
    np.testing.assert_array_equal(left.creator_rows, full.creator_rows[rows])
    assert left.creators == full.creators


def test_a_remix_points_to_its_original_or_is_one_no_more() -> None:
    (full, out), (left, also) = draw_tracks(CONFIG), draw_tracks(STARVED)
    row_of = {name: row for row, name in enumerate(full.track_ids)}
    lost = 0
    for row, name in enumerate(left.track_ids):
        parent = int(out.remixes.parents[row_of[name]])
        there = parent >= 0 and full.track_ids[parent] in left.track_ids
        if there:
            assert left.track_ids[also.remixes.parents[row]] == full.track_ids[parent]
            assert also.remixes.kinds[row] == out.remixes.kinds[row_of[name]]
        else:
            assert (also.remixes.parents[row], also.remixes.kinds[row]) == (-1, "")
            lost += parent >= 0
    assert lost > 0  # the seed gives such a remix; else this test says nothing of it


def test_a_style_keeps_a_track_and_one_without_any_is_refused() -> None:
    config = CONFIG.model_copy(update={"starve": ("metal",)})
    assert kept_rows(["metal", "jazz"], config).tolist() == [0, 1]
    with pytest.raises(DataError, match="'metal' has no tracks"):
        kept_rows(["jazz"], config)


def test_a_style_that_nobody_knows_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match=r"'polka' is unknown: choose of ambient, "):
        WorldConfig.model_validate({"starve": ["polka"]})

"""Remixes of a world: made from an earlier track, by somebody, with something changed."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache

import numpy as np
import polars as pl
import pytest

from pipelines.music.attributes import TrackAttributes
from pipelines.music.composer import compose
from pipelines.music.percussion import KITS
from pipelines.music.score import DRUMS
from pipelines.world.catalogue import Catalogue
from pipelines.world.config import WorldConfig
from pipelines.world.releases import Releases, track_frame
from pipelines.world.remixes import KINDS, draw_tracks, remixed
from ranking.catalogue import Origin

CONFIG = WorldConfig(tracks=200, seed=11, remix_share=0.4)
FIELD_OF = {"take": "seed", "tempo": "tempo_bpm"}
"""Aspect → attribute, where the two have different names."""


@cache
def drawn(remix_share: float = CONFIG.remix_share) -> tuple[Catalogue, Releases]:
    return draw_tracks(CONFIG.model_copy(update={"remix_share": remix_share}))


def pairs() -> list[tuple[int, int]]:
    """Return row of a remix and of its parent."""
    remixes = drawn()[1].remixes
    return [(row, int(remixes.parents[row])) for row in remixes.rows.tolist()]


def difference(one: TrackAttributes, other: TrackAttributes) -> set[str]:
    left, right = asdict(one), asdict(other)
    return {name for name in left if left[name] != right[name]}


def test_the_share_of_the_tracks_is_remixes_of_every_kind() -> None:
    remixes = drawn()[1].remixes
    assert remixes.rows.size == 80
    assert set(remixes.kinds) == {"", *KINDS}
    assert [bool(kind) for kind in remixes.kinds] == (remixes.parents >= 0).tolist()


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_other_tracks_are_the_same_however_many_are_remixes(share: float) -> None:
    (one, out), (other, also) = drawn(), drawn(share)
    assert also.remixes.rows.size == round(share * CONFIG.tracks)
    plain = set(range(CONFIG.tracks)) - {*out.remixes.rows} - {*also.remixes.rows}
    for row in plain:
        assert one.attributes[row] == other.attributes[row]
        assert one.titles[row] == other.titles[row]
        assert out.tags[row] == also.tags[row]
    np.testing.assert_array_equal(out.released_at_ms, also.released_at_ms)
    np.testing.assert_array_equal(one.creator_rows, other.creator_rows)


def test_a_remix_comes_after_its_parent_which_is_heard_and_no_remix_itself() -> None:
    releases = drawn()[1]
    for row, parent in pairs():
        assert releases.released_at_ms[parent] < releases.released_at_ms[row]
        assert releases.remixes.parents[parent] == -1
        assert not releases.trial[parent]


def test_a_remix_differs_from_its_parent_in_what_its_kind_changes_alone() -> None:
    catalogue, releases = drawn()
    for row, parent in pairs():
        aspects = KINDS[releases.remixes.kinds[row]]
        expected = {FIELD_OF.get(aspect, aspect) for aspect in aspects}
        assert difference(catalogue.attributes[row], catalogue.attributes[parent]) == expected


def test_no_two_tracks_are_the_same_recording() -> None:
    attributes = drawn()[0].attributes
    assert len(set(attributes)) == len(attributes)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_what_is_changed_is_never_what_it_was(kind: str, seed: int) -> None:
    for track in drawn(0.0)[0].attributes[:6]:
        other = remixed(track, kind, np.random.default_rng(seed))
        changed = {FIELD_OF.get(aspect, aspect) for aspect in KINDS[kind]}
        assert difference(track, other) == changed
        assert abs(np.log2(other.tempo_bpm / track.tempo_bpm)) <= np.log2(1.08) + 0.002  # 0.1 bpm
        assert other == remixed(track, kind, np.random.default_rng(seed))


def test_another_kit_is_heard() -> None:
    """A kit that shares the drums that are struck would make the very same recording."""
    heard = []
    for track in drawn(0.0)[0].attributes[:20]:
        other = remixed(track, "kit", np.random.default_rng(1))
        hits = compose(track).hits.drum
        differs = [KITS[track.kit][drum] != KITS[other.kit][drum] for drum in DRUMS]
        heard.append(np.mean([differs[drum] for drum in hits]))
    assert min(heard) > 0
    assert np.mean(np.array(heard) >= 0.5) > 0.9


def test_titles_are_unique_and_name_the_parent_and_who_remixed_it() -> None:
    catalogue, _ = drawn()
    assert len(set(catalogue.titles)) == CONFIG.tracks
    for row, parent in pairs():
        maker = catalogue.creators[catalogue.creator_rows[row]]
        assert catalogue.titles[row].startswith(f"{catalogue.titles[parent]} ({maker.name} Remix)")
        assert catalogue.attributes[row].style in maker.styles


def test_the_table_of_tracks_names_parents_and_what_made_a_remix() -> None:
    catalogue, releases = drawn()
    frame = track_frame(catalogue, releases)
    told = {row: [f"track-{parent:05d}"] for row, parent in pairs()}
    assert frame["parents"].to_list() == [told.get(row, []) for row in range(CONFIG.tracks)]
    remixes = frame.filter(pl.col("parents").list.len() > 0)
    assert set(remixes["origin"]) == {"generated", "assisted"}
    assert 0.7 < remixes["generator"].is_not_null().mean() < 0.98  # 85 % say what made them
    on_trial = [row for row, _ in pairs() if releases.trial[row]]
    assert on_trial
    assert all(releases.origins[row] == Origin.GENERATED for row in on_trial)
    assert releases.labelled[on_trial].all()

"""The catalogue of a world: reproducible, varied, owned by creators who keep to their styles."""

import numpy as np
import pytest
import soundfile

from pipelines.music.style import STYLES
from pipelines.world.catalogue import draw_catalogue, record_tracks


def test_equal_seeds_give_equal_catalogues_and_another_seed_another():
    one, two, other = draw_catalogue(60, 7), draw_catalogue(60, 7), draw_catalogue(60, 8)
    assert one.attributes == two.attributes
    assert one.titles == two.titles
    assert one.creators == two.creators
    assert one.attributes != other.attributes


def test_columns_have_equal_length_and_titles_and_creators_are_unique():
    world = draw_catalogue(1500, 3)
    assert len(world.attributes) == len(world.titles) == world.creator_rows.size == 1500
    assert len(set(world.titles)) == 1500
    assert len({creator.name for creator in world.creators}) == len(world.creators)
    assert {track.style for track in world.attributes} == set(STYLES)


@pytest.mark.parametrize("seed", range(5))
def test_each_creator_has_tracks_and_each_track_a_creator_of_its_style(seed):
    world = draw_catalogue(400, seed)
    assert set(world.creator_rows) == set(range(len(world.creators)))
    assert 5 <= 400 / len(world.creators) <= 11  # about eight tracks each
    for track, row in zip(world.attributes, world.creator_rows, strict=True):
        assert track.style in world.creators[row].styles
    assert {len(creator.styles) for creator in world.creators} == {1, 2}


def test_one_track_is_a_catalogue_too():
    world = draw_catalogue(1, 0)
    assert len(world.creators) == 1
    np.testing.assert_array_equal(world.creator_rows, [0])


def test_recorded_tracks_are_the_same_with_one_worker_and_with_two(tmp_path):
    world = draw_catalogue(2, 5, mean_duration_s=6.0)
    heard = {}
    for workers in (1, 2):
        paths = [tmp_path / f"{workers}-{place}.flac" for place in range(2)]
        assert list(record_tracks(world.attributes, paths, workers)) == paths
        heard[workers] = [soundfile.read(path)[0] for path in paths]
    for one, two in zip(heard[1], heard[2], strict=True):
        np.testing.assert_array_equal(one, two)

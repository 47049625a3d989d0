"""What tracks teach an encoder, and that hidden plays teach it nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.sparse as sp

from core.workspace import open_workspace
from embeddings.audio.configuration import ObjectivesConfig
from embeddings.collaborative.factors import AlsConfig
from pipelines.fitting import FactorsConfig, PreferenceMatrix
from pipelines.lessons import Lessons, Plays, lessons_of
from pipelines.recordings import Recording
from tests.support.histories import add_plays, add_tracks, two_tastes
from tests.support.worlds import tiny_world

USERS, TRACKS = 40, 30
CATALOGUE = tiny_world(TRACKS).catalogue
IDS = CATALOGUE.tracks.values
HIDDEN = IDS[::4]
ALS = AlsConfig(dim=4, num_threads=1, regularization=1.0)
NO_TAGS = np.zeros((0, 0), dtype=np.float32)


def plays(hidden_seed: int) -> Plays:
    """Return listening in which only the plays of the hidden tracks are dealt by the seed."""
    wanted = np.random.default_rng(0).random((USERS, TRACKS)) < 0.3
    dealt = np.random.default_rng(hidden_seed).random((USERS, TRACKS)) < 0.3
    columns = CATALOGUE.tracks.rows(HIDDEN)
    wanted[:, columns] = dealt[:, columns]
    users = tuple(f"u{at}" for at in range(USERS))
    known = PreferenceMatrix(users, sp.csr_matrix(wanted.astype(np.float32)))
    return Plays(known, CATALOGUE, ALS, seed=5)


def test_hidden_plays_shape_no_factor() -> None:
    one, other = plays(1), plays(2)
    np.testing.assert_array_equal(one.factors(IDS, HIDDEN), other.factors(IDS, HIDDEN))
    # Where they are known they shape everybody's, those of the other tracks too.
    others = [track for track in IDS if track not in HIDDEN]
    assert np.abs(one.factors(others) - other.factors(others)).max() > 0.01


def test_hidden_tracks_have_no_factor_and_the_others_have() -> None:
    found = plays(1).factors(IDS, HIDDEN)
    assert found.shape == (TRACKS, ALS.dim)
    is_zero = ~found.any(axis=1)
    assert [track for track, zero in zip(IDS, is_zero, strict=True) if zero] == list(HIDDEN)
    assert not plays(1).factors(["nowhere"]).any()


def test_lessons_are_those_of_the_rows_in_their_order() -> None:
    tags = np.eye(TRACKS, dtype=np.float32)
    lessons = Lessons(IDS, tags, plays(1))
    rows = np.array([7, 3, 9])
    taught = lessons.of(rows, HIDDEN)
    np.testing.assert_array_equal(taught.tags, tags[rows])
    np.testing.assert_array_equal(taught.factors, plays(1).factors(IDS, HIDDEN)[rows])
    untaught = Lessons(IDS, NO_TAGS, None).of(rows)
    assert untaught.tags.size == untaught.factors.size == 0


def test_only_what_objectives_ask_for_is_read(tmp_path: Path) -> None:
    with open_workspace(tmp_path) as workspace:
        ids = add_tracks(workspace, 6)
        add_plays(workspace, two_tastes(ids, 8, 0.9, seed=1))
        names = ((), ("folk",), ("house", "folk"), (), ("house",), ("ambient",))
        found = [Recording(one, Path(), tags) for one, tags in zip(ids, names, strict=True)]
        factors = FactorsConfig(als=ALS)

        def read(**weights: float) -> Lessons:
            return lessons_of(workspace, found, ids[1:], ObjectivesConfig(**weights), factors, 1)

        nothing, named, played = read(), read(tags=1.0), read(alignment=1.0)
    assert (nothing.tags.size, nothing.plays) == (0, None)
    assert (named.plays, played.tags.size) == (None, 0)
    # Columns are ambient, folk and house.
    expected = [[0, 1, 0], [0, 1, 1], [0, 0, 0], [0, 0, 1], [1, 0, 0]]
    assert named.tags.tolist() == expected
    taught = played.of(np.arange(5)).factors
    assert taught.shape == (5, ALS.dim)
    assert taught.any(axis=1).all()

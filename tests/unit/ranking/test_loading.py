from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from core.database import upsert
from core.errors import ArtifactError, DataError
from core.schema import tracks
from core.workspace import Workspace, open_workspace
from embeddings.collaborative.factors import AlsFactors, Ridge
from embeddings.collaborative.neighbours import ItemNeighbours
from embeddings.index import IndexConfig, build_index
from embeddings.vectors import TrackVectors, unit_rows
from ranking.catalogue import Catalogue, Origin, Status
from ranking.learned import TrackStatistics
from ranking.loading import load_catalogue, load_learned, load_ranker
from ranking.rankers.fusion import FusionRanker

DEFAULTS = {
    "creator_id": None,
    "origin": "human",
    "status": "active",
    "explicit": False,
    "generator": None,
    "released_at": None,
    "duration_ms": None,
    "regions": [],
    "tags": [],
    "parents": [],
    "updated_at": 1,
}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path) as opened:
        yield opened


def stored(workspace: Workspace, *rows: dict[str, object]) -> Catalogue:
    return loaded(workspace, (), *rows)


def loaded(workspace: Workspace, order: tuple[str, ...], *rows: dict[str, object]) -> Catalogue:
    with workspace.database.write() as connection:
        upsert(connection, tracks, [{**DEFAULTS, **row} for row in rows])
    with workspace.database.read() as connection:
        return load_catalogue(connection, order)


def test_columns_mean_what_the_store_says(workspace: Workspace) -> None:
    catalogue = stored(
        workspace,
        {"track_id": "a", "creator_id": "y", "released_at": 5, "duration_ms": 9, "explicit": True},
        {"track_id": "b", "creator_id": "x", "origin": "generated", "status": "trial"},
        {"track_id": "c", "origin": "generated", "generator": "synth", "regions": ["DE"]},
        {"track_id": "d", "origin": "assisted", "status": "retired"},
    )
    assert catalogue.tracks.values == ("a", "b", "c", "d")
    assert catalogue.creators.values == ("x", "y")
    assert catalogue.creator_rows.tolist() == [1, 0, -1, -1]
    assert catalogue.statuses.tolist() == [
        Status.ACTIVE,
        Status.TRIAL,
        Status.ACTIVE,
        Status.RETIRED,
    ]
    assert catalogue.origins.tolist() == [
        Origin.HUMAN,
        Origin.GENERATED,
        Origin.GENERATED,
        Origin.ASSISTED,
    ]
    assert catalogue.explicit.tolist() == [True, False, False, False]
    assert catalogue.labelled.tolist() == [True, False, True, False]
    assert catalogue.released_at_ms.tolist() == [5, 0, 0, 0]
    np.testing.assert_array_equal(catalogue.duration_ms, [9, np.nan, np.nan, np.nan])
    assert catalogue.regions == {2: frozenset({"DE"})}
    assert catalogue.servable.tolist() == [True, True, True, False]


def test_an_order_takes_the_first_rows_and_moves_every_column(workspace: Workspace) -> None:
    rows = [
        {"track_id": "a", "creator_id": "x", "tags": ["rock"], "regions": ["DE"]},
        {"track_id": "b", "status": "trial", "explicit": True},
        {"track_id": "c", "tags": ["jazz"], "released_at": 3, "parents": ["d"]},
        {"track_id": "d", "status": "blocked"},
    ]
    catalogue = loaded(workspace, ("c", "gone", "a"), *rows)
    assert catalogue.tracks.values == ("c", "a", "b", "d")
    assert catalogue.creator_rows.tolist() == [-1, 0, -1, -1]
    assert catalogue.explicit.tolist() == [False, False, True, False]
    assert catalogue.released_at_ms.tolist() == [3, 0, 0, 0]
    assert catalogue.hidden.tolist() == [True, False, False, True]
    assert catalogue.regions == {1: frozenset({"DE"})}
    dense = catalogue.tags.toarray()
    assert catalogue.tag_names == ("jazz", "rock")
    np.testing.assert_array_equal(dense > 0, [[1, 0], [0, 1], [0, 0], [0, 0]])


def test_tag_rows_have_unit_length_and_rare_tags_weigh_more(workspace: Workspace) -> None:
    catalogue = stored(
        workspace,
        {"track_id": "a", "tags": ["common", "rare", "rare"]},
        {"track_id": "b", "tags": ["common"]},
        {"track_id": "c", "tags": []},
    )
    lengths = np.sqrt(np.asarray(catalogue.tags.multiply(catalogue.tags).sum(axis=1))).ravel()
    np.testing.assert_allclose(lengths, [1, 1, 0], rtol=1e-6)  # float32 data
    common, rare = catalogue.tags.toarray()[0]
    assert rare / common == pytest.approx(np.log1p(3 / 1) / np.log1p(3 / 2), rel=1e-6)


def test_blocking_hides_every_descendant_and_a_circle_ends(workspace: Workspace) -> None:
    catalogue = stored(
        workspace,
        {"track_id": "a", "status": "blocked", "parents": ["c"]},
        {"track_id": "b", "parents": ["a", "unknown"]},
        {"track_id": "c", "parents": ["b"]},
        {"track_id": "d", "parents": ["unknown"]},
        {"track_id": "e"},
    )
    assert catalogue.hidden.tolist() == [True, True, True, False, False]


def test_an_empty_store_is_an_empty_catalogue(workspace: Workspace) -> None:
    catalogue = stored(workspace)
    assert len(catalogue) == 0
    assert catalogue.tags.shape == (0, 0)
    learned = load_learned(workspace.artifacts, {}, catalogue)
    assert learned.vectors.shape[0] == 0


def test_an_unknown_status_is_named(workspace: Workspace) -> None:
    with pytest.raises(DataError, match="status 'asleep'"):
        stored(workspace, {"track_id": "a", "status": "asleep"})


def test_nothing_promoted_is_nothing_learned(workspace: Workspace) -> None:
    catalogue = stored(workspace, {"track_id": "a"}, {"track_id": "b"})
    learned = load_learned(workspace.artifacts, {}, catalogue)
    assert not learned.has_vector.any()
    assert len(learned.index) == 0
    assert learned.factors.track_ids == catalogue.tracks.values
    assert learned.neighbours.similarity.shape == (2, 2)
    assert learned.statistics.recent.tolist() == [0, 0]
    assert isinstance(load_ranker(workspace.artifacts, {}), FusionRanker)


def made(workspace: Workspace, kind: str, save: object, **inputs: str) -> str:
    manifest = workspace.artifacts.create(kind, save, now_ms=1, config={}, inputs=inputs)  # type: ignore[arg-type]
    return manifest.version


def test_artifacts_are_read_into_the_rows_of_the_catalogue(workspace: Workspace) -> None:
    catalogue = stored(workspace, {"track_id": "a"}, {"track_id": "b"}, {"track_id": "c"})
    trained = ("c", "gone", "a")
    values = unit_rows(np.array([[1.0, 0.1], [0.0, 1.0], [1.0, 0.0]]))
    factors = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32)
    similar = sp.csr_matrix(np.array([[0, 0, 0.5], [0, 0, 0], [0.5, 0, 0]], dtype=np.float32))
    columns = [np.array([1, 2, 3], dtype=np.float32)] * 6
    version = made(workspace, "vectors", TrackVectors(trained, values).save)
    versions = {
        "vectors": version,
        "index": made(workspace, "index", build_index(values, IndexConfig()).save, vectors=version),
        "factors": made(
            workspace, "factors", AlsFactors(("u",), trained, factors[:1], factors, Ridge(2.0)).save
        ),
        "neighbours": made(workspace, "neighbours", ItemNeighbours(trained, similar).save),
        "statistics": made(
            workspace, "statistics", lambda at: TrackStatistics(*columns, 7).save(at, trained)
        ),
    }
    learned = load_learned(workspace.artifacts, versions, catalogue)
    np.testing.assert_allclose(learned.vectors, [values[2], [0, 0], values[0]])
    np.testing.assert_array_equal(learned.factors.tracks, [factors[2], [0, 0], factors[0]])
    assert learned.factors.ridge.weight == 2.0
    np.testing.assert_array_equal(learned.neighbours.neighbours(0, 5)[0], [2])
    assert learned.statistics.recent.tolist() == [3, 0, 1]
    rows, _ = learned.index.search(values[[2]], 3)
    assert rows.tolist() == [[0, 2, -1]]  # "gone" is found and has no row


def test_an_index_of_other_vectors_is_refused(workspace: Workspace) -> None:
    catalogue = stored(workspace, {"track_id": "a"})
    values = unit_rows(np.array([[1.0, 0.0]]))
    version = made(workspace, "index", build_index(values, IndexConfig()).save, vectors="old")
    with pytest.raises(ArtifactError, match="promote vectors and index together"):
        load_learned(workspace.artifacts, {"index": version}, catalogue)

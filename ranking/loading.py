"""Reading the catalogue from the store, and what was learned from the artifacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import scipy.sparse as sp
import sqlalchemy as sa
from numpy.typing import NDArray

from core.artifacts import ArtifactStore
from core.database import tracks
from core.errors import ArtifactError, DataError
from core.ids import Ids
from embeddings.collaborative.factors import AlsFactors
from embeddings.collaborative.neighbours import ItemNeighbours
from embeddings.index import IndexConfig, VectorIndex, build_index
from embeddings.vectors import TrackVectors
from ranking.catalogue import Catalogue, Origin, Status
from ranking.learned import Learned, TrackStatistics, no_statistics
from ranking.model import Floats, Mask, Rows
from ranking.protocols import Ranker
from ranking.rankers.fusion import FusionRanker
from ranking.rankers.lightgbm import LightGbmRanker

EMPTY_LIST = "[]"
_C = tracks.c
_ORIGINS = {origin.name.lower(): int(origin) for origin in Origin}
_STATUSES = {status.name.lower(): int(status) for status in Status}
# Lists come as text: SQLAlchemy would decode every "[]" of a million rows by itself.
_TRACKS = sa.select(
    _C.track_id,
    _C.creator_id,
    _C.status,
    _C.origin,
    _C.explicit,
    _C.generator.is_not(None) | _C.model.is_not(None),
    _C.released_at,
    _C.duration_ms,
    *(sa.cast(column, sa.Text) for column in (_C.regions, _C.tags, _C.parents)),
).order_by(_C.track_id)


def load_catalogue(connection: sa.Connection, order: Sequence[str] = ()) -> Catalogue:
    """Read every track of the store.

    Args:
        connection: A read transaction.
        order: Ids whose tracks take the first rows, in this order, where the store has them; the
            rest follow by id. With the order of the artifacts nothing learned is copied.

    Raises:
        DataError: If a track has a status or an origin that nobody knows.
    """
    # The driver's own rows: a tenth of the time of SQLAlchemy's at a million of them.
    found = connection.execute(_TRACKS).cursor.fetchall()
    columns = list(zip(*found, strict=True)) or [()] * 11
    ids, place = _placed(columns[0], order)
    creators = Ids(sorted({one for one in columns[1] if one is not None}))
    statuses = _codes(columns[2], _STATUSES, "status")
    tags, tag_names = tag_matrix([_distinct(columns[9][at]) for at in place.tolist()])
    return Catalogue(
        tracks=ids,
        creators=creators,
        creator_rows=_moved(creators.rows(one or "" for one in columns[1]), place),
        statuses=_moved(statuses, place),
        origins=_moved(_codes(columns[3], _ORIGINS, "origin"), place),
        explicit=_moved(np.array(columns[4], dtype=np.bool_), place),
        labelled=_moved(_labelled(columns[3], columns[5]), place),
        released_at_ms=_moved(np.array([one or 0 for one in columns[6]], np.int64), place),
        duration_ms=_moved(np.array(columns[7], dtype=np.float32), place),
        hidden=_moved(hidden_tracks(columns[0], statuses, columns[10]), place),
        regions=_regions(columns[8], place),
        tags=tags,
        tag_names=tag_names,
    )


def load_learned(
    artifacts: ArtifactStore, versions: Mapping[str, str], catalogue: Catalogue
) -> Learned:
    """Read what was learned, aligned with the catalogue; a kind that is missing knows nothing.

    Args:
        artifacts: Where.
        versions: Kind → version: vectors, index, factors, neighbours, statistics.
        catalogue: The rows to align with.

    Raises:
        ArtifactError: If an artifact is missing, broken, or does not belong to the others.
    """
    ids = catalogue.tracks.values
    folder = {kind: artifacts.folder(kind, version) for kind, version in versions.items()}
    vectors = TrackVectors((), np.zeros((0, 0), dtype=np.float32))
    if "vectors" in folder:
        vectors = TrackVectors.load(folder["vectors"])
    statistics = no_statistics(len(ids))
    if "statistics" in folder:
        statistics = TrackStatistics.load(folder["statistics"], ids)
    neighbours = ItemNeighbours(ids, sp.csr_matrix((len(ids), len(ids)), dtype=np.float32))
    if "neighbours" in folder:
        neighbours = ItemNeighbours.load(folder["neighbours"]).aligned(ids)
    return Learned(
        vectors=vectors.aligned(ids),
        index=_index(artifacts, versions, vectors, catalogue),
        factors=_factors(AlsFactors.load(folder["factors"]), ids)
        if "factors" in folder
        else no_factors(ids),
        neighbours=neighbours,
        statistics=statistics,
    )


def load_ranker(artifacts: ArtifactStore, versions: Mapping[str, str]) -> Ranker:
    """Read the live ranker; before one is trained, the sources are fused by rank.

    Raises:
        ArtifactError: If the artifact is missing or broken.
    """
    if "ranker" not in versions:
        return FusionRanker()
    return LightGbmRanker.load(artifacts.folder("ranker", versions["ranker"]))


def no_factors(track_ids: tuple[str, ...], dim: int = 1) -> AlsFactors:
    """Return the factors of tracks nobody has played."""
    empty = np.zeros((len(track_ids), dim), dtype=np.float32)
    return AlsFactors((), track_ids, np.zeros((0, dim), dtype=np.float32), empty, 1.0)


def hidden_tracks(
    track_ids: Sequence[str], statuses: NDArray[np.int8], parents: Sequence[str]
) -> Mask:
    """Return which tracks are blocked, or descend from one that is.

    Args:
        track_ids: (n,) ids.
        statuses: (n,) `Status`.
        parents: (n,) JSON lists of the ids each is a remix of.
    """
    hidden = statuses == Status.BLOCKED
    remixes = [at for at, text in enumerate(parents) if text not in (EMPTY_LIST, None)]
    if not remixes or not hidden.any():
        return np.asarray(hidden)
    row_of = {track_id: at for at, track_id in enumerate(track_ids)}
    children: dict[int, list[int]] = {}
    for at in remixes:
        for parent in orjson.loads(parents[at]):
            children.setdefault(row_of.get(parent, -1), []).append(at)
    waiting: list[int] = np.flatnonzero(hidden).tolist()
    while waiting:  # every track is hidden once, so a circle of remixes ends too
        fresh = [child for child in children.get(waiting.pop(), ()) if not hidden[child]]
        hidden[fresh] = True
        waiting += fresh
    return np.asarray(hidden)


def _placed(track_ids: Sequence[str], order: Sequence[str]) -> tuple[Ids, Rows]:
    """Return the ids in catalogue order, and where each of them stands among those read."""
    read = Ids(track_ids)
    if not len(order):
        return read, np.arange(len(read))
    first = read.known_rows(order)
    rest = np.ones(len(read), dtype=np.bool_)
    rest[first] = False
    place = np.concatenate([first, np.flatnonzero(rest)])
    return Ids(read.take(place)), place


def _moved(values: NDArray[Any], place: Rows) -> NDArray[Any]:
    return values[place]


def _codes(names: Sequence[str], known: Mapping[str, int], column: str) -> NDArray[np.int8]:
    try:
        return np.fromiter((known[name] for name in names), dtype=np.int8, count=len(names))
    except KeyError as error:
        raise DataError(
            f"a track of the store has the {column} {error}; use {', '.join(known)}"
        ) from error


def _labelled(origins: Sequence[str], stated: Sequence[bool]) -> Mask:
    human = np.fromiter((one == "human" for one in origins), dtype=np.bool_, count=len(origins))
    return human | np.array(stated, dtype=np.bool_)


def _regions(texts: Sequence[str], place: Rows) -> dict[int, frozenset[str]]:
    return {
        row: frozenset(orjson.loads(texts[at]))
        for row, at in enumerate(place.tolist())
        if texts[at] not in (EMPTY_LIST, None)
    }


def tag_matrix(lists: Sequence[Sequence[str]]) -> tuple[sp.csr_matrix, tuple[str, ...]]:
    """Return tags as unit rows, each tag weighed by how rare it is (inverse document frequency).

    Args:
        lists: (n,) the distinct tags of each track.

    Returns:
        (n, n_tags) csr float32, rows of unit length or empty, and the tags in column order.
    """
    names = Ids(sorted({tag for tags in lists for tag in tags}))
    columns = names.rows(tag for tags in lists for tag in tags)
    counts = np.fromiter((len(tags) for tags in lists), dtype=np.int64, count=len(lists))
    rarity = np.log1p(len(lists) / np.maximum(np.bincount(columns, minlength=len(names)), 1))
    weights = rarity[columns]
    owner = np.repeat(np.arange(len(lists)), counts)
    norms = np.sqrt(np.bincount(owner, weights=weights**2, minlength=len(lists)))
    data = (weights / norms[owner]).astype(np.float32)
    starts = np.concatenate([[0], np.cumsum(counts)])
    matrix = sp.csr_matrix((data, columns, starts), shape=(len(lists), len(names)))
    matrix.sort_indices()
    return matrix, names.values


def _distinct(text: str | None) -> tuple[str, ...]:
    if text is None or text == EMPTY_LIST:
        return ()
    return tuple(dict.fromkeys(orjson.loads(text)))


def _factors(factors: AlsFactors, ids: tuple[str, ...]) -> AlsFactors:
    tracks_now = factors.aligned(ids)
    if tracks_now is factors.tracks:
        return factors
    return AlsFactors(
        factors.user_ids,
        ids,
        factors.users,
        tracks_now,
        factors.regularization,
        factors.confidence,
    )


def _index(
    artifacts: ArtifactStore,
    versions: Mapping[str, str],
    vectors: TrackVectors,
    catalogue: Catalogue,
) -> VectorIndex:
    """Read the index, its answers turned from rows of the vectors into rows of the catalogue."""
    if "index" not in versions:
        empty: Floats = np.zeros((0, vectors.dim), dtype=np.float32)
        return build_index(empty, IndexConfig())
    made_from = artifacts.manifest("index", versions["index"]).inputs.get("vectors")
    if made_from is not None and made_from != versions.get("vectors"):
        raise ArtifactError(
            f"the index was built from the vectors {made_from}, and {versions.get('vectors')} are "
            "to be served with it; promote vectors and index together"
        )
    index = VectorIndex.load(artifacts.folder("index", versions["index"]))
    rows = catalogue.tracks.rows(vectors.track_ids)
    if len(index) and int(index.rows.max()) >= rows.size:
        raise ArtifactError(
            f"the index names row {int(index.rows.max())} of {rows.size} vectors; build it again"
        )
    return VectorIndex(index.dim, rows[index.rows], index.engine)

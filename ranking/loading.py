"""Reading the catalogue from the store, and what was learned from the artifacts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import scipy.sparse as sp
import sqlalchemy as sa
from numpy.typing import NDArray

from core.artifacts import ArtifactStore
from core.errors import ArtifactError, DataError
from core.ids import Ids
from core.schema import near_duplicates, tracks
from embeddings.collaborative.factors import AlsFactors, Ridge
from embeddings.collaborative.neighbours import ItemNeighbours
from embeddings.index import IndexConfig, VectorIndex, build_index
from embeddings.vectors import TrackVectors
from ranking.catalogue import Catalogue, Origin, Status
from ranking.clusters import Clusters, clusters_of
from ranking.features.shown import no_shown, track_keys
from ranking.features.shown_file import load_shown
from ranking.learned import Learned, TrackStatistics, no_statistics
from ranking.model import Floats, Mask, Rows
from ranking.protocols import Ranker
from ranking.rankers.blend import BLEND_FILE, BlendRanker
from ranking.rankers.fusion import FusionRanker
from ranking.rankers.heads import HEADS_FILE, HeadsRanker
from ranking.rankers.lightgbm import LightGbmRanker
from ranking.supply.audience import KIND as AUDIENCE
from ranking.supply.audience import load_audience, no_audience

EMPTY_LISTS = ("[]", "null")  # as JSON text
FETCH_ROWS = 20_000  # rows turned into columns at a time: what Python holds of them dies young
_C = tracks.c
_ORIGINS = {origin.name.lower(): int(origin) for origin in Origin}
_STATUSES = {status.name.lower(): int(status) for status in Status}
# Lists come as text: SQLAlchemy would decode every "[]" of a million rows by itself.
_COLUMNS: tuple[tuple[str, sa.ColumnElement[Any], type[pl.DataType]], ...] = (
    ("track_id", _C.track_id, pl.String),
    ("creator_id", _C.creator_id, pl.String),
    ("status", _C.status, pl.String),
    ("origin", _C.origin, pl.String),
    ("explicit", sa.cast(_C.explicit, sa.Integer), pl.Int64),
    ("stated", sa.func.coalesce(_C.generator, _C.model), pl.String),
    ("released_at", sa.func.coalesce(_C.released_at, 0), pl.Int64),
    ("duration_ms", _C.duration_ms, pl.Float32),
    ("regions", sa.cast(_C.regions, sa.Text), pl.String),
    ("tags", sa.cast(_C.tags, sa.Text), pl.String),
    ("parents", sa.cast(_C.parents, sa.Text), pl.String),
)


def load_catalogue(connection: sa.Connection, order: Sequence[str] = ()) -> Catalogue:
    """Read every track of the store.

    Args:
        connection: A read transaction.
        order: Ids whose tracks take the first rows, in this order, where the store has them; the
            rest follow by id. With the order of the artifacts nothing learned is copied.

    Raises:
        DataError: If a track has a status or an origin that nobody knows.
    """
    frame = _read(connection)
    if len(order):
        frame = frame[_placed(frame["track_id"].to_list(), order)]
    statuses = _codes(frame["status"], _STATUSES)
    creators, creator_rows = _numbered(frame["creator_id"])
    tags, tag_names = tag_matrix(frame["tags"].str.json_decode(pl.List(pl.String)))
    ids = Ids(frame["track_id"].to_list())
    clusters = _clusters(connection, ids)
    return Catalogue(
        tracks=ids,
        creators=creators,
        creator_rows=creator_rows,
        statuses=statuses,
        origins=_codes(frame["origin"], _ORIGINS),
        explicit=frame["explicit"].cast(pl.Boolean).to_numpy(),
        labelled=((frame["origin"] == "human") | frame["stated"].is_not_null()).to_numpy(),
        released_at_ms=frame["released_at"].to_numpy(),
        duration_ms=frame["duration_ms"].to_numpy(),
        hidden=clusters.with_hidden(hidden_tracks(ids, statuses, dict(_lists(frame["parents"])))),
        regions={row: frozenset(countries) for row, countries in _lists(frame["regions"])},
        tags=tags,
        tag_names=tag_names,
        clusters=clusters,
    )


def catalogue_order(artifacts: ArtifactStore, versions: Mapping[str, str]) -> tuple[str, ...]:
    """Return the order of the track vectors: a catalogue in it maps them instead of copying.

    Raises:
        ArtifactError: If the vectors are missing or broken.
    """
    if "vectors" not in versions:
        return ()
    return TrackVectors.load(artifacts.folder("vectors", versions["vectors"])).track_ids


def load_learned(
    artifacts: ArtifactStore, versions: Mapping[str, str], catalogue: Catalogue
) -> Learned:
    """Read what was learned, aligned with the catalogue; a kind that is missing knows nothing.

    Args:
        artifacts: Where.
        versions: Kind → version: vectors, index, factors, neighbours, autoencoder,
            statistics, audience.
        catalogue: The rows to align with.

    Raises:
        ArtifactError: If an artifact is missing, broken, or does not belong to the others.
    """
    ids = catalogue.tracks.values
    folder = {kind: artifacts.folder(kind, version) for kind, version in versions.items()}
    vectors = TrackVectors((), np.zeros((0, 0), dtype=np.float32))
    if "vectors" in folder:
        vectors = TrackVectors.load(folder["vectors"])
    statistics, shown = no_statistics(len(ids)), no_shown()
    if "statistics" in folder:
        statistics = TrackStatistics.load(folder["statistics"], ids)
        keys = track_keys(catalogue.creator_rows, catalogue.duration_ms, catalogue.tags)
        shown = load_shown(folder["statistics"], catalogue.tracks, keys)
    return Learned(
        vectors=vectors.aligned(ids),
        index=_index(artifacts, versions, vectors, catalogue),
        factors=_factors(AlsFactors.load(folder["factors"]), ids)
        if "factors" in folder
        else no_factors(ids),
        neighbours=_between_tracks(folder.get("neighbours"), ids),
        autoencoder=_between_tracks(folder.get("autoencoder"), ids),
        statistics=statistics,
        shown=shown,
        audience=load_audience(folder[AUDIENCE], ids)
        if AUDIENCE in folder
        else no_audience(len(ids)),
    )


def load_ranker(artifacts: ArtifactStore, versions: Mapping[str, str]) -> Ranker:
    """Read the live ranker; before one is trained, the sources are fused by rank.

    Raises:
        ArtifactError: If the artifact is missing or broken.
    """
    if "ranker" not in versions:
        return FusionRanker()
    folder = artifacts.folder("ranker", versions["ranker"])
    if (folder / BLEND_FILE).is_file():
        return BlendRanker.load(folder)
    kind = HeadsRanker if (folder / HEADS_FILE).is_file() else LightGbmRanker
    return kind.load(folder)


def no_factors(track_ids: tuple[str, ...], dim: int = 1) -> AlsFactors:
    """Return the factors of tracks nobody has played."""
    empty = np.zeros((len(track_ids), dim), dtype=np.float32)
    return AlsFactors((), track_ids, np.zeros((0, dim), dtype=np.float32), empty, Ridge(1.0))


def hidden_tracks(
    ids: Ids, statuses: NDArray[np.int8], parents: Mapping[int, Sequence[str]]
) -> Mask:
    """Return which tracks are blocked, or descend from one that is.

    Args:
        ids: The tracks.
        statuses: (n,) `Status`.
        parents: Row of a remix → the ids it was made from; unknown ids hide nothing.
    """
    hidden = statuses == Status.BLOCKED
    children: dict[int, list[int]] = {}
    for row, names in parents.items():
        for parent in ids.known_rows(names).tolist():
            children.setdefault(parent, []).append(row)
    waiting: list[int] = np.flatnonzero(hidden).tolist()
    while waiting:  # every track is hidden once, so a circle of remixes ends too
        fresh = [child for child in children.get(waiting.pop(), ()) if not hidden[child]]
        hidden[fresh] = True
        waiting += fresh
    return np.asarray(hidden)


def _read(connection: sa.Connection) -> pl.DataFrame:
    """Return the tracks by id, from the driver's own rows: no value is looked at one by one."""
    query = sa.select(*(column.label(name) for name, column, _ in _COLUMNS)).order_by(_C.track_id)
    cursor: Any = connection.execute(query).cursor
    schema = {name: dtype for name, _, dtype in _COLUMNS}
    blocks = [pl.DataFrame(schema=schema)]
    while rows := cursor.fetchmany(FETCH_ROWS):
        columns = zip(schema, zip(*rows, strict=True), strict=True)
        blocks.append(pl.DataFrame(dict(columns), schema=schema))
    return pl.concat(blocks)


def _clusters(connection: sa.Connection, ids: Ids) -> Clusters:
    query = sa.select(near_duplicates.c.track_id, near_duplicates.c.canonical_id)
    return clusters_of(ids, [(row[0], row[1]) for row in connection.execute(query)])


def _placed(track_ids: Sequence[str], order: Sequence[str]) -> Rows:
    """Return where each row of the catalogue stands among the tracks that were read."""
    first = Ids(track_ids).known_rows(order)
    rest = np.ones(len(track_ids), dtype=np.bool_)
    rest[first] = False
    return np.concatenate([first, np.flatnonzero(rest)])


def _codes(names: pl.Series, known: Mapping[str, int]) -> NDArray[np.int8]:
    strange = sorted(set(names.unique().to_list()) - set(known))
    if strange:
        raise DataError(
            f"tracks of the store have the {names.name} {strange[0]!r}; use {', '.join(known)}"
        )
    return names.replace_strict(known, return_dtype=pl.Int8).to_numpy()


def _numbered(names: pl.Series) -> tuple[Ids, Rows]:
    """Return the distinct names in order, and the row of each; -1 where there is none."""
    distinct = names.drop_nulls().unique().sort()
    numbers = names.cast(pl.Enum(distinct)).to_physical().cast(pl.Int64).fill_null(-1)
    return Ids(distinct.to_list()), numbers.to_numpy()


def _lists(texts: pl.Series) -> Iterator[tuple[int, list[str]]]:
    """Yield (row, list) where a JSON list is not empty; most are."""
    for row in texts.is_in(EMPTY_LISTS).not_().fill_null(value=False).arg_true().to_list():
        yield row, orjson.loads(texts[row])


def tag_matrix(tags: pl.Series) -> tuple[sp.csr_matrix, tuple[str, ...]]:
    """Return tags as unit rows, each tag weighed by how rare it is (inverse document frequency).

    Args:
        tags: (n,) lists of text, one a track; null where a track has none.

    Returns:
        (n, n_tags) csr float32, rows of unit length or empty, and the tags in column order.
    """
    lists = tags.list.drop_nulls().list.unique(maintain_order=True)
    counts = lists.list.len().fill_null(0).to_numpy()
    names, columns = _numbered(lists.explode().drop_nulls())
    n = len(tags)
    rarity = np.log1p(n / np.maximum(np.bincount(columns, minlength=len(names)), 1))
    weights = rarity[columns]
    owner = np.repeat(np.arange(n), counts)
    norms = np.sqrt(np.bincount(owner, weights**2, minlength=n))
    data = (weights / norms[owner]).astype(np.float32)
    starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    matrix = sp.csr_matrix((data, columns, starts), shape=(n, len(names)))
    matrix.sort_indices()
    return matrix, names.values


def _between_tracks(folder: Path | None, ids: tuple[str, ...]) -> ItemNeighbours:
    """Read what tracks have to do with each other; nothing where it was not learned."""
    if folder is None:
        return ItemNeighbours(ids, sp.csr_matrix((len(ids), len(ids)), dtype=np.float32))
    return ItemNeighbours.load(folder).aligned(ids)


def _factors(factors: AlsFactors, ids: tuple[str, ...]) -> AlsFactors:
    tracks_now = factors.aligned(ids)
    if tracks_now is factors.tracks:
        return factors
    return AlsFactors(
        factors.user_ids,
        ids,
        factors.users,
        tracks_now,
        factors.ridge,
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

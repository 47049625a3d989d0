"""The catalogue and its audio as jobs see them: tracks of the store, newest vectors, wishes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from core.schema import users
from core.workspace import Workspace
from embeddings.index import IndexConfig, build_index
from embeddings.vectors import TrackVectors
from pipelines.fitting import Audio
from ranking.catalogue import Catalogue
from ranking.loading import load_catalogue
from ranking.model import AiPreference, Preferences


@dataclass(frozen=True, slots=True, eq=False)
class LiveCatalogue:
    """Everything about tracks and wishes that no listening is needed for.

    Args:
        catalogue: The store's tracks.
        audio: Vectors and index in its rows.
        preferences: Listener → what they asked for, where they asked.
        made_from: Kind → version of the artifacts among it.
    """

    catalogue: Catalogue
    audio: Audio
    preferences: Mapping[str, Preferences]
    made_from: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """A digest that changes when a track, a vector's version or a wish does."""
        own, digest = self.catalogue, hashlib.sha256()
        columns = (
            own.creator_rows, own.statuses, own.origins, own.explicit, own.labelled,
            own.released_at_ms, own.duration_ms, own.hidden, own.tags.indptr, own.tags.indices,
            own.tags.data, own.clusters.members, own.clusters.canonical,
        )  # fmt: skip
        for column in columns:
            digest.update(np.ascontiguousarray(column).tobytes())
        regions = sorted((row, sorted(where)) for row, where in own.regions.items())
        named = (own.tracks.values, own.creators.values, own.tag_names, regions)
        wishes = sorted(self.preferences.items())
        for told in (*named, wishes, sorted(self.made_from.items())):
            digest.update(repr(told).encode())
        return digest.hexdigest()[:16]


def open_catalogue(workspace: Workspace, index: IndexConfig | None = None) -> LiveCatalogue:
    """Read the tracks of the store and the newest vectors.

    Args:
        workspace: Where.
        index: How neighbours are indexed; the default where None.
    """
    newest = workspace.artifacts.latest("vectors")
    vectors = TrackVectors((), np.zeros((0, 0), dtype=np.float32))
    if newest is not None:
        vectors = TrackVectors.load(workspace.artifacts.folder("vectors", newest.version))
    with workspace.database.read() as connection:
        catalogue = load_catalogue(connection, order=vectors.track_ids)
        wishes = _preferences(connection)
    aligned = vectors.aligned(catalogue.tracks.values)
    return LiveCatalogue(
        catalogue=catalogue,
        audio=Audio(aligned, build_index(aligned, index or IndexConfig())),
        preferences=wishes,
        made_from={"vectors": newest.version} if newest is not None else {},
    )


def _preferences(connection: sa.Connection) -> dict[str, Preferences]:
    rows = connection.execute(sa.select(users)).mappings()
    return {
        row["user_id"]: Preferences(
            ai=AiPreference(row["ai_preference"]),
            explicit=row["allow_explicit"],
            region=row["region"] or "",
        )
        for row in rows
    }

"""Segments of today: what was cut stays cut, new tracks join, and a grown catalogue is cut anew.

Taste that is cut anew every day wavers where two cuts are about as good, and whatever hangs on a
segment, gaps, briefs and trials, would hang on nothing the day after.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
import scipy.sparse as sp

from core.artifacts import Manifest
from core.randomness import derive_seed
from core.workspace import Workspace
from embeddings.collaborative.factors import AlsFactors
from pipelines.catalogue import LiveCatalogue
from pipelines.supply.demand.configuration import GapsConfig
from pipelines.supply.segments.artifact import Segments
from pipelines.supply.segments.continuity import carried, grown, number_of
from pipelines.supply.segments.cutting import centroids, cut
from pipelines.supply.segments.labels import label_of, telling_words
from pipelines.supply.segments.space import taste_space
from ranking.catalogue import Catalogue
from ranking.model import Floats, Rows

KIND = "segments"


class Today(NamedTuple):
    """Segments as they are today.

    Args:
        segments: The segments.
        points: (n, d) where the tracks lie in the taste space.
        churn: Share of the tracks that changed segments since the last search.
        gone: Segments that are no more.
        cut_tracks: Tracks there were when taste was cut last.
    """

    segments: Segments
    points: Floats
    churn: float
    gone: tuple[str, ...]
    cut_tracks: int


def segments_today(
    workspace: Workspace,
    opened: LiveCatalogue,
    tallies: pl.DataFrame,
    config: GapsConfig,
    seed: int,
) -> Today:
    """Return the segments of the last search with the new tracks, or taste cut anew.

    Args:
        workspace: Where factors and the segments of before are.
        opened: Tracks and vectors.
        tallies: Who played what.
        config: What says that tracks are alike, and how finely taste is cut.
        seed: Decides the cut.
    """
    catalogue = opened.catalogue
    names = catalogue.tracks.values
    met = _met(tallies, catalogue)
    points = _points(workspace, opened, np.diff(met.tocsc().indptr), config)
    newest = workspace.artifacts.latest(KIND)
    before = newest_segments(workspace)
    if before is not None and newest is not None and _still_good(newest, before, names, config):
        stayed = grown(before, names, points)
        ids, members, churn = stayed.ids, stayed.members, 0.0
        cut_tracks = int(newest.metrics["cut_tracks"])
    else:
        members = cut(points, met, config.segments, derive_seed(seed, "segments"))
        placed = before.by_track if before else ([], [])
        kept = carried(placed, names, members, highest_number(newest) + 1)
        ids, churn, cut_tracks = kept.ids, kept.churn, len(names)
    loudness = np.log1p(np.asarray(met.sum(axis=0)).ravel()) + 0.1
    words = telling_words(catalogue.tags, catalogue.tag_names, members, loudness)
    segments = Segments(
        ids=ids,
        words=words,
        labels=tuple(label_of(*pair) for pair in zip(ids, words, strict=True)),
        centroids=centroids(points, members),
        track_ids=names,
        members=members,
    )
    gone = tuple(name for name in before.ids if name not in ids) if before else ()
    return Today(segments, points, churn, gone, cut_tracks)


def newest_segments(workspace: Workspace) -> Segments | None:
    """Return the segments of the last search, or None before the first."""
    newest = workspace.artifacts.latest(KIND)
    if newest is None:
        return None
    return Segments.load(workspace.artifacts.folder(KIND, newest.version))


def highest_number(newest: Manifest | None, ids: tuple[str, ...] = ()) -> int:
    """Return the highest number that a segment's name has had.

    Args:
        newest: The artifact of the last search, or None before the first.
        ids: Names of today.
    """
    kept = int(newest.metrics["highest_number"]) if newest is not None else 0
    return max([kept, *(number_of(name) for name in ids)])


def _still_good(
    newest: Manifest, before: Segments, names: tuple[str, ...], config: GapsConfig
) -> bool:
    """Return whether the last cut still serves: made by these settings, of most tracks of now."""
    now = config.model_dump(mode="json")
    if any(newest.config.get(part) != now[part] for part in ("space", "segments")):
        return False
    cut_tracks = newest.metrics.get("cut_tracks", 0.0)
    placed = set(before.by_track[0])
    turnover = max(len(names) - cut_tracks, len(placed.difference(names)))
    return turnover <= config.segments.recut * cut_tracks and not placed.isdisjoint(names)


def _points(
    workspace: Workspace, opened: LiveCatalogue, listeners: Rows, config: GapsConfig
) -> Floats:
    """Return where the catalogue's tracks lie in the taste space."""
    catalogue = opened.catalogue
    newest = workspace.artifacts.latest("factors")
    factors: Floats = np.zeros((len(catalogue), 0), dtype=np.float32)
    if newest is not None:
        learned = AlsFactors.load(workspace.artifacts.folder("factors", newest.version))
        factors = learned.aligned(catalogue.tracks.values)
    return taste_space(catalogue, opened.audio.vectors, factors, listeners, config.space)


def _met(tallies: pl.DataFrame, catalogue: Catalogue) -> sp.csr_matrix:
    """Return (u, n) 1 where a listener played a track."""
    played = tallies.filter(pl.col("plays") > 0)
    rows = catalogue.tracks.rows(played["track_id"].to_list())
    users = played["user_id"].rank("dense").to_numpy().astype(np.int64) - 1
    known = rows >= 0
    shape = (int(users.max(initial=-1)) + 1, len(catalogue))
    return sp.csr_matrix((np.ones(known.sum()), (users[known], rows[known])), shape=shape)

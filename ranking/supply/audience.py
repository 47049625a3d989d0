"""Audiences: whom each segment of taste would feed, so that new tracks are tried on the right ones.

What is kept is each listener's appetite for each segment, as the last search for gaps found it. It
is served: an array that worker processes share, asked once a page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.errors import ArtifactError
from core.ids import Ids
from core.randomness import derive_seed
from embeddings.storage import load_array, load_ids, save_array, save_ids
from ranking.model import Floats, Rows

KIND = "audience"
NOWHERE = -1
SEGMENTS, MEMBERS = "segments.parquet", "members.parquet"
KEYS, APPETITES, LEVELS = "listeners.npy", "appetites.npy", "levels.npy"
PERCENTILES = 101


@dataclass(frozen=True, slots=True, eq=False)
class Audience:
    """Appetites of u listeners for k segments, and where n tracks belong.

    Args:
        segment_ids: (k,) their names.
        keys: (u,) uint64, ascending: `listener_key` of each listener.
        appetites: (u, k) float16: logarithm of a listener's appetite over everyone's mean.
        levels: (101, k) percentiles of the appetites.
        segment_of: (n,) column of each track's segment, in catalogue rows; negative without one.
    """

    segment_ids: tuple[str, ...]
    keys: NDArray[np.uint64]
    appetites: NDArray[np.float16]
    levels: Floats
    segment_of: Rows

    def of(self, user_id: str) -> Floats | None:
        """Return (k,) a listener's appetites, or None of one whom the search did not know."""
        key = listener_key(user_id)
        at = int(np.searchsorted(self.keys, key))
        if at == self.keys.size or self.keys[at] != key:
            return None
        return np.asarray(self.appetites[at], dtype=np.float32)

    def segments_of(self, rows: Rows, aims: Mapping[int, str]) -> Rows:
        """Return (m,) the column of each track's segment; negative where it has none.

        Args:
            rows: (m,) catalogue rows.
            aims: Row → the segment that a track was ordered for, whatever it turned out to be; one
                that is no more gives way to the segment where the track lies.
        """
        columns = {name: column for column, name in enumerate(self.segment_ids)}
        found = self.segment_of[rows]
        for place, row in enumerate(rows.tolist()):
            if row in aims:
                found[place] = columns.get(aims[row], int(found[place]))
        return found

    def floor(self, reach: float) -> Floats:
        """Return (k,) the appetite from which a listener is among so large a share of all.

        Args:
            reach: The share, in (0, 1].
        """
        if not self.segment_ids:
            return np.empty(0, dtype=np.float32)
        place = (1.0 - reach) * (PERCENTILES - 1)
        low, part = int(place), place - int(place)
        high = min(low + 1, PERCENTILES - 1)
        return np.asarray((1.0 - part) * self.levels[low] + part * self.levels[high], np.float32)


def listener_key(user_id: str) -> np.uint64:
    """Return the number a listener is kept under; two of a billion share one by chance."""
    return np.uint64(derive_seed(0, "audience", user_id))


def audience_of(shares: Floats, user_ids: Sequence[str]) -> tuple[NDArray[np.uint64], Floats]:
    """Return the keys of listeners, ascending, and their appetites over everyone's mean.

    Args:
        shares: (u, k) how each listener would divide what they hear, rows sum to 1.
        user_ids: (u,) who they are.

    Returns:
        (u,) keys, and (u, k) natural logarithms.
    """
    keys = np.fromiter((listener_key(name) for name in user_ids), np.uint64, len(user_ids))
    order = np.argsort(keys)
    least = np.finfo(np.float32).tiny
    mean = np.maximum(shares.mean(axis=0, dtype=np.float64), least).astype(np.float32)
    found = np.log(np.maximum(shares, least) / mean)
    return keys[order], np.asarray(found[order], dtype=np.float32)


def save_audience(
    folder: Path,
    *,
    segment_ids: tuple[str, ...],
    track_ids: Sequence[str],
    members: Rows,
    shares: Floats,
    user_ids: Sequence[str],
) -> None:
    """Write an audience into a folder.

    Args:
        folder: Created where missing.
        segment_ids: (k,) names of the segments.
        track_ids: (n,) the tracks.
        members: (n,) column of each track's segment; negative where it has none.
        shares: (u, k) how each listener would divide what they hear.
        user_ids: (u,) who they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keys, appetites = audience_of(shares, user_ids)
    grid = np.linspace(0.0, 100.0, PERCENTILES)
    save_ids(folder / SEGMENTS, segment_ids)
    pl.DataFrame(
        {"track_id": list(track_ids), "segment": members},
        schema={"track_id": pl.String, "segment": pl.Int64},
    ).write_parquet(folder / MEMBERS)
    save_array(folder / KEYS, keys)
    save_array(folder / APPETITES, appetites.astype(np.float16))
    save_array(folder / LEVELS, np.percentile(appetites, grid, axis=0).astype(np.float32))


def load_audience(folder: Path, track_ids: Sequence[str]) -> Audience:
    """Map an audience, its tracks in the rows of a catalogue.

    Raises:
        ArtifactError: If a file is missing or broken.
    """
    try:
        members = pl.read_parquet(folder / MEMBERS, columns=["track_id", "segment"])
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ArtifactError(
            f"{folder} cannot be read ({error}); run `segue supply gaps` again"
        ) from error
    rows = Ids(members["track_id"].to_list()).rows(track_ids)
    columns = np.append(members["segment"].to_numpy(), NOWHERE)  # row -1 is a track it lacks
    return Audience(
        segment_ids=load_ids(folder / SEGMENTS),
        keys=load_array(folder / KEYS),
        appetites=load_array(folder / APPETITES),
        levels=load_array(folder / LEVELS),
        segment_of=columns[rows],
    )


def no_audience(n_tracks: int) -> Audience:
    """Return the audience of segments nobody has cut yet."""
    return Audience(
        segment_ids=(),
        keys=np.empty(0, dtype=np.uint64),
        appetites=np.empty((0, 0), dtype=np.float16),
        levels=np.empty((PERCENTILES, 0), dtype=np.float32),
        segment_of=np.full(n_tracks, NOWHERE, dtype=np.int64),
    )

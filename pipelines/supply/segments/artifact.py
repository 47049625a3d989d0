"""Segments as they are kept: which tracks belong together, what people call it, where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from core.errors import ArtifactError
from embeddings.storage import load_array, save_array
from ranking.model import Floats, Rows

MEMBERS, NAMES, CENTROIDS = "members.parquet", "segments.parquet", "centroids.npy"


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """k segments of n tracks.

    Args:
        ids: (k,) names that last.
        words: (k,) telling words, the most telling first.
        labels: (k,) what people call them.
        centroids: (k, d) unit rows in the taste space of their day.
        track_ids: (n,) the tracks.
        members: (n,) row of each track's segment; negative where it has none.
    """

    ids: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...]
    centroids: Floats
    track_ids: tuple[str, ...]
    members: Rows

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def by_track(self) -> tuple[list[str], list[str]]:
        """Track ids that have a segment, and beside each the segment's name."""
        inside = np.flatnonzero(self.members >= 0)
        names = [self.ids[self.members[row]] for row in inside]
        return [self.track_ids[row] for row in inside], names

    def save(self, folder: Path) -> None:
        """Write the segments into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        pl.DataFrame(
            {
                "segment_id": list(self.ids),
                "label": list(self.labels),
                "words": [list(words) for words in self.words],
            },
            schema={"segment_id": pl.String, "label": pl.String, "words": pl.List(pl.String)},
        ).write_parquet(folder / NAMES)
        pl.DataFrame(
            {"track_id": list(self.track_ids), "segment": self.members},
            schema={"track_id": pl.String, "segment": pl.Int64},
        ).write_parquet(folder / MEMBERS)
        save_array(folder / CENTROIDS, self.centroids)

    @classmethod
    def load(cls, folder: Path) -> Segments:
        """Read segments back.

        Raises:
            ArtifactError: If a file is missing or broken.
        """
        try:
            names, members = pl.read_parquet(folder / NAMES), pl.read_parquet(folder / MEMBERS)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ArtifactError(
                f"{folder} cannot be read ({error}); run `segue supply gaps` again"
            ) from error
        return cls(
            ids=tuple(names["segment_id"]),
            words=tuple(tuple(words) for words in names["words"].to_list()),
            labels=tuple(names["label"]),
            centroids=load_array(folder / CENTROIDS),
            track_ids=tuple(members["track_id"]),
            members=members["segment"].to_numpy(),
        )

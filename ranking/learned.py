"""Everything a feed reads that was learned from history, aligned to the catalogue's rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import polars as pl

from core.errors import ArtifactError
from core.ids import Ids
from embeddings.collaborative.factors import AlsFactors
from embeddings.collaborative.neighbours import ItemNeighbours
from embeddings.index import VectorIndex
from ranking.features.shown import ShownRates, no_shown
from ranking.model import Floats
from ranking.supply.audience import Audience, no_audience

STATISTICS_FILE = "statistics.parquet"


@dataclass(frozen=True, slots=True, eq=False)
class TrackStatistics:
    """How tracks fared up to one moment, in catalogue rows.

    Args:
        plays: (n,) plays.
        listeners: (n,) distinct listeners.
        recent: (n,) plays with exponential decay; equals `plays` where times are not known.
        finish_rate: (n,) finishes per play, shrunk towards the catalogue's mean; NaN never.
        skip_rate: (n,) skips per play, shrunk likewise.
        like_rate: (n,) likes per listener, shrunk likewise.
        as_of_ms: The moment; nothing later was read.
    """

    plays: Floats
    listeners: Floats
    recent: Floats
    finish_rate: Floats
    skip_rate: Floats
    like_rate: Floats
    as_of_ms: int

    def save(self, folder: Path, track_ids: Sequence[str]) -> None:
        """Write one row a track into a folder."""
        columns = {name: getattr(self, name) for name in _COLUMNS}
        frame = pl.DataFrame({"track_id": list(track_ids), **columns})
        frame.with_columns(as_of_ms=pl.lit(self.as_of_ms, pl.Int64)).write_parquet(
            folder / STATISTICS_FILE
        )

    @classmethod
    def load(cls, folder: Path, track_ids: Sequence[str]) -> TrackStatistics:
        """Read statistics into the rows of `track_ids`; a track they do not know has zeros.

        Raises:
            ArtifactError: If the file is missing or not of this form.
        """
        path = folder / STATISTICS_FILE
        try:
            frame = pl.read_parquet(path, columns=["track_id", *_COLUMNS, "as_of_ms"])
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ArtifactError(
                f"{path} cannot be read ({error}); train the factors again"
            ) from error
        if not frame.height:
            return no_statistics(len(track_ids))
        rows = Ids(frame["track_id"].to_list()).rows(track_ids)
        known = rows >= 0
        columns = {}
        for name in _COLUMNS:
            # A rate that nobody's plays support is the catalogue's own: that of its average track.
            missing = float(frame[name].mean() or 0.0) if name.endswith("_rate") else 0.0  # type: ignore[arg-type]
            columns[name] = np.full(len(track_ids), missing, dtype=np.float32)
            columns[name][known] = frame[name].to_numpy()[rows[known]]
        return cls(**columns, as_of_ms=int(frame["as_of_ms"][0]))


_COLUMNS = tuple(one.name for one in fields(TrackStatistics) if one.name != "as_of_ms")


def no_statistics(n_tracks: int) -> TrackStatistics:
    """Return the statistics of tracks nobody has played."""
    zeros = np.zeros(n_tracks, dtype=np.float32)
    return TrackStatistics(**dict.fromkeys(_COLUMNS, zeros), as_of_ms=0)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What was learned from history, in the catalogue's rows.

    Args:
        vectors: (n, dim) audio vectors, unit rows; zero rows where a track has none.
        index: Neighbours in audio space, over the same rows.
        factors: ALS factors; `track_ids` equal the catalogue's, zero rows for unknown tracks.
        neighbours: Co-listened tracks, in catalogue rows.
        autoencoder: What a play of one track says of others, for and against; likewise.
        statistics: How tracks fared.
        shown: What was shown on pages, and what followed.
        audience: Whom new tracks are tried on, where a search for gaps has found out.
    """

    vectors: Floats
    index: VectorIndex
    factors: AlsFactors
    neighbours: ItemNeighbours
    autoencoder: ItemNeighbours
    statistics: TrackStatistics
    shown: ShownRates = field(default_factory=no_shown)
    audience: Audience = field(default_factory=lambda: no_audience(0))

    @property
    def has_vector(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(n,) whether a track has an audio vector."""
        return np.asarray(np.any(self.vectors != 0, axis=1))

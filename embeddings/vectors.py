"""The audio vectors of a catalogue: unit rows, one a track."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.ids import Ids
from embeddings.storage import aligned_rows, load_array, load_ids, save_array, save_ids

# A float32 row normalised in float32 is off by about dim * 6e-8; float16 sources by 1e-3. Anything
# beyond that was never normalised, and an inner product would no longer be a cosine.
NORM_TOLERANCE = 2e-3
_CHECK_BLOCK_ROWS = 65_536  # 64 dims: 16 MB a block, so that a check never copies a mapped file


@dataclass(frozen=True, slots=True, eq=False)
class TrackVectors:
    """Unit vectors of tracks, so that an inner product is a cosine.

    Attributes:
        track_ids: (n,) distinct ids.
        values: (n, dim) float32 rows of norm 1.
    """

    track_ids: tuple[str, ...]
    values: NDArray[np.float32]

    def __post_init__(self) -> None:
        _check_shape(self.track_ids, self.values)
        for start in range(0, len(self.values), _CHECK_BLOCK_ROWS):
            _check_rows(self.track_ids, self.values, start)

    def __len__(self) -> int:
        return len(self.track_ids)

    @property
    def dim(self) -> int:
        """Return the length of one vector."""
        return int(self.values.shape[1])

    def aligned(self, track_ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of other ids in their order.

        Args:
            track_ids: (m,) ids, known or not.

        Returns:
            (m, dim) float32, zero rows where a track has no vector; `values` itself, without a
            copy, when the ids are those of this object.
        """
        if track_ids is self.track_ids or tuple(track_ids) == self.track_ids:
            return self.values
        return aligned_rows(self.values, Ids(self.track_ids).rows(track_ids))

    def joined(self, others: TrackVectors) -> TrackVectors:
        """Return these vectors and those of other tracks, by id.

        Raises:
            DataError: If a track stands in both.
        """
        track_ids = self.track_ids + others.track_ids
        order = sorted(range(len(track_ids)), key=track_ids.__getitem__)
        values = np.concatenate([self.values, others.values])[order]
        return TrackVectors(tuple(track_ids[row] for row in order), values)

    def without(self, track_ids: Iterable[str]) -> TrackVectors:
        """Return the vectors of all tracks but some."""
        gone = set(track_ids)
        rows = [row for row, track_id in enumerate(self.track_ids) if track_id not in gone]
        return TrackVectors(tuple(self.track_ids[row] for row in rows), self.values[rows])

    def save(self, folder: Path) -> None:
        """Write `ids.parquet` and `values.npy` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        save_ids(folder / "ids.parquet", self.track_ids)
        save_array(folder / "values.npy", self.values)

    @classmethod
    def load(cls, folder: Path) -> TrackVectors:
        """Read vectors back, their values memory-mapped.

        Raises:
            ArtifactError: If a file is missing or broken.
            DataError: If the rows are not unit vectors of distinct tracks.
        """
        return cls(load_ids(folder / "ids.parquet"), load_array(folder / "values.npy"))


def unit_rows(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Scale rows to norm 1; a row of zeros stays a row of zeros.

    Args:
        values: (n, dim).

    Returns:
        (n, dim) float32.
    """
    wide = np.asarray(values, dtype=np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    return (wide / np.where(norms > 0, norms, 1.0)).astype(np.float32)


def _check_shape(track_ids: tuple[str, ...], values: NDArray[np.float32]) -> None:
    if values.ndim != 2 or values.dtype != np.float32:
        raise DataError(f"vectors are {values.dtype} {values.shape}; give float32 (n, dim)")
    if len(values) != len(track_ids):
        raise DataError(f"{len(track_ids)} track ids for {len(values)} vectors; give one each")
    if len(set(track_ids)) != len(track_ids):
        repeats = len(track_ids) - len(set(track_ids))
        raise DataError(f"{repeats} track ids stand more than once; keep one vector a track")


def _check_rows(track_ids: tuple[str, ...], values: NDArray[np.float32], start: int) -> None:
    block = values[start : start + _CHECK_BLOCK_ROWS]
    norms = np.sqrt(np.einsum("ij,ij->i", block, block))
    # A NaN norm compares false, so it is counted as bad too.
    bad = np.flatnonzero(~(np.abs(norms - 1.0) <= NORM_TOLERANCE))
    if bad.size:
        row = int(bad[0])
        raise DataError(
            f"the vector of track {track_ids[start + row]!r} has norm {norms[row]:.4g}; "
            "normalise it, or leave the track out"
        )

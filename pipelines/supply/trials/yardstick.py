"""The yardstick of a trial: how often the segment's median track is heard out in the same slots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.ids import Ids
from ranking.model import Rows

SMOOTHING = 20.0  # slots at the overall rate that each position starts with
EXPECTED = 3.0  # finishes that a track's slots must let expect for it to have a say
LOWEST, HIGHEST = 0.01, 0.95  # what may be expected of a slot

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Yardstick:
    """What is expected of a slot.

    Args:
        by_position: (p,) how often ordinary slots are heard out at each position.
        median: (k,) how the segment's median track compares with all, as a factor; the last entry
            is that of all segments together.
    """

    by_position: Doubles
    median: Doubles

    def expected(self, positions: NDArray[np.integer], segment: int) -> Doubles:
        """Return how likely the segment's median track is heard out in slots.

        Args:
            positions: (i,) from 0; beyond the last known one it is taken.
            segment: Its row, or negative for all segments together.
        """
        at = np.minimum(positions, self.by_position.size - 1)
        factor = self.median[segment] if segment >= 0 else self.median[-1]
        return np.asarray(np.clip(self.by_position[at] * factor, LOWEST, HIGHEST))


def yardstick(slots: pl.DataFrame, tracks: Ids, members: Rows, count: int) -> Yardstick:
    """Measure ordinary slots.

    Args:
        slots: track_id, position, is_fresh, heard; fresh ones are not looked at.
        tracks: The tracks that have segments.
        members: (n,) segment of each, or negative.
        count: Segments, k.
    """
    ordinary = slots.filter(~pl.col("is_fresh"), pl.col("position").is_not_null())
    position = ordinary["position"].to_numpy()
    heard = ordinary["heard"].to_numpy()
    overall = float(heard.mean()) if heard.size else LOWEST
    shown = np.bincount(position, minlength=1)
    out = np.bincount(position, heard, minlength=1)
    by_position = (out + SMOOTHING * overall) / (shown + SMOOTHING)
    rows = tracks.rows(ordinary["track_id"].to_list())
    known = rows >= 0
    expected = np.bincount(rows[known], by_position[position[known]], len(tracks))
    earned = np.bincount(rows[known], heard[known], len(tracks))
    counts = expected >= EXPECTED
    ratio = np.divide(earned, expected, out=np.ones(len(tracks)), where=counts)
    everywhere = float(np.median(ratio[counts])) if counts.any() else 1.0
    median = [
        float(np.median(ratio[own])) if (own := counts & (members == segment)).any() else everywhere
        for segment in range(count)
    ]
    return Yardstick(by_position, np.array([*median, everywhere]))

"""Which sources offered a candidate, and how high."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.model import Candidates, FeedQuery, Floats


@dataclass(frozen=True, slots=True)
class Offers:
    """Rank in each source, and how many offered the track.

    A source's rank is comparable between listeners; its raw score mostly is not, and the affinity
    families recompute what is.

    Args:
        sources: Names in column order.
    """

    sources: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """`rank_<source>` for each source, then `offers`."""
        return (*(f"rank_{name}" for name in self.sources), "offers")

    def columns(self, query: FeedQuery, candidates: Candidates) -> Floats:  # noqa: ARG002
        """Return ranks from 0, NaN where a source did not offer the track."""
        ranks = np.full((len(candidates), len(self.sources)), np.nan, dtype=np.float32)
        for column, name in enumerate(self.sources):
            if name in candidates.sources:
                ranks[:, column] = candidates.source_ranks[:, candidates.sources.index(name)]
        offers = np.sum(~np.isnan(ranks), axis=1, dtype=np.float32)
        return np.column_stack([ranks, offers])

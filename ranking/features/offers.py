"""Which sources offered a candidate, how high, and with what score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.features.batch import Offered, Requests
from ranking.model import Floats


@dataclass(frozen=True, slots=True)
class Offers:
    """Rank and score in each source, and how many offered the track.

    A source's rank is comparable between listeners; its raw score often is not, but tells how far
    apart two neighbours in rank are.

    Args:
        sources: Names in column order.
    """

    sources: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """`rank_<source>` for each source, `offers`, then `score_<source>`."""
        ranks = tuple(f"rank_{name}" for name in self.sources)
        return (*ranks, "offers", *(f"score_{name}" for name in self.sources))

    def describe(self, requests: Requests, offered: Offered) -> Floats:  # noqa: ARG002
        """Return ranks from 0 and scores, NaN where a source did not offer the track."""
        shape = (len(offered), len(self.sources))
        ranks, scores = np.full((2, *shape), np.nan, dtype=np.float32)
        for column, name in enumerate(self.sources):
            if name in offered.sources:
                at = offered.sources.index(name)
                ranks[:, column] = offered.source_ranks[:, at]
                scores[:, column] = offered.source_scores[:, at]
        offers = np.sum(~np.isnan(ranks), axis=1, dtype=np.float32)
        return np.column_stack([ranks, offers, scores])

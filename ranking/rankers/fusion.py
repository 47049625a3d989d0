"""Reciprocal rank fusion of the sources: a ranker that needs no training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ranking.model import FeatureMatrix, Floats

FUSION_CONSTANT = 60.0  # Cormack, Clarke and Büttcher, SIGIR 2009: large enough to forgive one list
RANK_PREFIX = "rank_"


@dataclass(frozen=True, slots=True)
class FusionRanker:
    """Adds up 1 / (60 + rank) over the sources that offered a track.

    Args:
        weights: Source → weight; a source that is not named weighs 1.

    Source:
        Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and
        individual Rank Learning Methods", SIGIR 2009.
    """

    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """None in particular: it reads whatever `rank_<source>` columns there are."""
        return ()

    def score(self, features: FeatureMatrix) -> Floats:
        """Return fused scores; zero where no source offered the track."""
        ranked = [
            (column, self.weights.get(name.removeprefix(RANK_PREFIX), 1.0))
            for column, name in enumerate(features.names)
            if name.startswith(RANK_PREFIX)
        ]
        total = np.zeros(len(features.values), dtype=np.float32)
        for column, weight in ranked:
            share = weight / (FUSION_CONSTANT + features.values[:, column])
            total += np.nan_to_num(share, nan=0.0)
        return total

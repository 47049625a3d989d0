"""The features of a feed: families of columns side by side, one implementation for both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ranking.catalogue import Catalogue
from ranking.features.audio import AudioAffinity
from ranking.features.co_listened import CoListenedAffinity
from ranking.features.collaborative import CollaborativeAffinity
from ranking.features.context import Context
from ranking.features.creators import CreatorAffinity
from ranking.features.freshness import Freshness
from ranking.features.listeners import ListenerHabits
from ranking.features.offers import Offers
from ranking.features.popularity import Popularity
from ranking.features.provenance import Provenance
from ranking.features.repeats import Repeats
from ranking.features.standing import Standing
from ranking.features.tags import TagAffinity
from ranking.learned import Learned
from ranking.model import Candidates, FeatureMatrix, FeedQuery, Floats


class FeatureFamily(Protocol):
    """A few columns about one thing."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, always the same ones in the same order."""

    def columns(self, query: FeedQuery, candidates: Candidates) -> Floats:
        """Return (n, len(names)) float32, NaN where a value is not known."""


@dataclass(frozen=True, slots=True)
class FeedFeatures:
    """Families joined into one matrix.

    Args:
        families: In column order; no two share a name.
    """

    families: tuple[FeatureFamily, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Every family's columns."""
        return tuple(name for family in self.families for name in family.names)

    def build(self, query: FeedQuery, candidates: Candidates) -> FeatureMatrix:
        """Describe candidates by every family."""
        blocks = [family.columns(query, candidates) for family in self.families]
        return FeatureMatrix(self.names, np.hstack(blocks).astype(np.float32, copy=False))


def feature_builder(catalogue: Catalogue, learned: Learned, sources: Sequence[str]) -> FeedFeatures:
    """Return the features of a feed.

    Args:
        catalogue: The tracks.
        learned: What was learned from history, in the catalogue's rows.
        sources: Names of the sources whose ranks become columns, in column order.
    """
    return FeedFeatures(
        (
            Offers(tuple(sources)),
            CollaborativeAffinity(learned.factors),
            CoListenedAffinity(learned.neighbours),
            Standing(learned.factors, learned.autoencoder, learned.statistics.listeners),
            AudioAffinity(learned.vectors),
            TagAffinity(catalogue.tags),
            CreatorAffinity(catalogue.creator_rows),
            Repeats(),
            Popularity(learned.statistics),
            Freshness(catalogue.released_at_ms, catalogue.statuses),
            Provenance(catalogue.origins, catalogue.duration_ms),
            ListenerHabits(learned.statistics),
            Context(),
        )
    )

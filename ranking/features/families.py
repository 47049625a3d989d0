"""The features of a feed: families of columns side by side, one implementation for both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ranking.catalogue import Catalogue
from ranking.features.audio import AudioAffinity
from ranking.features.batch import Offered, Requests, offered_on, requests_of
from ranking.features.co_listened import CoListenedAffinity
from ranking.features.collaborative import CollaborativeAffinity
from ranking.features.context import Context
from ranking.features.creators import CreatorAffinity
from ranking.features.fatigue import Fatigue
from ranking.features.freshness import Freshness
from ranking.features.listeners import ListenerHabits
from ranking.features.offers import Offers
from ranking.features.popularity import Popularity
from ranking.features.prominence import Prominence
from ranking.features.provenance import Provenance
from ranking.features.rates import OutcomeRates
from ranking.features.repeats import Repeats
from ranking.features.session import Session
from ranking.features.shown import track_keys
from ranking.features.standing import CreatorStanding
from ranking.features.tags import TagAffinity
from ranking.learned import Learned
from ranking.model import Candidates, FeatureMatrix, FeedQuery, Floats


class FeatureFamily(Protocol):
    """A few columns about one thing."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, always the same ones in the same order."""

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, len(names)) float32, NaN where a value is not known.

        A candidate's values depend on its own request alone, whatever others are described
        beside it: that is what makes serving and training see the same.
        """


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

    def build(self, queries: Sequence[FeedQuery], pages: Sequence[Candidates]) -> FeatureMatrix:
        """Describe the candidates of one or more requests."""
        return self.describe(requests_of(queries), offered_on(pages))

    def describe(self, requests: Requests, offered: Offered) -> FeatureMatrix:
        """Describe the candidates of many requests by every family."""
        blocks = [family.describe(requests, offered) for family in self.families]
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
            Prominence(learned.factors, learned.autoencoder, learned.statistics.listeners),
            AudioAffinity(learned.vectors),
            TagAffinity(catalogue.tags),
            CreatorAffinity(catalogue.creator_rows),
            CreatorStanding(catalogue.creator_rows, learned.statistics),
            Fatigue(catalogue.creator_rows),
            Session(learned.vectors),
            Repeats(),
            Popularity(learned.statistics),
            Freshness(catalogue.released_at_ms, catalogue.statuses),
            Provenance(catalogue.origins, catalogue.duration_ms),
            ListenerHabits(learned.statistics),
            Context(),
            OutcomeRates(
                learned.shown,
                track_keys(catalogue.creator_rows, catalogue.duration_ms, catalogue.tags),
            ),
        )
    )

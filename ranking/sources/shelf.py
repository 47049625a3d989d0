"""Which tracks a source may offer a listener, worked out once for all requests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ranking.catalogue import Catalogue, Status
from ranking.clusters import Clusters
from ranking.filters.ai_preference import wanted
from ranking.listeners.repeats import RepeatConfig, too_recent
from ranking.model import AiPreference, FeedQuery, Mask, Rows


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """The tracks on air in one status, by what listeners allow.

    Filters decide what is eligible; this keeps a source's limited offer from being eaten by tracks
    that they would drop anyway.

    Args:
        masks: (AI preference, whether explicit tracks may appear) → (n,) what may be offered.
        repeats: How soon a track may come back.
        clusters: Which tracks hold the same recording.
    """

    masks: dict[tuple[AiPreference, bool], Mask]
    repeats: RepeatConfig
    clusters: Clusters

    def open_to(self, query: FeedQuery) -> Mask:
        """Return (n,) which tracks may be offered to the listener; shared, not to be written."""
        preferences = query.listener.preferences
        return self.masks[preferences.ai, preferences.explicit]

    def skipped(self, query: FeedQuery) -> Rows:
        """Return the rows to leave out: heard too recently, turned down, excluded; or a copy.

        The same for all sources of a page, so it is worked out once; shared, not to be written.
        """
        return _left_out(self, query)


@lru_cache(maxsize=16)  # as many as pages are made at once; a shelf and a query are what they are
def _left_out(own: Shelf, query: FeedQuery) -> Rows:
    listener = query.listener
    against = listener.rows[listener.opinions < 0]
    left_out = np.concatenate([too_recent(query, own.repeats), against, query.exclude])
    return own.clusters.with_copies(left_out)


def shelf(catalogue: Catalogue, status: Status, repeats: RepeatConfig) -> Shelf:
    """Return the shelf of one status: active tracks for most sources, trial tracks for `fresh`.

    Args:
        catalogue: Every track.
        status: ACTIVE or TRIAL.
        repeats: How soon a track may come back.
    """
    on_air = catalogue.servable & (catalogue.statuses == status)
    masks = {
        (ai, explicit): on_air
        & wanted(catalogue.origins, catalogue.labelled, ai)
        & (~catalogue.explicit | explicit)
        for ai in AiPreference
        for explicit in (True, False)
    }
    return Shelf(masks, repeats, catalogue.clusters)

"""The popular list: what a page falls back to when nothing better can be had."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.merging import merge, no_candidates
from ranking.model import Candidates, FeedQuery
from ranking.protocols import CandidateFilter, CandidateSource

REACH = 500  # candidates kept of a fallback; a page is at most a hundred


@dataclass(frozen=True, slots=True)
class Fallback:
    """Finds something to show, giving up wishes one by one and never what is forbidden.

    Args:
        popular: Active tracks by popularity.
        trial: Trial tracks, for when there is nothing else.
        filters: All filters of the feed.
        binding: Those that hold whatever happens: rights, own uploads, blocks, dislikes, wishes.
        n_tracks: Tracks of the catalogue.
    """

    popular: CandidateSource
    trial: CandidateSource
    filters: tuple[CandidateFilter, ...]
    binding: tuple[CandidateFilter, ...]
    n_tracks: int

    def candidates(self, query: FeedQuery, sources: tuple[str, ...]) -> Candidates:
        """Return eligible tracks, most popular first; none only where none may be shown.

        Args:
            query: The request.
            sources: The feed's sources, whose columns the candidates keep.
        """
        attempts = (
            (self.popular, REACH, self.filters),
            (self.popular, self.n_tracks, self.binding),
            (self.trial, self.n_tracks, self.binding),
        )
        for source, limit, filters in attempts:
            columns = sources if source.name in sources else (*sources, source.name)
            found = merge([source.fetch(query, limit)], columns)
            for one in filters:
                found = found.take(one.allows(query, found))
            if len(found):
                return found.take(np.arange(min(len(found), REACH)))
        return no_candidates(sources)

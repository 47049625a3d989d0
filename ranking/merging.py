"""One list of candidates from what several sources offered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ranking.model import NO_FLOATS, NO_ROWS, Candidates

RANK_OFFSET = 60.0  # k of reciprocal rank fusion, as Cormack, Clarke and Buettcher 2009 chose it


def merge(offers: Sequence[Candidates], sources: tuple[str, ...]) -> Candidates:
    """Merge what sources offered, best first by reciprocal rank fusion.

    Args:
        offers: One for each source that answered, as `one_source` makes them.
        sources: Every source of the feed, in the order of the result's columns; one that did not
            answer keeps its column, so that what reads the columns never shifts.

    Returns:
        The union; a track's score is the sum of 1 / (60 + rank) over the sources that offered it.

    Source:
        Cormack, Clarke and Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual
        rank learning methods", 2009.
    """
    rows = np.concatenate([NO_ROWS, *(offer.rows for offer in offers)])
    union, where = np.unique(rows, return_inverse=True)
    scores = np.full((union.size, len(sources)), np.nan, dtype=np.float32)
    ranks = scores.copy()
    start = 0
    for offer in offers:
        column = sources.index(offer.sources[0])
        at = where[start : start + len(offer)]
        scores[at, column] = offer.source_scores[:, 0]
        ranks[at, column] = offer.source_ranks[:, 0]
        start += len(offer)
    fused = np.nansum(1.0 / (RANK_OFFSET + ranks), axis=1).astype(np.float32)
    return Candidates(union, fused, sources, scores, ranks).ranked(fused)


def no_candidates(sources: tuple[str, ...]) -> Candidates:
    """Return an empty list of candidates with the columns of these sources."""
    empty = np.empty((0, len(sources)), dtype=np.float32)
    return Candidates(NO_ROWS, NO_FLOATS, sources, empty, empty)

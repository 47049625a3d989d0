"""Whether a variation mattered to a page: the rivals' pages for the same request are made, too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.randomness import generator
from ranking.experiments.serving.choosing import Choice, rivals
from ranking.experiments.serving.outcome import Outcome
from ranking.experiments.serving.variants import Variants
from ranking.model import Feed, FeedQuery
from ranking.pagelog import Exposure

SHARED = "interleaved"
"""What the log calls the variation of a page that two share."""


def exposures(
    chosen: Sequence[Choice],
    variants: Variants,
    query: FeedQuery,
    outcome: Outcome,
    share: float,
) -> tuple[Exposure, ...]:
    """Return what the log says of a page's experiments.

    A page is the same where every slot holds the same track; the seed is the request's own, so
    what chance decides it decides alike for all. Pages that two variations share tell of
    themselves whether the two wanted the same.

    Args:
        chosen: What the listener gets; those who were forced in are left out.
        variants: Engines of what they might have got.
        query: The request.
        outcome: The page as it was made.
        share: Share of the requests that are compared; the seed decides which.
    """
    is_compared = share > 0 and generator(query.seed, "compare variants").random() < share
    told = []
    for place, one in enumerate(chosen):
        if not one.by_chance:
            continue
        if one.experiment.spec.interleave:
            differs: bool | None = bool(outcome.teams)
            told.append(Exposure(one.experiment.key, SHARED, differs))
            continue
        feed = outcome.page.feed
        differs = _differs(chosen, place, variants, query, feed) if is_compared else None
        told.append(Exposure(one.experiment.key, one.spec.key, differs))
    return tuple(told)


def _differs(
    chosen: Sequence[Choice], place: int, variants: Variants, query: FeedQuery, feed: Feed
) -> bool:
    return any(
        not np.array_equal(variants.of(other).engine.serve(query).feed.rows, feed.rows)
        for other in rivals(chosen, place)
    )

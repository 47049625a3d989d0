"""Why one track is, or is not, on one listener's page: what every stage makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ranking.engine import Engine
from ranking.merging import merge
from ranking.model import Candidates, FeatureMatrix, FeedQuery, Floats, Page


@dataclass(frozen=True, slots=True)
class Offer:
    """One source's word on the track.

    Args:
        offered: Tracks it offered in all.
        rank: Of this one, from 0; None where it was not among them.
        score: Likewise.
    """

    offered: int
    rank: int | None
    score: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Every stage's verdict.

    Args:
        offers: Source → its word; a source that failed is missing, see `page.trace.failed`.
        allowed: Filter → whether it lets the track pass.
        features: The track's (1, f) features.
        predictions: The track's (1, h) predictions; no column where the ranker makes none.
        score: What the ranker makes of it.
        rank: Where that puts it among everything eligible, from 0.
        ranked: Eligible candidates, this one counted whether it is eligible or not.
        position: Its slot on the page, or None.
        page: The page itself.
    """

    offers: Mapping[str, Offer]
    allowed: Mapping[str, bool]
    features: FeatureMatrix
    predictions: FeatureMatrix
    score: float
    rank: int
    ranked: int
    position: int | None
    page: Page

    @property
    def is_offered(self) -> bool:
        """Whether any source offered it."""
        return any(offer.rank is not None for offer in self.offers.values())

    @property
    def is_eligible(self) -> bool:
        """Whether every filter lets it pass."""
        return all(self.allowed.values())


def explain(engine: Engine, query: FeedQuery, row: int) -> Explanation:
    """Follow a track through the stages of a page.

    Where no source offered it, or a filter refused it, it is taken along all the same: what the
    later stages would have made of it is often the question.

    Args:
        engine: The feed.
        query: The request.
        row: The track's catalogue row.
    """
    page = engine.serve(query)
    found, offers = _offered(engine, query, page, row)
    kept, allowed = _allowed(engine, query, found, row)
    features = engine.features.build([query], [kept])
    scores, predictions = engine.judge(features)
    at = int(np.flatnonzero(kept.rows == row)[0])
    slots = np.flatnonzero(page.feed.rows == row)
    return Explanation(
        offers=offers,
        allowed=allowed,
        features=_one(features, at),
        predictions=_one(predictions, at),
        score=float(scores[at]),
        rank=_rank(scores, at),
        ranked=len(kept),
        position=int(slots[0]) if slots.size else None,
        page=page,
    )


def _offered(
    engine: Engine, query: FeedQuery, page: Page, row: int
) -> tuple[Candidates, dict[str, Offer]]:
    """Return all that was offered, the track among it, and each source's word on it."""
    offers, words = [], {}
    for offering in engine.offerings:
        if offering.source.name in page.trace.failed:
            continue
        offer = offering.source.fetch(query, offering.limit)
        offers.append(offer)
        words[offering.source.name] = _word(offer, row)
    found = merge(offers, engine.source_names)
    return (found if np.any(found.rows == row) else _with(found, row)), words


def _word(offer: Candidates, row: int) -> Offer:
    at = np.flatnonzero(offer.rows == row)
    if not at.size:
        return Offer(len(offer), None, None)
    return Offer(len(offer), int(at[0]), float(offer.scores[at[0]]))


def _with(found: Candidates, row: int) -> Candidates:
    """Return the candidates and, last, a track that no source offered."""
    unknown = np.full((1, len(found.sources)), np.nan, dtype=np.float32)
    return replace(
        found,
        rows=np.append(found.rows, row),
        scores=np.append(found.scores, np.float32(0)),
        source_scores=np.vstack([found.source_scores, unknown]),
        source_ranks=np.vstack([found.source_ranks, unknown]),
    )


def _allowed(
    engine: Engine, query: FeedQuery, found: Candidates, row: int
) -> tuple[Candidates, dict[str, bool]]:
    """Apply the filters in their order, keeping the track whatever they say of it."""
    words = {}
    for one in engine.filters:
        mask = one.allows(query, found)
        ours = found.rows == row
        words[one.name] = bool(mask[ours][0])
        found = found.take(mask | ours)
    return found, words


def _rank(scores: Floats, at: int) -> int:
    """Return the place of one score; an equal one that stood before stays before."""
    better = scores > scores[at]
    return int(better.sum() + (scores[:at] == scores[at]).sum())


def _one(matrix: FeatureMatrix, at: int) -> FeatureMatrix:
    return FeatureMatrix(matrix.names, matrix.values[at : at + 1])

"""Offers trial tracks by what is believed of them and by appetite: the right people try them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ranking.catalogue import Catalogue
from ranking.listeners.preference import preference_weights
from ranking.model import Candidates, FeedQuery, Floats, Listener, Mask, Rows, one_source
from ranking.sources.beliefs import Beliefs, Doubles, TrialBoard
from ranking.sources.shelf import Shelf
from ranking.sources.thompson import win_probabilities
from ranking.supply.audience import Audience

UNLIKELIEST = 1e-12  # a propensity below this would only make estimates explode
OPTIMISM = 2.0  # deviations above its mean by which a track competes for a place in the offer
NEWEST = 0.1  # cosine to the taste that the newest of all trial tracks counts as, without a taste


class FreshConfig(BaseModel):
    """How many trial tracks are offered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(default=50, ge=0, le=5000)
    """Trial tracks offered to one page."""
    skip_heard: bool = True
    """Whether to leave out what the filters would drop as heard, so that it takes no place."""
    history_limit: int = Field(default=200, ge=1, le=5000)
    """Latest tracks of the listener that make the taste."""
    reach: float = Field(default=0.1, gt=0, le=1)
    """Share of the listeners that a segment's trial tracks are offered to: those with the largest
    appetite for it."""
    appetite: float = Field(default=2.0, ge=0, le=100)
    """Log odds of being heard out that e times the appetite of others is worth."""
    nearness: float = Field(default=6.0, ge=0, le=100)
    """For listeners whose appetite nobody knows: log odds that a whole unit of cosine to their
    favourites is worth."""
    nearest: int = Field(default=5, ge=1, le=1000)
    """Favourites nearest to a trial track whose mean cosine counts: who loves metal and waltzes is
    near to both, and not to what lies between."""


@dataclass(frozen=True, slots=True, eq=False)
class FreshSource:
    """Trial tracks, scored by how likely Thompson sampling picks them for this listener.

    A track is offered to the listeners with the largest appetite for its segment, and believed to
    be heard out as its trial tells so far, more so the larger the appetite. Of a listener whose
    appetite is not known it is the nearness to their favourites that counts, for a cold one being
    new, a little. The score is the logarithm of the slots it should have: the probability that its
    draw is the highest of all that are offered, times the tracks that were made for this listener,
    one at least. A softmax at temperature 1 over the scores *is* Thompson sampling, with known
    propensities, and their sum tells how many slots the listener would have.

    Args:
        shelf: The trial tracks that may be offered.
        catalogue: When tracks came out.
        vectors: (n_tracks, dim) unit rows, zero where a track has none.
        audience: Whom each segment would feed.
        board: What is believed of trial tracks now.
        config: Limits.
    """

    shelf: Shelf
    catalogue: Catalogue
    vectors: Floats
    audience: Audience
    board: TrialBoard
    config: FreshConfig
    name: str = "fresh"
    trial: Rows = field(init=False)
    """(k,) trial tracks, newest first."""
    floor: Floats = field(init=False)
    """By segment, the appetite from which its trial tracks are offered."""

    def __post_init__(self) -> None:
        rows = np.flatnonzero(np.logical_or.reduce(list(self.shelf.masks.values())))
        newest = np.lexsort((rows, -self.catalogue.released_at_ms[rows]))
        object.__setattr__(self, "trial", rows[newest].astype(np.int64))
        object.__setattr__(self, "floor", self.audience.floor(self.config.reach))

    def fetch(self, query: FeedQuery, limit: int) -> Candidates:
        """Return trial tracks with the logarithm of the slots each should have."""
        beliefs = self.board.beliefs
        rows = self.trial[self.shelf.open_to(query)[self.trial] & beliefs.open[self.trial]]
        if self.config.skip_heard:
            rows = rows[~np.isin(rows, self.shelf.skipped(query))]
        rows, lift, own = self._aimed(query.listener, rows, beliefs)
        mean = beliefs.mean[rows] + lift
        deviation = beliefs.deviation[rows]
        hopeful = np.argsort(-(mean + OPTIMISM * deviation), kind="stable")[:limit]
        chances = win_probabilities(mean[hopeful], deviation[hopeful])
        slots = np.maximum(chances, UNLIKELIEST) * max(int(own[hopeful].sum()), 1)
        scores = np.log(slots).astype(np.float32)
        return one_source(self.name, rows[hopeful], scores)

    def _aimed(
        self, listener: Listener, rows: Rows, beliefs: Beliefs
    ) -> tuple[Rows, Doubles, Mask]:
        """Return the tracks to offer, what taste adds to each, and which are this listener's."""
        appetites = self.audience.of(listener.user_id)
        if appetites is not None:
            segments = self.audience.segments_of(rows, beliefs.aims)
            aimed = segments >= 0
            wanted = np.where(aimed, appetites[segments], 0.0)
            inside = ~aimed | (wanted >= np.where(aimed, self.floor[segments], 0.0))
            lift = self.config.appetite * wanted[inside].astype(np.float64)
            return rows[inside], lift, aimed[inside]
        liked = favourites(listener, self.vectors, self.config.history_limit)
        near = (
            nearness(self.vectors[rows], liked, self.config.nearest)
            if liked.size
            else _newest_first(rows.size)
        )
        lift = self.config.nearness * near.astype(np.float64)
        return rows, lift, np.zeros(rows.size, dtype=np.bool_)


def favourites(listener: Listener, vectors: Floats, history_limit: int) -> Floats:
    """Return (k, dim) the vectors of the tracks a listener likes, the latest first.

    Args:
        listener: Whose.
        vectors: (n_tracks, dim) unit rows.
        history_limit: Latest tracks used; those without a vector are left out.
    """
    used = np.flatnonzero(preference_weights(listener) > 0)[:history_limit]
    liked = vectors[listener.rows[used]]
    return np.asarray(liked[np.any(liked != 0, axis=1)])


def nearness(tracks: Floats, liked: Floats, nearest: int) -> Floats:
    """Return (n,) mean cosine of each track to its nearest favourites.

    Args:
        tracks: (n, dim) unit rows, or zeros.
        liked: (k, dim) unit rows, k ≥ 1.
        nearest: How many of them count.
    """
    alike = tracks @ liked.T
    kept = min(nearest, alike.shape[1])
    return np.asarray(-np.partition(-alike, kept - 1, axis=1)[:, :kept].mean(axis=1))


def _newest_first(size: int) -> Floats:
    return np.linspace(NEWEST, 0.0, size, dtype=np.float32)

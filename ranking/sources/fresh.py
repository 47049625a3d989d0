"""Offers trial tracks by what is believed of them and by taste: the right people try them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ranking.catalogue import Catalogue
from ranking.listeners.preference import preference_weights
from ranking.model import Candidates, FeedQuery, Floats, Listener, Rows, one_source
from ranking.sources.beliefs import TrialBoard
from ranking.sources.shelf import Shelf
from ranking.sources.thompson import win_probabilities

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
    nearness: float = Field(default=6.0, ge=0, le=100)
    """Log odds of being heard out that a whole unit of cosine to their favourites is worth."""
    nearest: int = Field(default=5, ge=1, le=1000)
    """Favourites nearest to a trial track whose mean cosine counts: who loves metal and waltzes is
    near to both, and not to what lies between."""


@dataclass(frozen=True, slots=True, eq=False)
class FreshSource:
    """Trial tracks, scored by how likely Thompson sampling picks them for this listener.

    A track is believed to be heard out as its trial tells so far, more so the nearer it lies to the
    listener's favourites; for a cold listener the newer a little more. The score is the logarithm
    of the probability that its draw is the highest of all that are offered, so that a softmax at
    temperature 1 over the scores *is* Thompson sampling, with known propensities.

    Args:
        shelf: The trial tracks that may be offered.
        catalogue: When tracks came out.
        vectors: (n_tracks, dim) unit rows, zero where a track has none.
        board: What is believed of trial tracks now.
        config: Limits.
    """

    shelf: Shelf
    catalogue: Catalogue
    vectors: Floats
    board: TrialBoard
    config: FreshConfig
    name: str = "fresh"
    trial: Rows = field(init=False)
    """(k,) trial tracks, newest first."""

    def __post_init__(self) -> None:
        rows = np.flatnonzero(np.logical_or.reduce(list(self.shelf.masks.values())))
        newest = np.lexsort((rows, -self.catalogue.released_at_ms[rows]))
        object.__setattr__(self, "trial", rows[newest].astype(np.int64))

    def fetch(self, query: FeedQuery, limit: int) -> Candidates:
        """Return trial tracks with the logarithm of their probability."""
        beliefs = self.board.beliefs
        rows = self.trial[self.shelf.open_to(query)[self.trial] & beliefs.open[self.trial]]
        if self.config.skip_heard:
            rows = rows[~np.isin(rows, self.shelf.skipped(query))]
        liked = favourites(query.listener, self.vectors, self.config.history_limit)
        near = (
            nearness(self.vectors[rows], liked, self.config.nearest)
            if liked.size
            else _newest_first(rows.size)
        )
        mean = beliefs.mean[rows] + self.config.nearness * near.astype(np.float64)
        deviation = beliefs.deviation[rows]
        hopeful = np.argsort(-(mean + OPTIMISM * deviation), kind="stable")[:limit]
        chances = win_probabilities(mean[hopeful], deviation[hopeful])
        scores = np.log(np.maximum(chances, UNLIKELIEST)).astype(np.float32)
        return one_source(self.name, rows[hopeful], scores)


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

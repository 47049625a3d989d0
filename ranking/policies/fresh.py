"""Keeps slots for trial tracks and draws who gets them, with known probabilities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ranking.model import Floats, Mask, Rows


class FreshSlotsConfig(BaseModel):
    """How much of a page is kept for trial tracks, and how eagerly taste decides."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(default=0.1, ge=0, le=1)
    """Share of the slots kept for trial tracks; 0 keeps none."""
    most: float = Field(default=0.3, ge=0, le=1)
    """Share that is kept for a listener for whom so many trial tracks were made."""
    one_from: int = Field(default=10, ge=2, le=1000)
    """Slots from which a page has at least one fresh slot, and may have more than the share."""
    temperature: float = Field(default=1.0, gt=0, le=100)
    """Sharpness of the draw: 1 is Thompson sampling, less is greedier, large is even."""


class Draw(NamedTuple):
    """One trial track drawn for one fresh slot.

    Args:
        candidate: Which of the candidates.
        propensity: Probability of this draw, given the query and the earlier draws of the page.
    """

    candidate: int
    propensity: float


def fresh_count(size: int, offered: Floats, config: FreshSlotsConfig) -> int:
    """Return how many slots of a page are kept.

    Args:
        size: Slots of the page.
        offered: (k,) the fresh source's scores of the trial candidates, NaN where it has none: the
            logarithm of the slots that each should have.
        config: The shares.
    """
    if config.share == 0:
        return 0
    wished = int(np.rint(np.exp(offered[np.isfinite(offered)].astype(np.float64)).sum()))
    wanted = int(config.share * size + 1e-9)
    if size >= config.one_from:
        wanted = max(wanted, 1, min(wished, int(config.most * size + 1e-9)))
    # The first slot is never fresh: the page opens with what is known to be wanted.
    return min(wanted, offered.size, max(size - 1, 0))


def fresh_positions(size: int, count: int) -> tuple[int, ...]:
    """Return the fresh slots: spread evenly over the page, never the first.

    Args:
        size: Slots of the page.
        count: Fresh slots, < `size`.
    """
    return tuple((slot + 1) * size // (count + 1) for slot in range(count))


def taste_scores(offered: Floats) -> Floats:
    """Return what the draw weighs: a source's score, the lowest of them where it has none."""
    known = np.isfinite(offered)
    lowest = offered[known].min() if known.any() else 0.0
    return np.where(known, offered, lowest).astype(np.float32)


class Odds(NamedTuple):
    """Who may be drawn for one fresh slot, and how likely.

    Args:
        pool: (p,) which of the candidates.
        chances: (p,) their probabilities, which sum to 1.
    """

    pool: Rows
    chances: NDArray[np.float64]


def odds(scores: Floats, eligible: Mask, temperature: float) -> Odds:
    """Return a softmax over those who may be drawn.

    Args:
        scores: (n,) taste scores.
        eligible: (n,) who may be drawn.
        temperature: In units of the scores.
    """
    pool = np.flatnonzero(eligible)
    if not pool.size:
        return Odds(pool, np.empty(0))
    return Odds(pool, _softmax(scores[pool].astype(np.float64) / temperature))


def draw(choices: Odds, rng: np.random.Generator) -> Draw | None:
    """Draw one trial track.

    Args:
        choices: Who may be drawn, and how likely.
        rng: Decides.

    Returns:
        The draw, or None where nobody is eligible.
    """
    if not choices.pool.size:
        return None
    chosen = int(np.searchsorted(np.cumsum(choices.chances), rng.random(), side="right"))
    chosen = min(chosen, choices.pool.size - 1)  # rounding may leave the sum a hair below 1
    return Draw(int(choices.pool[chosen]), float(choices.chances[chosen]))


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(values - values.max())
    return np.asarray(raised / raised.sum())

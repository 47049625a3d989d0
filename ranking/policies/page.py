"""Arranges a page: fresh slots, creator spacing, diversity and caps on generated tracks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from core.randomness import generator
from ranking.catalogue import Catalogue, Origin, Status
from ranking.model import Candidates, Feed, FeedQuery, Floats, Mask, Rows
from ranking.policies.diversity import marginal, relevance
from ranking.policies.fresh import (
    Draw,
    FreshSlotsConfig,
    Odds,
    draw,
    fresh_count,
    fresh_positions,
    odds,
    taste_scores,
)
from ranking.policies.generated import generated_cap, listener_cap
from ranking.policies.reasons import Reasons
from ranking.policies.spacing import EMPTY_SLOT, spaced, too_close

FRESH_SOURCE = "fresh"
NOBODY = -1  # a slot that is not filled yet

Chooser = Callable[[int, Odds], Draw | None]
"""(position, who may be drawn) → who gets the fresh slot, or None where nobody may."""


class PageConfig(BaseModel):
    """How a page is arranged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fresh: FreshSlotsConfig = FreshSlotsConfig()
    """Slots kept for trial tracks."""
    creator_gap: int = Field(default=3, ge=1, le=100)
    """Of any so many slots in a row at most one belongs to a creator; 1 spaces nothing."""
    diversity: float = Field(default=0.1, ge=0, le=1)
    """Weight of sounding unlike the tracks above, against score; 0 keeps the ranker's order."""
    generated_share: float = Field(default=0.5, ge=0, le=1)
    """Largest share of a page that is generated; fresh slots count."""
    generated_listener_share: float = Field(default=0.5, ge=0, le=1)
    """Largest share of the page and of what its listener was shown lately, together, that is
    generated; fresh slots count."""


@dataclass(frozen=True, slots=True, eq=False)
class PagePolicy:
    """Fills a page slot by slot from ranked candidates.

    Trial tracks stand in fresh slots only, drawn by taste; the other slots are filled best first,
    without chance. Spacing gives way before the caps, and all of them before a slot stays empty.
    Where nothing but trial tracks is left, every slot is a fresh one.

    Args:
        catalogue: Creators, origins and statuses.
        vectors: (n_tracks, dim) unit rows.
        reasons: Explains the slots.
        config: The arrangement.
    """

    catalogue: Catalogue
    vectors: Floats
    reasons: Reasons
    config: PageConfig

    def arrange(self, query: FeedQuery, candidates: Candidates) -> Feed:
        """Return the page; the same for the same query and candidates.

        A fresh slot's propensity is the probability of its draw, given the query and the draws for
        the fresh slots above it; an ordinary slot's is 1.
        """
        page = OpenPage.of(query, candidates, self.catalogue, self.vectors, self.config)
        rng = generator(query.seed, "fresh slots")
        page.fill(lambda _, choices: draw(choices, rng))
        filled = np.flatnonzero(page.slots != NOBODY)
        slots = candidates.take(page.slots[filled])
        sources, reasons = self.reasons.explain(query, slots)
        return Feed(
            rows=slots.rows,
            scores=slots.scores,
            sources=sources,
            reasons=tuple(reasons),
            propensities=page.propensities[filled],
            is_fresh=page.is_fresh[filled],
        )


@dataclass(slots=True, eq=False)
class OpenPage:
    """A page while it is filled; lives for one call, of the policy or of one that replays it.

    Args:
        candidates: (n,) ranked.
        config: The arrangement.
        creators: (n,) their creators.
        generated: (n,) whether they are generated.
        trial: (n,) whether they are on trial.
        vectors: (n, dim) their audio vectors.
        before: Creators of the slots seen last, latest first.
        lately: (m,) of all slots shown lately, which were generated.
        wanted: Slots asked for.
        n_fresh: Slots kept for trial tracks.
        slots: (size,) which candidate stands where; `NOBODY` where none does.
    """

    candidates: Candidates
    config: PageConfig
    creators: Rows
    generated: Mask
    trial: Mask
    vectors: Floats
    before: Rows
    lately: Mask
    wanted: int
    n_fresh: int = field(init=False)
    slots: Rows = field(init=False)
    page_creators: Rows = field(init=False)
    propensities: Floats = field(init=False)
    is_fresh: Mask = field(init=False)
    free: Mask = field(init=False)
    generated_left: int = field(init=False)

    @classmethod
    def of(
        cls,
        query: FeedQuery,
        candidates: Candidates,
        catalogue: Catalogue,
        vectors: Floats,
        config: PageConfig,
    ) -> OpenPage:
        """Return the page of a request, nothing filled yet."""
        rows = candidates.rows
        return cls(
            candidates=candidates,
            config=config,
            creators=catalogue.creator_rows[rows],
            generated=catalogue.origins[rows] == Origin.GENERATED,
            trial=catalogue.statuses[rows] == Status.TRIAL,
            vectors=vectors[rows],
            before=catalogue.creator_rows[query.listener.shown_rows[: config.creator_gap]],
            lately=catalogue.origins[query.listener.shown_rows] == Origin.GENERATED,
            wanted=query.size,
        )

    def __post_init__(self) -> None:
        n_trial = int(self.trial.sum())
        n_ordinary = len(self.candidates) - n_trial
        offered = self._fresh_scores()[self.trial]
        self.n_fresh = fresh_count(self.wanted, offered, self.config.fresh)
        if n_ordinary == 0:  # better a page of trial tracks than none
            self.n_fresh = min(self.wanted, n_trial)
        size = min(self.wanted, n_ordinary + self.n_fresh)
        self.slots = np.full(size, NOBODY, dtype=np.int64)
        self.page_creators = np.full(size, EMPTY_SLOT, dtype=np.int64)
        self.propensities = np.ones(size, dtype=np.float32)
        self.is_fresh = np.zeros(size, dtype=np.bool_)
        self.free = np.ones(len(self.candidates), dtype=np.bool_)
        self.generated_left = min(
            generated_cap(size, self.config.generated_share),
            listener_cap(size, self.lately, self.config.generated_listener_share),
        )

    def place(self, position: int, candidate: int) -> None:
        """Give a slot to a candidate."""
        self.slots[position] = candidate
        self.page_creators[position] = self.creators[candidate]
        self.free[candidate] = False
        self.generated_left -= int(self.generated[candidate])

    def fill(self, choose: Chooser) -> None:
        """Fill every slot: first the fresh ones, from the top, then the others around them."""
        self.draw_fresh(choose)
        self.fill_ordinary()

    def draw_fresh(self, choose: Chooser) -> None:
        """Draw the fresh slots; one that nobody may take is left to the others."""
        scores = taste_scores(self._fresh_scores())
        for position in fresh_positions(self.slots.size, self.n_fresh):
            eligible = self._capped(self.trial & self.free)
            if self.trial.all():  # nothing else can fill the page: the caps give way
                eligible = _preferably(self.free, eligible)
            eligible = _preferably(eligible, self._apart(position))
            drawn = choose(position, odds(scores, eligible, self.config.fresh.temperature))
            if drawn is not None:
                self.place(position, drawn.candidate)
                self.propensities[position] = drawn.propensity
                self.is_fresh[position] = True

    def fill_ordinary(self) -> None:
        """Fill the other slots in order; those above a slot decide what sounds like the page."""
        relevant = relevance(self.candidates.scores, self.slots.size)
        nearest = np.zeros(len(self.candidates), dtype=np.float32)
        for position in range(self.slots.size):
            if self.slots[position] == NOBODY:
                best = self._best(position, marginal(relevant, nearest, self.config.diversity))
                if best == NOBODY:
                    continue
                self.place(position, best)
            if self.config.diversity > 0:
                near = self.vectors @ self.vectors[self.slots[position]]
                nearest = np.maximum(nearest, near)
        self._close_gaps()

    def _best(self, position: int, worth: Floats) -> int:
        ordinary = self.free & ~self.trial
        if not ordinary.any():
            return NOBODY
        allowed = _preferably(ordinary, self._capped(ordinary))
        allowed = _preferably(allowed, self._apart(position))
        return int(np.argmax(np.where(allowed, worth, -np.inf)))

    def _capped(self, among: Mask) -> Mask:
        return among if self.generated_left > 0 else among & ~self.generated

    def _apart(self, position: int) -> Mask:
        near = too_close(self.page_creators, self.before, position, self.config.creator_gap)
        return spaced(self.creators, near)

    def _fresh_scores(self) -> Floats:
        if FRESH_SOURCE not in self.candidates.sources:
            return np.full(len(self.candidates), np.nan, dtype=np.float32)
        column = self.candidates.sources.index(FRESH_SOURCE)
        return self.candidates.source_scores[:, column]

    def _close_gaps(self) -> None:
        """Move filled slots up where too few candidates left empty ones between them."""
        order: NDArray[np.int64] = np.argsort(self.slots == NOBODY, kind="stable")
        self.slots, self.is_fresh = self.slots[order], self.is_fresh[order]
        self.propensities = self.propensities[order]


def _preferably(allowed: Mask, wish: Mask) -> Mask:
    """Return those of the allowed that keep a wish, or all of them where none does."""
    both = allowed & wish
    return both if both.any() else allowed

"""The values that travel along the request path: frozen columns of equal length."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

NO_ROWS: Rows = np.empty(0, dtype=np.int64)
NO_FLOATS: Floats = np.empty(0, dtype=np.float32)
UNKNOWN_TIME_MS = 0  # a play whose time nobody recorded: it happened, but long ago


class AiPreference(StrEnum):
    """Whether a listener wants generated tracks."""

    ALL = "all"
    LABELLED = "labelled"
    """Generated tracks only where their provenance is stated."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a listener asked for; eligibility, never score.

    Args:
        ai: Whether generated tracks may appear.
        explicit: Whether explicit tracks may appear.
        region: ISO 3166 country code, or "" where it is not known.
        blocked_creators: Creators the listener never wants.
    """

    ai: AiPreference = AiPreference.ALL
    explicit: bool = True
    region: str = ""
    blocked_creators: Rows = field(default_factory=lambda: NO_ROWS)


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """What is known of one listener at one moment: one row a track they met, latest first.

    Args:
        user_id: Who.
        rows: (n,) catalogue rows, distinct; latest first.
        plays: (n,) how often played, ≥ 0.
        finishes: (n,) how often heard to the end.
        skips: (n,) how often left early.
        opinions: (n,) int8: 1 liked or saved, -1 disliked or hidden, 0 neither.
        last_at_ms: (n,) when last met; `UNKNOWN_TIME_MS` where not recorded.
        followed: (k,) creator rows.
        preferences: What they asked for.
        shown_rows: (m,) catalogue rows on their recent pages, latest first, repeats kept.
        shown_at_ms: (m,) when each was shown.
    """

    user_id: str
    rows: Rows = field(default_factory=lambda: NO_ROWS)
    plays: Floats = field(default_factory=lambda: NO_FLOATS)
    finishes: Floats = field(default_factory=lambda: NO_FLOATS)
    skips: Floats = field(default_factory=lambda: NO_FLOATS)
    opinions: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, dtype=np.int8))
    last_at_ms: NDArray[np.int64] = field(default_factory=lambda: NO_ROWS)
    followed: Rows = field(default_factory=lambda: NO_ROWS)
    preferences: Preferences = field(default_factory=Preferences)
    shown_rows: Rows = field(default_factory=lambda: NO_ROWS)
    shown_at_ms: NDArray[np.int64] = field(default_factory=lambda: NO_ROWS)

    @property
    def is_cold(self) -> bool:
        """Whether nothing they did is known."""
        return self.rows.size == 0


class Continuation(NamedTuple):
    """What the pages before this one have decided of a feed that goes on over several.

    Args:
        seed: That of the feed's first page.
        slots: How many slots the pages before it have.
    """

    seed: int
    slots: int


@dataclass(frozen=True, slots=True, eq=False)
class FeedQuery:
    """One request for one page; carries everything below it that would read a clock or a flag.

    Args:
        listener: Who asks, as known now.
        size: Slots wanted, ≥ 1.
        now_ms: The moment of the request, UTC milliseconds.
        seed: Decides every random choice of this page.
        surface: Where the page is shown ("home", "radio", …).
        exclude: (k,) catalogue rows the caller does not want.
        continued: The feed whose next page this is; None for a first page.
    """

    listener: Listener
    size: int
    now_ms: int
    seed: int
    surface: str = "home"
    exclude: Rows = field(default_factory=lambda: NO_ROWS)
    continued: Continuation | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Tracks that might fill a slot, best first, and which sources offered them.

    Args:
        rows: (n,) catalogue rows, distinct.
        scores: (n,) higher is better; comparable only within one stage.
        sources: (s,) names of the sources.
        source_scores: (n, s) each source's own score; NaN where it did not offer the track.
        source_ranks: (n, s) each source's rank from 0; NaN likewise.
    """

    rows: Rows
    scores: Floats
    sources: tuple[str, ...]
    source_scores: Floats
    source_ranks: Floats

    def __len__(self) -> int:
        return int(self.rows.size)

    def take(self, order: NDArray[np.int64] | Mask) -> Candidates:
        """Return the candidates at positions, in that order, or those of a mask."""
        return replace(
            self,
            rows=self.rows[order],
            scores=self.scores[order],
            source_scores=self.source_scores[order],
            source_ranks=self.source_ranks[order],
        )

    def ranked(self, scores: Floats) -> Candidates:
        """Return the candidates with new scores, best first; ties keep their order."""
        order = np.argsort(-scores, kind="stable")
        return replace(self.take(order), scores=scores[order].astype(np.float32))


def one_source(name: str, rows: Rows, scores: Floats) -> Candidates:
    """Return what one source offers.

    Args:
        name: The source.
        rows: (n,) distinct catalogue rows.
        scores: (n,) its scores; sorted here, best first.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order].astype(np.float32)
    ranks = np.arange(ranked.size, dtype=np.float32)
    return Candidates(
        rows=rows[order].astype(np.int64),
        scores=ranked,
        sources=(name,),
        source_scores=ranked[:, None],
        source_ranks=ranks[:, None],
    )


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMatrix:
    """Feature values of candidates.

    Args:
        names: (f,) column names, distinct.
        values: (n, f) float32; NaN where a value is not known.
    """

    names: tuple[str, ...]
    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """One arranged page; index is the slot's position.

    Args:
        rows: (k,) catalogue rows, distinct.
        scores: (k,) the ranker's scores.
        sources: (k,) which source brought each.
        reasons: (k,) why, as a short code that a face turns into words ("because_you_liked:42").
        propensities: (k,) probability in (0, 1] that this track got this slot, given the query.
        is_fresh: (k,) whether the slot was kept for trial tracks.
    """

    rows: Rows
    scores: Floats
    sources: tuple[str, ...]
    reasons: tuple[str, ...]
    propensities: Floats
    is_fresh: Mask

    def __len__(self) -> int:
        return int(self.rows.size)


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What happened while a page was made: enough to explain, replay and train.

    Args:
        candidates: Ranked candidates, after filters.
        features: Their feature values, same order.
        found: Source → how many it offered.
        failed: Sources that could not answer, with the reason.
        drops: Filter → how many it removed.
        durations_ms: Stage → time spent.
        degraded: Whether a fallback made the page.
    """

    candidates: Candidates
    features: FeatureMatrix
    found: dict[str, int]
    failed: dict[str, str]
    drops: dict[str, int]
    durations_ms: dict[str, float]
    degraded: bool


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A feed and how it came about."""

    feed: Feed
    trace: Trace

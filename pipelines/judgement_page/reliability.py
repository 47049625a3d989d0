"""Whether predictions hold: probabilities against rates, places against grades."""

from __future__ import annotations

import numpy as np

from core.errors import DataError
from pipelines.evaluation.audience import Audience, Offered
from pipelines.evaluation.contest import Contest
from pipelines.history import History
from pipelines.judgement_page.document import Bin, Reliability
from pipelines.ranker_training.impression_data import (
    described,
    examples,
    outcomes_of,
    shown_between,
)
from pipelines.ranker_training.ranker_data import labels_of
from pipelines.ranker_training.shown_rates import shown_rates
from pipelines.ranker_training.train_heads import impression_features
from ranking.features.moments import moments_of
from ranking.listeners.replay import EventLog
from ranking.metrics.probabilities import calibration_error, equal_bins
from ranking.model import FeatureMatrix, Floats
from ranking.rankers.columns import aligned_columns
from ranking.rankers.head_training import OutcomeData
from ranking.rankers.heads import POSITION, HeadsRanker
from ranking.rankers.outcomes import HeadConfig

BINS = 10


class PlaceCounts:
    """Adds up what came of each tenth of every listener's candidates, by a ranker's order.

    Args:
        name: The ranker.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._rows, self._grades = np.zeros(BINS), np.zeros(BINS)

    def see(self, offered: Offered, audience: Audience) -> None:
        """Add some requests."""
        for at, query in enumerate(offered.queries):
            user, ranked = query.listener.user_id, offered.ranked(self._name, at)
            if not len(ranked):
                continue
            grades = labels_of(ranked, audience.relevant[user], audience.grades[user])
            tenth = np.arange(len(ranked)) * BINS // len(ranked)
            self._rows += np.bincount(tenth, minlength=BINS)
            self._grades += np.bincount(tenth, grades, minlength=BINS)

    def reliability(self) -> Reliability:
        """Return mean grade by tenth, the first places first."""
        bins = tuple(
            Bin(
                rows=int(rows),
                predicted=(at + 0.5) / BINS,
                observed=float(grade / rows) if rows else 0.0,
            )
            for at, (rows, grade) in enumerate(zip(self._rows, self._grades, strict=True))
        )
        rows = int(self._rows.sum())
        return Reliability(name="score", kind="place", rows=rows, bins=bins, error=None)


def judged_slots(
    contest: Contest, history: History, heads: tuple[HeadConfig, ...], refresh_ms: int
) -> OutcomeData:
    """Return the slots logged in the judged part, described as of their moment, with outcomes.

    Factors and counts are those from before the judged part, as when they are served.

    Raises:
        DataError: If none was logged.
    """
    end_ms = history.last_ms + 1
    slots = shown_between(history.impressions, contest.catalogue, contest.split.now_ms, end_ms)
    if not len(slots):
        raise DataError("no page was logged in the judged part, so no probability can be checked")
    log = EventLog.from_frames(
        history.events, history.plays, contest.catalogue, history.impressions
    )
    rates = shown_rates(history.impressions, history.events, contest.catalogue, refresh_ms)
    builder = impression_features(contest.catalogue, contest.learned, rates)
    values = described(slots, builder, moments_of(log), threads=1)
    outcomes = outcomes_of(slots, history.events, heads, end_ms)
    return examples(slots, builder.names, values, outcomes)


def head_reliability(ranker: HeadsRanker, slots: OutcomeData) -> tuple[Reliability, ...]:
    """Return predicted and observed rates of every head, each slot at the position it had.

    Args:
        ranker: The heads.
        slots: What was shown, with what followed.
    """
    raw = ranker.scorer.raw(_as_shown(ranker, slots))
    found = []
    for column, head in enumerate(ranker.heads):
        outcome = slots.outcomes[head.name]
        known = ~np.isnan(outcome)
        predicted = head.calibration.probabilities(raw[known, column]).astype(np.float64)
        found.append(binned(head.name, predicted, outcome[known] > 0))
    return tuple(found)


def binned(
    name: str, predicted: np.ndarray[tuple[int], np.dtype[np.float64]],
    happened: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> Reliability:  # fmt: skip
    """Return ten bins of equal size, the least probable first, and the error over them."""
    numbers = equal_bins(predicted, BINS)
    counts = np.bincount(numbers, minlength=BINS)
    means = np.bincount(numbers, predicted, minlength=BINS) / np.maximum(counts, 1)
    rates = np.bincount(numbers, happened, minlength=BINS) / np.maximum(counts, 1)
    error = calibration_error(numbers, predicted, happened, np.ones(predicted.size))
    bins = tuple(
        Bin(rows=int(rows), predicted=float(mean), observed=float(rate))
        for rows, mean, rate in zip(counts, means, rates, strict=True)
        if rows
    )
    return Reliability(
        name=name,
        kind="probability",
        rows=int(predicted.size),
        bins=bins,
        error=None if np.isnan(error) else error,
    )


def _as_shown(ranker: HeadsRanker, slots: OutcomeData) -> Floats:
    """Return the columns of the trees with the logged positions; an unlogged one is the served."""
    features = FeatureMatrix(slots.names, slots.values)
    if POSITION not in ranker.columns:
        return aligned_columns(features, ranker.feature_names)
    values = ranker.placed(features)
    logged = np.isnan(slots.positions)
    place = ranker.columns.index(POSITION)
    values[:, place] = np.where(logged, ranker.serving_position, slots.positions)
    return values

"""The heads' training: slots that were shown, described by what was known before them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import polars as pl

from core.errors import DataError
from core.randomness import derive_seed
from pipelines.fitting import Audio, FactorsConfig, fit_learned
from pipelines.history import History
from pipelines.job import Progress
from pipelines.ranker_training.impression_data import (
    described,
    examples,
    outcomes_of,
    shown_between,
)
from pipelines.ranker_training.shown_rates import shown_rates
from pipelines.ranker_training.training_set import TrainingSet
from pipelines.splits import Split
from ranking.assembly import SOURCES
from ranking.catalogue import Catalogue
from ranking.features.families import FeedFeatures, feature_builder
from ranking.features.moments import moments_of
from ranking.features.shown import ShownRates
from ranking.learned import Learned
from ranking.listeners.replay import EventLog
from ranking.rankers.head_training import OutcomeData
from ranking.rankers.outcomes import HeadConfig


def head_examples(
    history: History,
    catalogue: Catalogue,
    audio: Audio,
    splits: Iterable[Split],
    heads: tuple[HeadConfig, ...],
    *,
    factors: FactorsConfig,
    refresh_ms: int,
    seed: int,
    progress: Progress,
    threads: int = 2,
) -> TrainingSet:
    """Return the slots shown after each split, described by what was learned before it.

    Args:
        history: The whole log.
        catalogue: The tracks.
        audio: Vectors and index in its rows.
        splits: Oldest first; the slots of each are those until the next, or until the log ends.
        heads: The outcomes.
        factors: How factors, neighbours and statistics are learned before each split.
        refresh_ms: How stale rates are when serving; see `ShownRates`.
        seed: Decides every draw.
        progress: Told of each split.
        threads: Parts described side by side.

    Raises:
        DataError: If no slot was logged.
    """
    ordered = list(splits)
    ends = [*(split.now_ms for split in ordered[1:]), history.last_ms + 1]
    log = EventLog.from_frames(history.events, history.plays, catalogue, history.impressions)
    moments = moments_of(log)
    shown = shown_rates(history.impressions, history.events, catalogue, refresh_ms)
    parts, about = [], []
    for at, split in enumerate(progress.track(ordered, "describing slots", len(ordered))):
        learned = fit_learned(
            split.history, catalogue, audio, factors, derive_seed(seed, "split", at),
            now_ms=split.now_ms,
        )  # fmt: skip
        builder = impression_features(catalogue, learned, shown)
        slots = shown_between(history.impressions, catalogue, split.now_ms, ends[at])
        outcomes = outcomes_of(slots, history.events, heads, _log_end_ms(history))
        values = described(slots, builder, moments, threads=threads)
        parts.append(examples(slots, builder.names, values, outcomes))
        about.append(slots.frame)
    data = joined(parts)
    if not data.at_ms.size:
        raise DataError(
            "no page was logged, so heads have nothing to learn from; serve and compact first, "
            "import impressions, or train with objective = 'lambdarank'"
        )
    return TrainingSet("heads", data, pl.concat(about))


def impression_features(catalogue: Catalogue, learned: Learned, shown: ShownRates) -> FeedFeatures:
    """Return the features of the feed, their rates read from a log at any moment of it."""
    return feature_builder(catalogue, replace(learned, shown=shown), SOURCES)


def joined(parts: list[OutcomeData]) -> OutcomeData:
    """Return examples of the same columns end to end."""
    first = parts[0]
    return OutcomeData(
        names=first.names,
        values=np.concatenate([part.values for part in parts]),
        outcomes={
            name: np.concatenate([part.outcomes[name] for part in parts]) for name in first.outcomes
        },
        at_ms=np.concatenate([part.at_ms for part in parts]),
        positions=np.concatenate([part.positions for part in parts]),
        weights=np.concatenate([part.weights for part in parts]),
    )


def _log_end_ms(history: History) -> int:
    """Return the last moment anything is known of: a page, or what somebody did."""
    shown = history.impressions["at"].dt.epoch("ms").max()
    return max(history.last_ms, int(shown) if isinstance(shown, int) else 0) + 1

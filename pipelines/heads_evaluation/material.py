"""The slots of a log, day by day, described for every model that is judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.events import DAY_MS
from core.randomness import derive_seed
from pipelines.catalogue import LiveCatalogue
from pipelines.fitting import FactorsConfig, fit_learned
from pipelines.heads_evaluation.configuration import HeadsEvaluationConfig
from pipelines.history import History
from pipelines.job import Progress
from pipelines.ranker_training.impression_data import (
    ShownSlots,
    described,
    examples,
    outcomes_of,
    shown_between,
)
from pipelines.ranker_training.shown_rates import shown_rates
from pipelines.ranker_training.train_heads import impression_features, joined
from ranking.features.moments import moments_of
from ranking.features.shown import Entries, ShownRates, track_keys
from ranking.listeners.replay import EventLog
from ranking.model import Rows
from ranking.rankers.head_training import OutcomeData


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Every slot of the log, oldest first.

    Args:
        data: As the product's heads are trained on it.
        days: (n,) the day of each slot, from 0.
        listeners: (n,) number of the listener.
        tracks: (n,) catalogue row.
        creators: (n,) creator row, -1 where not known.
        surfaces: (n,) number of the surface.
        tags: (n,) column of the track's rarest tag, -1 where it has none.
        counts: (n, 15) slots before, and each outcome of them, by listener, track and creator.
    """

    data: OutcomeData
    days: Rows
    listeners: Rows
    tracks: Rows
    creators: Rows
    surfaces: Rows
    tags: Rows
    counts: NDArray[np.float64]

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one feature."""
        values = self.data.values[:, self.data.names.index(name)]
        return np.asarray(values, dtype=np.float64)

    @property
    def shown_before(self) -> NDArray[np.float64]:
        """(n,) how often the track had been shown to anybody before."""
        return np.asarray(np.round(np.expm1(self.column("shown_track"))), dtype=np.float64)


def read_material(
    history: History,
    opened: LiveCatalogue,
    factors: FactorsConfig,
    config: HeadsEvaluationConfig,
    seed: int,
    progress: Progress,
) -> Material:
    """Describe every slot by what was known before it.

    Factors, neighbours and statistics are learned anew before each day, from the days before;
    counts of slots and outcomes, and what is known of the listener, are those of the moment.

    Raises:
        DataError: If the log has too few days.
    """
    catalogue = opened.catalogue
    slots = shown_between(history.impressions, catalogue, 0, 1 << 42)
    offset = round(config.day_offset_hours * 3_600_000)
    days = (slots.at_ms + offset) // DAY_MS
    wanted = np.unique(days)
    if wanted.size < config.held_days + 2:
        raise DataError(
            f"the log has pages of {wanted.size} days; {config.held_days} to judge, one to choose "
            "settings and one to learn from are needed: import more impressions"
        )
    log = EventLog.from_frames(history.events, history.plays, catalogue, history.impressions)
    moments = moments_of(log)
    shown = shown_rates(history.impressions, history.events, catalogue)
    parts = []
    for day in progress.track(wanted.tolist(), "describing days", wanted.size):
        begin = int(day) * DAY_MS - offset
        learned = fit_learned(
            history.before(begin), catalogue, opened.audio, factors,
            derive_seed(seed, "day", int(day)), now_ms=begin,
        )  # fmt: skip
        part = shown_between(history.impressions, catalogue, begin, begin + DAY_MS)
        builder = impression_features(catalogue, learned, shown)
        values = described(part, builder, moments, threads=config.threads)
        outcomes = outcomes_of(part, history.events, config.heads, 1 << 42)
        parts.append(examples(part, builder.names, values, outcomes))
    keys = track_keys(catalogue.creator_rows, catalogue.duration_ms, catalogue.tags)
    owners = np.repeat(np.arange(len(slots.user_ids)), np.diff(slots.starts))
    surfaces = np.unique(np.array(slots.surfaces), return_inverse=True)[1]
    return Material(
        data=joined(parts),
        days=days - wanted[0],
        listeners=log.users.rows(slots.user_ids)[owners],
        tracks=slots.rows,
        creators=catalogue.creator_rows[slots.rows],
        surfaces=surfaces[owners],
        tags=keys.tags[slots.rows],
        counts=_counts(slots, catalogue.creator_rows, shown),
    )


def _counts(slots: ShownSlots, creator_rows: Rows, shown: ShownRates) -> NDArray[np.float64]:
    owners = np.repeat(np.arange(len(slots.user_ids)), np.diff(slots.starts))
    keys = {
        "listener": shown.listeners.rows(slots.user_ids)[owners],
        "track": slots.rows,
        "creator": creator_rows[slots.rows],
    }
    asked = Entries(slots.at_ms, keys)
    found = (shown.counts((key,), asked) for key in keys)
    return np.column_stack([part for count, events in found for part in (count, *events)])

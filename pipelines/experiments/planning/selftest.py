"""Replays random splits over the team's own logs: a sound metric is called changed 1 time in 20.

Each replay splits listeners anew and compares as an experiment would. Nothing was changed, so every
rejection is a false alarm; then a lift is planted in one half, and the interval must hold it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import special

from core.errors import ExperimentError
from pipelines.audio_evaluation.intervals import wilson
from pipelines.experiments.analysis.figures import Row
from pipelines.experiments.measuring.values import Columns, Values
from pipelines.experiments.planning.past import Past
from pipelines.experiments.statistics.aggregates import Aggregate, aggregate_of_moments
from pipelines.experiments.statistics.effects import Effect, fixed_horizon
from pipelines.job import Progress, Report
from ranking.evaluation.intervals import Estimate

BATCH_CELLS = 4_000_000  # listeners times replays at once: 32 MB of float64


class SelfTestConfig(BaseModel):
    """How often is split, and what is planted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    replays: int = Field(default=1000, ge=20, le=100_000)
    """Random splits."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Share of false alarms that is claimed."""
    lift: float = Field(default=0.05, gt=0, lt=10)
    """Planted in one half of the listeners, as a share of each one's value."""
    days: int = Field(default=14, ge=1, le=365)
    """How many of the last days are measured."""
    seed: int = Field(default=1, ge=0)
    """Decides every split."""


class SelfTestRow(Row):
    """How one metric behaves."""

    metric: str
    listeners: int
    false_positives: Estimate
    """Share of replays that found a change where nothing was changed."""
    coverage: Estimate
    """Share of intervals of the difference that held the planted one."""
    relative_coverage: Estimate | None
    """The same of the relative effect; null where none was defined."""
    is_outside: bool
    """Whether any of them is away from what is claimed beyond chance, with Bonferroni's correction
    for the number of rates."""


class SelfTestReport(Report):
    """How every metric behaves on the team's own logs."""

    config: SelfTestConfig
    metrics: list[SelfTestRow]
    outside: list[str]
    """Metrics that cannot be trusted as they are declared."""
    notes: list[str]


@dataclass
class _Tally:
    """Counts over replays."""

    replays: int = 0
    rejected: int = 0
    covered: int = 0
    relative: int = 0
    relative_covered: int = 0


def self_test(past: Past, config: SelfTestConfig, progress: Progress) -> SelfTestReport:
    """Replay every metric.

    Args:
        past: The team's own logs.
        config: How often.
        progress: Shows that it moves.
    """
    rows, notes = [], []
    names = list(past.values.metrics)
    # Three rates a metric: of 27 sound ones at 95 % one lies outside by chance.
    strict = config.alpha / (3 * len(names))
    for name in progress.track(names, "replay"):
        try:
            tally, listeners = _replay(past.values, name, config)
        except ExperimentError as error:
            notes.append(f"{name}: {error}")
        else:
            rows.append(_row(name, tally, listeners, config, strict))
    outside = [row.metric for row in rows if row.is_outside]
    return SelfTestReport(config=config, metrics=rows, outside=outside, notes=notes)


def _replay(values: Values, name: str, config: SelfTestConfig) -> tuple[_Tally, int]:
    columns = values.columns(name)
    if not columns.keep.any():
        raise ExperimentError("nobody's window is over in the days measured; measure more days")
    moments, middle = _moments(columns)
    truth = _level(columns) * config.lift
    tally = _Tally()
    size = max(1, BATCH_CELLS // columns.keep.size)
    for first in range(0, config.replays, size):
        n = min(size, config.replays - first)
        # Every metric sees the same splits: whoever is left out is drawn all the same.
        rng = np.random.default_rng((config.seed, first))
        drawn = rng.random((n, columns.keep.size), dtype=np.float32) < 0.5
        treated = drawn[:, columns.keep].astype(np.float64)
        sums = treated @ moments
        counts = treated.sum(axis=1).astype(np.int64)
        total, everyone = moments.sum(axis=0), moments.shape[0]
        for own, count in zip(sums, counts.tolist(), strict=True):
            control = _aggregate(columns.variables, everyone - count, middle, total - own)
            treatment = _aggregate(columns.variables, count, middle, own)
            _judge(tally, control, treatment, truth, config)
    return tally, int(columns.keep.sum())


def _judge(
    tally: _Tally,
    control: Aggregate,
    treatment: Aggregate,
    truth: float,
    config: SelfTestConfig,
) -> None:
    nothing = fixed_horizon(control, treatment, alpha=config.alpha)
    planted = fixed_horizon(control, _lifted(treatment, config.lift), alpha=config.alpha)
    tally.replays += 1
    tally.rejected += nothing.p_value <= config.alpha
    tally.covered += planted.difference.holds(truth)
    tally.relative += planted.relative is not None
    tally.relative_covered += _relative_holds(planted, config.lift)


def _relative_holds(found: Effect, lift: float) -> bool:
    return found.relative is not None and found.relative.holds(lift)


def _row(
    name: str, tally: _Tally, listeners: int, config: SelfTestConfig, strict: float
) -> SelfTestRow:
    rates = [(tally.rejected, tally.replays, config.alpha)]
    rates.append((tally.covered, tally.replays, 1 - config.alpha))
    if tally.relative:
        rates.append((tally.relative_covered, tally.relative, 1 - config.alpha))
    z = -float(special.ndtri(strict / 2))
    wide = [(wilson(hits, of, z), claimed) for hits, of, claimed in rates]
    shown = [wilson(hits, of) for hits, of, _ in rates]
    return SelfTestRow(
        metric=name,
        listeners=listeners,
        false_positives=shown[0],
        coverage=shown[1],
        relative_coverage=shown[2] if tally.relative else None,
        is_outside=any(not rate.low <= claimed <= rate.high for rate, claimed in wide),
    )


def _level(columns: Columns) -> float:
    """Return the metric over everybody."""
    means = dict(zip(columns.variables, columns.matrix.mean(axis=1).tolist(), strict=True))
    below = means.get("denominator", 1.0)
    if not below:
        raise ExperimentError("its denominator is 0 in the days measured; measure more days")
    return float(means["value"] / below)


def _moments(columns: Columns) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what has to be added up of each listener, (n, k + k(k+1)/2), and the means, (k,)."""
    middle = columns.matrix.mean(axis=1)
    apart = columns.matrix - middle[:, None]
    rows, others = np.tril_indices(apart.shape[0])
    return np.concatenate([apart, apart[rows] * apart[others]]).T.copy(), middle


def _aggregate(
    variables: tuple[str, ...], n: int, middle: NDArray[np.float64], sums: NDArray[np.float64]
) -> Aggregate:
    if n < 1:
        raise ExperimentError("a split left one half empty; the logs have too few listeners")
    k = len(variables)
    squares = np.zeros((k, k))
    rows, others = np.tril_indices(k)
    squares[rows, others] = squares[others, rows] = sums[k:]
    covariances = (squares - np.outer(sums[:k], sums[:k]) / n) / max(n - 1, 1)
    return aggregate_of_moments(variables, n, middle + sums[:k] / n, covariances)


def _lifted(of: Aggregate, lift: float) -> Aggregate:
    """Return what is seen where every listener's value is larger by a share."""
    variables, factor = of.variables, np.ones(len(of.variables))
    factor[0] += lift
    return aggregate_of_moments(
        variables, of.n, of.means() * factor, of.covariances() * np.outer(factor, factor)
    )

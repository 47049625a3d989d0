"""What a search found, and whether it is more than luck."""

from __future__ import annotations

from typing import Any, Literal

from pipelines.job import Report
from pipelines.tuning.judging import Measure
from ranking.evaluation.intervals import Estimate


class TrialRow(Report):
    """One trial."""

    trial: int
    """0 is the settings as they were."""
    state: Literal["complete", "pruned"]
    value: float | None
    """None where it was given up half-way."""
    settings: dict[str, float]
    trees: float | None
    """Grown, over all heads."""
    seconds: float


class TuneReport(Report):
    """The best settings, what they are worth, and what else was tried."""

    study: str
    measure: Measure
    """`ndcg@10` (higher is better) or `log_loss` summed over the heads (lower is better), on the
    latest slice, which neither trees nor early stopping saw; every listener counts once."""
    listeners: int
    """Who judged."""
    rows_trained: int
    rows_judged: int
    training_set: Literal["made", "reused"]
    finished: int
    pruned: int
    best_trial: int
    first_value: float
    """Of the settings as they were."""
    best_value: float
    gain: Estimate
    """Best less first, positive is better, by listener. The best of many is partly the luckiest."""
    honest_gain: Estimate
    """The same on listeners who had no part in the choice: what to expect of it."""
    better: bool
    """Whether `honest_gain` lies above zero as a whole."""
    importance: dict[str, float]
    """Setting → share; empty below ten completed trials."""
    settings: dict[str, Any]
    """The best settings, as nested as in a settings file."""
    toml: str
    """The same, to paste."""
    trials: tuple[TrialRow, ...]

"""An off-policy estimate with everything that says how far to trust it, and its comparison."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ranking.evaluation.offpolicy.clustering import clustered_error, clustered_interval
from ranking.evaluation.offpolicy.overlap import Overlap
from ranking.model import Rows

Values = NDArray[np.float64]

NO_CLIP = float("inf")
ROUNDING = 1e-9  # of the span of rewards: two ways to add up the same numbers differ by less


@dataclass(frozen=True, slots=True, eq=False)
class OffPolicyEstimate:
    """What a policy would earn a row, by one estimator.

    Args:
        estimator: Its name.
        value: The estimate; NaN where nothing of the log speaks for it.
        standard_error: Clustered by listener; NaN for fewer than two listeners.
        low: Lower end of the 95 % interval, likewise `high`.
        high: See `low`.
        overlap: How well the log covers the policy.
        clip: What weights were cut to; infinite where they were not.
        influence: (n,) how far each row moves the value, times n.
        users: (n,) whose row it is.
        model_alone: Whether nothing but a model speaks, whose own error the interval lacks.
    """

    estimator: str
    value: float
    standard_error: float
    low: float
    high: float
    overlap: Overlap
    clip: float
    influence: Values
    users: Rows
    model_alone: bool


class Verdict(StrEnum):
    """What may be said of a policy beside the one that logged."""

    BETTER = "better"
    WORSE = "worse"
    UNCLEAR = "unclear"
    INSUFFICIENT = "insufficient overlap"
    MODEL_ALONE = "model alone"


@dataclass(frozen=True, slots=True)
class Comparison:
    """An estimate less what the logging policy earned on the same rows.

    Args:
        difference: Target less logged.
        standard_error: Of the difference, paired by row and clustered by listener.
        low: Lower end of its 95 % interval, likewise `high`.
        high: See `low`.
        verdict: What may be said.
    """

    difference: float
    standard_error: float
    low: float
    high: float
    verdict: Verdict


def estimate(
    name: str,
    value: float,
    influence: Values,
    users: Rows,
    overlap: Overlap,
    clip: float = NO_CLIP,
    *,
    model_alone: bool = False,
) -> OffPolicyEstimate:
    """Return an estimate with its error and interval.

    Args:
        name: The estimator.
        value: The estimate.
        influence: (n,) how far each row moves the value, times n; sums to 0.
        users: (n,) whose row it is, from 0.
        overlap: How well the log covers the policy.
        clip: What weights were cut to.
        model_alone: Whether nothing but a model speaks.
    """
    error = clustered_error(influence, users)
    low, high = clustered_interval(value, error, overlap.n_users)
    return OffPolicyEstimate(
        name, value, error, low, high, overlap, clip, influence, users, model_alone
    )


def compare(target: OffPolicyEstimate, logged: OffPolicyEstimate, reward_span: float) -> Comparison:
    """Return how much more a policy earns than the one that logged, and what may be said of it.

    What the log never showed may have earned anything: before a verdict the interval is widened
    on both sides by the unsupported share times the span of rewards. This holds for every
    estimator: IPS takes the unsupported part for nothing, the self-normalised forms take it for
    the rest's mean, and the doubly robust ones believe their model.

    Args:
        target: From an estimator.
        logged: What was earned on the same rows.
        reward_span: Highest less lowest possible reward of a row.

    Source:
        Manski, "Nonparametric bounds on treatment effects", American Economic Review 1990, for
        bounds from the range of the outcome alone.
    """
    difference = target.value - logged.value
    error = clustered_error(target.influence - logged.influence, target.users)
    low, high = clustered_interval(difference, error, target.overlap.n_users)
    slack = target.overlap.unsupported_share * reward_span + ROUNDING * reward_span
    return Comparison(difference, error, low, high, _verdict(target, low - slack, high + slack))


def _verdict(target: OffPolicyEstimate, low: float, high: float) -> Verdict:
    if target.model_alone:
        return Verdict.MODEL_ALONE
    if not target.overlap.is_sufficient or np.isnan(target.value):
        return Verdict.INSUFFICIENT
    if low > 0:
        return Verdict.BETTER
    return Verdict.WORSE if high < 0 else Verdict.UNCLEAR

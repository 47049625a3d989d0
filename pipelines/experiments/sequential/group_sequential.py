"""Boundaries for a few planned looks, which cost less power than looking whenever one likes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import interpolate, optimize, special

from core.errors import ExperimentError
from pipelines.experiments.sequential.brownian import Inside
from pipelines.experiments.sequential.spending import SPENDINGS, SpendingName
from pipelines.experiments.statistics.aggregates import Aggregate
from pipelines.experiments.statistics.contrasts import contrast
from pipelines.experiments.statistics.effects import Effect, effect

LARGEST_Z = 37.0  # a normal tail beyond it is 0 in double precision
LARGEST_ALPHA, SMALLEST_ALPHA, ALPHA_LEVELS = 0.99, 1e-6, 24  # where p-values are read
SMALLEST_SPENT = 1e-15  # of probability; less is below what the integration resolves


class GroupSequentialConfig(BaseModel):
    """Which looks are planned and how the false alarms allowed are spread over them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Two-sided share of A/A experiments that may cross a boundary at any look."""
    spending: SpendingName = "obrien_fleming"
    """`obrien_fleming` keeps nearly all power for the last look, `pocock` stops large effects
    early, `quadratic` lies between."""
    planned_listeners: int = Field(ge=4)
    """Listeners of both variations at the last look; earlier looks are shares of it."""


class Crossing(NamedTuple):
    """The chance to cross at each look, and until it."""

    at: tuple[float, ...]
    """Chance that the first crossing is at this look."""

    @property
    def ever(self) -> float:
        """Chance of any crossing."""
        return math.fsum(self.at)


def boundaries(
    shares: Sequence[float], *, alpha: float = 0.05, spending: SpendingName = "obrien_fleming"
) -> tuple[float, ...]:
    """Return the two-sided z that each look must exceed.

    Looks may come when they come: a boundary depends on the looks so far, never on later ones.

    Args:
        shares: Information at each look as a share of the planned, rising, in (0, 1]; for listeners
            that come independently, listeners so far over listeners planned.
        alpha: Two-sided share of A/A experiments that may cross at any look.
        spending: How alpha is spread.

    Returns:
        One z a look; infinite where a look has next to nothing to spend.

    Raises:
        ExperimentError: The shares do not rise within (0, 1].

    Source:
        Lan and DeMets, "Discrete sequential boundaries for clinical trials", 1983.
    """
    _check_shares(shares)
    spent_until = SPENDINGS[spending]
    inside, spent, found = Inside.start(), 0.0, []
    for look, share in enumerate(shares):
        target = spent_until(share, alpha)
        z = _boundary(inside, share, (target - spent) / 2)
        following = shares[look + 1] - share if look + 1 < len(shares) else 0.0
        # What a look could not spend stays for the next one.
        spent = target if math.isfinite(z) else spent
        inside = inside.after(share, z, following)
        found.append(z)
    return tuple(found)


def crossing(shares: Sequence[float], bounds: Sequence[float], drift: float = 0.0) -> Crossing:
    """Return the chance to cross `bounds` when z has mean `drift` at the planned end.

    Args:
        shares: As in `boundaries`.
        bounds: Its result.
        drift: 0 for A/A; z of alpha / 2 plus z of the power for what a fixed test has that power.
    """
    _check_shares(shares)
    inside, at = Inside.start(), []
    for look, (share, z) in enumerate(zip(shares, bounds, strict=True)):
        at.append(sum(inside.leaving(share, z, drift)) if math.isfinite(z) else 0.0)
        following = shares[look + 1] - share if look + 1 < len(shares) else 0.0
        inside = inside.after(share, z, following, drift)
    return Crossing(tuple(at))


@dataclass(frozen=True)
class PlannedLook:
    """One look of a plan, ready to compare any number of metrics."""

    alpha: float
    """Of the plan."""
    bound: float
    """The z that this look must exceed."""
    alphas: NDArray[np.float64]
    """(m,) falling levels at which this look has a boundary, the plan's among them."""
    bounds: NDArray[np.float64]
    """(m,) those boundaries, rising."""

    def compare(self, control: Aggregate, treatment: Aggregate) -> Effect:
        """Compare at this look.

        The interval is the repeated confidence interval, difference ± boundary · standard error,
        which holds at all looks together. The p-value is the smallest alpha at which this look
        would cross, read between levels; it is at or below alpha exactly where this one does.

        Raises:
            ExperimentError: The aggregates cannot be compared.

        Source:
            Jennison and Turnbull, "Interim analyses: the repeated confidence interval approach",
            1989.
        """
        found = contrast(control, treatment)
        return effect(found, self.bound, self._p_value(abs(found.z)))

    def _p_value(self, z: float) -> float:
        if z <= self.bounds[0]:
            return 1.0
        if z >= self.bounds[-1]:
            return float(self.alphas[-1])
        between = interpolate.PchipInterpolator(self.bounds, np.log(self.alphas))
        return math.exp(float(between(z)))


def planned_look(config: GroupSequentialConfig, looks: Sequence[int]) -> PlannedLook:
    """Prepare the latest of some looks.

    Args:
        config: The plan.
        looks: Listeners of both variations at each look so far, rising, the latest last.

    Raises:
        ExperimentError: The looks do not rise, or more listeners came than were planned.
    """
    shares = [look / config.planned_listeners for look in looks]
    bound = boundaries(shares, alpha=config.alpha, spending=config.spending)[-1]
    levels = np.geomspace(LARGEST_ALPHA, SMALLEST_ALPHA, ALPHA_LEVELS)
    levels = np.sort(np.append(levels, config.alpha))[::-1]
    bounds = [boundaries(shares, alpha=level, spending=config.spending)[-1] for level in levels]
    bounded = np.isfinite(bounds) & (np.diff(bounds, prepend=-1.0) > 0)
    return PlannedLook(config.alpha, bound, levels[bounded], np.array(bounds)[bounded])


def group_sequential(
    control: Aggregate, treatment: Aggregate, config: GroupSequentialConfig, looks: Sequence[int]
) -> Effect:
    """Compare one metric at the latest of some looks; see `PlannedLook.compare`.

    Raises:
        ExperimentError: The aggregates cannot be compared, or looks do not fit the plan.
    """
    return planned_look(config, looks).compare(control, treatment)


def _boundary(inside: Inside, share: float, one_side: float) -> float:
    if one_side < SMALLEST_SPENT:
        return math.inf
    if inside.information == 0:
        return -float(special.ndtri(one_side))

    def excess(z: float) -> float:
        return math.log(max(inside.leaving(share, z)[1], 1e-300)) - math.log(one_side)

    if excess(0.0) <= 0:
        return 0.0
    return float(optimize.brentq(excess, 0.0, LARGEST_Z, xtol=1e-10))


def _check_shares(shares: Sequence[float]) -> None:
    rising = all(early < late for early, late in pairwise(shares))
    if not len(shares) or not rising or shares[0] <= 0 or shares[-1] > 1:
        raise ExperimentError(
            f"looks at shares {[round(share, 4) for share in shares]} of the planned listeners "
            "cannot be bounded; give shares that rise within (0, 1], and plan anew before the "
            "start where more listeners are expected"
        )

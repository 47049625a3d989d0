"""Estimates what a variation changed, and how uncertain that is, before any test is chosen.

Means, ratios and CUPED meet here: a ratio is linearised into a mean (delta method), a covariate is
subtracted, and what is left is a difference of two means with Welch's variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import ExperimentError
from pipelines.experiments.statistics.aggregates import Aggregate

MIN_LISTENERS = 2  # a variance needs them


@dataclass(frozen=True)
class Contrast:
    """An estimated difference with the variances that every interval is made of."""

    n: int
    """Listeners of both variations."""
    control: float
    """The control's level, adjusted by the covariate where there is one."""
    difference: float
    """Treatment less control."""
    variance: float
    """Of `difference`."""
    control_variance: float
    """Of `control`."""
    covariance: float
    """Of `difference` and `control`."""
    freedom: float
    """Welch and Satterthwaite's degrees of freedom; infinite where nothing varies."""
    theta: float
    """CUPED's coefficient; 0 without a covariate."""
    variance_kept: float
    """Variance of the difference as a share of what it is without the covariate, in [0, 1]."""

    @property
    def treatment(self) -> float:
        """The treatment's level, adjusted like the control's."""
        return self.control + self.difference

    @property
    def standard_error(self) -> float:
        """Of `difference`."""
        return float(np.sqrt(self.variance))

    @property
    def z(self) -> float:
        """The difference in standard errors; 0 where nothing varies and nothing differs."""
        if self.variance > 0:
            return self.difference / self.standard_error
        return 0.0 if self.difference == 0 else float(np.copysign(np.inf, self.difference))


@dataclass(frozen=True)
class _Arm:
    """One variation linearised: a level and a covariate, and their covariance over listeners."""

    n: int
    level: float
    covariate: float
    matrix: NDArray[np.float64]  # (2, 2) of level and covariate, of one listener

    def variance(self, weight: float) -> float:
        """Of level - weight · covariate, of the mean over listeners."""
        return self.covariance(weight, weight)

    def covariance(self, weight: float, other: float) -> float:
        """Of level - weight · covariate and level - other · covariate, of means over listeners."""
        left, right = np.array([1.0, -weight]), np.array([1.0, -other])
        return float(left @ self.matrix @ right) / self.n


def contrast(control: Aggregate, treatment: Aggregate, *, theta: float | None = None) -> Contrast:
    """Estimate treatment less control.

    With a covariate, `theta` is the covariance over the variance of the covariate, pooled over both
    variations with weight 1/n each: the weights with which they enter the difference's variance, of
    which this theta is the minimum. An estimated interval can therefore not become wider, however
    unequal the variations are; where both have as many listeners it is the usual pooled theta.

    Args:
        control: What is compared with.
        treatment: Of the same variables.
        theta: A coefficient known beforehand, instead of the estimated one.

    Raises:
        ExperimentError: Fewer than two listeners, different variables, or a denominator of mean 0.

    Source:
        Deng, Knoblich and Lu, "Applying the delta method in metric analytics", 2018; Deng, Xu,
        Kohavi and Walker, "Improving the sensitivity of online controlled experiments by utilizing
        pre-experiment data", 2013 (CUPED); Welch, "The generalization of Student's problem", 1947.
    """
    _check(control, treatment)
    arms = (_linearised(control), _linearised(treatment))
    shared = arms[0].matrix / arms[0].n + arms[1].matrix / arms[1].n
    if theta is None:
        theta = float(shared[0, 1] / shared[1, 1]) if shared[1, 1] > 0 else 0.0
    of = [arm.variance(theta) for arm in arms]
    before = float(shared[0, 0])
    # The control's level is read at the covariate's mean over both variations, so that chance
    # differences before the experiment move neither level.
    n = arms[0].n + arms[1].n
    at_mean = theta * arms[1].n / n
    apart = arms[0].covariate - arms[1].covariate
    return Contrast(
        n=n,
        control=arms[0].level - at_mean * apart,
        difference=arms[1].level - arms[0].level + theta * apart,
        variance=sum(of),
        control_variance=arms[0].variance(at_mean) + at_mean**2 * arms[1].matrix[1, 1] / arms[1].n,
        covariance=-arms[0].covariance(theta, at_mean)
        + at_mean * (arms[1].matrix[0, 1] - theta * arms[1].matrix[1, 1]) / arms[1].n,
        freedom=_welch_freedom(of, [arm.n for arm in arms]),
        theta=theta,
        variance_kept=sum(of) / before if before > 0 else 1.0,
    )


def _check(control: Aggregate, treatment: Aggregate) -> None:
    for name, of in (("control", control), ("treatment", treatment)):
        if of.n < MIN_LISTENERS:
            raise ExperimentError(
                f"{name} has {of.n} listener; wait until each variation has at least "
                f"{MIN_LISTENERS}"
            )
        if of.denominator is not None and of.denominator.mean == 0:
            raise ExperimentError(
                f"the ratio's denominator has mean 0 in {name}; wait for events, or declare a "
                "metric without this denominator"
            )
    if control.variables != treatment.variables:
        raise ExperimentError(
            f"control keeps {', '.join(control.variables)} and treatment "
            f"{', '.join(treatment.variables)}; aggregate both with the same metric declaration"
        )


def _linearised(of: Aggregate) -> _Arm:
    """Turn ratios of means into means whose variance over listeners is the ratio's."""
    means = dict(zip(of.variables, of.means(), strict=True))
    level, towards_level = _ratio(of.variables, means, "value", "denominator")
    covariate, towards = _ratio(of.variables, means, "covariate", "covariate_denominator")
    jacobian = np.stack([towards_level, towards])
    return _Arm(of.n, level, covariate, jacobian @ of.covariances() @ jacobian.T)


def _ratio(
    variables: tuple[str, ...], means: dict[str, float], top: str, bottom: str
) -> tuple[float, NDArray[np.float64]]:
    """Return a mean or ratio of means, and its gradient with respect to all means, (k,)."""
    gradient = np.zeros(len(variables))
    if top not in means:
        return 0.0, gradient
    divisor = means.get(bottom, 1.0)
    value = means[top] / divisor if divisor else 0.0
    gradient[variables.index(top)] = 1.0 / divisor if divisor else 0.0
    if bottom in means and divisor:
        gradient[variables.index(bottom)] = -value / divisor
    return float(value), gradient


def _welch_freedom(variances: list[float], counts: list[int]) -> float:
    below = sum(part**2 / (n - 1) for part, n in zip(variances, counts, strict=True))
    return float(sum(variances) ** 2 / below) if below > 0 else float("inf")

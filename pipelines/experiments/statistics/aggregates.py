"""What is kept of one metric in one variation: a count, means, variances and covariances.

A listener is one observation, because listeners are what is randomised. Up to four variables are
kept of each: the metric's value (a ratio's numerator), a ratio's denominator, and what the same
listener did before the experiment (CUPED's covariate), which may be a ratio itself.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.errors import ExperimentError

CAUCHY_SCHWARZ_SLACK = 1e-6  # of the product of deviations; sums of floats elsewhere round


class SecondVariable(BaseModel):
    """A variable that is kept beside the value, with how they vary together."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mean: float
    """Mean over listeners."""
    variance: float = Field(ge=0)
    """Sample variance over listeners (divided by n - 1)."""
    covariance: float
    """Sample covariance with the value."""
    covariance_with_denominator: float = 0.0
    """Sample covariance with the denominator; a covariate of a ratio needs it."""
    covariance_with_covariate: float = 0.0
    """Sample covariance with the covariate; the denominator of a covariate needs it."""


class Aggregate(BaseModel):
    """One metric in one variation, as sums over listeners that add up."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    n: int = Field(ge=1)
    """Listeners."""
    mean: float
    """Mean of the value; of the numerator where the metric is a ratio."""
    variance: float = Field(ge=0)
    """Sample variance of the value (divided by n - 1)."""
    denominator: SecondVariable | None = None
    """What the value is divided by, for a ratio of means such as finishes per play."""
    covariate: SecondVariable | None = None
    """The same listener before the experiment, for CUPED."""
    covariate_denominator: SecondVariable | None = None
    """What the covariate is divided by, where it is a ratio too."""

    @model_validator(mode="after")
    def _variables_fit_one_another(self) -> Self:
        if self.covariate_denominator and not (self.denominator and self.covariate):
            raise ValueError("covariate_denominator needs a denominator and a covariate beside it")
        matrix = self.covariances()
        spread = np.sqrt(np.diag(matrix))
        if np.any(np.abs(matrix) > np.outer(spread, spread) * (1 + CAUCHY_SCHWARZ_SLACK) + 1e-300):
            raise ValueError("a covariance is larger than the product of its two deviations")
        return self

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables that are kept, the value first."""
        seconds = ("denominator", "covariate", "covariate_denominator")
        return ("value", *(name for name in seconds if getattr(self, name) is not None))

    def means(self) -> NDArray[np.float64]:
        """Return the means of `variables`, (k,)."""
        found = (self.denominator, self.covariate, self.covariate_denominator)
        return np.array([self.mean, *(second.mean for second in found if second is not None)])

    def covariances(self) -> NDArray[np.float64]:
        """Return the sample covariance matrix of `variables`, (k, k)."""
        names = self.variables
        matrix = np.empty((len(names), len(names)))
        matrix[0, 0] = self.variance
        for row, name in enumerate(names[1:], start=1):
            second: SecondVariable = getattr(self, name)
            known = {
                "value": second.covariance,
                "denominator": second.covariance_with_denominator,
                "covariate": second.covariance_with_covariate,
                name: second.variance,
            }
            matrix[row, : row + 1] = matrix[: row + 1, row] = [known[at] for at in names[: row + 1]]
        return matrix

    def merge(self, other: Aggregate) -> Aggregate:
        """Add listeners that are not among these yet.

        Raises:
            ExperimentError: The two keep different variables.

        Source:
            Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
            sample variances", 1979.
        """
        if self.variables != other.variables:
            raise ExperimentError(
                f"aggregates of {', '.join(self.variables)} and of {', '.join(other.variables)} "
                "cannot be added; aggregate both parts with the same metric declaration"
            )
        n, apart = self.n + other.n, other.means() - self.means()
        squares = (
            (self.n - 1) * self.covariances()
            + (other.n - 1) * other.covariances()
            + np.outer(apart, apart) * (self.n * other.n / n)
        )
        means = self.means() + apart * (other.n / n)
        return aggregate_of_moments(self.variables, n, means, squares / (n - 1))


def aggregate_of_moments(
    variables: tuple[str, ...],
    n: int,
    means: NDArray[np.float64],
    covariances: NDArray[np.float64],
) -> Aggregate:
    """Build an aggregate from a mean vector (k,) and a covariance matrix (k, k) of `variables`."""
    at = {name: index for index, name in enumerate(variables)}
    # Rounding may leave a covariance beside what does not vary, or a hair too large a one.
    spread = np.sqrt(np.clip(np.diag(covariances), 0.0, None))
    limit = np.outer(spread, spread)
    covariances = np.clip(covariances, -limit, limit)

    def covariance(name: str, other: str) -> float:
        below = other in at and at[other] < at[name]
        return float(covariances[at[name], at[other]]) if below else 0.0

    seconds = {
        name: SecondVariable(
            mean=float(means[at[name]]),
            variance=float(max(covariances[at[name], at[name]], 0.0)),
            covariance=covariance(name, "value"),
            covariance_with_denominator=covariance(name, "denominator"),
            covariance_with_covariate=covariance(name, "covariate"),
        )
        for name in variables[1:]
    }
    variance = float(max(covariances[0, 0], 0.0))
    return Aggregate(n=n, mean=float(means[0]), variance=variance, **seconds)


def aggregate_listeners(
    values: ArrayLike,
    *,
    denominator: ArrayLike | None = None,
    covariate: ArrayLike | None = None,
    covariate_denominator: ArrayLike | None = None,
) -> Aggregate:
    """Aggregate one row a listener.

    Args:
        values: (n,) the metric of each listener, 0 for those who did nothing.
        denominator: (n,) a ratio's denominator, such as plays.
        covariate: (n,) the same before the experiment; its mean for listeners who were not there.
        covariate_denominator: (n,) the covariate's denominator.

    Raises:
        ExperimentError: No listener, arrays of different length, or values that are no numbers.
    """
    given = {
        "value": values,
        "denominator": denominator,
        "covariate": covariate,
        "covariate_denominator": covariate_denominator,
    }
    columns = {n: np.asarray(v, dtype=np.float64) for n, v in given.items() if v is not None}
    lengths = {name: column.shape for name, column in columns.items()}
    if len(set(lengths.values())) != 1 or columns["value"].ndim != 1 or not columns["value"].size:
        raise ExperimentError(
            f"cannot aggregate arrays of shapes {lengths}; give one number a listener in each, "
            "and at least one listener"
        )
    for name, column in columns.items():
        if not np.isfinite(column).all():
            raise ExperimentError(
                f"{int((~np.isfinite(column)).sum())} of {column.size} listeners have no finite "
                f"{name}; give 0 to those who did nothing, or leave them out in every variation"
            )
    matrix = np.stack(list(columns.values()))
    n = matrix.shape[1]
    means = matrix.mean(axis=1)
    apart = matrix - means[:, None]
    return aggregate_of_moments(tuple(columns), n, means, apart @ apart.T / max(n - 1, 1))

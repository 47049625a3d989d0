"""From two propensities to importance weights, with what cannot be weighed left out and counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from ranking.evaluation.offpolicy.overlap import Overlap, effective_size
from ranking.model import Mask, Rows

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class WeighedDecisions:
    """Logged decisions that can speak for a target policy.

    Args:
        rewards: (n,) what each earned.
        weights: (n,) target propensity over logged propensity, ≥ 0.
        users: (n,) whose decision it was, from 0 without gaps.
        kept: (m,) which of the rows given these are.
        unsupported_share: See `Overlap`.
    """

    rewards: Values
    weights: Values
    users: Rows
    kept: Mask
    unsupported_share: float

    @property
    def overlap(self) -> Overlap:
        """How well they cover the target policy."""
        weights = self.weights
        return Overlap(
            effective_size=effective_size(weights),
            max_weight=float(weights.max(initial=0.0)),
            mean_weight=float(weights.mean()),
            unsupported_share=self.unsupported_share,
            n_rows=weights.size,
            n_users=int(self.users.max(initial=-1)) + 1,
        )


def weigh(
    rewards: Values, target: Values, logged: Values, users: Rows, unsupported: Values | None = None
) -> WeighedDecisions:
    """Return the decisions with their weights.

    Args:
        rewards: (m,) what each earned.
        target: (m,) probability in [0, 1] that the target policy takes the logged decision.
        logged: (m,) probability in (0, 1] with which it was taken. A row whose propensity is 0 or
            NaN cannot be weighed: it is left out and counts as unsupported.
        users: (m,) any number for each listener.
        unsupported: (m,) probability that the target policy takes a decision there which the
            logging policy never takes; 0 everywhere where None.

    Raises:
        DataError: If a propensity is no probability, a reward is missing, or no row is left.
    """
    check_probabilities("target propensity", target)
    kept = usable(logged)
    if not kept.any():
        raise DataError(
            "none of the logged decisions has a propensity above 0, so none can be weighed; "
            "log propensities with every decision"
        )
    check_rewards(rewards[kept])
    mass = np.zeros(logged.size) if unsupported is None else unsupported
    check_probabilities("unsupported share", mass)
    return WeighedDecisions(
        rewards=rewards[kept].astype(np.float64),
        weights=target[kept].astype(np.float64) / logged[kept].astype(np.float64),
        users=numbered(users[kept]),
        kept=kept,
        unsupported_share=float(np.where(kept, mass, 1.0).mean()),
    )


def usable(logged: Values) -> Mask:
    """Return which logged propensities can be divided by.

    Raises:
        DataError: If one lies outside [0, 1]; NaN is one that was not logged.
    """
    check_probabilities("logged propensity", logged[~np.isnan(logged)])
    return np.asarray(logged > 0)


def check_probabilities(name: str, values: Values) -> None:
    """Raise where a value is no probability.

    Raises:
        DataError: Naming the first.
    """
    wrong = values[~((values >= 0) & (values <= 1))]
    if wrong.size:
        raise DataError(f"a {name} is {wrong[0]}, which is no probability; see how it is logged")


def check_rewards(rewards: Values) -> None:
    """Raise where a reward is not a finite number.

    Raises:
        DataError: Saying how many are not.
    """
    missing = int((~np.isfinite(rewards)).sum())
    if missing:
        raise DataError(
            f"{missing} rewards of {rewards.size} are missing or infinite; a decision without an "
            "outcome earned 0, or does not belong here"
        )


def numbered(users: Rows) -> Rows:
    """Return listeners numbered from 0 without gaps."""
    return np.asarray(np.unique(users, return_inverse=True)[1], dtype=np.int64).reshape(-1)

"""Probabilities of several models judged on the same slots, with paired intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ranking.evaluation.intervals import COVERAGE, Estimate
from ranking.metrics.probabilities import (
    auc,
    calibration_error,
    equal_bins,
    grouped_ndcg,
    log_losses,
    ranked,
)

METRICS = ("auc", "log_loss", "calibration_error", "ndcg")
Values = NDArray[np.float64]


class HeadResult(BaseModel):
    """One model's figures for one outcome on one slice."""

    model_config = ConfigDict(frozen=True)

    head: str
    slice: str
    model: str
    slots: int
    positives: int
    metrics: dict[str, Estimate]
    ahead: dict[str, Estimate]
    """How much better the product's heads are, listener by listener; above zero is better."""


@dataclass(frozen=True, slots=True, eq=False)
class _Judge:
    """One model on one slice, ready to be weighed again and again."""

    probabilities: Values
    happened: NDArray[np.bool_]
    order: NDArray[np.int64]
    ties: NDArray[np.bool_]
    bins: NDArray[np.int64]
    losses: Values
    ndcg: Values
    ndcg_listeners: NDArray[np.int64]

    def figures(self, listener_weights: Values, weights: Values) -> Values:
        """Return the metrics, each listener counted as often as its weight."""
        shares = listener_weights[self.ndcg_listeners]
        total = shares.sum()
        ndcg = float(shares @ self.ndcg / total) if total else float("nan")
        return np.array(
            [
                auc(self.order, self.ties, self.happened, weights),
                float(weights @ self.losses / weights.sum()),
                calibration_error(self.bins, self.probabilities, self.happened, weights),
                ndcg,
            ]
        )


def judged(
    head: str,
    name: str,
    models: Mapping[str, Values],
    happened: NDArray[np.bool_],
    listeners: NDArray[np.int64],
    days: NDArray[np.int64],
    resamples: int,
    rng: np.random.Generator,
) -> list[HeadResult]:
    """Judge models on a slice; the first is ours.

    Args:
        head: The outcome.
        name: The slice.
        models: Model → (n,) probabilities.
        happened: (n,).
        listeners: (n,) numbers ≥ 0; they are what is resampled.
        days: (n,).
        resamples: How many.
        rng: Draws them.
    """
    numbers, owner = np.unique(listeners, return_inverse=True)
    groups = np.unique(np.column_stack([owner, days]), axis=0, return_inverse=True)[1].ravel()
    judges = {model: _judge(p, happened, owner, groups) for model, p in models.items()}
    ones = np.ones(numbers.size)
    points = {m: one.figures(ones, np.ones(owner.size)) for m, one in judges.items()}
    draws = {model: np.empty((resamples, len(METRICS))) for model in judges}
    for at in range(resamples):
        drawn = rng.integers(0, numbers.size, numbers.size)
        weights = np.bincount(drawn, minlength=numbers.size).astype(np.float64)
        for model, one in judges.items():
            draws[model][at] = one.figures(weights, weights[owner])
    ours = next(iter(models))
    signs = np.array([1.0, -1.0, -1.0, 1.0])  # of a loss or an error less is better
    return [
        HeadResult(
            head=head,
            slice=name,
            model=model,
            slots=int(happened.size),
            positives=int(happened.sum()),
            metrics=_estimates(points[model], draws[model]),
            ahead={}
            if model == ours
            else _estimates(
                signs * (points[ours] - points[model]), signs * (draws[ours] - draws[model])
            ),
        )
        for model in models
    ]


def _judge(
    probabilities: Values,
    happened: NDArray[np.bool_],
    owner: NDArray[np.int64],
    groups: NDArray[np.int64],
) -> _Judge:
    order, ties = ranked(probabilities)
    ndcg, kept = grouped_ndcg(probabilities, happened, groups)
    owner_of = np.zeros(int(groups.max(initial=0)) + 1, dtype=np.int64)
    owner_of[groups] = owner
    losses = log_losses(probabilities, happened)
    return _Judge(
        probabilities,
        happened,
        order,
        ties,
        equal_bins(probabilities),
        losses,
        ndcg,
        owner_of[kept],
    )


def _estimates(point: Values, draws: Values) -> dict[str, Estimate]:
    tail = (1 - COVERAGE) / 2
    low, high = np.nanquantile(draws, [tail, 1 - tail], axis=0)
    return {
        name: Estimate(mean=float(point[at]), low=float(low[at]), high=float(high[at]))
        for at, name in enumerate(METRICS)
    }

"""Two models on the same listeners: every figure beside the other's, and the difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from ranking.evaluation.intervals import Estimate, bootstrap_mean, jackknife
from ranking.evaluation.tables import PER_LISTENER, Judged, by_listener
from ranking.metrics.beyond_accuracy import coverage, coverage_without

DECISIVE = "ndcg@10"
"""What a listener is counted by as better or worse off."""


class PairedFigure(BaseModel):
    """One metric of both models."""

    model_config = ConfigDict(frozen=True)

    metric: str
    a: Estimate
    b: Estimate
    difference: Estimate
    """Of `a` less `b`, listener by listener."""

    def flipped(self) -> PairedFigure:
        """Return the figure with the models exchanged."""
        return PairedFigure(metric=self.metric, a=self.b, b=self.a, difference=-self.difference)


class Tally(BaseModel):
    """How many listeners `a` serves better than `b`, by NDCG@10."""

    model_config = ConfigDict(frozen=True)

    better: int
    worse: int
    equal: int

    def flipped(self) -> Tally:
        """Return the tally with the models exchanged."""
        return Tally(better=self.worse, worse=self.better, equal=self.equal)


def paired_figures(
    a: Sequence[Judged], b: Sequence[Judged], rng: np.random.Generator
) -> tuple[PairedFigure, ...]:
    """Return every metric of both models.

    Args:
        a: One entry a split.
        b: The same splits and listeners.
        rng: Draws the resamples; whole listeners are resampled.
    """
    ours, theirs = by_listener(a), by_listener(b)
    found = [
        PairedFigure(
            metric=name,
            a=bootstrap_mean(ours[:, column], rng),
            b=bootstrap_mean(theirs[:, column], rng),
            difference=bootstrap_mean(ours[:, column] - theirs[:, column], rng),
        )
        for column, name in enumerate(PER_LISTENER)
    ]
    return (*found, _coverage(a[0], b[0]))


def paired_figure(
    a: Sequence[Judged], b: Sequence[Judged], metric: str, rng: np.random.Generator
) -> PairedFigure:
    """Return one metric of both models; arguments as those of `paired_figures`."""
    column = PER_LISTENER.index(metric)
    ours, theirs = by_listener(a)[:, column], by_listener(b)[:, column]
    return PairedFigure(
        metric=metric,
        a=bootstrap_mean(ours, rng),
        b=bootstrap_mean(theirs, rng),
        difference=bootstrap_mean(ours - theirs, rng),
    )


def tally_of(a: Sequence[Judged], b: Sequence[Judged]) -> Tally:
    """Return how many listeners are better off with `a`."""
    column = PER_LISTENER.index(DECISIVE)
    apart = by_listener(a)[:, column] - by_listener(b)[:, column]
    return Tally(
        better=int((apart > 0).sum()), worse=int((apart < 0).sum()), equal=int((apart == 0).sum())
    )


def _coverage(a: Judged, b: Judged) -> PairedFigure:
    """Return coverage of the first split; its difference by a jackknife over listeners."""
    whole = [coverage(one.shown, one.n_tracks) for one in (a, b)]
    without = [coverage_without(one.shown, one.n_tracks) for one in (a, b)]
    return PairedFigure(
        metric="coverage@10",
        a=jackknife(whole[0], without[0]),
        b=jackknife(whole[1], without[1]),
        difference=jackknife(whole[0] - whole[1], without[0] - without[1]),
    )

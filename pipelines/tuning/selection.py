"""What choosing among trials brings, measured on listeners who had no part in the choice."""

from __future__ import annotations

import numpy as np

from pipelines.tuning.judging import Values
from ranking.evaluation.intervals import Estimate, bootstrap_mean

FOLDS = 5


def gain(chosen: Values, first: Values, rng: np.random.Generator) -> Estimate:
    """Return the paired difference of two trials, resampling listeners."""
    return bootstrap_mean(chosen - first, rng)


def honest_gain(values: Values, rng: np.random.Generator) -> Estimate:
    """Return what choosing the best trial brings over the first one, without the winner's luck.

    The best of many trials on some listeners is partly the luckiest on them. So each fifth of the
    listeners is served by the trial that was best for the other four.

    Args:
        values: (n_trials, n_listeners) what each is worth to each, the first trial first.
        rng: Draws the fifths and the resamples.

    Source:
        Varma and Simon, "Bias in error estimation when using cross-validation for model
        selection", BMC Bioinformatics 2006.
    """
    fold = rng.permutation(values.shape[1]) % FOLDS
    gains = np.full(values.shape[1], np.nan)
    for one in range(FOLDS):
        asked = fold == one
        if asked.any() and not asked.all():
            best = int(np.argmax(np.nanmean(values[:, ~asked], axis=1)))
            gains[asked] = values[best, asked] - values[0, asked]
    return bootstrap_mean(gains, rng)

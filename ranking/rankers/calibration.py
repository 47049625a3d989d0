"""From raw scores to probabilities: downsampling undone, then isotonic on later outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit

from ranking.model import Floats

MAX_BINS = 50
POSITIVES_A_BIN = 40  # below it a bin's rate is off by 15 % and more: 1 / sqrt(40)


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A strictly increasing map from raw scores to log-odds.

    Between its knots it is a straight line, beyond them a shift, so two candidates that a head
    tells apart stay apart: calibration never changes the order of one head.

    Args:
        raw: (k,) raw scores, strictly increasing; k ≥ 1.
        log_odds: (k,) what they are turned into, strictly increasing.
    """

    raw: NDArray[np.float64]
    log_odds: NDArray[np.float64]

    def probabilities(self, raw: Floats) -> Floats:
        """Return (n,) probabilities of (n,) raw scores."""
        inside = np.interp(raw, self.raw, self.log_odds)
        beyond = np.minimum(raw - self.raw[0], 0.0) + np.maximum(raw - self.raw[-1], 0.0)
        return np.asarray(expit(inside + beyond), dtype=np.float32)


def shifted(log_odds: float) -> Calibration:
    """Return the calibration that adds a constant to raw log-odds."""
    return Calibration(np.zeros(1), np.array([log_odds]))


def fit_calibration(
    raw: NDArray[np.floating], happened: NDArray[np.bool_], kept_share: float
) -> Calibration:
    """Fit a calibration on outcomes later than those the trees were grown on.

    Where negatives were thinned out, log-odds are too high by log(1 / share) (King and Zeng,
    "Logistic Regression in Rare Events Data", 2001, equation 7); that is taken back first. Then
    scores are cut into bins of equal numbers of positives, and the bins' rates are made monotone
    (pool adjacent violators). A slice with few positives makes one bin: a shift, no more.

    Args:
        raw: (n,) log-odds as the trees have them.
        happened: (n,) the outcomes, none left out.
        kept_share: Share of the negatives that the trees were grown on, in (0, 1].

    Source:
        Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability
        estimates", KDD 2002.
    """
    corrected = np.asarray(raw, dtype=np.float64) + np.log(kept_share)
    positives = int(happened.sum())
    if positives < POSITIVES_A_BIN or positives == happened.size:
        return shifted(float(np.log(kept_share)))
    order = np.argsort(corrected, kind="stable")
    scores, outcomes = corrected[order], happened[order]
    bins = min(positives // POSITIVES_A_BIN, MAX_BINS)
    number = np.minimum(np.cumsum(outcomes) * bins // positives, bins - 1)
    counts = np.bincount(number, minlength=bins).astype(np.float64)
    expected = np.bincount(number, expit(scores), minlength=bins) / counts
    rates = np.bincount(number, outcomes, minlength=bins) / counts
    block = isotonic_regression(rates, weights=counts).blocks
    return _knots(expected, rates, counts, block, float(np.log(kept_share)))


def _knots(
    expected: NDArray[np.float64],
    rates: NDArray[np.float64],
    counts: NDArray[np.float64],
    blocks: NDArray[np.int64],
    shift: float,
) -> Calibration:
    """Return one knot a block: the mean prediction beside the rate."""
    weight = np.add.reduceat(counts, blocks[:-1])
    x = np.add.reduceat(expected * counts, blocks[:-1]) / weight
    y = np.add.reduceat(rates * counts, blocks[:-1]) / weight
    y = np.clip(y, 0.5 / weight, 1.0 - 0.5 / weight)  # a rate of 0 or 1 has no log-odds
    distinct = np.concatenate([[True], (np.diff(x) > 0) & (np.diff(y) > 0)])
    return Calibration(logit(x[distinct]) - shift, logit(y[distinct]))

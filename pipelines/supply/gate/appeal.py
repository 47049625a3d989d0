"""Predicted appeal: which share of listeners will finish a track that nobody has heard yet.

Tracks that were shown say how often sound and tags like theirs are finished: a linear model of the
log odds, its weights normal about 0, with a spread of its own for what neither sound nor tags
explain. All three spreads are chosen by the evidence, and every prediction is a distribution.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from core.ids import Ids
from pipelines.supply.gate.configuration import AppealConfig

Values = NDArray[np.float64]

INTERVAL = (0.1, 0.9)
WIDE = 4.0  # impressions that a mean without a model is worth: Beta(4 m, 4 (1 - m))
MIN_TAG_TRACKS = 5
_LEFT_OVER = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64)  # variances of log odds
_SOUND = (0.1, 0.3, 1.0, 3.0, 10.0)
_TAGS = (0.01, 0.1, 0.3, 1.0, 3.0)
_LEVEL = 4.0  # prior variance of the level about the pooled log odds
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(21)


@dataclass(frozen=True, slots=True)
class Appeal:
    """The finish rate of a track as far as it can be known.

    Attributes:
        mean: Expected finishes an impression.
        low: Its 10 % quantile.
        high: Its 90 % quantile.
        finishes: First parameter of the Beta distribution of the same mean and variance.
        skips: The second.
        basis: `model`, `segment`, `catalogue` or `nothing`: what was learned from.
    """

    mean: float
    low: float
    high: float
    finishes: float
    skips: float
    basis: str


@dataclass(frozen=True, slots=True, eq=False)
class Earned:
    """What tracks earned.

    Attributes:
        track_ids: (n,).
        impressions: (n,) how often each was shown.
        finishes: (n,) after how many of these it was heard to its end.
    """

    track_ids: tuple[str, ...]
    impressions: NDArray[np.int64]
    finishes: NDArray[np.int64]

    @property
    def rate(self) -> float:
        """Finishes an impression over all tracks; NaN where nothing was shown."""
        shown = int(self.impressions.sum())
        return float(self.finishes.sum() / shown) if shown else float("nan")

    def taken(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Earned:
        """Return some of the tracks."""
        ids = tuple(np.array(self.track_ids, dtype=object)[rows].tolist())
        return Earned(ids, self.impressions[rows], self.finishes[rows])


@dataclass(frozen=True, slots=True, eq=False)
class AppealModel:
    """Log odds of a finish, linear in sound and tags.

    Attributes:
        tag_names: (t,) tags that count.
        means: (1 + dim + t,) of the level and the weights.
        covariance: Of the same.
        left_over: Variance of log odds between tracks that sound and read alike.
    """

    tag_names: tuple[str, ...]
    means: Values
    covariance: Values
    left_over: float

    def predict(self, vectors: NDArray[np.float32], tags: Sequence[Sequence[str]]) -> list[Appeal]:
        """Predict tracks.

        Args:
            vectors: (n, dim) unit rows of the encoder that the model was fitted with.
            tags: (n,) the tags of each.
        """
        design = _design(vectors, tags, Ids(self.tag_names))
        odds = design @ self.means
        spread = np.einsum("ij,jk,ik->i", design, self.covariance, design) + self.left_over
        return [_appeal(*each) for each in zip(odds, np.sqrt(spread), strict=True)]


def fit_appeal(
    earned: Earned,
    vectors: NDArray[np.float32],
    tags: Sequence[Sequence[str]],
    config: AppealConfig,
) -> AppealModel | None:
    """Fit the model to what tracks earned.

    Args:
        earned: Of n tracks.
        vectors: (n, dim) their unit rows.
        tags: (n,) their tags.
        config: From how much it is learned.

    Returns:
        None where fewer than `min_tracks` were shown often enough.

    Source: empirical log odds with their variances after J. Gart and J. Zweifel, On the bias of
    various estimators of the logit (1967); the spreads by maximal evidence, C. Bishop, Pattern
    Recognition and Machine Learning (2006), section 3.5.
    """
    kept = np.flatnonzero(earned.impressions >= config.min_impressions)
    if len(kept) < config.min_tracks:
        return None
    kept = kept[np.argsort(-earned.impressions[kept], kind="stable")[: config.max_tracks]]
    learned = earned.taken(kept)
    hits = learned.finishes + 0.5
    misses = learned.impressions - learned.finishes + 0.5
    centre = float(special.logit((hits.sum()) / (hits + misses).sum()))
    odds = np.log(hits / misses) - centre
    noise = 1.0 / hits + 1.0 / misses
    read = [tags[row] for row in kept.tolist()]
    names = _counted(read)
    design = _design(vectors[kept], read, Ids(names))
    best = max(
        (_posterior(design, odds, noise, len(names), spreads) for spreads in _spreads()),
        key=lambda found: found[0],
    )
    _, means, covariance, left_over = best
    stretch = _stretch(design, odds, 1.0 / (noise + left_over), means, covariance)
    means[0] += centre
    return AppealModel(names, means, stretch * covariance, stretch * left_over)


def fallback(rate: float, basis: str) -> Appeal:
    """Return a mean with a wide interval, for where there is no model.

    Args:
        rate: The mean; NaN where not even that is known.
        basis: What it is the mean of.
    """
    if not np.isfinite(rate):
        rate, basis = 0.5, "nothing"
    strength = WIDE if basis != "nothing" else 2.0  # Beta(1, 1)
    mean = min(max(rate, 0.01), 0.99)
    finishes, skips = strength * mean, strength * (1.0 - mean)
    low, high = stats.beta.ppf(INTERVAL, finishes, skips)
    return Appeal(mean, float(low), float(high), finishes, skips, basis)


def _spreads() -> itertools.product[tuple[float, float, float]]:
    return itertools.product(_LEFT_OVER, _SOUND, _TAGS)


def _posterior(
    design: Values, odds: Values, noise: Values, n_tags: int, spreads: tuple[float, ...]
) -> tuple[float, Values, Values, float]:
    """Return log evidence, means and covariance of the weights, and the variance left over."""
    left_over, sound, tags = spreads
    n_sound = design.shape[1] - 1 - n_tags
    prior = np.concatenate([[_LEVEL], np.full(n_sound, sound), np.full(n_tags, tags)])
    weights = 1.0 / (noise + left_over)
    weighted = design * weights[:, None]
    precision = design.T @ weighted
    precision[np.diag_indices_from(precision)] += 1.0 / prior
    factor = np.linalg.cholesky(precision)
    covariance = np.linalg.inv(precision).astype(np.float64)
    told = weighted.T @ odds
    means = covariance @ told
    fit = float(np.sum(weights * odds**2) - told @ means)
    # log |C| of the marginal by the determinant lemma; constants are the same for all.
    size = 2 * np.log(np.diag(factor)).sum() + np.log(prior).sum() - np.log(weights).sum()
    return -0.5 * (fit + float(size)), means, covariance, left_over


def _stretch(
    design: Values, odds: Values, weights: Values, means: Values, covariance: Values
) -> float:
    """Return by how much variances must grow for the interval to hold what it should.

    Spreads that were chosen on the tracks themselves are too small on others. Each track predicted
    from the others, which a linear model gives in closed form, says how much; never below 1.
    """
    own = weights * np.einsum("ij,jk,ik->i", design, covariance, design)
    apart = np.abs(odds - design @ means) * np.sqrt(weights / np.maximum(1.0 - own, 1e-3))
    low, high = INTERVAL
    expected = stats.norm.ppf(high)
    return float(max(1.0, np.quantile(apart, high - low) / expected) ** 2)


def _appeal(odds: float, spread: float) -> Appeal:
    """Return a normal distribution of log odds as one of rates."""
    rates = special.expit(odds + spread * _NODES)
    weights = _WEIGHTS / _WEIGHTS.sum()
    mean = float(weights @ rates)
    variance = float(weights @ (rates - mean) ** 2)
    strength = max(mean * (1.0 - mean) / variance - 1.0, 1e-3)
    low, high = special.expit(odds + spread * stats.norm.ppf(INTERVAL))
    return Appeal(mean, float(low), float(high), strength * mean, strength * (1.0 - mean), "model")


def _counted(tags: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the tags of several tracks, by name."""
    names, counts = np.unique([tag for each in tags for tag in set(each)], return_counts=True)
    return tuple(str(name) for name in names[counts >= MIN_TAG_TRACKS])


def _design(vectors: NDArray[np.float32], tags: Sequence[Sequence[str]], names: Ids) -> Values:
    """Return (n, 1 + dim + t): the level, the vector and the known tags as a unit row."""
    read = np.zeros((len(vectors), len(names)))
    for row, each in enumerate(tags):
        known = names.known_rows(sorted(set(each)))
        if known.size:
            read[row, known] = 1.0 / np.sqrt(known.size)
    return np.hstack([np.ones((len(vectors), 1)), vectors.astype(np.float64), read])

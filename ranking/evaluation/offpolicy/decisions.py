"""Estimators for single decisions: inverse propensities, a reward model, and both together.

Notation: w = π_target / π_logged of the logged decision, r its reward, q the model's reward of it,
d the model's reward of what the target policy would do there, n rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranking.evaluation.offpolicy.estimates import NO_CLIP, OffPolicyEstimate, estimate
from ranking.evaluation.offpolicy.weighing import WeighedDecisions

Values = NDArray[np.float64]


def logged_value(log: WeighedDecisions) -> OffPolicyEstimate:
    """Return what the logging policy earned: Σ r / n."""
    return _mean("logged", log, log.rewards)


def ips(log: WeighedDecisions, clip: float = NO_CLIP) -> OffPolicyEstimate:
    """Return inverse propensity scoring: Σ min(w, clip) r / n.

    Unbiased where everything is supported and nothing is clipped; a clip trades variance for a
    bias downwards (of rewards ≥ 0).

    Source:
        Horvitz and Thompson, JASA 1952; clipped: Bottou et al., "Counterfactual reasoning and
        learning systems", JMLR 2013.
    """
    name = "ips" if clip == NO_CLIP else "clipped_ips"
    return _mean(name, log, np.minimum(log.weights, clip) * log.rewards, clip)


def snips(log: WeighedDecisions) -> OffPolicyEstimate:
    """Return self-normalised inverse propensity scoring: Σ w r / Σ w.

    A weighted mean of rewards: never outside their range, indifferent to a factor on all
    propensities, biased by O(1/n).

    Source:
        Swaminathan and Joachims, "The self-normalized estimator for counterfactual learning",
        NeurIPS 2015; its error by the delta method.
    """
    value, influence = _ratio(log.weights, log.rewards)
    return estimate("snips", value, influence, log.users, log.overlap)


def direct(log: WeighedDecisions, expected: Values) -> OffPolicyEstimate:
    """Return the direct method: Σ d / n, as good as its model.

    The error knows nothing of the model's own, so that no verdict may rest on it.

    Args:
        log: The decisions.
        expected: (m,) d of every row that was weighed or left out.
    """
    base = expected[log.kept]
    value = float(base.mean())
    return estimate("dm", value, base - value, log.users, log.overlap, model_alone=True)


def dr(
    log: WeighedDecisions, expected: Values, taken: Values, clip: float = NO_CLIP
) -> OffPolicyEstimate:
    """Return the doubly robust estimate: Σ (d + min(w, clip) (r - q)) / n.

    Unbiased where propensities are right, whatever the model; of little variance where the model
    is right. The model must not have seen the rows' own rewards.

    Args:
        log: The decisions.
        expected: (m,) d of every row that was weighed or left out.
        taken: (m,) q likewise.
        clip: Largest weight.

    Source:
        Dudík, Langford and Li, "Doubly robust policy evaluation and learning", ICML 2011.
    """
    name = "dr" if clip == NO_CLIP else "clipped_dr"
    return _corrected(name, log, expected, taken, np.minimum(log.weights, clip), clip)


def sndr(log: WeighedDecisions, expected: Values, taken: Values) -> OffPolicyEstimate:
    """Return the self-normalised doubly robust estimate: Σ d / n + Σ w (r - q) / Σ w.

    Args:
        log: The decisions.
        expected: (m,) d of every row that was weighed or left out.
        taken: (m,) q likewise.

    Source:
        Thomas and Brunskill, "Data-efficient off-policy policy evaluation for reinforcement
        learning", ICML 2016 (the weighted doubly robust estimator at one step).
    """
    base = expected[log.kept]
    value, influence = _ratio(log.weights, log.rewards - taken[log.kept])
    influence = influence + base - base.mean()
    return estimate("sndr", float(base.mean()) + value, influence, log.users, log.overlap)


def switch_dr(
    log: WeighedDecisions, expected: Values, taken: Values, threshold: float
) -> OffPolicyEstimate:
    """Return Switch-DR: doubly robust where w ≤ threshold, the model alone elsewhere.

    Args:
        log: The decisions.
        expected: (m,) d of every row that was weighed or left out.
        taken: (m,) q likewise.
        threshold: Largest weight that is trusted.

    Source:
        Wang, Agarwal and Dudík, "Optimal and adaptive off-policy evaluation in contextual
        bandits", ICML 2017.
    """
    weights = np.where(log.weights <= threshold, log.weights, 0.0)
    return _corrected("switch_dr", log, expected, taken, weights, threshold)


def dr_os(
    log: WeighedDecisions, expected: Values, taken: Values, strength: float
) -> OffPolicyEstimate:
    """Return DR with optimistic shrinkage: the weight is λw / (w² + λ), at most √λ / 2.

    Args:
        log: The decisions.
        expected: (m,) d of every row that was weighed or left out.
        taken: (m,) q likewise.
        strength: λ > 0; 0 is the direct method, infinity is doubly robust.

    Source:
        Su et al., "Doubly robust off-policy evaluation with shrinkage", ICML 2020.
    """
    weights = strength * log.weights / (log.weights**2 + strength)
    return _corrected("dr_os", log, expected, taken, weights, np.sqrt(strength) / 2)


def _corrected(
    name: str,
    log: WeighedDecisions,
    expected: Values,
    taken: Values,
    weights: Values,
    clip: float,
) -> OffPolicyEstimate:
    residuals = log.rewards - taken[log.kept]
    return _mean(name, log, expected[log.kept] + weights * residuals, clip)


def _mean(
    name: str, log: WeighedDecisions, terms: Values, clip: float = NO_CLIP
) -> OffPolicyEstimate:
    value = float(terms.mean())
    return estimate(name, value, terms - value, log.users, log.overlap, clip)


def _ratio(weights: Values, values: Values) -> tuple[float, Values]:
    """Return Σ w v / Σ w and its influence; NaN where no weight is above 0."""
    mean_weight = weights.mean()
    if mean_weight == 0:
        return float("nan"), np.full(weights.size, np.nan)
    value = float(weights @ values / weights.sum())
    return value, weights * (values - value) / mean_weight

"""Asks whether listeners arrived in the proportions that were planned.

They do unless assignment, exposure or logging is broken, and then no effect can be trusted. The
sequential test may be read every day; its evidence is the likelihood of the counts under a mixture
of other splits over that under the plan, which a sound experiment brings above 1 / alpha with a
chance below alpha, ever. Most of the mixture lies on the smallest imbalance that matters, and finds
that soon; the rest is a Dirichlet distribution around the plan, and finds whatever else is wrong.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import special

from core.errors import ExperimentError


class SampleRatioConfig(BaseModel):
    """How strict the check is, and which imbalance it is made for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: float = Field(default=0.0037, gt=0, lt=1)
    """Share of sound experiments that may ever be called broken; fewer are, because looks end."""
    imbalance: float = Field(default=0.016, gt=0, lt=0.5)
    """The imbalance looked for first, in standard deviations of one listener's assignment: a share
    p is off by imbalance · √(p (1 - p)), which is 0.8 points of a half."""
    focus: float = Field(default=0.9, ge=0, lt=1)
    """Weight of that imbalance in the mixture; the Dirichlet distribution has the rest."""
    prior_strength: float = Field(default=300, gt=0)
    """Listeners that the planned shares count as in the Dirichlet distribution: the fewer, the
    sooner gross faults are found, and the later small ones."""


class SampleRatio(BaseModel):
    """What the counts say about the split."""

    model_config = ConfigDict(frozen=True)

    counts: dict[str, int]
    """Listeners by variation."""
    expected: dict[str, float]
    """Listeners that the planned shares give."""
    log_evidence: float
    """Natural logarithm of the mixture's likelihood over the plan's."""
    p_value: float
    """Always-valid: at most 1 / evidence; the smallest over all looks is valid too."""
    fixed_p_value: float
    """Of Pearson's chi-square test, for those who look once."""
    is_broken: bool
    """Whether the always-valid p-value is at or below alpha."""


def sample_ratio(
    counts: Mapping[str, int],
    weights: Mapping[str, float] | None = None,
    config: SampleRatioConfig | None = None,
) -> SampleRatio:
    """Test the counts of an experiment.

    Args:
        counts: Listeners by variation.
        weights: Planned shares by variation, in any unit; equal where left out.
        config: Strictness.

    Raises:
        ExperimentError: Fewer than two variations, or weights that are not positive.
    """
    config = config or SampleRatioConfig()
    shares = _shares(counts, weights)
    found = np.array(list(counts.values()), dtype=np.float64)
    expected = shares * found.sum()
    evidence = float(log_evidence(found, shares, config))
    chi_square = float(((found - expected) ** 2 / expected).sum()) if found.sum() else 0.0
    p_value = math.exp(min(0.0, -evidence))
    return SampleRatio(
        counts=dict(counts),
        expected=dict(zip(counts, expected.tolist(), strict=True)),
        log_evidence=evidence,
        p_value=p_value,
        fixed_p_value=float(special.chdtrc(found.size - 1, chi_square)),
        is_broken=p_value <= config.alpha,
    )


def log_evidence(
    counts: NDArray[np.float64], shares: NDArray[np.float64], config: SampleRatioConfig
) -> NDArray[np.float64]:
    """Return log likelihood of counts under the mixture over that under the plan.

    Args:
        counts: (..., k) listeners by variation; many looks at once where there are more axes.
        shares: (k,) planned, summing to 1.
        config: What is mixed.
    """
    spread = _dirichlet_evidence(counts, shares, config.prior_strength)
    if config.focus == 0:
        return spread
    near = _imbalance_evidence(counts, shares, config.imbalance)
    return np.logaddexp(math.log(config.focus) + near, math.log1p(-config.focus) + spread)


def _dirichlet_evidence(
    counts: NDArray[np.float64], shares: NDArray[np.float64], prior_strength: float
) -> NDArray[np.float64]:
    """Mix over Dirichlet(prior_strength · shares).

    Source:
        Lindon and Malek, "Anytime-valid inference for multinomial count data", 2022 (first as
        "A sequential test for sample ratio mismatch", 2020).
    """
    prior = prior_strength * shares
    mixture = special.gammaln(prior_strength) - special.gammaln(prior_strength + counts.sum(-1))
    mixture = mixture + (special.gammaln(prior + counts) - special.gammaln(prior)).sum(-1)
    return np.asarray(mixture - (counts * np.log(shares)).sum(-1))


def _imbalance_evidence(
    counts: NDArray[np.float64], shares: NDArray[np.float64], imbalance: float
) -> NDArray[np.float64]:
    """Mix over splits in which one share is off, up or down, and the others make up for it."""
    size = shares.size
    off = np.minimum(imbalance * np.sqrt(shares * (1 - shares)), np.minimum(shares, 1 - shares) / 2)
    splits = []
    for at, sign in itertools.product(range(size), (-1, 1)):
        moved = shares * (1 - (shares[at] + sign * off[at])) / (1 - shares[at])
        moved[at] = shares[at] + sign * off[at]
        splits.append(np.log(moved / shares))
    return np.asarray(special.logsumexp(counts @ np.stack(splits, axis=1), axis=-1)) - math.log(
        2 * size
    )


def _shares(counts: Mapping[str, int], weights: Mapping[str, float] | None) -> NDArray[np.float64]:
    given = weights or dict.fromkeys(counts, 1.0)
    if len(counts) < 2 or set(given) != set(counts) or min(given.values()) <= 0:
        raise ExperimentError(
            f"counts of {sorted(counts)} with weights {dict(given)} cannot be tested; give "
            "at least two variations and a positive weight for each of them"
        )
    if min(counts.values()) < 0:
        raise ExperimentError(f"counts {dict(counts)} are negative; count listeners by variation")
    ordered = np.array([given[name] for name in counts], dtype=np.float64)
    return np.asarray(ordered / ordered.sum())

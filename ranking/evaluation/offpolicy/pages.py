"""Estimators for whole pages, under three ideas of how a listener goes through one.

A page is K slots; its value is the sum of what they earn. Logged are the probabilities of each
slot's track given the slots before it, so that their product is the probability of the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from ranking.evaluation.offpolicy.estimates import NO_CLIP, OffPolicyEstimate, estimate
from ranking.evaluation.offpolicy.overlap import Overlap, effective_size
from ranking.evaluation.offpolicy.weighing import (
    check_probabilities,
    check_rewards,
    numbered,
    usable,
)
from ranking.model import Mask, Rows

Values = NDArray[np.float64]


class Behaviour(StrEnum):
    """What the reward of a slot may depend on."""

    PAGE = "page"
    """On every slot of the page: nothing is assumed, and nearly nothing overlaps."""
    CASCADE = "cascade"
    """On the slots above it and itself: listeners go from top to bottom."""
    INDEPENDENT = "independent"
    """On itself alone."""


_IPS = {Behaviour.PAGE: "page_ips", Behaviour.CASCADE: "rips", Behaviour.INDEPENDENT: "iips"}
_SNIPS = {
    Behaviour.PAGE: "page_snips",
    Behaviour.CASCADE: "snrips",
    Behaviour.INDEPENDENT: "sniips",
}


@dataclass(frozen=True, slots=True, eq=False)
class WeighedPages:
    """Logged pages that can speak for a target policy.

    Args:
        rewards: (n, K) what each slot earned; 0 beyond a page's end.
        ratios: (n, K) target over logged propensity of each slot, given the slots before it; 1
            beyond a page's end.
        present: (n, K) which slots a page has.
        users: (n,) whose page it was, from 0 without gaps.
        kept: (m,) which of the pages given these are.
        unsupported: (m, K) probability that the target fills the slot, given the slots before it,
            as the logging policy never does; 1 where a page could not be weighed.
        all_present: (m, K) which slots a page has, of all that were given.
    """

    rewards: Values
    ratios: Values
    present: Mask
    users: Rows
    kept: Mask
    unsupported: Values
    all_present: Mask

    @property
    def mean_slots(self) -> float:
        """Slots of a page."""
        return float(self.present.sum(axis=1).mean())


def weigh_pages(
    rewards: Values, target: Values, logged: Values, users: Rows, unsupported: Values | None = None
) -> WeighedPages:
    """Return pages with the ratios of their slots.

    Args:
        rewards: (m, K) what each slot earned; NaN beyond a page's end.
        target: (m, K) probability in [0, 1] of the slot's track under the target policy, given the
            slots before it; any value beyond a page's end.
        logged: (m, K) likewise under the policy that logged. A page with a propensity of 0 or NaN
            is left out and counts as unsupported.
        users: (m,) any number for each listener.
        unsupported: (m, K) probability that the target fills the slot as the logging policy never
            does; 0 everywhere where None.

    Raises:
        ValueError: If the shapes differ, or a page has a hole.
        DataError: If a propensity is no probability, or no page can be weighed.
    """
    if not rewards.shape == target.shape == logged.shape or users.shape != rewards.shape[:1]:
        raise ValueError(f"shapes differ: {rewards.shape}, {target.shape}, {logged.shape}")
    present = ~np.isnan(rewards)
    if (present[:, 1:] & ~present[:, :-1]).any():
        raise ValueError("a page lacks the reward of a slot above its last one")
    target, logged = np.where(present, target, 1.0), np.where(present, logged, 1.0)
    check_probabilities("target propensity", target)
    kept = np.asarray(usable(logged).all(axis=1) & present.any(axis=1), dtype=np.bool_)
    if not kept.any():
        raise DataError("no page has slots that all have a propensity above 0; none can be weighed")
    check_rewards(rewards[kept][present[kept]])
    mass = np.zeros(rewards.shape) if unsupported is None else unsupported
    mass = np.where(kept[:, None], mass, 1.0)
    check_probabilities("unsupported share", mass)
    return WeighedPages(
        rewards=np.where(present, rewards, 0.0)[kept],
        ratios=target[kept] / logged[kept],
        present=present[kept],
        users=numbered(users[kept]),
        kept=kept,
        unsupported=mass,
        all_present=present,
    )


def logged_page_value(pages: WeighedPages) -> OffPolicyEstimate:
    """Return what the logging policy's pages earned, on average."""
    overlap = overlap_of(pages, Behaviour.INDEPENDENT)
    return _mean("logged", pages, pages.rewards.sum(axis=1), overlap)


def page_ips(pages: WeighedPages, behaviour: Behaviour, clip: float = NO_CLIP) -> OffPolicyEstimate:
    """Return inverse propensity scoring of pages: Σ_i Σ_k min(w_ik, clip) r_ik / n.

    w_ik is the product of the ratios of all slots of page i (`PAGE`), of slots 0 to k (`CASCADE`,
    reward-interaction IPS), or the ratio of slot k alone (`INDEPENDENT`; the propensities given
    are then those of each slot by itself).

    Source:
        Independent: Li et al., "Offline evaluation of ranking policies with click models", KDD
        2018. Cascade: McInerney et al., "Counterfactual evaluation of slate recommendations with
        sequential reward interactions", KDD 2020.
    """
    weights = np.minimum(slot_weights(pages, behaviour), clip)
    terms = (weights * pages.rewards).sum(axis=1)
    name = _IPS[behaviour] if clip == NO_CLIP else f"clipped_{_IPS[behaviour]}"
    return _mean(name, pages, terms, overlap_of(pages, behaviour), clip)


def page_snips(pages: WeighedPages, behaviour: Behaviour) -> OffPolicyEstimate:
    """Return the self-normalised form: each slot's weighted mean reward, added up over slots.

    Slots count by the share of pages that have them. NaN where a slot has no weight at all.
    """
    used = pages.present.any(axis=0)
    present, rewards = pages.present[:, used], pages.rewards[:, used]
    weights = slot_weights(pages, behaviour)[:, used] * present
    mean_weight, share = weights.mean(axis=0), present.mean(axis=0)
    with np.errstate(invalid="ignore"):
        means = (weights * rewards).mean(axis=0) / mean_weight
        moved = share * weights * (rewards - means) / mean_weight
    influence = ((present - share) * means + moved).sum(axis=1)
    overlap = overlap_of(pages, behaviour)
    return estimate(_SNIPS[behaviour], float(share @ means), influence, pages.users, overlap)


def page_direct(pages: WeighedPages, expected: Values) -> OffPolicyEstimate:
    """Return the direct method: the model's value of the target's pages, on average; no verdict.

    Args:
        pages: The pages.
        expected: (m,) the model's value of the page the target policy would make.
    """
    base = expected[pages.kept]
    value, overlap = float(base.mean()), overlap_of(pages, Behaviour.CASCADE)
    return estimate("page_dm", value, base - value, pages.users, overlap, model_alone=True)


def cascade_dr(
    pages: WeighedPages, expected: Values, taken: Values, clip: float = NO_CLIP
) -> OffPolicyEstimate:
    """Return Cascade-DR: Σ_i Σ_k (w_{i,1:k} (r_ik - q_ik) + w_{i,1:k-1} d_ik) / n.

    Unbiased where listeners go from top to bottom and propensities are right, whatever the model;
    of little variance where the model is the reward that is still to come.

    Args:
        pages: The pages.
        expected: (m, K) d: the model's reward from slot k downwards where the target policy fills
            slot k after the logged slots before it.
        taken: (m, K) q: the same with the logged track in slot k, and the target's below it.
        clip: Largest weight.

    Source:
        Kiyohara et al., "Doubly robust off-policy evaluation for ranking policies under the
        cascade behavior model", WSDM 2022, equation of the estimator.
    """
    weights = np.minimum(slot_weights(pages, Behaviour.CASCADE), clip)
    before = np.column_stack([np.ones(len(weights)), weights[:, :-1]])
    q, d = taken[pages.kept], expected[pages.kept]
    terms = weights * (pages.rewards - q) + before * d
    name = "cascade_dr" if clip == NO_CLIP else "clipped_cascade_dr"
    summed = np.where(pages.present, terms, 0.0).sum(axis=1)
    return _mean(name, pages, summed, overlap_of(pages, Behaviour.CASCADE), clip)


def slot_weights(pages: WeighedPages, behaviour: Behaviour) -> Values:
    """Return (n, K) the importance weight of each slot's reward."""
    if behaviour is Behaviour.INDEPENDENT:
        return pages.ratios
    products = np.cumprod(pages.ratios, axis=1, dtype=np.float64)
    if behaviour is Behaviour.CASCADE:
        return products
    return np.broadcast_to(products[:, -1:], products.shape)


def overlap_of(pages: WeighedPages, behaviour: Behaviour) -> Overlap:
    """Return how well the pages cover the target policy; the effective size is the worst slot's."""
    weights = slot_weights(pages, behaviour)
    filled = weights[pages.present]
    sizes = [
        effective_size(weights[has, slot]) for slot, has in enumerate(pages.present.T) if has.any()
    ]
    return Overlap(
        effective_size=min(sizes),
        max_weight=float(filled.max()),
        mean_weight=float(filled.mean()),
        unsupported_share=_unsupported_share(pages, behaviour),
        n_rows=len(weights),
        n_users=int(pages.users.max()) + 1,
    )


def _unsupported_share(pages: WeighedPages, behaviour: Behaviour) -> float:
    """Return the share of the target's slots whose reward the log cannot speak of."""
    present = pages.all_present
    supported = np.where(present, 1.0 - pages.unsupported, 1.0)
    if behaviour is not Behaviour.INDEPENDENT:
        supported = np.cumprod(supported, axis=1)
    if behaviour is Behaviour.PAGE:
        supported = np.broadcast_to(supported[:, -1:], supported.shape)
    return float(1.0 - supported[present].mean())


def _mean(
    name: str, pages: WeighedPages, terms: Values, overlap: Overlap, clip: float = NO_CLIP
) -> OffPolicyEstimate:
    value = float(terms.mean())
    return estimate(name, value, terms - value, pages.users, overlap, clip)

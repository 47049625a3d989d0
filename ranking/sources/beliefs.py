"""What is believed of trial tracks: how often they are heard out, on the scale of log odds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, polygamma

from ranking.model import Mask

PRIOR_FINISHES, PRIOR_OTHERS = 2.0, 4.0
"""Beta prior of a trial track of which nobody foretold anything: one in three slots heard out, as
sure as six slots are."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Beliefs:
    """Beliefs of n tracks, in catalogue rows; only those of trial tracks are looked at.

    Args:
        mean: (n,) of the log odds that a slot is heard out.
        deviation: (n,) standard deviation of the same.
        open: (n,) whether the track may still be tried: its trial is not used up.
        aims: Row → the segment it was ordered for; the others are tried where they belong.
    """

    mean: Doubles
    deviation: Doubles
    open: Mask
    aims: Mapping[int, str] = field(default_factory=dict)


def beliefs_of(
    finishes: Doubles, others: Doubles, is_open: Mask, aims: Mapping[int, str] | None = None
) -> Beliefs:
    """Return the beliefs that Beta counts stand for, by the exact moments of their log odds.

    Args:
        finishes: (n,) first parameters: prior and slots heard out, > 0.
        others: (n,) second parameters: prior and the other slots, > 0.
        is_open: (n,) whether each may still be tried.
        aims: Row → the segment it was ordered for.
    """
    mean = digamma(finishes) - digamma(others)
    variance = polygamma(1, finishes) + polygamma(1, others)
    return Beliefs(np.asarray(mean), np.sqrt(variance), is_open, aims or {})


def no_evidence(n_tracks: int) -> Beliefs:
    """Return the beliefs where no trial has told anything: every track at the prior, and open."""
    finishes = np.full(n_tracks, PRIOR_FINISHES)
    others = np.full(n_tracks, PRIOR_OTHERS)
    return beliefs_of(finishes, others, np.ones(n_tracks, dtype=np.bool_))


class TrialBoard:
    """Where the beliefs of now hang; whoever learns of newer ones hangs them in their place.

    Requests read them once; one that began with older beliefs ends with them.

    Args:
        beliefs: The first ones.
    """

    __slots__ = ("beliefs",)

    def __init__(self, beliefs: Beliefs) -> None:
        self.beliefs = beliefs

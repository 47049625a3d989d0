"""A decision that may be taken after every slot: graduate, retire or go on.

Two e-processes run beside each other. One bets that a track is heard out more often than the
segment's median track would be in the same slots, the other that it is less. Under the hypothesis
that it bets against, the expected value of such a process never exceeds 1, whenever one looks; that
it ever reaches 1 / error has therefore at most the probability `error` (Ville's inequality).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import logsumexp

Verdict = Literal["graduate", "retire", "continue"]
Doubles = NDArray[np.float64]


class TrialRule(BaseModel):
    """When a trial is decided."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    error: float = Field(default=0.05, gt=0, lt=1)
    """Largest probability with which a track below the median graduates."""
    lost_error: float = Field(default=0.05, gt=0, lt=1)
    """Largest probability with which a track at or above the median retires before its budget is
    used up."""
    better: tuple[float, ...] = (1.4, 2.0, 3.0)
    """Odds against the median's on which is bet that a track is better."""
    worse: tuple[float, ...] = (0.7, 0.45, 0.2)
    """Odds on which is bet that it is worse."""


class Decision(NamedTuple):
    """What a trial has come to.

    Args:
        verdict: What to do.
        slots: After how many slots it was decided; all of them where it was not.
        better: Logarithm of the e-process that bets on better, then.
        worse: Likewise on worse.
    """

    verdict: Verdict
    slots: int
    better: float
    worse: float


def decide(expected: Doubles, heard: NDArray[np.bool_], rule: TrialRule) -> Decision:
    """Return the first decision of a trial.

    Args:
        expected: (i,) probability that the segment's median track is heard out in each slot, in the
            order they were shown; in (0, 1).
        heard: (i,) whether the track was.
        rule: The errors.

    Source:
        Wald (1945) for the ratios, Robbins (1970) for mixing them, Ville (1939) for the errors
        at any time; see Ramdas et al. (2023), "Game-theoretic statistics and safe anytime-valid
        inference".
    """
    better, worse = _bets(expected, heard, rule.better), _bets(expected, heard, rule.worse)
    ups = np.flatnonzero(better >= -np.log(rule.error))
    downs = np.flatnonzero(worse >= -np.log(rule.lost_error))
    up = int(ups[0]) if ups.size else expected.size
    down = int(downs[0]) if downs.size else expected.size
    last = min(up, down)
    verdict: Verdict = "continue"
    if last < expected.size:
        verdict = "graduate" if up <= down else "retire"
    slots = min(last + 1, expected.size)
    at = slots - 1
    if not slots:
        return Decision("continue", 0, 0.0, 0.0)
    return Decision(verdict, slots, float(better[at]), float(worse[at]))


def _bets(expected: Doubles, heard: NDArray[np.bool_], odds: tuple[float, ...]) -> Doubles:
    """Return (i,) logarithm of the mean over bets of their likelihood ratios so far."""
    base = expected[:, None]
    bet = base * np.array(odds)
    claimed = bet / (1.0 - base + bet)
    gains = np.where(heard[:, None], np.log(claimed / base), np.log((1 - claimed) / (1 - base)))
    return np.asarray(logsumexp(np.cumsum(gains, axis=0), axis=1) - np.log(len(odds)))

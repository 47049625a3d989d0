"""Gaps: where what listeners would hear exceeds what is left for them, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from core.randomness import generator
from ranking.model import Floats

BLOCK_LISTENERS = 50_000  # of whom bootstrap weights are held at once


class GapConfig(BaseModel):
    """From when on supply is short."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    horizon_days: float = Field(default=14.0, gt=0, le=365)
    """Days that what is left should last."""
    lost_share: float = Field(default=0.4, gt=0, lt=1)
    """Share of a segment's listens in that time that must be missing for it to be a gap."""
    restock: float = Field(default=6.5, ge=1, le=100)
    """Horizons that what is left should last before a gap that was reported is one no more: supply
    that only just left the limit behind would be short again tomorrow, and a short shelf leaves
    little to choose from."""
    confidence: float = Field(default=0.9, gt=0, lt=1)
    """How sure that must be for the gap to be reported."""
    worth: float = Field(default=20.0, ge=0)
    """Listens heard out that one more track must bring in that time for the gap to be reported."""
    enough_listeners: float = Field(default=30.0, ge=1, le=1_000_000)
    """Effective listeners below which the evidence is called little and nothing is reported."""
    interval: float = Field(default=0.9, gt=0, lt=1)
    """Coverage of the intervals."""
    resamples: int = Field(default=400, ge=50, le=10_000)
    """Bootstrap resamples of listeners."""


@dataclass(frozen=True, slots=True, eq=False)
class Shortfall:
    """What u listeners would hear of k segments in the horizon, and what is missing of it.

    Args:
        wanted: (u, k) different tracks they would hear.
        left: (u, k) unheard, eligible, well-liked tracks.
        liking: (u, k) how likely they hear out what a segment offers.
    """

    wanted: Floats
    left: Floats
    liking: Floats

    @property
    def lost(self) -> Floats:
        """(u, k) tracks that are missing."""
        return np.asarray(np.maximum(self.wanted - self.left, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """What is known of k segments' supply.

    Args:
        listeners: (k,) those who would hear more of it than of any other segment.
        effective: (k,) listeners that the evidence is worth.
        unheard_good: (k,) tracks left to the mean listener, weighed by what they would hear.
        days_until_dry: (k, 3) 10, 50 and 90 % of listeners, weighed likewise, are dry by then.
        wanted: (k,) listens in the horizon, were supply no matter.
        lost: (k, 3) of them missing: mean, low and high.
        lost_share: (k, 3) the same as a share of what is wanted.
        gained_per_track: (k, 3) listens heard out that one more good track would bring.
        confidence: (k,) how sure it is that the missing share reaches the limit.
        restock_share: (k,) share of what is wanted that would be missing until a restock is over.
        missing_tracks: (k,) tracks that the mean listener, weighed by what they would hear, lacks
            till then.
    """

    listeners: NDArray[np.int64]
    effective: NDArray[np.float64]
    unheard_good: NDArray[np.float64]
    days_until_dry: NDArray[np.float64]
    wanted: NDArray[np.float64]
    lost: NDArray[np.float64]
    lost_share: NDArray[np.float64]
    gained_per_track: NDArray[np.float64]
    confidence: NDArray[np.float64]
    restock_share: NDArray[np.float64]
    missing_tracks: NDArray[np.float64]

    def reported(self, config: GapConfig, known: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the segments that run short, most gained per track first.

        Ordering begins when too much would be missing in the horizon, and ends when that holds no
        more of the horizons of a restock, as an (s, S) policy of inventory has it.

        Args:
            config: From when on.
            known: (k,) which were reported the last time.
        """
        still = known & (self.restock_share >= config.lost_share)
        sure = (self.confidence >= config.confidence) | still
        heard = self.effective >= config.enough_listeners
        rows = np.flatnonzero(sure & heard & (self.gained_per_track[:, 1] >= config.worth))
        return rows[np.argsort(-self.gained_per_track[rows, 0], kind="stable")]


def figures(short: Shortfall, config: GapConfig, seed: int) -> Figures:
    """Return each segment's supply with intervals over listeners.

    Args:
        short: Of u ≥ 1 listeners and k segments.
        config: Horizon and limits.
        seed: Decides the resamples.

    Source:
        The Bayesian bootstrap's independent exponential weights (Rubin 1981) stand in for drawing
        listeners with replacement: they need no pass over all listeners at once.
    """
    wanted = short.wanted.sum(axis=0, dtype=np.float64)
    squared = (short.wanted.astype(np.float64) ** 2).sum(axis=0)
    measured = (short.wanted, short.lost, gained(short))
    drawn = _resampled(measured, config.resamples, seed)
    lost_share = _ratio(drawn[1], drawn[0])
    restock_share, missing = _restock(short, config.restock)
    totals = [each.sum(axis=0, dtype=np.float64) for each in measured]
    users = len(short.wanted)
    return Figures(
        listeners=np.bincount(short.wanted.argmax(axis=1), minlength=wanted.size),
        effective=_ratio(wanted**2, squared),
        unheard_good=_ratio((short.wanted * short.left).sum(axis=0, dtype=np.float64), wanted),
        days_until_dry=_days(short, config.horizon_days),
        wanted=wanted,
        lost=_interval(totals[1], drawn[1] * users, config.interval),
        lost_share=_interval(_ratio(totals[1], totals[0]), lost_share, config.interval),
        gained_per_track=_interval(totals[2], drawn[2] * users, config.interval),
        confidence=(lost_share >= config.lost_share).mean(axis=0),
        restock_share=restock_share,
        missing_tracks=missing,
    )


def gained(short: Shortfall) -> Floats:
    """Return (u, k) listens heard out that one more track would bring each listener.

    It fills what is missing, one track at most, where it is liked.
    """
    return np.asarray(np.minimum(short.lost, 1.0) * np.clip(short.liking, 0.0, 1.0))


def _restock(short: Shortfall, times: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (k,) the share missing, and the mean listener's, were so many times it wanted."""
    lost, weighed = np.zeros((2, short.wanted.shape[1]))
    for rows in _blocks(len(short.wanted)):
        wanted = short.wanted[rows]
        missing = np.maximum(wanted * np.float32(times) - short.left[rows], 0.0)
        lost += missing.sum(axis=0, dtype=np.float64)
        weighed += (wanted * missing).sum(axis=0, dtype=np.float64)
    total = short.wanted.sum(axis=0, dtype=np.float64)
    return _ratio(lost, times * total), _ratio(weighed, total)


def _days(short: Shortfall, horizon_days: float) -> NDArray[np.float64]:
    """Return (k, 3) when 10, 50 and 90 % of what listeners would hear has run dry."""
    found = np.zeros((short.wanted.shape[1], 3))
    for segment in range(len(found)):
        wanted = short.wanted[:, segment].astype(np.float64)
        days = short.left[:, segment] * horizon_days / np.maximum(wanted, 1e-9)
        order = np.argsort(days, kind="stable")
        reached = np.cumsum(wanted[order])
        if reached[-1] > 0:
            at = np.searchsorted(reached, np.array([0.1, 0.5, 0.9]) * reached[-1])
            found[segment] = days[order][np.minimum(at, days.size - 1)]
    return found


def _resampled(
    measured: tuple[Floats, ...], resamples: int, seed: int
) -> list[NDArray[np.float64]]:
    """Return (resamples, k) means of each measure under random weights of listeners."""
    sums = [np.zeros((resamples, each.shape[1])) for each in measured]
    mass = np.zeros((resamples, 1))
    for number, rows in enumerate(_blocks(len(measured[0]))):
        rng = generator(seed, "gaps", number)
        weights = rng.standard_exponential((resamples, rows.stop - rows.start), dtype=np.float32)
        mass += weights.sum(axis=1, keepdims=True, dtype=np.float64)
        for place, each in enumerate(measured):
            sums[place] += weights @ each[rows]
    return [total / mass for total in sums]


def _blocks(size: int) -> Iterator[slice]:
    for start in range(0, size, BLOCK_LISTENERS):
        yield slice(start, min(start + BLOCK_LISTENERS, size))


def _interval(
    estimate: NDArray[np.float64], drawn: NDArray[np.float64], coverage: float
) -> NDArray[np.float64]:
    tail = (1.0 - coverage) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
    return np.column_stack([estimate, low, high])


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)

"""What became of slots that were shown: rates by track, creator, listener and surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.features.batch import Offered, Requests
from ranking.features.shown import OUTCOMES, ShownRates, TrackKeys
from ranking.model import Floats


@dataclass(frozen=True, slots=True)
class Grouping:
    """Slots that are counted together.

    Args:
        name: As it stands in column names.
        parts: The keys that make a group.
        parent: The grouping whose rate stands in where a group has few slots; "" is all slots.
        prior: Slots at the parent's rate that every group starts with.
    """

    name: str
    parts: tuple[str, ...]
    parent: str
    prior: float


GROUPINGS = (
    Grouping("surface", ("surface",), "", 20.0),
    Grouping("length", ("length", "surface"), "surface", 20.0),
    Grouping("tag", ("tag",), "", 20.0),
    Grouping("track", ("track",), "", 20.0),
    Grouping("creator", ("creator",), "", 20.0),
    Grouping("listener", ("listener",), "", 8.0),
    Grouping("track_surface", ("track", "surface"), "track", 20.0),
    Grouping("listener_surface", ("listener", "surface"), "listener", 5.0),
    Grouping("listener_creator", ("listener", "creator"), "listener", 3.0),
    Grouping("listener_tag", ("listener", "tag"), "listener", 5.0),
    Grouping("listener_length", ("listener", "length"), "listener", 5.0),
)
"""Parents stand before their children; priors are typical sizes of a group, not tuned values."""


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeRates:
    """Slots of each group, and the shrunk rate of each outcome among them, by then.

    Args:
        shown: What was shown and what followed.
        tracks: Keys of tracks, in catalogue rows.
    """

    shown: ShownRates
    tracks: TrackKeys

    @property
    def names(self) -> tuple[str, ...]:
        """`shown_<group>`, then `<outcome>_of_<group>`, group by group."""
        return tuple(
            name
            for group in GROUPINGS
            for name in (
                f"shown_{group.name}",
                *(f"{outcome}_of_{group.name}" for outcome in OUTCOMES),
            )
        )

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, groups * (1 + outcomes)); rates are NaN before anything was shown at all."""
        asked = self.shown.asked(requests, offered, self.tracks)
        total, events = self.shown.counts((), asked)
        rates = {"": _divided(events, total)}
        columns: list[NDArray[np.float64]] = []
        for group in GROUPINGS:
            count, events = self.shown.counts(group.parts, asked)
            parent = rates[group.parent]
            rates[group.name] = (events + group.prior * parent) / (count + group.prior)
            columns += [np.log1p(count)[None], rates[group.name]]
        return np.concatenate(columns).T.astype(np.float32)


def _divided(events: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(events, count, out=np.full_like(events, np.nan), where=count > 0)

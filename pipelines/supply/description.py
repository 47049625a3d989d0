"""What is told of each segment: its figures, its words, and the tracks it is known by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.supply.demand.gap import Figures, GapConfig
from pipelines.supply.demand.habits import Habits, SegmentHabits
from pipelines.supply.segments.artifact import Segments
from ranking.catalogue import Catalogue
from ranking.model import Rows
from ranking.supply.gap import Estimate, Gap, Spread

NAMED_TRACKS = 10  # loved and exhausted tracks that are told of each segment
LEVEL_PLAYS = 20.0  # plays at the mean rate that a track starts with when the loved are sought


@dataclass(frozen=True, slots=True, eq=False)
class SegmentTracks:
    """Per segment: tracks on air, and the ids of those loved and exhausted most."""

    on_air: Rows
    loved: list[tuple[str, ...]]
    exhausted: list[tuple[str, ...]]


def tracks_of(listening: Habits, catalogue: Catalogue, segments: Segments) -> SegmentTracks:
    """Return which tracks of each segment are loved and exhausted most; those on air alone."""
    pairs, n = listening.pairs, len(catalogue)
    plays = np.bincount(pairs.tracks, pairs.plays, n)
    finishes = np.bincount(pairs.tracks, pairs.finishes, n)
    listeners = np.bincount(pairs.tracks, minlength=n)
    mean = finishes.sum() / max(plays.sum(), 1.0)
    rate = (finishes + LEVEL_PLAYS * mean) / (plays + LEVEL_PLAYS)
    love = (rate if mean > 0 else 1.0) * np.log1p(listeners)  # without outcomes reach decides
    again = plays / np.maximum(listeners, 1) * np.log1p(listeners)
    servable = catalogue.servable
    loved: list[tuple[str, ...]] = []
    exhausted: list[tuple[str, ...]] = []
    for segment in range(len(segments)):
        rows = np.flatnonzero((segments.members == segment) & servable & (listeners > 0))
        for order, kept in ((love, loved), (again, exhausted)):
            best = rows[np.argsort(-order[rows], kind="stable")[:NAMED_TRACKS]]
            kept.append(catalogue.tracks.take(best))
    on_air = np.bincount(
        segments.members[servable & (segments.members >= 0)], minlength=len(segments)
    )
    return SegmentTracks(on_air, loved, exhausted)


def described_segments(
    segments: Segments,
    found: Figures,
    played: SegmentHabits,
    tracks: SegmentTracks,
    config: GapConfig,
) -> list[Gap]:
    """Return every segment as a gap would be reported.

    Args:
        segments: k of them.
        found: Their figures.
        played: How they are played.
        tracks: Their tracks.
        config: From when on evidence is enough.
    """
    return [
        Gap(
            segment=segments.ids[row],
            label=segments.labels[row],
            words=segments.words[row],
            listeners=int(found.listeners[row]),
            unheard_good=round(float(found.unheard_good[row]), 2),
            days_until_dry=Spread(**_rounded(("p10", "p50", "p90"), found.days_until_dry[row])),
            expected_listens_lost=_estimate(found.lost[row]),
            lost_share=_estimate(found.lost_share[row]),
            gained_per_track=_estimate(found.gained_per_track[row]),
            confidence=round(float(found.confidence[row]), 3),
            evidence="enough" if found.effective[row] >= config.enough_listeners else "little",
            tracks=int(tracks.on_air[row]),
            missing_tracks=round(float(found.missing_tracks[row]), 2),
            plays_a_day=round(float(played.plays[row]), 2),
            repeat_share=round(float(played.repeat_share[row]), 4),
            skip_rates=tuple(
                None if np.isnan(rate) else round(float(rate), 4) for rate in played.skip_rates[row]
            ),
            loved=tracks.loved[row],
            exhausted=tracks.exhausted[row],
        )
        for row in range(len(segments))
    ]


def _rounded(names: tuple[str, ...], values: NDArray[np.float64]) -> dict[str, Any]:
    return {name: round(float(value), 3) for name, value in zip(names, values, strict=True)}


def _estimate(values: NDArray[np.float64]) -> Estimate:
    return Estimate(**_rounded(("mean", "low", "high"), values))

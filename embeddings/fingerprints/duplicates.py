"""Near-duplicates: which tracks hold the same recording."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial

from pydantic import BaseModel, ConfigDict, Field

from embeddings.audio.container import Samples
from embeddings.fingerprints.alignment import Agreement, Overlay, agreement
from embeddings.fingerprints.clipping import clipped_to
from embeddings.fingerprints.fingerprint import Fingerprint, stored_landmarks
from embeddings.fingerprints.foreign import foreign_share
from embeddings.fingerprints.landmark_index import MAX_SHIFT_S, LandmarkIndex, build_landmark_index
from embeddings.fingerprints.superposition import superposed


class DuplicateConfig(BaseModel):
    """When two recordings are taken for one.

    What fingerprints find alike is heard: the recordings are compared sample by sample. Where one
    of them is gone, or too short for that, peaks and levels of the fingerprints decide.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_votes: int = Field(default=4, ge=2, le=256)
    """Landmarks that must agree before two fingerprints are compared."""
    candidates: int = Field(default=8, ge=1, le=1000)
    """Known tracks that a fresh one is compared with, at most."""
    heard_peaks: float = Field(default=0.3, ge=0, le=1)
    """Share of peaks that both must have to be heard."""
    clipped_db: float = Field(default=3.0, gt=0, le=60)
    """Difference of crests from which one is taken to be clipped; the other is then clipped alike
    before it is compared."""
    clipped_peaks: float = Field(default=0.15, ge=0, le=1)
    """`heard_peaks` where one is taken to be clipped, which adds peaks and hides others."""
    max_foreign: float = Field(default=0.0005, ge=0, le=1)
    """Share of a recording's energy that the other does not explain, at most: a copy stays below
    it through codecs, equalisers and noise, another drum kit or bass does not."""
    min_peaks: float = Field(default=0.45, ge=0, le=1)
    """Share of peaks that both must have where they cannot be heard."""
    min_levels: float = Field(default=0.965, ge=-1, le=1)
    """Mean over bands of the correlation of levels that is needed there."""
    min_weakest: float = Field(default=0.85, ge=-1, le=1)
    """The same of the weakest band: a remix changes some bands and keeps others."""
    sped: float = Field(default=0.002, ge=0, le=1)
    """Change of speed from which notes move from band to band, and levels agree less."""
    min_levels_sped: float = Field(default=0.93, ge=-1, le=1)
    """`min_levels` of two recordings at different speeds."""
    min_weakest_sped: float = Field(default=0.6, ge=-1, le=1)
    """`min_weakest` of two recordings at different speeds."""


Hear = Callable[[str], Samples | None]
"""From a track to the beginning of its recording, as `fingerprint` wants it; None if it is gone."""


def unheard(track_id: str) -> Samples | None:  # noqa: ARG001
    """Return None: where no recording is at hand."""
    return None


@dataclass(frozen=True, slots=True)
class Match:
    """Two tracks that hold the same recording.

    Args:
        track_id: The fresh one.
        known_id: The known one.
        agreement: How far their fingerprints agree.
        foreign: Share of energy that is in one and cannot come from the other; NaN where they
            could not be heard, and fingerprints decided.
    """

    track_id: str
    known_id: str
    agreement: Agreement
    foreign: float = float("nan")

    @property
    def was_heard(self) -> bool:
        """Whether the recordings themselves were compared."""
        return not math.isnan(self.foreign)


@dataclass(frozen=True, slots=True, eq=False)
class DuplicateIndex:
    """Fingerprints of known tracks, ready to be asked.

    Args:
        track_ids: (n,) ids.
        fingerprints: (n,) of the same tracks, as they are stored: opened, each would take four
            times the memory, and few are ever compared.
        landmarks: Their index.
    """

    track_ids: tuple[str, ...]
    fingerprints: tuple[bytes, ...]
    landmarks: LandmarkIndex

    def matches(
        self, track_id: str, fresh: Fingerprint, config: DuplicateConfig, hear: Hear = unheard
    ) -> tuple[Match, ...]:
        """Return the known tracks that hold the same recording, other than the track itself.

        Args:
            track_id: The fresh track; it may be in the index.
            fresh: Its fingerprint.
            config: When two recordings are taken for one.
            hear: Reads a recording again; the fresh one is read once at most.
        """
        candidates = self.landmarks.candidates(
            fresh.peaks, limit=config.candidates + 1, min_votes=config.min_votes
        )
        hear_fresh = cache(lambda: hear(track_id))
        matches = []
        for each in candidates:
            known_id = self.track_ids[each.row]
            if known_id == track_id:
                continue
            known = Fingerprint.from_bytes(self.fingerprints[each.row])
            found = agreement(fresh, known, each.overlay)
            foreign = float("nan")
            if _is_worth_hearing(fresh, known, found, config):
                heard = hear_fresh(), partial(hear, known_id)
                crests = fresh.crest, known.crest
                foreign = _foreign(*heard, crests, found.overlay, config)
            if _holds(found, foreign, config):
                matches.append(Match(track_id, known_id, found, foreign))
        return tuple(matches)


def build_duplicate_index(fingerprints: Mapping[str, bytes]) -> DuplicateIndex:
    """Index the fingerprints of known tracks.

    Args:
        fingerprints: Track id → its fingerprint, as it is stored.

    Raises:
        DataError: If one is damaged or of another version.
    """
    known = tuple(fingerprints.values())
    landmarks = build_landmark_index([stored_landmarks(each) for each in known])
    return DuplicateIndex(tuple(fingerprints), known, landmarks)


def is_same(found: Agreement, config: DuplicateConfig) -> bool:
    """Return whether two fingerprints agree so far that their recordings are taken for one.

    Levels that could not be compared, because nothing moves or too little overlaps, decide
    nothing.
    """
    levels, weakest = config.min_levels, config.min_weakest
    if abs(found.overlay.speed - 1.0) > config.sped:
        levels, weakest = config.min_levels_sped, config.min_weakest_sped
    return (
        found.uncovered_s <= MAX_SHIFT_S
        and found.peaks >= config.min_peaks
        and not found.levels < levels
        and not found.weakest < weakest
    )


def _is_worth_hearing(
    fresh: Fingerprint, known: Fingerprint, found: Agreement, config: DuplicateConfig
) -> bool:
    is_clipped = abs(fresh.crest - known.crest) >= config.clipped_db
    wanted = config.clipped_peaks if is_clipped else config.heard_peaks
    return found.uncovered_s <= MAX_SHIFT_S and found.peaks >= wanted


def _holds(found: Agreement, foreign: float, config: DuplicateConfig) -> bool:
    return is_same(found, config) if math.isnan(foreign) else foreign <= config.max_foreign


def _foreign(
    fresh: Samples | None,
    hear_known: Callable[[], Samples | None],
    crests: tuple[float, float],
    overlay: Overlay,
    config: DuplicateConfig,
) -> float:
    """Return the share of energy that is in one recording and cannot come from the other.

    Clipping adds tones and takes dynamics, so a clipped copy differs from its original as much as
    a remix does; but not from the original clipped.

    Returns:
        NaN where one is gone, or both share too little.
    """
    known = None if fresh is None else hear_known()
    if fresh is None or known is None:
        return float("nan")
    if crests[0] >= crests[1] + config.clipped_db:
        fresh = clipped_to(fresh, crests[1])
    elif crests[1] >= crests[0] + config.clipped_db:
        known = clipped_to(known, crests[0])
    laid = superposed(fresh, known, overlay)
    if laid is None:
        return float("nan")
    return foreign_share(*laid)


def canonical_tracks(
    matches: Iterable[Match], fresh: Iterable[str], standing: Mapping[str, str]
) -> dict[str, str]:
    """Decide which track stands for each fresh copy.

    Fresh tracks that match one another are one cluster. A known track stands for it where one
    matches, so that what listeners know stays; else the first by id.

    Args:
        matches: Of the fresh tracks, among themselves or with known ones.
        fresh: Their ids.
        standing: Known copy → its canonical track.

    Returns:
        Fresh copy → its canonical track; tracks that stand for themselves are left out.
    """
    cluster = {track_id: {track_id} for track_id in fresh}
    known: dict[str, set[str]] = {track_id: set() for track_id in cluster}
    for match in matches:
        if match.known_id not in cluster:
            known[match.track_id].add(standing.get(match.known_id, match.known_id))
        elif cluster[match.track_id] is not cluster[match.known_id]:
            joined = cluster[match.track_id] | cluster[match.known_id]
            cluster.update(dict.fromkeys(joined, joined))
    found = {}
    for track_id, together in cluster.items():
        older = {name for member in together for name in known[member]}
        canonical = min(older or together)
        if canonical != track_id:
            found[track_id] = canonical
    return found

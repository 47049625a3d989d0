"""Near-duplicates: which tracks hold the same recording."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from embeddings.audio.container import Samples
from embeddings.fingerprints.alignment import Agreement, agreement
from embeddings.fingerprints.clipping import clipped_to
from embeddings.fingerprints.fingerprint import Fingerprint, fingerprint, stored_landmarks
from embeddings.fingerprints.landmark_index import MAX_SHIFT_S, LandmarkIndex, build_landmark_index


class DuplicateConfig(BaseModel):
    """When two recordings are taken for one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_votes: int = Field(default=4, ge=2, le=256)
    """Landmarks that must agree before two fingerprints are compared."""
    candidates: int = Field(default=8, ge=1, le=1000)
    """Known tracks that a fresh one is compared with, at most."""
    min_peaks: float = Field(default=0.45, ge=0, le=1)
    """Share of peaks that both must have."""
    min_levels: float = Field(default=0.965, ge=-1, le=1)
    """Mean over bands of the correlation of levels that is needed."""
    min_weakest: float = Field(default=0.85, ge=-1, le=1)
    """The same of the weakest band: a remix changes some bands and keeps others."""
    sped: float = Field(default=0.002, ge=0, le=1)
    """Change of speed from which notes move from band to band, and levels agree less."""
    min_levels_sped: float = Field(default=0.93, ge=-1, le=1)
    """`min_levels` of two recordings at different speeds."""
    min_weakest_sped: float = Field(default=0.6, ge=-1, le=1)
    """`min_weakest` of two recordings at different speeds."""
    clipped_db: float = Field(default=3.0, gt=0, le=60)
    """Difference of crests from which one is taken to be clipped and both are heard again."""
    clipped_peaks: float = Field(default=0.15, ge=0, le=1)
    """Share of peaks that both must have to be heard again."""


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
        agreement: How far they agree.
    """

    track_id: str
    known_id: str
    agreement: Agreement


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
            hear: Reads a recording again, where one of two seems to be clipped.
        """
        candidates = self.landmarks.candidates(
            fresh.peaks, limit=config.candidates + 1, min_votes=config.min_votes
        )
        matches = []
        for each in candidates:
            known_id = self.track_ids[each.row]
            if known_id == track_id:
                continue
            known = Fingerprint.from_bytes(self.fingerprints[each.row])
            found = agreement(fresh, known, each.overlay)
            if not is_same(found, config) and _may_be_clipped(fresh, known, found, config):
                pair = _pressed(track_id, fresh, known_id, known, hear)
                found = agreement(*pair, each.overlay)
            if is_same(found, config):
                matches.append(Match(track_id, known_id, found))
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
    """Return whether two recordings agree so far that they are one.

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


def _may_be_clipped(
    fresh: Fingerprint, known: Fingerprint, found: Agreement, config: DuplicateConfig
) -> bool:
    return (
        abs(fresh.crest - known.crest) >= config.clipped_db
        and found.uncovered_s <= MAX_SHIFT_S
        and found.peaks >= config.clipped_peaks
    )


def _pressed(
    track_id: str, fresh: Fingerprint, known_id: str, known: Fingerprint, hear: Hear
) -> tuple[Fingerprint, Fingerprint]:
    """Return both, the one with the higher crest described anew as if it were clipped alike.

    Clipping adds tones and takes dynamics, so a clipped copy differs from its original as much as
    a remix does; but not from the original clipped.
    """
    if fresh.crest > known.crest:
        samples = hear(track_id)
        if samples is not None:
            fresh = fingerprint(clipped_to(samples, known.crest), fresh.duration_s)
        return fresh, known
    samples = hear(known_id)
    if samples is not None:
        known = fingerprint(clipped_to(samples, fresh.crest), known.duration_s)
    return fresh, known


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

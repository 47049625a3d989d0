"""Near-duplicates of the catalogue: fingerprints kept in the store, copies found by them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa

from core.database import upsert
from core.errors import AudioDecodeError
from core.schema import fingerprints, near_duplicates, tracks
from core.workspace import Workspace
from embeddings.audio.container import Samples
from embeddings.audio.waveform import decode
from embeddings.fingerprints.duplicates import (
    DuplicateConfig,
    Hear,
    Match,
    build_duplicate_index,
    canonical_tracks,
    unheard,
)
from embeddings.fingerprints.fingerprint import LIMIT_S, VERSION, Fingerprint, fingerprint_file
from pipelines.importers.report import NearDuplicate
from pipelines.job import Progress, Report

SAVED_TOGETHER = 500  # fingerprints a transaction; what was read before a kill is kept
LOOKUP_IDS = 10_000  # ids bound in one statement; SQLite binds at most 32,766


class FingerprintReport(Report):
    """What fingerprinting the catalogue read and found."""

    fingerprinted: int
    """Tracks whose recordings were read."""
    failures: tuple[tuple[str, str], ...]
    """Tracks that could not be read, each with the reason."""
    near_duplicates: tuple[NearDuplicate, ...]
    """Copies that were found."""


def fingerprint_catalogue(
    workspace: Workspace,
    progress: Progress,
    *,
    now_ms: int,
    config: DuplicateConfig | None = None,
) -> FingerprintReport:
    """Fingerprint every track that has a recording and no fingerprint, and find their copies.

    Of tracks that were all known before, the first by id stands for the others.

    Args:
        workspace: Whose catalogue.
        progress: Shows how far it is.
        now_ms: The moment, UTC milliseconds.
        config: When two recordings are taken for one.
    """
    with workspace.database.read() as connection:
        missing = _without_fingerprint(connection)
    fresh: dict[str, Fingerprint] = {}
    failures = []
    paths = [workspace.audio / relative for _, relative in missing]
    read = zip(missing, read_in_threads(fingerprint_file, paths), strict=True)
    for (track_id, _), found in progress.track(read, "fingerprinting", len(missing)):
        if isinstance(found, AudioDecodeError):
            failures.append((track_id, found.reason))
            continue
        fresh[track_id] = found
        if len(fresh) % SAVED_TOGETHER == 0:
            with workspace.database.write() as connection:
                store_fingerprints(connection, dict(list(fresh.items())[-SAVED_TOGETHER:]))
    with workspace.database.read() as connection:
        copies = find_copies(connection, fresh, progress, config, hearing(workspace))
    with workspace.database.write() as connection:
        store_fingerprints(connection, fresh)
        store_copies(connection, fresh, copies, now_ms)
    return FingerprintReport(
        fingerprinted=len(fresh),
        failures=tuple(failures),
        near_duplicates=copies,
    )


def known_copies(
    workspace: Workspace,
    drafts: Mapping[str, Path],
    progress: Progress,
    config: DuplicateConfig | None = None,
) -> dict[str, tuple[Match, ...]]:
    """Return the tracks, and the other drafts, that hold the recording of each draft.

    For whoever decides about recordings before they are tracks; nothing is stored.

    Args:
        workspace: Whose tracks are known.
        drafts: Names that are no track's → recordings.
        progress: Shows how far it is.
        config: When two recordings are taken for one.

    Raises:
        AudioDecodeError: If a draft cannot be read.
    """
    fresh = {name: fingerprint_file(path) for name, path in drafts.items()}
    with workspace.database.read() as connection:
        found = _matches(connection, fresh, progress, config, hearing(workspace, drafts))
    return {name: tuple(match for match in found if match.track_id == name) for name in drafts}


def read_in_threads(
    read: Callable[[Path], Fingerprint], paths: Sequence[Path], threads: int = 0
) -> Iterator[Fingerprint | AudioDecodeError]:
    """Yield the fingerprint of each file, or why there is none, in order.

    Args:
        read: Makes a fingerprint; decoder and transform release the interpreter.
        paths: The files.
        threads: 0 means one a core.
    """

    def attempt(path: Path) -> Fingerprint | AudioDecodeError:
        try:
            return read(path)
        except AudioDecodeError as error:
            return error

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        yield from pool.map(attempt, paths)


def find_copies(
    connection: sa.Connection,
    fresh: Mapping[str, Fingerprint],
    progress: Progress,
    config: DuplicateConfig | None = None,
    hear: Hear = unheard,
) -> tuple[NearDuplicate, ...]:
    """Return the copies among fresh tracks, by id, each with its canonical track.

    Args:
        connection: A read transaction.
        fresh: Track id → fingerprint, stored or not yet.
        progress: Shows how far it is.
        config: When two recordings are taken for one.
        hear: Reads a recording again, see `hearing`.
    """
    found = _matches(connection, fresh, progress, config, hear)
    pairs = canonical_tracks(found, fresh, _standing(connection))
    unheard_of = {match.track_id for match in found if not match.was_heard}
    return tuple(
        NearDuplicate(track_id=one, canonical_id=other, heard=one not in unheard_of)
        for one, other in sorted(pairs.items())
    )


def _matches(
    connection: sa.Connection,
    fresh: Mapping[str, Fingerprint],
    progress: Progress,
    config: DuplicateConfig | None,
    hear: Hear,
) -> list[Match]:
    """Return what fresh recordings have in common with one another and with known ones."""
    if not fresh:
        return []
    own = {track_id: described.to_bytes() for track_id, described in fresh.items()}
    index = build_duplicate_index({**stored_fingerprints(connection), **own})

    def attempt(one: tuple[str, Fingerprint]) -> tuple[Match, ...]:
        return index.matches(*one, config or DuplicateConfig(), hear)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        sought = pool.map(attempt, fresh.items())
        return [
            match
            for found in progress.track(sought, "seeking duplicates", len(fresh))
            for match in found
        ]


def stored_fingerprints(connection: sa.Connection) -> dict[str, bytes]:
    """Return track id → fingerprint, as it is stored, of every track that has one."""
    query = sa.select(fingerprints.c.track_id, fingerprints.c.data)
    rows = connection.execute(query.where(fingerprints.c.version == VERSION))
    return {row.track_id: bytes(row.data) for row in rows}


def hearing(workspace: Workspace, fresh: Mapping[str, Path] | None = None) -> Hear:
    """Return what reads the beginning of a track's recording, or None where it cannot be read.

    Args:
        workspace: Whose tracks.
        fresh: Recordings of tracks that are not stored yet.
    """

    def hear(track_id: str) -> Samples | None:
        path = (fresh or {}).get(track_id) or _recording(workspace, track_id)
        try:
            return None if path is None else decode(path, LIMIT_S)
        except AudioDecodeError:
            return None

    return hear


def store_fingerprints(connection: sa.Connection, fresh: Mapping[str, Fingerprint]) -> None:
    """Keep fingerprints, instead of those that were kept of the same tracks."""
    rows = [
        {"track_id": track_id, "version": VERSION, "data": described.to_bytes()}
        for track_id, described in fresh.items()
    ]
    upsert(connection, fingerprints, rows, ["version", "data"])


def store_copies(
    connection: sa.Connection,
    fresh: Mapping[str, Fingerprint],
    copies: Iterable[NearDuplicate],
    now_ms: int,
) -> None:
    """Keep which tracks are copies, instead of what was known of the fresh ones.

    The tracks are stamped, so that a service that runs sees them change.
    """
    stale = sorted(fresh)
    for start in range(0, len(stale), LOOKUP_IDS):
        block = near_duplicates.c.track_id.in_(stale[start : start + LOOKUP_IDS])
        connection.execute(sa.delete(near_duplicates).where(block))
    rows = [
        {"track_id": each.track_id, "canonical_id": each.canonical_id, "found_at": now_ms}
        for each in copies
    ]
    upsert(connection, near_duplicates, rows, ["canonical_id", "found_at"])
    for row in rows:
        copy = tracks.c.track_id == row["track_id"]
        connection.execute(sa.update(tracks).where(copy).values(updated_at=now_ms))


def fingerprinted(workspace: Workspace) -> frozenset[str]:
    """Return the content hashes of all tracks that have a fingerprint of this version."""
    both = tracks.join(fingerprints, tracks.c.track_id == fingerprints.c.track_id)
    query = sa.select(tracks.c.content_hash).select_from(both)
    query = query.where(fingerprints.c.version == VERSION, tracks.c.content_hash.is_not(None))
    with workspace.database.read() as connection:
        return frozenset(connection.execute(query).scalars())


def _recording(workspace: Workspace, track_id: str) -> Path | None:
    query = sa.select(tracks.c.audio_path).where(tracks.c.track_id == track_id)
    with workspace.database.read() as connection:
        relative = connection.execute(query).scalar_one_or_none()
    return None if relative is None else workspace.audio / relative


def _standing(connection: sa.Connection) -> dict[str, str]:
    query = sa.select(near_duplicates.c.track_id, near_duplicates.c.canonical_id)
    return {row.track_id: row.canonical_id for row in connection.execute(query)}


def _without_fingerprint(connection: sa.Connection) -> list[tuple[str, str]]:
    """Return id and recording of the tracks that have no fingerprint of this version."""
    known = sa.select(fingerprints.c.track_id).where(fingerprints.c.version == VERSION)
    query = sa.select(tracks.c.track_id, tracks.c.audio_path)
    query = query.where(tracks.c.audio_path.is_not(None), tracks.c.track_id.not_in(known))
    return [(row[0], row[1]) for row in connection.execute(query.order_by(tracks.c.track_id))]

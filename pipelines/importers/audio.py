"""Import recordings: every sound file below a folder becomes a track."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from core.errors import AudioDecodeError, DataError
from core.schema import tracks as stored
from core.tables import TRACKS
from core.workspace import Workspace
from embeddings.fingerprints.duplicates import DuplicateConfig
from embeddings.fingerprints.fingerprint import Fingerprint
from pipelines.duplicates import (
    find_copies,
    fingerprinted,
    hearing,
    store_copies,
    store_fingerprints,
)
from pipelines.importers.files import fingerprint, read_files
from pipelines.importers.intake import open_intake
from pipelines.importers.options import FileOptions
from pipelines.importers.recordings import (
    Heard,
    Recording,
    find_recordings,
    read_recordings,
    store_recording,
)
from pipelines.importers.rejects import Rejects, open_rejects
from pipelines.importers.report import ImportReport, NearDuplicate
from pipelines.importers.rows import RowPlan
from pipelines.importers.tracks import track_rules, with_metadata
from pipelines.job import Progress

NAME = "audio"
ID_DIGITS = 32
FACTS = ("duration_ms", "audio_path", "content_hash")
"""What a recording knows best; what its tags and folders say only fills gaps."""
UNMATCHED = "no recording has this track_id as its file name"


def import_audio(
    workspace: Workspace,
    folder: Path,
    progress: Progress,
    *,
    now_ms: int,
    metadata: Path | None = None,
    options: FileOptions | None = None,
    duplicates: DuplicateConfig | None = None,
) -> ImportReport:
    """Import every recording below a folder, whole or not at all.

    A recording is its content: the track's id is the beginning of its SHA-256, unless a row of
    the metadata has its file name (without suffix) as `track_id`. What the row says goes before
    the recording's tags, and those before its folders. A recording that sounds like one that is
    known, though its bytes are others, becomes a track too, and is kept as a copy of that one.

    Args:
        workspace: Where to; recordings are copied below its `audio`.
        folder: Searched with all folders below it.
        progress: Shows how far it is.
        now_ms: The moment of the import, UTC milliseconds.
        metadata: A file of rows about the recordings.
        options: How that file is to be read.
        duplicates: When two recordings are taken for one.

    Raises:
        DataError: If there is no recording, or the metadata cannot be read.
    """
    started = time.perf_counter()
    paths = find_recordings(folder)
    if not paths:
        raise DataError(f"{folder} holds no recordings; wav, flac, ogg, opus and mp3 are read")
    inputs = [*paths, metadata] if metadata else paths
    with (
        open_rejects(workspace.rejects, NAME, fingerprint(inputs)) as rejects,
        open_intake(workspace) as intake,
    ):
        told, n_refused = _told(metadata, options or FileOptions(), rejects, progress, paths)
        found = _Found(workspace, set(told["track_id"]), rejects)
        read = read_recordings(paths, folder, fingerprinted(workspace))
        for path, heard in progress.track(read, "reading recordings", len(paths)):
            found.add(path, heard)
        tracks = found.frame()
        with workspace.database.read() as connection:
            hear = hearing(workspace, found.paths)
            copies = find_copies(connection, found.fingerprints, progress, duplicates, hear)
        intake.add_tracks(told.join(tracks, on="track_id", how="semi"), "file")
        intake.add_tracks(tracks.select("track_id", *FACTS), "file")
        intake.add_tracks(tracks.drop(FACTS), "store")
        intake.commit(now_ms, progress, partial(_store, found.fingerprints, copies, now_ms))
    rows_read = len(paths) + n_refused
    return ImportReport(
        name=NAME,
        rows_read=rows_read,
        imported=intake.tracks,
        duplicates=rows_read - rejects.total - intake.tracks,
        rejected=rejects.total,
        reasons=dict(rejects.reasons),
        rejects=rejects.written_to,
        events=0,
        tracks=intake.tracks,
        users=0,
        seconds=time.perf_counter() - started,
        copies=len(copies),
        near_duplicates=copies,
    )


class _Found:
    """The tracks of the recordings read so far, and the fingerprints of those that had none.

    Args:
        workspace: Where recordings are kept and tracks are known by their content.
        named: The track ids that are file names.
        rejects: Where the others go.
    """

    def __init__(self, workspace: Workspace, named: set[str], rejects: Rejects) -> None:
        self._audio = workspace.audio
        self._known = _known_by_content(workspace)
        self._named = named
        self._rejects = rejects
        self._rows: dict[str, dict[str, Any]] = {}
        self._sources: dict[str, Recording] = {}
        self.fingerprints: dict[str, Fingerprint] = {}

    def add(self, path: Path, heard: Heard | AudioDecodeError) -> None:
        """Keep one recording that was read, and remember it as a track."""
        if isinstance(heard, AudioDecodeError):
            self._rejects.add(path, 1, heard.reason, {"file": str(path)})
            return
        recording = heard.recording
        digest = recording.content_hash
        is_named = path.stem in self._named
        track_id = path.stem if is_named else self._known.get(digest, digest[:ID_DIGITS])
        if earlier := self._sources.get(track_id):
            if earlier.content_hash != digest:
                reason = f"{earlier.path} has the same file name and other content"
                self._rejects.add(path, 1, reason, {"file": str(path)})
            return
        self._sources[track_id] = recording
        if heard.fingerprint is not None:
            self.fingerprints[track_id] = heard.fingerprint
        self._rows[track_id] = {
            "track_id": track_id,
            "title": recording.title,
            "artist": recording.artist,
            "album": recording.album,
            "genre": recording.genre,
            "duration_ms": recording.duration_ms,
            "audio_path": store_recording(recording, self._audio),
            "content_hash": digest,
        }

    @property
    def paths(self) -> dict[str, Path]:
        """The file of each track."""
        return {track_id: recording.path for track_id, recording in self._sources.items()}

    def frame(self) -> pl.DataFrame:
        """Return rows of the tracks table."""
        return TRACKS.conform(pl.DataFrame(list(self._rows.values()), infer_schema_length=None))


def _store(
    fresh: Mapping[str, Fingerprint],
    copies: Iterable[NearDuplicate],
    now_ms: int,
    connection: sa.Connection,
) -> None:
    store_fingerprints(connection, fresh)
    store_copies(connection, fresh, copies, now_ms)


def _known_by_content(workspace: Workspace) -> dict[str, str]:
    """Return content hash → the first of the tracks that have it."""
    query = sa.select(stored.c.content_hash, stored.c.track_id)
    query = query.where(stored.c.content_hash.is_not(None)).order_by(stored.c.track_id.desc())
    with workspace.database.read() as connection:
        return {row.content_hash: row.track_id for row in connection.execute(query)}


def _told(
    metadata: Path | None,
    options: FileOptions,
    rejects: Rejects,
    progress: Progress,
    paths: Iterable[Path],
) -> tuple[pl.DataFrame, int]:
    """Return what the metadata tells of the recordings, and how many of its rows were refused."""
    if metadata is None:
        return pl.DataFrame(schema=TRACKS.schema), 0
    stems = {path.stem for path in paths}
    unmatched = {UNMATCHED: ~pl.col("track_id").is_in(stems)}
    rules = {**track_rules(), **unmatched}
    plan = RowPlan(TRACKS.columns, rules, options.columns, options.time_unit)
    frames = []
    for chunk in read_files([metadata], progress):
        good, rejected = plan.adopt(chunk)
        rejects.add_rows(chunk, rejected)
        # How long it sounds and where it lies is for the recording to say.
        rows = with_metadata(good, chunk, plan).drop("duration_ms", "audio_path", "content_hash")
        frames.append(TRACKS.conform(rows))
    return pl.concat(frames), rejects.total

"""Recordings as they lie in a folder: identity, length, and what tags or folders say of them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen

from core.errors import AudioDecodeError
from core.ids import new_id
from embeddings.audio.container import opened
from embeddings.fingerprints.fingerprint import Fingerprint, fingerprint_file

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3")
BLOCK_BYTES = 1 << 20
PROBE_FRAMES = 4_096  # enough to see that the codec understands the first packets
TAGS = {
    "title": ("title", "TIT2"),
    "artist": ("artist", "TPE1"),
    "album": ("album", "TALB"),
    "genre": ("genre", "TCON"),
}
"""Our name → the names it has in Vorbis comments (and easy ID3) and in plain ID3."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One readable recording.

    Args:
        path: The file.
        content_hash: SHA-256 of its bytes, hexadecimal.
        duration_ms: How long it sounds.
        title: From its tags, else its name.
        artist: From its tags, else the folders above it; None where neither says.
        album: Likewise.
        genre: From its tags.
    """

    path: Path
    content_hash: str
    duration_ms: int
    title: str
    artist: str | None
    album: str | None
    genre: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A recording and what it sounds like.

    Args:
        recording: What it says of itself.
        fingerprint: None where one is known already, or there is no sound to describe.
    """

    recording: Recording
    fingerprint: Fingerprint | None


def find_recordings(folder: Path) -> list[Path]:
    """Return every recording below a folder, in order of path; hidden files are left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    visible = (path for path in found if path.is_file() and not path.name.startswith("."))
    return sorted(visible)


def read_recordings(
    paths: Sequence[Path], root: Path, known: frozenset[str], threads: int = 0
) -> Iterator[tuple[Path, Heard | AudioDecodeError]]:
    """Yield each file with what was read of it, or why nothing was, in order.

    Args:
        paths: The files.
        root: The folder that was imported, see `read_recording`.
        known: Content hashes of which a fingerprint is known.
        threads: Readers (decoder and transform release the interpreter); 0 means one a core.
    """

    def read(path: Path) -> Heard | AudioDecodeError:
        try:
            recording = read_recording(path, root)
        except AudioDecodeError as error:
            return error
        return Heard(recording, None if recording.content_hash in known else _fingerprint(path))

    pool = ThreadPoolExecutor(threads or os.cpu_count() or 1)
    try:
        yield from zip(paths, pool.map(read, paths), strict=True)
    finally:  # who stops listening shall not wait for the rest
        pool.shutdown(wait=True, cancel_futures=True)


def read_recording(path: Path, root: Path) -> Recording:
    """Read what a recording says of itself.

    Args:
        path: The file.
        root: The folder that was imported; `artist/album/title.ext` below it names
            what no tag does.

    Raises:
        AudioDecodeError: If it cannot be decoded or holds no sound.
    """
    duration_ms = _duration_ms(path)
    tags = _tags(path)
    folders = path.relative_to(root).parts[:-1]
    artist = folders[-2] if len(folders) >= 2 else (folders[-1] if folders else None)
    album = folders[-1] if len(folders) >= 2 else None
    return Recording(
        path=path,
        content_hash=_sha256(path),
        duration_ms=duration_ms,
        title=tags.get("title") or path.stem,
        artist=tags.get("artist") or artist,
        album=tags.get("album") or album,
        genre=tags.get("genre"),
    )


def store_recording(recording: Recording, audio: Path) -> str:
    """Copy a recording to where its content says, once, and return its path relative to there.

    Args:
        recording: Which.
        audio: The workspace's folder of recordings.
    """
    digest = recording.content_hash
    relative = f"{digest[:2]}/{digest}{recording.path.suffix.lower()}"
    target = audio / relative
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{new_id()}.part")
        try:
            shutil.copyfile(recording.path, part)
            part.replace(target)  # whole or not at all
        finally:
            part.unlink(missing_ok=True)
    return relative


def _fingerprint(path: Path) -> Fingerprint | None:
    try:
        return fingerprint_file(path)
    except AudioDecodeError:  # silence is a track too; those who embed it tell why it has no vector
        return None


def _duration_ms(path: Path) -> int:
    with opened(path) as recording:
        recording.read(0, min(recording.frames, PROBE_FRAMES))  # a header alone proves no sound
        return max(1, round(recording.frames * 1000 / recording.rate_hz))


def _tags(path: Path) -> dict[str, str]:
    try:
        found: Any = mutagen.File(path, easy=True)
    except (mutagen.MutagenError, ValueError, OSError):
        return {}  # it sounds; that nothing is written on it does no harm
    tags = found.tags if found is not None and found.tags is not None else {}
    return {name: text for name, keys in TAGS.items() for text in _texts(tags, keys)}


def _texts(tags: Any, keys: tuple[str, ...]) -> Iterator[str]:
    """Yield the first text under one of the names, if any."""
    for key in keys:
        try:
            value = tags.get(key)
        except (KeyError, ValueError):  # plain ID3 knows no such name
            continue
        first = value[0] if isinstance(value, list) and value else value
        text = str(first).replace("\x00", " ").strip() if first is not None else ""
        if text:
            yield text
            return


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()

"""Recordings become tracks by their content, with what tags, folders and metadata say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile

from core.errors import DataError
from core.tables import TRACKS
from core.workspace import Workspace, open_workspace
from pipelines.importers.audio import import_audio
from pipelines.importers.report import ImportReport
from pipelines.job import Silent
from tests.support.shared_data import shared_data

NOW = 1_760_000_000_000
RATE_HZ = 8_000


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


def sound(path: Path, pitch_hz: float, seconds: float = 0.5, **tags: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    codec = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * pitch_hz * times), RATE_HZ, **codec)
    if tags:
        written = mutagen.File(path, easy=True)
        written.update(tags)
        written.save()
    return path


def run(workspace: Workspace, folder: Path, metadata: Path | None = None) -> ImportReport:
    return import_audio(workspace, folder, Silent(), now_ms=NOW, metadata=metadata)


def test_the_content_is_the_identity(workspace: Workspace, folder: Path) -> None:
    path = sound(folder / "a.wav", 440)
    (folder / "copy.wav").write_bytes(path.read_bytes())
    report = run(workspace, folder)
    assert (report.rows_read, report.imported, report.duplicates) == (2, 1, 1)
    track = workspace.warehouse.read(TRACKS).to_dicts()[0]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert track["track_id"] == digest[:32]
    assert track["content_hash"] == digest
    assert track["duration_ms"] == 500
    kept = workspace.audio / track["audio_path"]
    assert kept.read_bytes() == path.read_bytes()
    assert track["audio_path"] == f"{digest[:2]}/{digest}.wav"


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "opus"])
def test_tags_are_read_from_every_format(workspace: Workspace, folder: Path, suffix: str) -> None:
    path = sound(folder / f"x.{suffix}", 440)
    tags = {"title": "T", "artist": "A", "album": "L", "genre": "G"}
    if suffix == "wav":  # mutagen's easy names do not reach the ID3 chunk of a wav file
        written = mutagen.File(path)
        written.add_tags()
        for frame in (mutagen.id3.TIT2, mutagen.id3.TPE1, mutagen.id3.TALB, mutagen.id3.TCON):
            name = {"TIT2": "title", "TPE1": "artist", "TALB": "album", "TCON": "genre"}
            written.tags.add(frame(text=[tags[name[frame.__name__]]]))
        written.save()
    else:
        written = mutagen.File(path, easy=True)
        if written.tags is None:
            written.add_tags()
        written.update(tags)
        written.save()
    run(workspace, folder)
    track = workspace.warehouse.read(TRACKS).to_dicts()[0]
    assert {name: track[name] for name in tags} == tags
    assert track["creator_id"] == "A"
    assert abs(track["duration_ms"] - 500) <= 100  # lossy codecs pad to whole frames


def test_folders_name_what_tags_do_not(workspace: Workspace, folder: Path) -> None:
    sound(folder / "Artist" / "Album" / "Song.wav", 440)
    sound(folder / "Other" / "Tune.flac", 550, title="Tagged")
    sound(folder / "alone.ogg", 660)
    run(workspace, folder)
    tracks = workspace.warehouse.read(TRACKS).select("title", "artist", "album").rows()
    assert sorted(tracks, key=str) == [
        ("Song", "Artist", "Album"),
        ("Tagged", "Other", None),
        ("alone", None, None),
    ]


def test_metadata_names_tracks_by_their_files(workspace: Workspace, folder: Path) -> None:
    path = sound(folder / "one.flac", 440, title="Tagged", artist="Tagged")
    sound(folder / "two.wav", 550)
    metadata = folder / "tracks.csv"
    metadata.write_text(
        "track_id,title,duration_ms,tags,mood\none,Told,1,a;b,calm\nabsent,X,1,,\n,Y,1,,\n"
    )
    report = run(workspace, folder, metadata)
    assert (report.rows_read, report.imported, report.rejected) == (4, 2, 2)
    assert report.reasons == {
        "no recording has this track_id as its file name": 1,
        "track_id is missing": 1,
    }
    tracks = {row["title"]: row for row in workspace.warehouse.read(TRACKS).to_dicts()}
    told = tracks["Told"]
    assert (told["track_id"], told["artist"], told["tags"]) == ("one", "Tagged", ["a", "b"])
    assert told["duration_ms"] == 500  # how long it sounds, whatever the row says
    assert json.loads(told["metadata"]) == {"mood": "calm"}
    assert told["content_hash"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(tracks["two"]["track_id"]) == 32

    again = run(workspace, folder, metadata)
    assert (again.imported, again.duplicates) == (0, 2)
    by_content = run(workspace, folder)  # known by its content under the name it was given
    assert by_content.imported == 0
    assert workspace.warehouse.count(TRACKS) == 2


def test_what_cannot_be_heard_is_refused_and_the_rest_is_kept(
    workspace: Workspace, folder: Path
) -> None:
    sound(folder / "good.wav", 440)
    (folder / "empty.mp3").touch()
    (folder / "noise.ogg").write_bytes(b"not sound at all" * 100)
    sound(folder / "silent.wav", 0, seconds=0)
    report = run(workspace, folder)
    assert (report.rows_read, report.imported, report.rejected) == (4, 1, 3)
    rows = [json.loads(line) for line in Path(report.rejects).read_text().splitlines()]
    reasons = {Path(row["file"]).name: row["reason"] for row in rows}
    assert reasons["empty.mp3"] == "is empty"
    assert reasons["noise.ogg"].startswith("is not audio that can be read")
    assert reasons["silent.wav"].startswith("is too short (0.00 s")


def test_two_recordings_cannot_have_one_name(workspace: Workspace, folder: Path) -> None:
    sound(folder / "a" / "x.wav", 440)
    sound(folder / "b" / "x.wav", 550)
    metadata = folder / "m.jsonl"
    metadata.write_text('{"track_id": "x"}\n')
    report = run(workspace, folder, metadata)
    assert (report.imported, report.rejected) == (1, 1)


def test_a_folder_without_sound_says_so(workspace: Workspace, folder: Path) -> None:
    with pytest.raises(DataError, match="holds no recordings"):
        run(workspace, folder)


def test_real_recordings_come_in(workspace: Workspace, folder: Path) -> None:
    """A fifth of them, from 31 packages: each takes a tenth of a second, most of it its print."""
    shared = shared_data("audio")
    found = sorted(shared.glob("*.ogg"))
    for path in found[3::5]:
        (folder / path.name).symlink_to(path)
    metadata = shared / "tracks.csv"
    report = run(workspace, folder, metadata)
    taken = len(found[3::5])
    assert (report.rows_read, report.imported, report.rejected) == (446, taken, 446 - taken)
    assert set(report.reasons) == {"no recording has this track_id as its file name"}
    tracks = workspace.warehouse.read(TRACKS)
    package = json.loads(tracks.filter(track_id="dgm0003")["metadata"][0])["package"]
    assert package == "amoebax-data"
    assert all((workspace.audio / path).is_file() for path in tracks["audio_path"])
    assert run(workspace, folder, metadata).imported == 0

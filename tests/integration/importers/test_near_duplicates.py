"""Recordings that were coded, cut or turned up again come in as copies of what is known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import sqlalchemy as sa

from core.schema import fingerprints, near_duplicates, tracks
from core.workspace import Workspace, open_workspace
from embeddings.audio.waveform import SAMPLE_RATE_HZ
from pipelines.duplicates import fingerprint_catalogue, known_copies, stored_fingerprints
from pipelines.importers.audio import import_audio
from pipelines.importers.report import ImportReport
from pipelines.job import Silent
from ranking.loading import load_catalogue
from tests.support.tunes import tune

NOW = 1_760_000_000_000


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "data") as opened:
        yield opened


def lay(folder: Path, **sounds: np.ndarray) -> Path:
    """Write sounds as `name_suffix`, for example `one_ogg`."""
    folder.mkdir(exist_ok=True)
    for name, samples in sounds.items():
        stem, suffix = name.rsplit("_", 1)
        soundfile.write(folder / f"{stem}.{suffix}", samples, SAMPLE_RATE_HZ)
    return folder


def run(workspace: Workspace, folder: Path, now_ms: int = NOW) -> ImportReport:
    return import_audio(workspace, folder, Silent(), now_ms=now_ms)


def ids(workspace: Workspace) -> dict[str, str]:
    """Return title → track id."""
    with workspace.database.read() as connection:
        rows = connection.execute(sa.select(tracks.c.title, tracks.c.track_id)).all()
    return {row.title: row.track_id for row in rows}


def copies(workspace: Workspace) -> dict[str, str]:
    query = sa.select(near_duplicates.c.track_id, near_duplicates.c.canonical_id)
    with workspace.database.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def servable(workspace: Workspace) -> set[str]:
    with workspace.database.read() as connection:
        catalogue = load_catalogue(connection)
    return {catalogue.tracks[row] for row in np.flatnonzero(catalogue.servable)}


def test_a_copy_of_a_known_recording_is_kept_as_its_copy(
    workspace: Workspace, tmp_path: Path
) -> None:
    run(workspace, lay(tmp_path / "first", one_wav=tune(1), two_wav=tune(2)))
    quiet = tune(1)[3 * SAMPLE_RATE_HZ :] * np.float32(0.3)
    again = lay(tmp_path / "again", coded_mp3=tune(2), cut_ogg=quiet, new_flac=tune(3))
    report = run(workspace, again, NOW + 1)
    known = ids(workspace)
    expected = {known["coded"]: known["two"], known["cut"]: known["one"]}
    assert copies(workspace) == expected
    assert {each.track_id: each.canonical_id for each in report.near_duplicates} == expected
    assert all(each.heard for each in report.near_duplicates)
    assert (report.imported, report.copies, report.rejected) == (3, 2, 0)
    assert len(known) == 5  # a copy is a track too
    assert servable(workspace) == {known["one"], known["two"], known["new"]}


def test_importing_again_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    folder = lay(tmp_path / "in", one_wav=tune(1), one_ogg=tune(1))
    first = run(workspace, folder)
    before = copies(workspace)
    assert (first.imported, first.copies) == (2, 1)
    again = run(workspace, folder, NOW + 1)
    assert (again.imported, again.duplicates, again.copies) == (0, 2, 0)
    assert copies(workspace) == before
    with workspace.database.read() as connection:
        assert len(connection.execute(sa.select(fingerprints)).all()) == 2
        stamps = connection.execute(sa.select(tracks.c.updated_at)).scalars().all()
    assert set(stamps) == {NOW}


def test_among_new_recordings_the_first_by_id_stands(workspace: Workspace, tmp_path: Path) -> None:
    folder = lay(tmp_path / "in", a_wav=tune(1), b_flac=tune(1) * np.float32(0.5), c_ogg=tune(1))
    run(workspace, folder)
    first, *others = sorted(ids(workspace).values())
    assert copies(workspace) == dict.fromkeys(others, first)


def test_a_blocked_recording_does_not_come_back_by_another_upload(
    workspace: Workspace, tmp_path: Path
) -> None:
    run(workspace, lay(tmp_path / "first", one_wav=tune(1), two_wav=tune(2)))
    one = ids(workspace)["one"]
    with workspace.database.write() as connection:
        blocked = sa.update(tracks).where(tracks.c.track_id == one)
        connection.execute(blocked.values(status="blocked", updated_at=NOW + 1))
    run(workspace, lay(tmp_path / "again", louder_flac=tune(1) * np.float32(0.7)), NOW + 2)
    assert servable(workspace) == {ids(workspace)["two"]}


def test_a_remix_is_a_track_of_its_own(workspace: Workspace, tmp_path: Path) -> None:
    remix = tune(1, tempo_bpm=132.0, lead="flute")
    report = run(workspace, lay(tmp_path / "in", own_wav=tune(1), remix_wav=remix))
    assert report.copies == 0
    assert len(servable(workspace)) == 2


def test_a_remix_in_which_only_the_bass_changed_is_a_track_of_its_own(
    workspace: Workspace, tmp_path: Path
) -> None:
    remix = lay(tmp_path / "remix", remix_ogg=tune(2, bass="synth bass"))
    run(workspace, lay(tmp_path / "in", own_wav=tune(2)))
    assert run(workspace, remix, NOW + 1).copies == 0
    assert len(servable(workspace)) == 2
    with workspace.database.write() as connection:
        connection.execute(sa.delete(fingerprints))
    assert fingerprint_catalogue(workspace, Silent(), now_ms=NOW + 2).near_duplicates == ()


def test_where_the_known_recording_is_gone_the_report_says_that_it_was_not_heard(
    workspace: Workspace, tmp_path: Path
) -> None:
    run(workspace, lay(tmp_path / "in", own_wav=tune(2)))
    for path in workspace.audio.rglob("*.wav"):
        path.unlink()
    report = run(workspace, lay(tmp_path / "again", again_ogg=tune(2)), NOW + 1)
    known = ids(workspace)
    told = [(each.track_id, each.canonical_id, each.heard) for each in report.near_duplicates]
    assert told == [(known["again"], known["own"], False)]


def test_what_was_imported_before_fingerprints_is_fingerprinted_once(
    workspace: Workspace, tmp_path: Path
) -> None:
    run(workspace, lay(tmp_path / "in", a_wav=tune(1), b_ogg=tune(1), c_wav=tune(2)))
    expected = copies(workspace)
    with workspace.database.write() as connection:
        connection.execute(sa.delete(fingerprints))
        connection.execute(sa.delete(near_duplicates))
        gone = {"track_id": "gone", "audio_path": "gone.wav", "updated_at": NOW}
        connection.execute(sa.insert(tracks), [gone])
    report = fingerprint_catalogue(workspace, Silent(), now_ms=NOW + 1)
    assert report.fingerprinted == 3
    assert report.failures == (("gone", "there is no such file"),)
    assert copies(workspace) == expected
    again = fingerprint_catalogue(workspace, Silent(), now_ms=NOW + 2)
    assert (again.fingerprinted, again.near_duplicates) == (0, ())
    assert copies(workspace) == expected


def test_drafts_are_compared_with_the_catalogue_and_with_one_another(
    workspace: Workspace, tmp_path: Path
) -> None:
    """What a gate asks before a recording becomes a track."""
    run(workspace, lay(tmp_path / "in", one_wav=tune(1), two_wav=tune(2)))
    sounds = {"copy_ogg": tune(1), "remix_ogg": tune(2, bass="synth bass"), "new_ogg": tune(3)}
    folder = lay(tmp_path / "drafts", **sounds, sibling_wav=tune(3) * np.float32(0.5))
    drafts = {path.stem: path for path in sorted(folder.iterdir())}
    before = copies(workspace)
    found = known_copies(workspace, drafts, Silent())
    known = {name: [match.known_id for match in matches] for name, matches in found.items()}
    assert known == {
        "copy": [ids(workspace)["one"]],
        "new": ["sibling"],
        "remix": [],
        "sibling": ["new"],
    }
    assert all(match.was_heard for matches in found.values() for match in matches)
    assert copies(workspace) == before
    with workspace.database.read() as connection:
        assert len(stored_fingerprints(connection)) == 2

"""Labels from the catalogue and from a file beside recordings; what is wrong is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.database import upsert
from core.errors import ConfigError, DataError
from core.schema import tracks
from core.workspace import Workspace, open_workspace
from pipelines.audio_evaluation.labels import (
    LabelledRecordings,
    catalogue_recordings,
    label_columns,
)
from pipelines.audio_evaluation.outside import outside_recordings
from pipelines.job import Silent

ROWS: list[dict[str, object]] = [
    {"track_id": "t1", "artist": "Ada", "metadata_json": '{"package": "p", "year": 2001}'},
    {"track_id": "t2", "artist": " ", "metadata_json": '{"package": ["p"]}'},
    {"track_id": "t3", "artist": None, "metadata_json": "not json"},
    {"track_id": "t4", "artist": "Ada", "metadata_json": None, "audio_path": None},
]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def stored(workspace: Workspace) -> Workspace:
    rows = [{"audio_path": f"{row['track_id']}.ogg", "updated_at": 1, **row} for row in ROWS]
    with workspace.database.write() as connection:
        upsert(connection, tracks, rows)
    return workspace


def test_a_column_labels_tracks_with_audio(stored: Workspace) -> None:
    found = catalogue_recordings(stored, "artist")
    assert found.track_ids == ("t1", "t2", "t3")
    assert found.labels == ("Ada", "", "")
    assert found.paths[0] == stored.audio / "t1.ogg"
    assert found.codes().tolist() == [0, -1, -1]


@pytest.mark.parametrize(
    ("label", "labels"), [("package", ("p", "", "")), ("year", ("2001", "", ""))]
)
def test_a_key_of_the_metadata_labels_tracks(
    stored: Workspace, label: str, labels: tuple[str, ...]
) -> None:
    assert catalogue_recordings(stored, label).labels == labels


def test_an_unknown_label_is_refused_with_those_there_are(stored: Workspace) -> None:
    with pytest.raises(ConfigError, match=r"--label vibe.*album.*keys are package, year"):
        catalogue_recordings(stored, "vibe")


def test_a_catalogue_without_audio_has_nothing_to_judge(workspace: Workspace) -> None:
    with pytest.raises(DataError, match="import audio"):
        catalogue_recordings(workspace, "artist")


def test_what_names_one_track_is_no_label() -> None:
    assert {"artist", "album", "genre", "creator_id"} <= set(label_columns())
    assert not {"track_id", "audio_path", "content_hash", "metadata"} & set(label_columns())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one.wav", "deep/two.wav", "three.ogg"):
        path = tmp_path / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "music"


def read(folder: Path, text: str, label: str = "package") -> LabelledRecordings:
    metadata = folder.parent / "tracks.csv"
    metadata.write_text(text)
    return outside_recordings(folder, metadata, label, Silent())


def test_a_track_id_is_the_stem_of_a_file(folder: Path) -> None:
    found = read(folder, "track_id,package,file\none,p,x.wav\ntwo,q,one.wav\nabsent,q,y.wav\n")
    assert dict(zip(found.track_ids, found.labels, strict=True)) == {
        "one": "p",
        "two": "q",
        "three": "",
    }


def test_without_track_ids_the_path_or_the_name_of_a_file_counts(folder: Path) -> None:
    found = read(folder, "file,package\ndeep/two.wav,q\nthree.ogg,p\n")
    assert dict(zip(found.track_ids, found.labels, strict=True)) == {
        "one": "",
        "two": "q",
        "three": "p",
    }


def test_files_of_one_name_are_told_apart_by_their_folders(folder: Path) -> None:
    (folder / "deep" / "one.wav").touch()
    found = read(folder, "file,package\none.wav,p\n")
    assert found.track_ids == ("deep/one.wav", "deep/two.wav", "one.wav", "three.ogg")
    assert found.labels == ("p", "", "p", "")


@pytest.mark.parametrize(
    ("text", "label", "error", "words"),
    [
        ("track_id,package\none,p\n", "album", ConfigError, "album.*track_id, package"),
        ("name,package\none,p\n", "package", ConfigError, "lacks track_id or file"),
        ("track_id,package\none,p,x\n", "package", DataError, "line 2.*3 fields"),
        ("track_id,package\none,p\none,q\n", "package", DataError, "two labels, 'p' and 'q'"),
        ("track_id,package\nfour,p\n", "package", DataError, "deep/two.wav"),
        ("track_id,package\n", "package", DataError, "no track_id"),
        ("\n", "package", DataError, "header"),
    ],
)
def test_metadata_that_cannot_be_used_says_why(
    folder: Path, text: str, label: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        read(folder, text, label)


def test_a_folder_without_recordings_is_told(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    with pytest.raises(DataError, match="holds no recordings"):
        read(tmp_path / "music", "track_id,package\none,p\n")

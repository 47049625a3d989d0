"""Recordings outside the catalogue, with labels from a file of metadata beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from core.errors import ConfigError, DataError
from pipelines.audio_evaluation.labels import LabelledRecordings
from pipelines.importers.chunks import Chunk
from pipelines.importers.files import read_files
from pipelines.importers.recordings import find_recordings
from pipelines.job import Progress

TRACK_ID, FILE = "track_id", "file"


def outside_recordings(
    folder: Path, metadata: Path, label: str, progress: Progress
) -> LabelledRecordings:
    """Read the recordings below a folder, in order of path.

    A row of the metadata belongs to the recording whose name without suffix is its `track_id`;
    where the file has no such column, to the one whose path below the folder, or else whose name,
    is its `file`. A recording without a row has no label, and stands in the way of the others.

    Args:
        folder: Searched with all folders below it.
        metadata: CSV, TSV, Parquet or JSON lines.
        label: The column that says what belongs together.
        progress: Shows how far it is.

    Raises:
        ConfigError: If the metadata lacks a column.
        DataError: If there is no recording, the metadata is broken, or it fits no recording.
    """
    paths = find_recordings(folder)
    if not paths:
        raise DataError(f"{folder} holds no recordings; wav, flac, ogg, opus and mp3 are read")
    key, labels = _labels(metadata, label, progress)
    found = [_label_of(path.relative_to(folder), key, labels) for path in paths]
    if not any(found):
        what = "file name (without suffix)" if key == TRACK_ID else "path"
        raise DataError(
            f"no {key} of {metadata} with a {label} is the {what} of a recording below {folder}; "
            f"the first recording there is {paths[0].relative_to(folder)}"
        )
    return LabelledRecordings(tuple(paths), _ids(folder, paths), tuple(found))


def _labels(metadata: Path, label: str, progress: Progress) -> tuple[str, dict[str, str]]:
    """Return the column that names recordings, and its values with their labels."""
    labels: dict[str, str] = {}
    key = ""
    for chunk in read_files([metadata], progress):
        key = _key_column(chunk, label)
        if chunk.malformed:
            line, reason, _ = chunk.malformed[0]
            raise DataError(f"{metadata}, line {line}: {reason}; correct it")
        for name, value in chunk.rows.select(key, label).iter_rows():
            _add(labels, metadata, str(name or ""), str(value if value is not None else "").strip())
    return key, labels


def _key_column(chunk: Chunk, label: str) -> str:
    columns = ", ".join(chunk.columns)
    if label not in chunk.columns:
        raise ConfigError(f"--label {label}: {chunk.path} has no such column; it has {columns}")
    key = next((name for name in (TRACK_ID, FILE) if name in chunk.columns), None)
    if key is None:
        raise ConfigError(f"{chunk.path} lacks track_id or file; it has the columns {columns}")
    return key


def _add(labels: dict[str, str], metadata: Path, name: str, label: str) -> None:
    if labels.setdefault(name, label) != label:
        raise DataError(
            f"{metadata} gives {name!r} two labels, {labels[name]!r} and {label!r}; keep one"
        )


def _label_of(path: Path, key: str, labels: Mapping[str, str]) -> str:
    if key == TRACK_ID:
        return labels.get(path.stem, "")
    names = (str(PurePosixPath(path)), path.name)
    return next((labels[name] for name in names if name in labels), "")


def _ids(folder: Path, paths: Sequence[Path]) -> tuple[str, ...]:
    """Return the stems as ids, or where two files share one, their paths below the folder."""
    stems = tuple(path.stem for path in paths)
    if len(set(stems)) == len(stems):
        return stems
    return tuple(path.relative_to(folder).as_posix() for path in paths)

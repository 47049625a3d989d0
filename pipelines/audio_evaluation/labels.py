"""Recordings with what says which of them belong together, from the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from core.errors import ConfigError, DataError
from core.schema import tracks
from core.workspace import Workspace

NOT_LABELS = ("track_id", "audio_path", "content_hash", "metadata")
"""Columns that name one track, or hold others."""
UNLABELLED = -1


@dataclass(frozen=True, slots=True, eq=False)
class LabelledRecordings:
    """Recordings, of which some belong together.

    Attributes:
        paths: (n,) files.
        track_ids: (n,) distinct ids.
        labels: (n,) what each belongs to; "" where nothing says.
    """

    paths: tuple[Path, ...]
    track_ids: tuple[str, ...]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.track_ids)

    def chosen(self, track_ids: Sequence[str]) -> LabelledRecordings:
        """Return some of the recordings, in the order of the ids."""
        row_of = {track_id: row for row, track_id in enumerate(self.track_ids)}
        rows = [row_of[track_id] for track_id in track_ids]
        return LabelledRecordings(
            tuple(self.paths[row] for row in rows),
            tuple(track_ids),
            tuple(self.labels[row] for row in rows),
        )

    def codes(self) -> NDArray[np.int64]:
        """Return (n,) labels as numbers from 0, `UNLABELLED` where there is none."""
        code_of = {label: code for code, label in enumerate(sorted(set(self.labels) - {""}))}
        return np.array([code_of.get(label, UNLABELLED) for label in self.labels], dtype=np.int64)


def queries_of(codes: NDArray[np.int64], min_tracks: int) -> NDArray[np.bool_]:
    """Return (n,) which tracks are searched with: those whose label has enough of them."""
    sizes = np.bincount(codes[codes != UNLABELLED], minlength=1)
    wanted: NDArray[np.bool_] = (codes != UNLABELLED) & (sizes[codes] >= min_tracks)
    return wanted


def catalogue_recordings(workspace: Workspace, label: str) -> LabelledRecordings:
    """Read the recordings of the catalogue, in order of their ids.

    Args:
        workspace: Where.
        label: A column of the tracks table, or a key of the imported metadata.

    Raises:
        DataError: If there is no recording.
        ConfigError: If no track has such a label.
    """
    columns = label_columns()
    told = columns.get(label, tracks.c.metadata_json)
    query = sa.select(tracks.c.track_id, tracks.c.audio_path, told.label("told"))
    heard = query.where(tracks.c.audio_path.is_not(None)).order_by(tracks.c.track_id)
    with workspace.database.read() as connection:
        rows = connection.execute(heard).all()
    if not rows:
        raise DataError("no track has audio, so there is nothing to judge; import audio first")
    values = [row.told for row in rows]
    labels = [_text(value) for value in values]
    if label not in columns:
        labels = _of_metadata(values, label, columns)
    return LabelledRecordings(
        tuple(workspace.audio / row.audio_path for row in rows),
        tuple(row.track_id for row in rows),
        tuple(labels),
    )


def label_columns() -> Mapping[str, sa.Column[str]]:
    """Return the columns of the tracks table that hold one text a track, by their names."""
    found = [column for column in tracks.c if isinstance(column.type, sa.String)]
    return {column.name: column for column in found if column.name not in NOT_LABELS}


def _of_metadata(documents: Iterable[str | None], label: str, columns: Iterable[str]) -> list[str]:
    told = [_document(text) for text in documents]
    keys = sorted({key for document in told for key in document})
    if label not in keys:
        raise ConfigError(
            f"--label {label}: no track with audio has such a column or such a key in its "
            f"metadata; columns are {', '.join(columns)}; keys are {', '.join(keys) or 'none'}"
        )
    return [_text(document.get(label)) for document in told]


def _document(text: str | None) -> Mapping[str, object]:
    try:
        found = json.loads(text) if text else {}
    except json.JSONDecodeError:  # written by another hand; it has no keys to judge by
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    """Return a label as text; a list or an object belongs to no one group."""
    if value is None or isinstance(value, list | dict):
        return ""
    return str(value).strip()

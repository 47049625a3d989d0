"""The job of drafting: reads gaps, listens to loved recordings, lays briefs on the desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from core.errors import AudioDecodeError, DataError
from core.schema import tracks
from core.workspace import Workspace
from embeddings.measures.recording import Measures, measure
from embeddings.vectors import TrackVectors, unit_rows
from pipelines.job import Progress, Report
from pipelines.supply.drafting.configuration import DraftingConfig
from pipelines.supply.drafting.writing import KnownTrack, briefs_for
from ranking.supply.desk import Desk, DeskConfig
from ranking.supply.gap import Gap, list_gaps


class Drafted(Report):
    """A brief that was laid on the desk."""

    brief_id: str
    segment: str
    title: str
    count: int
    prompt: str


class DraftReport(Report):
    """What was drafted."""

    drafted: tuple[Drafted, ...]
    waiting: tuple[str, ...]
    """Segments whose briefs of before are not over yet."""
    refused: dict[str, str]
    """Segment → why no brief could be written for it."""


def draft_briefs(
    workspace: Workspace,
    config: DraftingConfig,
    desk: DeskConfig,
    *,
    now_ms: int,
    progress: Progress,
) -> DraftReport:
    """Lay briefs on the desk for the gaps found last; a gap that has open briefs gets none.

    Args:
        workspace: Where gaps, loved tracks and their recordings are.
        config: How much is asked for.
        desk: What a prompt may say.
        now_ms: The moment.
        progress: Shows the gaps pass.
    """
    with workspace.database.read() as connection:
        found = list_gaps(connection)
    table = Desk(workspace.database, desk)
    busy = {each.segment_id for status in ("draft", "approved") for each in table.list(status)}
    fresh = [gap for gap in found if gap.segment not in busy]
    vectors = _vectors(workspace)
    drafted: list[Drafted] = []
    refused: dict[str, str] = {}
    for gap in progress.track(fresh, "drafting briefs", len(fresh)):
        known = _known(workspace, (*gap.loved, *gap.exhausted))
        for brief in briefs_for(gap, known, _heard(workspace, gap, known, config), config, now_ms):
            try:
                laid = table.add(
                    brief,
                    segment_id=gap.segment,
                    reference=_reference(vectors, brief.references),
                    now_ms=now_ms,
                )
            except DataError as error:
                refused[gap.segment] = str(error)
                continue
            told = {"title": brief.title, "count": brief.count, "prompt": brief.prompt}
            drafted.append(Drafted(brief_id=laid.brief_id, segment=gap.segment, **told))
    waiting = tuple(gap.segment for gap in found if gap.segment in busy)
    return DraftReport(drafted=tuple(drafted), waiting=waiting, refused=refused)


def _known(workspace: Workspace, track_ids: Sequence[str]) -> dict[str, KnownTrack]:
    query = sa.select(tracks.c.track_id, tracks.c.audio_path, tracks.c.language, tracks.c.tags)
    query = query.where(tracks.c.track_id.in_(sorted(set(track_ids))))
    with workspace.database.read() as connection:
        return {
            row.track_id: KnownTrack(row.audio_path, row.language, tuple(row.tags or ()))
            for row in connection.execute(query)
        }


def _heard(
    workspace: Workspace, gap: Gap, known: Mapping[str, KnownTrack], config: DraftingConfig
) -> dict[str, Measures]:
    """Measure the recordings of the loved tracks, as many as briefs need."""
    found: dict[str, Measures] = {}
    for name in dict.fromkeys((*gap.loved, *gap.exhausted)):
        if len(found) >= config.briefs_per_gap * config.listened_to:
            break
        if name in known and known[name].audio_path is not None:
            try:
                found[name] = measure(workspace.audio / str(known[name].audio_path))
            except AudioDecodeError:
                continue  # the brief follows the others
    return found


def _vectors(workspace: Workspace) -> TrackVectors | None:
    newest = workspace.artifacts.latest("vectors")
    if newest is None:
        return None
    return TrackVectors.load(workspace.artifacts.folder("vectors", newest.version))


def _reference(vectors: TrackVectors | None, names: Sequence[str]) -> NDArray[np.float32] | None:
    """Return the direction of the tracks that a brief follows; None where none has a vector."""
    if vectors is None or not names:
        return None
    mean = vectors.aligned(names).mean(axis=0, keepdims=True)
    return unit_rows(mean)[0] if np.any(mean) else None

"""Remixes of a catalogue, and whether they stay apart from what they were made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from core.schema import tracks
from core.workspace import Workspace
from pipelines.audio_evaluation.intervals import wilson
from pipelines.world.archive import read_charter, read_truth
from ranking.evaluation.intervals import Estimate

ALL = "all"


@dataclass(frozen=True, slots=True)
class Remix:
    """A track and one that it was made from.

    Args:
        track_id: The remix.
        parent_id: What it was made from.
        kind: What was changed, where that is known; else "".
    """

    track_id: str
    parent_id: str
    kind: str = ""

    @property
    def pair(self) -> frozenset[str]:
        """Both ids, in no order."""
        return frozenset((self.track_id, self.parent_id))


class RemixResult(BaseModel):
    """How many remixes stayed apart from their parents."""

    model_config = ConfigDict(frozen=True)

    kind: str
    """What was changed; `ALL` is every remix, of a known kind or not."""
    pairs: int
    """Remixes with a parent, both of which could be read."""
    apart: Estimate
    """Share of them that were not taken for one recording, with Wilson's interval."""
    merged: tuple[str, ...]
    """The other remixes."""


def known_remixes(workspace: Workspace) -> tuple[Remix, ...]:
    """Return every track that names a parent, once a parent, in order of the ids.

    Of the remixes of a built-in world it is known what was changed.

    Args:
        workspace: Whose catalogue.
    """
    kinds = _kinds(workspace)
    query = sa.select(tracks.c.track_id, tracks.c.parents).order_by(tracks.c.track_id)
    with workspace.database.read() as connection:
        rows = connection.execute(query).all()
    return tuple(
        Remix(row.track_id, parent, kinds.get(row.track_id, ""))
        for row in rows
        for parent in row.parents or ()
    )


def remix_results(
    remixes: Iterable[Remix], readable: Collection[str], merged: Collection[frozenset[str]]
) -> tuple[RemixResult, ...]:
    """Count the remixes that stayed apart: all of them first, then kind by kind.

    Args:
        remixes: Those of the catalogue.
        readable: Tracks whose recordings could be read.
        merged: Pairs of tracks that were taken for one recording.

    Returns:
        Empty where there is no remix to judge by.
    """
    judged = [each for each in remixes if each.pair <= frozenset(readable)]
    if not judged:
        return ()
    kinds = sorted({each.kind for each in judged} - {""})
    of_kind = {ALL: judged, **{kind: [r for r in judged if r.kind == kind] for kind in kinds}}
    return tuple(_result(kind, found, merged) for kind, found in of_kind.items())


def _result(kind: str, remixes: list[Remix], merged: Collection[frozenset[str]]) -> RemixResult:
    lost = tuple(each.track_id for each in remixes if each.pair in merged)
    return RemixResult(
        kind=kind,
        pairs=len(remixes),
        apart=wilson(len(remixes) - len(lost), len(remixes)),
        merged=lost,
    )


def _kinds(workspace: Workspace) -> dict[str, str]:
    if read_charter(workspace) is None:
        return {}
    told = read_truth(workspace).tracks
    return (
        dict(zip(told["track_id"], told["remix"], strict=True)) if "remix" in told.columns else {}
    )

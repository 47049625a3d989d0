"""A track and its neighbours as listeners see them."""

from __future__ import annotations

from typing import Any

from core.ids import UNKNOWN_ROW
from service.cards import Card, read_cards, read_track
from service.dependencies import Context
from service.problems import unknown_track
from service.schemas import Provenance, SimilarAnswer, SimilarTrack, TrackDetail
from service.similar import neighbours_of


def visible_track(context: Context, track_id: str) -> dict[str, Any]:
    """Return a track's row.

    Raises:
        ProblemError: 404 where it is not known, pending, blocked, or a remix of a blocked one.
    """
    with context.workspace.database.read() as connection:
        found = read_track(connection, track_id)
    if found is None or _is_hidden(context, track_id):
        raise unknown_track(track_id)
    return found


def track_detail(context: Context, track_id: str) -> TrackDetail:
    """Return everything a listener may know of a track.

    Raises:
        ProblemError: 404 where there is nothing to know.
    """
    found = visible_track(context, track_id)
    card = Card._make(found[name] for name in Card._fields)
    return TrackDetail(
        **card.face(),
        album=found["album"],
        genre=found["genre"],
        status=found["status"],
        explicit=found["explicit"],
        language=found["language"],
        regions=found["regions"],
        released_at=found["released_at"],
        tags=found["tags"],
        provenance=Provenance(**{name: found[name] for name in Provenance.model_fields}),
    )


def similar_tracks(context: Context, track_id: str, size: int) -> SimilarAnswer:
    """Return the neighbours of a track.

    Raises:
        ProblemError: 404 where the track is not known, 503 while nothing is loaded.
    """
    visible_track(context, track_id)
    serving = context.serving()
    row = serving.catalogue.tracks.row(track_id)
    if row == UNKNOWN_ROW:  # it came after the catalogue was loaded
        return SimilarAnswer(track_id=track_id, basis="none", tracks=[])
    near = neighbours_of(serving, row, size)
    ids = serving.catalogue.tracks.take(near.rows)
    with context.workspace.database.read() as connection:
        cards = read_cards(connection, ids)
    shown = [
        SimilarTrack(**cards[found].face(), score=float(score))
        for found, score in zip(ids, near.scores, strict=True)
        if found in cards and cards[found].is_offered
    ]
    return SimilarAnswer(track_id=track_id, basis=near.basis, tracks=shown)


def _is_hidden(context: Context, track_id: str) -> bool:
    current = context.live.current
    if current is None:
        return False
    row = current.catalogue.tracks.row(track_id)
    return row != UNKNOWN_ROW and bool(current.catalogue.hidden[row])

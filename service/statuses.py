"""Changed statuses put into a loaded catalogue at once, without loading it anew."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from core.schema import tracks
from ranking.catalogue import Catalogue, Status
from ranking.model import Rows

CODES = {status.name.lower(): int(status) for status in Status}


class StatusChanges(NamedTuple):
    """Tracks whose status in the store is not the one in memory.

    Args:
        rows: (k,) catalogue rows.
        statuses: (k,) their status in the store.
        touches_blocked: Whether one was blocked or is no longer, so that remixes are concerned.
    """

    rows: Rows
    statuses: NDArray[np.int8]
    touches_blocked: bool


def changed_statuses(
    connection: sa.Connection, catalogue: Catalogue, since_ms: int
) -> StatusChanges:
    """Return the statuses that changed in the store; tracks not known yet are left out.

    Args:
        connection: A read transaction.
        catalogue: What is in memory.
        since_ms: The earliest stamp to look at.
    """
    query = sa.select(tracks.c.track_id, tracks.c.status).where(tracks.c.updated_at >= since_ms)
    found = [(row[0], CODES[row[1]]) for row in connection.execute(query)]
    rows = catalogue.tracks.rows(track_id for track_id, _ in found)
    statuses = np.fromiter((code for _, code in found), dtype=np.int8, count=len(found))
    known = rows >= 0
    rows, statuses = rows[known], statuses[known]
    before = catalogue.statuses[rows]
    differs = before != statuses
    rows, statuses, before = rows[differs], statuses[differs], before[differs]
    touches = bool(np.any((statuses == Status.BLOCKED) | (before == Status.BLOCKED)))
    return StatusChanges(rows, statuses, touches)


def patched(catalogue: Catalogue, changes: StatusChanges) -> Catalogue:
    """Return the catalogue with the changes; what was blocked is hidden at once.

    Remixes of a blocked track, and tracks that are blocked no longer, follow with the next load
    of the catalogue, which knows who is whose parent.
    """
    hidden = catalogue.hidden.copy()
    hidden[changes.rows[changes.statuses == Status.BLOCKED]] = True
    return catalogue.with_statuses(changes.rows, changes.statuses, hidden)

"""What a listener was shown a moment ago, before the log tells of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ranking.model import Listener, Rows


def just_shown(listener: Listener, rows: Rows, now_ms: int) -> Listener:
    """Return a listener who was shown the earlier pages of this feed last of all.

    Args:
        listener: As the store knows them; may lack the latest pages.
        rows: (k,) catalogue rows of these pages, first to last.
        now_ms: When those count as shown whose time the store does not know.
    """
    latest = rows[::-1].astype(np.int64)
    known = dict(
        zip(listener.shown_rows.tolist()[::-1], listener.shown_at_ms.tolist()[::-1], strict=True)
    )
    at_ms = np.array([known.get(row, now_ms) for row in latest.tolist()], dtype=np.int64)
    others = ~np.isin(listener.shown_rows, rows)
    return replace(
        listener,
        shown_rows=np.append(latest, listener.shown_rows[others]),
        shown_at_ms=np.append(at_ms, listener.shown_at_ms[others]),
    )

"""One listener's columns put in order: latest first, as long as a request can use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.events import DAY_MS
from ranking.model import Floats, Mask, Rows

HISTORY_LIMIT = 5_000  # tracks; a year of ten new ones a day and more
SHOWN_WINDOW_MS = 2 * DAY_MS  # the longest that `RepeatRule.shown_window_hours` may ask for
SHOWN_PAGES = 20  # latest pages remembered


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The tracks a listener met, latest first; columns as `Listener` has them."""

    rows: Rows
    plays: Floats
    finishes: Floats
    skips: Floats
    opinions: NDArray[np.int8]
    last_at_ms: NDArray[np.int64]


def ordered(
    rows: Rows,
    plays: NDArray[np.floating],
    finishes: NDArray[np.floating],
    skips: NDArray[np.floating],
    opinions: NDArray[np.int8],
    last_at_ms: NDArray[np.int64],
) -> History:
    """Put the columns in order and cut them to `HISTORY_LIMIT`.

    Of equal times the more played track comes first, so that "latest" means the favourites where
    nobody recorded times. What was turned down is kept however long ago: it must never come back.

    Args:
        rows: (n,) distinct catalogue rows.
        plays: (n,) counts, likewise `finishes` and `skips`.
        finishes: See `plays`.
        skips: See `plays`.
        opinions: (n,) 1, 0 or -1.
        last_at_ms: (n,) when last met.
    """
    order = np.lexsort((rows, -plays, -last_at_ms))
    if order.size > HISTORY_LIMIT:
        late, early = order[:HISTORY_LIMIT], order[HISTORY_LIMIT:]
        order = np.concatenate([late, early[opinions[early] < 0]])
    return History(
        rows=rows[order].astype(np.int64),
        plays=plays[order].astype(np.float32),
        finishes=finishes[order].astype(np.float32),
        skips=skips[order].astype(np.float32),
        opinions=opinions[order].astype(np.int8),
        last_at_ms=last_at_ms[order].astype(np.int64),
    )


def opinions_of(liked: Mask, disliked: Mask, saved: Mask, hidden: Mask) -> NDArray[np.int8]:
    """Return one opinion a track; what speaks against it prevails.

    Args:
        liked: (n,) flags of a tally, likewise the others.
        disliked: See `liked`.
        saved: See `liked`.
        hidden: See `liked`.
    """
    kept = (liked | saved).astype(np.int8)
    return np.where(disliked | hidden, np.int8(-1), kept)

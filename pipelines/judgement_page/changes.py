"""The listeners whose order changed most against the live ranker, with both their pages."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import sqlalchemy as sa

from core.schema import tracks
from core.workspace import Workspace
from pipelines.evaluation.audience import Offered
from pipelines.judgement_page.document import ChangedListener, Slot
from ranking.catalogue import Catalogue
from ranking.engine import Engine
from ranking.metrics.accuracy import ndcg
from ranking.metrics.agreement import rank_biased_overlap
from ranking.model import Candidates, Feed, FeedQuery, Rows

SHOWN_LISTENERS = 10
SLOTS = 10
DEPTH = 20  # places that count as order


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One listener's candidates in both orders."""

    overlap: float
    query: FeedQuery
    live: Candidates
    judged: Candidates

    def __lt__(self, other: Change) -> bool:
        """Order by how little changed, then by who: the heap lets go of the least changed."""
        ours, theirs = self.query.listener.user_id, other.query.listener.user_id
        return (self.overlap, ours) > (other.overlap, theirs)


class Changes:
    """Keeps the listeners that changed most.

    Args:
        live: The live ranker's name among the scores.
        judged: The other's.
    """

    def __init__(self, live: str, judged: str) -> None:
        self._names = (live, judged)
        self._kept: list[Change] = []

    def see(self, offered: Offered) -> None:
        """Look at some listeners."""
        for at, query in enumerate(offered.queries):
            live, judged = (offered.ranked(name, at) for name in self._names)
            overlap = rank_biased_overlap(live.rows, judged.rows, DEPTH)
            change = Change(overlap, query, live, judged)
            if len(self._kept) < SHOWN_LISTENERS:
                heapq.heappush(self._kept, change)
            else:
                heapq.heappushpop(self._kept, change)

    def listeners(
        self,
        engine: Engine,
        catalogue: Catalogue,
        relevant: Mapping[str, Rows],
        workspace: Workspace,
    ) -> tuple[ChangedListener, ...]:
        """Return them, the most changed first, their pages arranged as they would be served."""
        kept = sorted(self._kept, reverse=True)
        pages = [[_page(engine, c.query, order) for order in (c.live, c.judged)] for c in kept]
        names = _names(workspace, catalogue, [page for pair in pages for page in pair])
        return tuple(
            _listener(change, pair, catalogue, relevant, names)
            for change, pair in zip(kept, pages, strict=True)
        )


def _page(engine: Engine, query: FeedQuery, ranked: Candidates) -> Feed:
    return engine.policy.arrange(replace(query, size=SLOTS), ranked)


def _listener(
    change: Change,
    pages: list[Feed],
    catalogue: Catalogue,
    relevant: Mapping[str, Rows],
    names: Mapping[str, tuple[str, str]],
) -> ChangedListener:
    user = change.query.listener.user_id
    wanted = relevant[user]
    figures = [
        ndcg(np.isin(order.rows, wanted), wanted.size, 10) for order in (change.live, change.judged)
    ]
    live, judged = (_slots(page, catalogue, wanted, names) for page in pages)
    return ChangedListener(
        user_id=user,
        tracks_met=change.query.listener.rows.size,
        overlap=change.overlap,
        ndcg_live=figures[0],
        ndcg_judged=figures[1],
        live=live,
        judged=judged,
    )


def _slots(
    page: Feed, catalogue: Catalogue, wanted: Rows, names: Mapping[str, tuple[str, str]]
) -> tuple[Slot, ...]:
    track_ids = catalogue.tracks.take(page.rows.tolist())
    return tuple(
        Slot(
            title=names[track_id][0],
            creator=names[track_id][1],
            source=page.sources[at],
            reason=_in_words(page.reasons[at], names),
            hit=bool(np.isin(page.rows[at], wanted)),
        )
        for at, track_id in enumerate(track_ids)
    )


def _in_words(reason: str, names: Mapping[str, tuple[str, str]]) -> str:
    code, _, track_id = reason.partition(":")
    words = code.replace("_", " ")
    return f"{words}: {names[track_id][0]}" if track_id in names else words


def _names(
    workspace: Workspace, catalogue: Catalogue, pages: list[Feed]
) -> dict[str, tuple[str, str]]:
    """Return track → (title, artist) of everything pages and their reasons name."""
    wanted = {one for page in pages for one in catalogue.tracks.take(page.rows.tolist())}
    wanted |= {reason.partition(":")[2] for page in pages for reason in page.reasons}
    query = sa.select(tracks.c.track_id, tracks.c.title, tracks.c.artist, tracks.c.creator_id)
    with workspace.database.read() as connection:
        rows = connection.execute(query.where(tracks.c.track_id.in_(wanted))).all()
    return {
        row.track_id: (row.title or row.track_id, row.artist or row.creator_id or "-")
        for row in rows
    }

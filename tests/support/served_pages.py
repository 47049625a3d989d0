"""Pages served, logged, rewarded and compacted, as the service does it, with a known truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.events import DAY_MS, Action, Interaction
from core.workspace import Workspace, open_workspace
from pipelines.compact import compact
from pipelines.job import Silent
from ranking.assembly import FeedConfig, assemble
from ranking.catalogue import Catalogue
from ranking.engine import Engine
from ranking.listeners.record import record_interactions
from ranking.loading import load_catalogue, load_learned
from ranking.model import FeedQuery, Listener, Page
from ranking.pagelog import append_pages, page_row
from ranking.rankers.fusion import FusionRanker
from tests.support.service_world import lay_world, learn_by_hand, now, promote

HOURS_BETWEEN = 7  # a listener's pages: near enough that the last ones are remembered
SIZE = 5


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """What was served.

    Args:
        pages: Every page, with its trace.
        queries: What was asked.
        chances: One (k,) a page: the probability with which each slot was finished.
        finished: One (k,) a page: which slots were.
    """

    pages: list[Page]
    queries: list[FeedQuery]
    chances: list[np.ndarray]
    finished: list[np.ndarray]


def serve_pages(
    root: Path,
    feed: FeedConfig,
    appeal: Callable[[Page], np.ndarray],
    *,
    listeners: int,
    each: int,
    variant: str = "engine",
    seed: int = 1,
) -> Served:
    """Serve pages to listeners of the little world and let them finish slots.

    Args:
        root: A data folder that is laid here.
        feed: The settings that serve.
        appeal: Page → (k,) probability that each slot is finished.
        listeners: How many.
        each: Pages of each.
        variant: What the pages are logged as.
        seed: Decides everything.
    """
    lay_world(root)
    promote(root, learn_by_hand(root, seed=seed))
    with open_workspace(root) as workspace:
        engine, catalogue = _engine(workspace, feed)
        served = Served([], [], [], [])
        rows, told = [], []
        rng = np.random.default_rng(seed)
        for query in _queries(catalogue, listeners, each, seed, engine, served):
            page, request_id = served.pages[-1], f"r{len(rows):05d}"
            rows.append(page_row(page, query, request_id, catalogue, {}, variant))
            served.chances.append(appeal(page))
            served.finished.append(rng.random(len(page.feed)) < served.chances[-1])
            told += _events(query, page, catalogue, request_id, served.finished[-1])
        with workspace.database.write() as connection:
            append_pages(connection, rows)
        record_interactions(workspace.database, told, now())
        compact(workspace, now(), Silent())
    return served


def _engine(workspace: Workspace, feed: FeedConfig) -> tuple[Engine, Catalogue]:
    live = workspace.artifacts.live()
    assert live is not None
    with workspace.database.read() as connection:
        catalogue = load_catalogue(connection)
    learned = load_learned(workspace.artifacts, live.versions, catalogue)
    return assemble(catalogue, learned, FusionRanker(), feed), catalogue


def _queries(
    catalogue: Catalogue, listeners: int, each: int, seed: int, engine: Engine, served: Served
) -> Iterator[FeedQuery]:
    """Ask for pages one after another, remembering what was shown; listeners have a taste."""
    rng = np.random.default_rng(seed + 1)
    ordinary = np.arange(len(catalogue) - 10)
    last_ms = now() - DAY_MS // 2
    for user in range(listeners):
        liked = rng.choice(ordinary, 5, replace=False).astype(np.int64)
        shown: list[tuple[int, int]] = []
        for at in range(each):
            now_ms = last_ms - (each - 1 - at) * HOURS_BETWEEN * DAY_MS // 24
            remembered = [pair for pair in shown if pair[1] >= now_ms - 2 * DAY_MS]
            query = FeedQuery(
                listener=_listener(f"u{user:03d}", liked, remembered, now_ms),
                size=SIZE,
                now_ms=now_ms,
                seed=int(rng.integers(2**62)),
            )
            served.queries.append(query)
            served.pages.append(engine.serve(query))
            yield query
            slots = served.pages[-1].feed.rows[::-1].tolist()
            shown = [(row, now_ms) for row in slots] + shown


def _listener(
    user_id: str, liked: np.ndarray, shown: list[tuple[int, int]], now_ms: int
) -> Listener:
    ones = np.ones(liked.size, dtype=np.float32)
    return Listener(
        user_id=user_id,
        rows=liked,
        plays=ones,
        finishes=ones,
        skips=0 * ones,
        opinions=np.ones(liked.size, dtype=np.int8),
        last_at_ms=np.full(liked.size, now_ms - 60 * DAY_MS, dtype=np.int64),
        shown_rows=np.array([row for row, _ in shown], dtype=np.int64),
        shown_at_ms=np.array([at for _, at in shown], dtype=np.int64),
    )


def _events(
    query: FeedQuery, page: Page, catalogue: Catalogue, request_id: str, finished: np.ndarray
) -> list[Interaction]:
    tracks = catalogue.tracks.take(page.feed.rows)
    return [
        Interaction(
            event_id=f"{request_id}-{position}-{action}",
            user_id=query.listener.user_id,
            track_id=tracks[position],
            action=action,
            at=query.now_ms + 1000 * (position + 1),
            request_id=request_id,
            position=position,
        )
        for position in np.flatnonzero(finished).tolist()
        for action in (Action.PLAY, Action.FINISH)
    ]

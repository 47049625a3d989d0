"""Playing on: the world's listeners use the running engine, and some of them a popularity feed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.events import DAY_MS, Interaction
from core.randomness import derive_seed, generator
from core.workspace import Workspace
from pipelines.job import Progress, Report
from pipelines.world.arms import ArmReport, Interval, difference, interval, ratio_draws, ratio_of
from pipelines.world.config import PlayConfig
from pipelines.world.diary import event_rows, request_id
from pipelines.world.history import seek_out
from pipelines.world.meeting import Meeting, listens, meet, remember
from pipelines.world.resumption import plan
from pipelines.world.sessions import Sessions
from pipelines.world.stage import ARMS, ENGINE, POPULAR, SURFACE, Stage, served_page, set_stage
from ranking.assembly import FeedConfig
from ranking.listeners.record import record_interactions
from ranking.listeners.state import load_listener
from ranking.model import FeedQuery, Page
from ranking.pagelog import append_pages, page_row
from ranking.supply.trials import load_beliefs

COUNTS = ("pages", "degraded", "impressions", "plays", "finishes", "skips", "likes")

Counts = NDArray[np.int64]


class PlayReport(Report):
    """What came of playing on."""

    first_day: str
    days: int
    listeners: int
    sessions: int
    events: int
    versions: dict[str, str]
    """Kind of artifact → the live version the engine ran on."""
    arms: list[ArmReport]
    finishes_difference: Interval
    """Finishes per impression: the engine's less the popularity feed's."""


def play_world(
    workspace: Workspace, config: PlayConfig, feed: FeedConfig, progress: Progress
) -> PlayReport:
    """Let listeners live on for some days with the live engine, in process.

    A random share of them gets the popularity feed instead. Every page is logged and every
    outcome recorded as the service does it, at the world's own time.

    Args:
        workspace: A data folder that holds a world.
        config: How long, who, and how many.
        feed: The engine's configuration.
        progress: Shows the sessions pass.

    Returns:
        What each arm's listeners did, and the difference.

    Raises:
        DataError: If there is no world.
        ArtifactError: If what is live cannot be loaded.
    """
    return play_on(set_stage(workspace, config, feed), progress)


def play_on(stage: Stage, progress: Progress) -> PlayReport:
    """Let listeners live on with what stands on a stage.

    Args:
        stage: Where everything is.
        progress: Shows the sessions pass.

    Returns:
        What each arm's listeners did, and the difference.
    """
    config = stage.config
    counts = np.zeros((len(stage.arm_of), len(COUNTS)), dtype=np.int64)
    sessions = events = 0
    for day in range(config.days):
        everyone = plan(stage.truth, stage.standing.start_ms + day * DAY_MS)
        mine = stage.standing.of_participants(everyone)
        for session in progress.track(_in_order(mine), f"day {day + 1}", len(mine)):
            events += _sit_down(stage, session, counts)
            sessions += 1
        stage.standing.memory.sleep(stage.truth.charter.config.behaviour)
    return _report(stage, counts, sessions, events)


def _in_order(sessions: Sessions) -> Iterator[Sessions]:
    """Yield sessions one by one, the earliest first."""
    for place in np.argsort(sessions.start_ms, kind="stable"):
        yield sessions.take(np.array([place]))


def _sit_down(stage: Stage, session: Sessions, counts: Counts) -> int:
    """Run one session, add to the listener's counts, and return how many events were recorded."""
    behaviour = stage.truth.charter.config.behaviour
    scene, memory = stage.standing.scene, stage.standing.memory
    rng = generator(stage.config.seed, "session", int(session.keys[0]))
    on_air = scene.on_air_from_ms <= session.start_ms[0]
    sought = seek_out(scene, memory, session, on_air, behaviour, rng)
    met = meet(scene, memory, session.user_rows, sought, session.start_ms, True, behaviour, rng)
    events = _tell(stage, met, session, 0)
    for step in range(1, int(session.pages[0]) + 1):
        page, rows = _ask(stage, session, step, int(met.end_ms[0]))
        met = meet(scene, memory, session.user_rows, rows, met.end_ms, False, behaviour, rng)
        events += _tell(stage, met, session, step)
        counts[session.user_rows[0]] += _counted(page, met)
    return events


def _ask(stage: Stage, session: Sessions, step: int, now_ms: int) -> tuple[Page, Counts]:
    """Ask the listener's engine for a page, log it, and return it with its rows (1, k)."""
    user_row, key = int(session.user_rows[0]), int(session.keys[0])
    user_id = stage.standing.user_ids[user_row]
    with stage.workspace.database.read() as connection:
        stage.board.beliefs = load_beliefs(connection, stage.catalogue)
        listener = load_listener(connection, stage.catalogue, user_id, now_ms)
    query = FeedQuery(
        listener=listener,
        size=stage.config.page_size,
        now_ms=now_ms,
        seed=derive_seed(stage.config.seed, "page", key, step),
        surface=SURFACE,
    )
    page, served = served_page(stage, query, ARMS[stage.arm_of[user_row]])
    row = page_row(
        page,
        query,
        request_id(key, step),
        stage.catalogue,
        served.versions,
        served.variant,
        served.exposures,
        served.teams,
    )
    with stage.workspace.database.write() as connection:
        append_pages(connection, [row])
    return page, page.feed.rows[None, :]


def _tell(stage: Stage, met: Meeting, session: Sessions, step: int) -> int:
    """Remember and record what came of a list; return how many events were recorded."""
    scene, standing = stage.standing.scene, stage.standing
    remember(standing.memory, scene, met)
    heard = listens(met, scene, session.keys, step, chosen=step == 0)
    rows = event_rows(heard, standing.user_ids, stage.catalogue.tracks.values)
    told = [Interaction(**row) for row in rows.iter_rows(named=True)]
    verdicts = record_interactions(stage.workspace.database, told, int(met.end_ms[0]))
    return sum(verdict.status == "accepted" for verdict in verdicts)


def _counted(page: Page, met: Meeting) -> Counts:
    """Return what one page adds to each of `COUNTS`."""
    done = met.reactions
    told = (done.played, done.finished, done.skipped, done.liked)
    return np.array([1, page.trace.degraded, len(page.feed), *(int(one.sum()) for one in told)])


def _report(stage: Stage, counts: Counts, sessions: int, events: int) -> PlayReport:
    rng = generator(stage.config.seed, "bootstrap")
    groups = {name: counts[stage.arm_of == row] for row, name in enumerate(ARMS)}
    finishes = {name: _pair(group, "finishes", "impressions") for name, group in groups.items()}
    first = pl.Series([stage.standing.start_ms]).cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%d")
    return PlayReport(
        first_day=first[0],
        days=stage.config.days,
        listeners=len(stage.arm_of),
        sessions=sessions,
        events=events,
        versions=dict(stage.versions),
        arms=[_arm(name, group, stage.config, rng) for name, group in groups.items()],
        finishes_difference=difference(
            finishes[ENGINE], finishes[POPULAR], stage.config.resamples, rng
        ),
    )


def _arm(name: str, counts: Counts, config: PlayConfig, rng: np.random.Generator) -> ArmReport:
    def rate(above: str, below: str) -> Interval:
        pair = _pair(counts, above, below)
        return interval(ratio_of(*pair), ratio_draws(*pair, config.resamples, rng))

    totals = dict(zip(COUNTS, counts.sum(axis=0).tolist(), strict=True))
    return ArmReport(
        name=name,
        listeners=int((counts[:, COUNTS.index("pages")] > 0).sum()),
        **totals,
        finishes_per_impression=rate("finishes", "impressions"),
        skips_per_play=rate("skips", "plays"),
        likes_per_impression=rate("likes", "impressions"),
    )


def _pair(counts: Counts, above: str, below: str) -> tuple[Counts, Counts]:
    return counts[:, COUNTS.index(above)], counts[:, COUNTS.index(below)]

"""Creating a world: its recordings, its listeners and their history, as one batch or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import sqlalchemy as sa
from numpy.typing import NDArray

from core.database import upsert
from core.errors import DataError
from core.schema import tracks as tracks_table
from core.schema import users as users_table
from core.tables import EVENTS, IMPRESSIONS
from core.workspace import Workspace
from pipelines.importers.catalogue import put_tracks, snapshot_tracks
from pipelines.job import Progress
from pipelines.music.ogg_pages import pin_serial
from pipelines.world.archive import Charter, Truth, WorldReport, keep, read_charter
from pipelines.world.catalogue import Catalogue, record_tracks
from pipelines.world.config import WorldConfig
from pipelines.world.diary import event_rows, impression_rows
from pipelines.world.history import History, live_through
from pipelines.world.memory import blank_memory
from pipelines.world.population import AI_PREFERENCES, Population, draw_population
from pipelines.world.releases import AUDIO_FOLDER, Releases, track_frame
from pipelines.world.remixes import draw_tracks
from pipelines.world.scene import set_scene
from pipelines.world.traits import attributes_frame
from ranking.listeners.record import merge_follows
from ranking.listeners.tallies import merge_tallies, tally


def create_world(workspace: Workspace, config: WorldConfig, progress: Progress) -> WorldReport:
    """Create a world in a data folder; where the same one stands, change nothing.

    Args:
        workspace: The data folder; it may hold other tracks and listeners.
        config: The world; equal configs make equal worlds.
        progress: Shows the rendering and the days pass.

    Returns:
        What the world holds.

    Raises:
        DataError: If another world stands there.
    """
    standing = _standing(workspace, config)
    if standing is not None:
        return standing.report.model_copy(update={"created": False})
    catalogue, releases = draw_tracks(config)
    population = draw_population(config.listeners, config.behaviour.sessions_a_day, config.seed)
    scene = set_scene(catalogue, releases, population, config.behaviour)
    memory = blank_memory(len(population), len(catalogue.creators), releases.fame)
    history = live_through(scene, memory, config, progress)
    tracks = _record(workspace, catalogue, releases, config, progress)
    charter = Charter(config=config, report=_report(history, catalogue, releases, config))
    keep(workspace, _truth(charter, catalogue, releases, population))
    _store(workspace, tracks, population, history, config)
    return charter.report


def user_ids(count: int) -> tuple[str, ...]:
    """Return the ids of the world's listeners, in order."""
    return tuple(f"listener-{number:05d}" for number in range(count))


def _standing(workspace: Workspace, config: WorldConfig) -> Charter | None:
    """Return the charter of the world that stands there; a half-made one does not stand."""
    charter = read_charter(workspace)
    with workspace.database.read() as connection:
        composed = tracks_table.c.audio_path.like(f"{AUDIO_FOLDER}/%")
        query = sa.select(tracks_table.c.track_id).where(composed).limit(1)
        if charter is None or connection.execute(query).first() is None:
            return None
    stands, asked = charter.config.identity(), config.identity()
    if stands != asked:
        changed = [
            f"{name} is {stands[name]}, not {asked[name]}"
            for name in asked
            if stands[name] != asked[name]
        ]
        raise DataError(
            f"{workspace.root} holds another world ({'; '.join(changed)}); "
            "create this one in another data folder with --data"
        )
    return charter


def _record(
    workspace: Workspace,
    catalogue: Catalogue,
    releases: Releases,
    config: WorldConfig,
    progress: Progress,
) -> pl.DataFrame:
    """Render every track and return the table of tracks with the hash of each recording."""
    frame = track_frame(catalogue, releases)
    paths = [workspace.audio / relative for relative in frame["audio_path"]]
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    recorded = record_tracks(catalogue.attributes, paths, config.workers)
    hashes = []
    for path in progress.track(recorded, "rendering", len(paths)):
        pin_serial(path)
        hashes.append(hashlib.sha256(path.read_bytes()).hexdigest())
    return frame.with_columns(content_hash=pl.Series(hashes))


def _truth(
    charter: Charter, catalogue: Catalogue, releases: Releases, population: Population
) -> Truth:
    known = pl.DataFrame(
        {
            "track_id": catalogue.track_ids,
            "quality": releases.quality,
            "fame": releases.fame,
            "remix": releases.remixes.kinds,
        }
    )
    return Truth(
        charter,
        known.hstack(attributes_frame(catalogue.attributes)),
        user_ids(len(population)),
        population,
    )


def _store(
    workspace: Workspace,
    tracks: pl.DataFrame,
    population: Population,
    history: History,
    config: WorldConfig,
) -> None:
    """Write everything the engine may know, in one batch."""
    listeners, ids = user_ids(len(population)), tracks["track_id"].to_list()
    with workspace.warehouse.batch() as batch:
        events = batch.append(EVENTS, event_rows(history.listens, listeners, ids))
        batch.append(IMPRESSIONS, impression_rows(history.slots, listeners, ids))
        with batch.commit() as connection:
            put_tracks(connection, tracks, config.end_ms)
            _store_preferences(connection, listeners, population, config.end_ms)
            merge_tallies(connection, tally(events))
            merge_follows(connection, events)
            snapshot_tracks(workspace, batch, connection)


def _store_preferences(
    connection: sa.Connection, listeners: Sequence[str], population: Population, now_ms: int
) -> None:
    """Write the preferences of the listeners who changed them."""
    rows: list[dict[str, Any]] = [
        {"user_id": listeners[row], "ai_preference": AI_PREFERENCES[code], "updated_at": now_ms}
        for row, code in enumerate(population.ai_preference)
        if code
    ]
    upsert(connection, users_table, rows, update=("ai_preference",))


def _report(
    history: History, catalogue: Catalogue, releases: Releases, config: WorldConfig
) -> WorldReport:
    heard = history.listens
    by_user = np.bincount(heard["user_row"].to_numpy(), minlength=config.listeners)
    by_track = np.bincount(heard["track_row"].to_numpy(), minlength=len(catalogue.attributes))
    outcomes = ("finish", "skip", "like", "dislike", "save", "follow")
    finishes = heard.filter(pl.col("finish") & ~pl.col("chosen")).height
    return WorldReport(
        created=True,
        tracks=len(catalogue.attributes),
        remixes=releases.remixes.rows.size,
        creators=len(catalogue.creators),
        listeners=config.listeners,
        days=config.days,
        impressions=history.slots.height,
        events=heard.height + int(sum(heard[name].sum() for name in outcomes)),
        plays=heard.height,
        finishes_per_impression=round(finishes / max(1, history.slots.height), 4),
        median_plays=float(np.median(by_user)),
        popularity_gini=round(gini(by_track), 4),
    )


def gini(counts: NDArray[np.int64]) -> float:
    """Return the Gini coefficient of counts: 0 when all are equal, towards 1 when one has all."""
    ordered = np.sort(counts).astype(np.float64)
    total = ordered.sum()
    if total == 0:
        return 0.0
    ranks = 2 * np.arange(1, ordered.size + 1) - ordered.size - 1
    return float(ranks @ ordered / (ordered.size * total))

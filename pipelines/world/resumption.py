"""Resumption: where the world stands when it is played on, derived from its tables alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import sqlalchemy as sa
from numpy.typing import NDArray

from core.events import DAY_MS
from core.randomness import generator
from core.schema import events as events_table
from core.schema import requests
from core.tables import EVENTS, IMPRESSIONS, TIME
from core.workspace import Workspace
from pipelines.world.archive import Truth
from pipelines.world.config import PlayConfig
from pipelines.world.deliveries import with_deliveries
from pipelines.world.memory import Memory, blank_memory, recall
from pipelines.world.scene import NEVER_MS, Scene, allowed_tracks, lasting_appeal
from pipelines.world.sessions import Sessions, plan_day
from pipelines.world.traits import attributes_from, traits_of
from ranking.catalogue import Catalogue, Status

TOLD = ("event_id", "user_id", "track_id", "action", "at", "played_ms", "track_ms")
UNKNOWN_TRACK_MS = 180_000  # a track whose length nobody told


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """The world at a midnight, for p participants.

    Args:
        start_ms: The midnight, UTC.
        user_rows: (p,) rows in the world's population, ascending.
        user_ids: (p,) their ids.
        scene: (p, n) over the catalogue's rows.
        memory: (p, n) what they carry.
    """

    start_ms: int
    user_rows: NDArray[np.int64]
    user_ids: tuple[str, ...]
    scene: Scene
    memory: Memory

    def of_participants(self, sessions: Sessions) -> Sessions:
        """Return the sessions of those who take part, with their rows among the participants."""
        taking_part = sessions.take(np.isin(sessions.user_rows, self.user_rows))
        return taking_part.owned_by(np.searchsorted(self.user_rows, taking_part.user_rows))


def resume(
    workspace: Workspace, truth: Truth, catalogue: Catalogue, config: PlayConfig
) -> Standing:
    """Return where the world stands at the midnight after its last event.

    Args:
        workspace: The data folder.
        truth: What only the world knows.
        catalogue: The store's tracks.
        config: For how long it is played on, and how many listeners take part.
    """
    truth = with_deliveries(workspace, truth)
    told = _events(workspace, truth)
    start_ms = _next_midnight_ms(workspace, told, truth)
    rows = _participants(truth, start_ms, config)
    return Standing(
        start_ms=start_ms,
        user_rows=rows,
        user_ids=tuple(truth.user_ids[row] for row in rows),
        scene=_scene(truth, catalogue, rows),
        memory=_memory(told, truth, catalogue, start_ms).take(rows),
    )


def plan(truth: Truth, start_ms: int) -> Sessions:
    """Return everyone's sessions on the day that begins at a midnight."""
    world = truth.charter.config
    day = (start_ms - world.start_ms) // DAY_MS
    return plan_day(truth.population, day, start_ms, world.behaviour, world.seed)


def _participants(truth: Truth, start_ms: int, config: PlayConfig) -> NDArray[np.int64]:
    """Draw who takes part among those who listen on the days to come, whatever their arm."""
    days = [plan(truth, start_ms + day * DAY_MS).user_rows for day in range(config.days)]
    listening = np.unique(np.concatenate(days))
    rng = generator(config.seed, "participants", start_ms)
    count = min(config.play_listeners, listening.size)
    return np.sort(rng.choice(listening, count, replace=False))


def _events(workspace: Workspace, truth: Truth) -> pl.DataFrame:
    """Return what the world's listeners did: compacted or not, each event once."""
    users = pl.LazyFrame({"user_id": truth.user_ids})
    old = workspace.warehouse.scan(EVENTS).select(TOLD)
    columns = [events_table.c[name] for name in TOLD]
    with workspace.database.read() as connection:
        rows = [tuple(row) for row in connection.execute(sa.select(*columns))]
    schema = {name: EVENTS.schema[name] for name in TOLD}
    new = pl.LazyFrame(rows, schema={**schema, "at": pl.Int64}, orient="row")
    both = pl.concat([old, new.with_columns(pl.col("at").cast(TIME))])
    mine = both.join(users, on="user_id", how="semi")
    return mine.collect().unique(subset="event_id", keep="first").sort("at", "event_id")


def _next_midnight_ms(workspace: Workspace, told: pl.DataFrame, truth: Truth) -> int:
    """Return the first midnight after everything that happened to the world's listeners."""
    latest_page = sa.select(requests.c.user_id, sa.func.max(requests.c.at))
    with workspace.database.read() as connection:
        pages = connection.execute(latest_page.group_by(requests.c.user_id)).all()
    mine = set(truth.user_ids)
    shown = workspace.warehouse.scan(IMPRESSIONS).filter(pl.col("user_id").is_in(truth.user_ids))
    last_ms = max(
        truth.charter.config.end_ms - 1,
        *(int(at_ms) for user_id, at_ms in pages if user_id in mine),
        _latest_ms(told.lazy()),
        _latest_ms(shown),
    )
    return (last_ms // DAY_MS + 1) * DAY_MS


def _latest_ms(rows: pl.LazyFrame) -> int:
    return int(rows.select(pl.col("at").dt.epoch("ms").max().fill_null(0)).collect().item())


def _scene(truth: Truth, catalogue: Catalogue, rows: NDArray[np.int64]) -> Scene:
    """Return the scene of participants before the catalogue.

    A track the world did not compose appeals to everyone like the average one: nothing is known
    of how it sounds.
    """
    population = truth.population.take(rows)
    behaviour = truth.charter.config.behaviour
    known, places = _known(truth, catalogue)
    traits = traits_of(attributes_from(known))
    lasting = np.zeros((rows.size, len(catalogue)), dtype=np.float32)
    lasting[:, places] = lasting_appeal(population, traits, known["quality"].to_numpy(), behaviour)
    lengths = np.where(np.isnan(catalogue.duration_ms), UNKNOWN_TRACK_MS, catalogue.duration_ms)
    active = (catalogue.statuses == Status.ACTIVE) & catalogue.servable
    return Scene(
        population=population,
        lasting=lasting,
        allowed=allowed_tracks(population, catalogue.origins, catalogue.labelled),
        creator_rows=catalogue.creator_rows,
        track_ms=np.maximum(1, lengths).astype(np.int64),
        on_air_from_ms=np.where(active, catalogue.released_at_ms, NEVER_MS),
    )


def _memory(told: pl.DataFrame, truth: Truth, catalogue: Catalogue, start_ms: int) -> Memory:
    """Return the memory of the whole population at a midnight."""
    config = truth.charter.config
    known, places = _known(truth, catalogue)
    fame = np.zeros(len(catalogue), dtype=np.float32)
    fame[places] = known["fame"].to_numpy()
    users = pl.DataFrame({"user_id": truth.user_ids}).with_row_index("user_row")
    tracks = pl.DataFrame({"track_id": catalogue.tracks.values}).with_row_index("track_row")
    rows = told.join(users, on="user_id", maintain_order="left").join(
        tracks, on="track_id", maintain_order="left"
    )
    share = (pl.col("played_ms") / pl.col("track_ms")).fill_null(1.0).clip(0.0, 1.0)
    lived = rows.with_columns(share=share, at_ms=pl.col("at").dt.epoch("ms"))
    blank = blank_memory(len(truth.user_ids), len(catalogue.creators), fame)
    return recall(lived, catalogue.creator_rows, blank, config.start_ms, start_ms, config.behaviour)


def _known(truth: Truth, catalogue: Catalogue) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Return the tracks of the truth that the catalogue has, and their rows in it."""
    rows = catalogue.tracks.rows(truth.tracks["track_id"])
    return truth.tracks.filter(pl.Series(rows >= 0)), rows[rows >= 0]

"""Tracks on their way into the store, and the store's tracks on their way into the warehouse."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import polars as pl
import sqlalchemy as sa

from core.database import upsert
from core.ids import MAX_ID_CHARS
from core.schema import creators, tracks
from core.tables import TIME, TRACKS
from core.warehouse import Batch
from core.workspace import Workspace

LOOKUP_IDS = 10_000  # ids asked for in one statement; SQLite binds at most 32,766
LISTS = ("regions", "tags", "parents")
DEFAULTS = {"origin": "human", "status": "active", "explicit": False}
BLOCKED = "blocked"

Told = Literal["file", "store"]
"""Who is right where both know a value."""

_NAMES = tuple(TRACKS.schema.names())
_STORE_COLUMNS = {name: "metadata_json" if name == "metadata" else name for name in _NAMES}


def snapshot_tracks(workspace: Workspace, batch: Batch, connection: sa.Connection) -> None:  # noqa: ARG001
    """Replace the warehouse's tracks by the store's, as part of a batch.

    Args:
        workspace: Whose tracks.
        batch: The batch they become part of.
        connection: Its transaction, so that what it wrote is in the snapshot.
    """
    batch.replace(TRACKS, stored_tracks(connection).sort("track_id"))


def known_track_ids(connection: sa.Connection) -> pl.DataFrame:
    """Return the store's track ids, one column."""
    ids = connection.execute(sa.select(tracks.c.track_id)).scalars().all()
    return pl.DataFrame({"track_id": ids}, schema={"track_id": pl.String})


def stored_tracks(connection: sa.Connection, ids: Sequence[str] | None = None) -> pl.DataFrame:
    """Return the store's tracks as rows of the warehouse's table.

    Args:
        connection: Inside a transaction.
        ids: Only these; None returns all.
    """
    query = sa.select(*(_selected(name) for name in _NAMES))
    if ids is None:
        found = [tuple(row) for row in connection.execute(query)]
    else:
        found = []
        for start in range(0, len(ids), LOOKUP_IDS):
            block = tracks.c.track_id.in_(ids[start : start + LOOKUP_IDS])
            found += [tuple(row) for row in connection.execute(query.where(block))]
    texts = dict.fromkeys(LISTS, pl.String)
    frame = pl.DataFrame(
        found, schema={**TRACKS.schema, **texts, "released_at": pl.Int64}, orient="row"
    )
    decoded = [pl.col(name).str.json_decode(pl.List(pl.String)) for name in LISTS]
    return TRACKS.conform(frame.with_columns(*decoded, pl.col("released_at").cast(TIME)))


def add_bare_tracks(connection: sa.Connection, ids: Iterable[str], now_ms: int) -> None:
    """Add tracks of which nothing but the id is known; known ones stay as they are."""
    # Written out, so that the store's own defaults hold: Python's would be set value by value.
    statement = sa.text(
        "INSERT INTO tracks (track_id, updated_at) VALUES (:track_id, :updated_at) "
        "ON CONFLICT (track_id) DO NOTHING"
    )
    if rows := [{"track_id": one, "updated_at": now_ms} for one in sorted(ids)]:
        connection.execute(statement, rows)


def put_tracks(
    connection: sa.Connection, told: pl.DataFrame, now_ms: int, right: Told = "file"
) -> set[str]:
    """Add tracks, or complete those that are known; a block is never lifted.

    Args:
        connection: Inside a write transaction.
        told: Rows of the warehouse's table, distinct ids; null where nothing was told.
        now_ms: When, for the rows that change.
        right: Who is right where file and store both know a value.

    Returns:
        The tracks that are new or changed.
    """
    known = stored_tracks(connection, told["track_id"].to_list())
    changed = _changed(TRACKS.conform(told), known, right)
    rows = [_store_row(row, now_ms) for row in changed.to_dicts()]
    if rows:
        upsert(connection, tracks, rows, [name for name in rows[0] if name != "track_id"])
        _put_creators(connection, changed)
    return set(changed["track_id"])


def _selected(name: str) -> sa.ColumnElement[Any]:
    column = tracks.c[_STORE_COLUMNS[name]]
    return sa.cast(column, sa.Text) if name in LISTS else column


def _changed(told: pl.DataFrame, known: pl.DataFrame, right: Told) -> pl.DataFrame:
    """Return the tracks as they shall stand, those only that differ from what is known."""
    old = known.rename({name: f"old_{name}" for name in _NAMES if name != "track_id"})
    both = told.join(old.with_columns(is_known=True), on="track_id", how="left")
    values = {name: _merged(name, right) for name in _NAMES if name != "track_id"}
    merged = both.with_columns(**values)
    merged = _with_merged_metadata(merged).with_columns(
        creator_id=pl.coalesce("creator_id", _named_creator())  # an artist without an id is one
    )
    differs = [pl.col(n).ne_missing(pl.col(f"old_{n}")) for n in _NAMES if n != "track_id"]
    is_new = pl.col("is_known").is_null()
    return merged.filter(is_new | pl.any_horizontal(differs)).select(_NAMES)


def _merged(name: str, right: Told) -> pl.Expr:
    new, old = pl.col(name), pl.col(f"old_{name}")
    if name == "metadata":
        return new  # merged key by key
    if name in LISTS:
        old_told = pl.when(old.list.len() > 0).then(old)
        order = (new, old, pl.lit([], pl.List(pl.String)))
        return pl.coalesce(order if right == "file" else (old_told, *order))
    value = pl.coalesce((new, old) if right == "file" else (old, new))
    if name == "status":
        value = pl.when(old == BLOCKED).then(old).otherwise(value)
    return value.fill_null(DEFAULTS[name]) if name in DEFAULTS else value


def _named_creator() -> pl.Expr:
    """Return the id of a creator of whom only the name is known."""
    printable = pl.col("artist").str.replace_all(r"[\x00-\x1f\x7f]", " ").str.strip_chars()
    named = printable.str.slice(0, MAX_ID_CHARS)
    return pl.when(named != "").then(named)


def _with_merged_metadata(merged: pl.DataFrame) -> pl.DataFrame:
    pairs = merged.select("metadata", "old_metadata").iter_rows()
    texts = [_merged_metadata(new, old) for new, old in pairs]
    return merged.with_columns(pl.Series("metadata", texts, dtype=pl.String))


def _merged_metadata(new: str | None, old: str | None) -> str | None:
    if new is None or new == old:
        return old
    document = {**json.loads(old or "{}"), **json.loads(new)}
    return json.dumps(document, sort_keys=True, ensure_ascii=False)


def _store_row(row: dict[str, Any], now_ms: int) -> dict[str, Any]:
    released_at = row["released_at"]
    values = {_STORE_COLUMNS[name]: value for name, value in row.items()}
    values["released_at"] = None if released_at is None else round(released_at.timestamp() * 1000)
    return {**values, "updated_at": now_ms}


def _put_creators(connection: sa.Connection, changed: pl.DataFrame) -> None:
    """Name the creators of tracks: by the artist where one was told, else by their id."""
    made = changed.filter(pl.col("creator_id").is_not_null()).sort("track_id")
    made = made.sort(pl.col("artist").is_null(), maintain_order=True)
    made = made.unique("creator_id", keep="first", maintain_order=True)
    named = made.filter(pl.col("artist").is_not_null()).select("creator_id", name="artist")
    nameless = made.filter(pl.col("artist").is_null()).select("creator_id", name="creator_id")
    upsert(connection, creators, named.to_dicts(), ["name"])
    upsert(connection, creators, nameless.to_dicts())

"""The warehouse's tables: their columns, keys and days, in one place."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

TIME = pl.Datetime("ms", "UTC")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Args:
        name: Its name, in the words of the glossary.
        dtype: Its polars type.
        meaning: One sentence for people.
        required: Whether an imported row must have it.
    """

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the warehouse.

    Args:
        name: The folder below the warehouse.
        columns: In order.
        key: The columns that make a row itself; a key stands in the table once.
        day: The time column whose UTC day partitions the table, or "" where time plays no part.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    day: str = ""

    @property
    def schema(self) -> pl.Schema:
        """The polars schema."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that an imported row must have."""
        return tuple(column.name for column in self.columns if column.required)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the frame with this table's columns, in order and type; missing ones are null."""
        missing = [
            pl.lit(None, column.dtype).alias(column.name)
            for column in self.columns
            if column.name not in frame.columns
        ]
        return (
            frame.with_columns(missing).select(self.schema.names()).cast(dict(self.schema.items()))
        )


_USER = Column("user_id", pl.String, "The listener.", required=True)
_TRACK = Column("track_id", pl.String, "The track.", required=True)

EVENTS = Table(
    "events",
    (
        Column("event_id", pl.String, "Idempotency key; derived from the row when absent."),
        _USER,
        _TRACK,
        Column("action", pl.String, "play, finish, skip, like, …; `play` when absent."),
        Column("at", TIME, "When it happened, UTC.", required=True),
        Column("request_id", pl.String, "The page it came from."),
        Column("position", pl.Int32, "The slot it came from, from 0."),
        Column("played_ms", pl.Int32, "How long was heard, milliseconds."),
        Column("track_ms", pl.Int32, "How long the track is, milliseconds."),
        Column("is_organic", pl.Boolean, "True when chosen, false when a feed offered it."),
        Column("session_id", pl.String, "The sitting it belongs to."),
        Column("device", pl.String, "What it was heard on."),
    ),
    key=("event_id",),
    day="at",
)

IMPRESSIONS = Table(
    "impressions",
    (
        Column("request_id", pl.String, "The page; derived from listener and time when absent."),
        _USER,
        _TRACK,
        Column("at", TIME, "When the page was served, UTC.", required=True),
        Column("position", pl.Int32, "The slot, from 0."),
        Column("surface", pl.String, "Where the feed was shown."),
        Column("source", pl.String, "Which source brought the track."),
        Column("score", pl.Float32, "The ranker's score."),
        Column("propensity", pl.Float32, "Probability that this track got this slot."),
        Column("is_fresh", pl.Boolean, "Whether the slot was kept for trial tracks."),
        Column("variant", pl.String, "The feed configuration that served it."),
        Column("team", pl.String, "The variation that placed it, where two share the page."),
    ),
    key=("request_id", "user_id", "track_id", "at"),
    day="at",
)

CANDIDATES = Table(
    "candidates",
    (
        Column("request_id", pl.String, "The page."),
        Column("at", TIME, "When the page was served, UTC."),
        _USER,
        _TRACK,
        Column("score", pl.Float32, "The ranker's score."),
        Column("position", pl.Int32, "The slot it got, or null."),
        Column("sources", pl.List(pl.String), "Every source that brought it."),
        Column("source_scores", pl.List(pl.Float32), "Each source's own score, in their order."),
        Column("feature_names", pl.List(pl.String), "Names of the values beside it."),
        Column("features", pl.List(pl.Float32), "The feature values as they were served."),
    ),
    key=("request_id", "track_id"),
    day="at",
)

EXPOSURES = Table(
    "exposures",
    (
        Column("request_id", pl.String, "The page."),
        Column("at", TIME, "When the page was served, UTC."),
        _USER,
        Column("experiment", pl.String, "Key of the experiment that the listener is in."),
        Column("variation", pl.String, "Key of the variation they got."),
        Column("differs", pl.Boolean, "Whether control would have served another page, or null."),
    ),
    key=("request_id", "experiment"),
    day="at",
)

TALLIES = Table(
    "tallies",
    (
        _USER,
        _TRACK,
        Column("plays", pl.Int64, "How often the listener played the track.", required=True),
    ),
    key=("user_id", "track_id"),
)

USER_TAGS = Table(
    "user_tags",
    (
        _USER,
        _TRACK,
        Column("tag", pl.String, "What the listener called the track.", required=True),
        Column("at", TIME, "When, where it is known."),
    ),
    key=("user_id", "track_id", "tag"),
)

TRACKS = Table(
    "tracks",
    (
        _TRACK,
        Column("creator_id", pl.String, "Who made it."),
        Column("title", pl.String, "Its title."),
        Column("artist", pl.String, "The creator's name as shown."),
        Column("album", pl.String, "The release it belongs to."),
        Column("genre", pl.String, "Its genre."),
        Column("origin", pl.String, "human, generated or assisted; `human` when absent."),
        Column("status", pl.String, "pending, trial, active, retired or blocked; `active`."),
        Column("explicit", pl.Boolean, "Whether it is explicit; false when absent."),
        Column("language", pl.String, "Language of its words, or `instrumental`."),
        Column("regions", pl.List(pl.String), "Where it may be heard; empty is everywhere."),
        Column("duration_ms", pl.Int32, "Its length, milliseconds."),
        Column("released_at", TIME, "When it came out, UTC."),
        Column("tags", pl.List(pl.String), "Tags; in CSV separated by `;`."),
        Column("audio_path", pl.String, "The recording, relative to the audio root."),
        Column("content_hash", pl.String, "SHA-256 of the recording's bytes."),
        Column("generator", pl.String, "What made it, for generated tracks."),
        Column("model", pl.String, "The generator's model."),
        Column("brief_id", pl.String, "The brief that asked for it."),
        Column("prompt", pl.String, "The words that asked for it."),
        Column("parents", pl.List(pl.String), "The tracks it is a remix of."),
        Column("metadata", pl.String, "Any other columns it came with, as one JSON object."),
    ),
    key=("track_id",),
)

_ALL = (EVENTS, IMPRESSIONS, CANDIDATES, EXPOSURES, TALLIES, USER_TAGS, TRACKS)

WAREHOUSE_TABLES: dict[str, Table] = {table.name: table for table in _ALL}

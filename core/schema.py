"""The operational store's tables: what must be true now.

Times are UTC milliseconds (`…_at` columns, BigInteger). Nothing here knows what the rows mean.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

SCHEMA_VERSION = 4
"""1 knew neither fingerprints nor near-duplicates, 2 nothing of supply, 3 nothing of experiments;
they are brought up to date when opened."""

metadata = sa.MetaData()


def _text(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.String, **options)


def _ms(name: str, **options: Any) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, **options)


schema_info = sa.Table("schema_info", metadata, sa.Column("version", sa.Integer, primary_key=True))

creators = sa.Table(
    "creators", metadata, _text("creator_id", primary_key=True), _text("name", nullable=False)
)

tracks = sa.Table(
    "tracks",
    metadata,
    _text("track_id", primary_key=True),
    _text("creator_id"),
    _text("title"),
    _text("artist"),
    _text("album"),
    _text("genre"),
    _text("origin", nullable=False, server_default="human"),
    _text("status", nullable=False, server_default="active"),
    sa.Column("explicit", sa.Boolean, nullable=False, server_default=sa.false()),
    _text("language"),
    sa.Column("regions", sa.JSON, nullable=False, default=list, server_default="[]"),
    sa.Column("duration_ms", sa.Integer),
    _ms("released_at"),
    sa.Column("tags", sa.JSON, nullable=False, default=list, server_default="[]"),
    _text("audio_path"),
    _text("content_hash"),
    _text("generator"),
    _text("model"),
    _text("brief_id"),
    _text("prompt"),
    sa.Column("parents", sa.JSON, nullable=False, default=list, server_default="[]"),
    _text("metadata", key="metadata_json"),
    _ms("updated_at", nullable=False, index=True),
)

fingerprints = sa.Table(
    "fingerprints",
    metadata,
    _text("track_id", primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

near_duplicates = sa.Table(
    "near_duplicates",
    metadata,
    _text("track_id", primary_key=True),
    _text("canonical_id", nullable=False, index=True),
    _ms("found_at", nullable=False),
)

users = sa.Table(
    "users",
    metadata,
    _text("user_id", primary_key=True),
    _text("ai_preference", nullable=False, server_default="all"),
    sa.Column("allow_explicit", sa.Boolean, nullable=False, server_default=sa.true()),
    _text("region"),
    _ms("updated_at", nullable=False),
)

follows = sa.Table(
    "follows",
    metadata,
    _text("user_id", primary_key=True),
    _text("creator_id", primary_key=True),
    _ms("at", nullable=False),
)

creator_blocks = sa.Table(
    "creator_blocks",
    metadata,
    _text("user_id", primary_key=True),
    _text("creator_id", primary_key=True),
    _ms("at", nullable=False),
)

events = sa.Table(
    "events",
    metadata,
    _text("event_id", primary_key=True),
    _text("user_id", nullable=False),
    _text("track_id", nullable=False),
    _text("action", nullable=False),
    _ms("at", nullable=False),
    _text("request_id"),
    sa.Column("position", sa.Integer),
    sa.Column("played_ms", sa.Integer),
    sa.Column("track_ms", sa.Integer),
    sa.Column("is_organic", sa.Boolean),
    _text("session_id"),
    _text("device"),
    _ms("received_at", nullable=False),
    _text("batch_id"),
    sa.Index("ix_events_user_at", "user_id", "at"),
    sa.Index("ix_events_batch", "batch_id", "received_at"),
)

tallies = sa.Table(
    "tallies",
    metadata,
    _text("user_id", primary_key=True),
    _text("track_id", primary_key=True),
    sa.Column("plays", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("finishes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("skips", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("liked", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("disliked", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("saved", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("hidden", sa.Boolean, nullable=False, server_default=sa.false()),
    _ms("opinion_at", nullable=False, server_default="0"),
    _ms("last_at", nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

requests = sa.Table(
    "requests",
    metadata,
    _text("request_id", primary_key=True),
    _text("user_id", nullable=False),
    _ms("at", nullable=False),
    _text("surface", nullable=False),
    _text("variant", nullable=False, server_default=""),
    sa.Column("degraded", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("artifacts", sa.JSON, nullable=False),
    sa.Column("drops", sa.JSON, nullable=False),
    sa.Column("slots", sa.JSON, nullable=False),
    sa.Column("candidates", sa.LargeBinary, nullable=False),
    sa.Column("exposures", sa.JSON(none_as_null=True)),
    _text("batch_id"),
    sa.Index("ix_requests_user_at", "user_id", "at"),
    sa.Index("ix_requests_batch", "batch_id", "at"),
)

warehouse_files = sa.Table(
    "warehouse_files",
    metadata,
    _text("path", primary_key=True),
    _text("table_name", nullable=False, index=True),
    _text("day", nullable=False),
    sa.Column("row_count", sa.BigInteger, nullable=False),
    _text("batch_id", nullable=False, index=True),
)

promotions = sa.Table(
    "promotions",
    metadata,
    sa.Column("promotion_id", sa.Integer, primary_key=True, autoincrement=True),
    _ms("at", nullable=False),
    sa.Column("versions", sa.JSON, nullable=False),
    sa.Column("previous_id", sa.Integer),
    _text("reason", nullable=False),
)

gaps = sa.Table(
    "gaps",
    metadata,
    _text("segment_id", primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),
    _ms("found_at", nullable=False),
    sa.Column("gap", sa.JSON, nullable=False),
)
"""The shortages found last, best worth filling first; a new search replaces them."""

briefs = sa.Table(
    "briefs",
    metadata,
    _text("brief_id", primary_key=True),
    _text("segment_id", nullable=False, index=True),
    _text("status", nullable=False, index=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("brief", sa.JSON, nullable=False),
    sa.Column("reference", sa.LargeBinary, nullable=False),
    _text("decided_by"),
    _text("note"),
    _ms("created_at", nullable=False),
    _ms("updated_at", nullable=False),
)

generation_tasks = sa.Table(
    "generation_tasks",
    metadata,
    _text("task_id", primary_key=True),
    _text("brief_id", index=True),
    sa.Column("number", sa.Integer, nullable=False),
    _text("generator", nullable=False),
    _text("status", nullable=False, index=True),
    sa.Column("tracks", sa.Integer, nullable=False),
    _text("external_id"),
    sa.Column("attempts", sa.Integer, nullable=False),
    _ms("due_at", nullable=False),
    _ms("deadline_at", nullable=False),
    _text("claimed_by"),
    _ms("claimed_until", nullable=False),
    sa.Column("cost", sa.Float, nullable=False),
    _text("reason"),
    _ms("created_at", nullable=False, index=True),
    _ms("updated_at", nullable=False),
    sa.UniqueConstraint("brief_id", "number"),
)
"""One order each; a delivery that nobody ordered has no brief. `tracks` and `cost` are what it
takes of the budget: an order that was never sent gives both back."""

deliveries = sa.Table(
    "deliveries",
    metadata,
    _text("task_id", primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    _text("track_id", nullable=False, unique=True),
    _text("content_hash", nullable=False),
    _ms("received_at", nullable=False),
)

verdicts = sa.Table(
    "verdicts",
    metadata,
    _text("track_id", primary_key=True),
    _text("brief_id"),
    _text("generator", nullable=False, index=True),
    sa.Column("passed", sa.Boolean, nullable=False),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.Column("measurements", sa.JSON, nullable=False),
    _ms("judged_at", nullable=False, index=True),
    sa.Column("overruled_passed", sa.Boolean),
    _text("overruled_by"),
    _text("overruled_note"),
    _ms("overruled_at"),
)

trials = sa.Table(
    "trials",
    metadata,
    _text("track_id", primary_key=True),
    _text("segment_id"),
    _text("status", nullable=False, index=True),
    sa.Column("prior_finishes", sa.Float, nullable=False),
    sa.Column("prior_skips", sa.Float, nullable=False),
    sa.Column("budget", sa.Integer, nullable=False),
    sa.Column("impressions", sa.Integer, nullable=False),
    sa.Column("finishes", sa.Integer, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
    _text("reason"),
    _ms("opened_at", nullable=False),
    _ms("decided_at"),
)

supply_switches = sa.Table(
    "supply_switches",
    metadata,
    _text("name", primary_key=True),
    sa.Column("stopped", sa.Boolean, nullable=False),
    _text("reason", nullable=False),
    _text("set_by", nullable=False),
    _ms("set_at", nullable=False),
)
"""What may not go on: `all` for every generation, or one generator by its name."""

experiments = sa.Table(
    "experiments",
    metadata,
    _text("key", primary_key=True),
    _text("status", nullable=False, index=True),
    sa.Column("revision", sa.Integer, nullable=False),
    _text("layer", nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("frame", sa.JSON, nullable=False),
    _ms("created_at", nullable=False),
    _ms("updated_at", nullable=False),
    _ms("started_at"),
    _ms("stopped_at"),
)

experiment_changes = sa.Table(
    "experiment_changes",
    metadata,
    sa.Column("change_id", sa.Integer, primary_key=True, autoincrement=True),
    _text("key", nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    _text("action", nullable=False),
    _ms("at", nullable=False),
    _text("who", nullable=False),
    _text("why", nullable=False),
    _text("status", nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.UniqueConstraint("key", "revision"),
)
"""Every change that was ever made of an experiment; rows are added and never altered."""

experiment_results = sa.Table(
    "experiment_results",
    metadata,
    _text("key", primary_key=True),
    _ms("analysed_at", nullable=False),
    sa.Column("document", sa.JSON, nullable=False),
)
"""What the newest analysis of each experiment said."""

sticky_assignments = sa.Table(
    "sticky_assignments",
    metadata,
    _text("attribute", primary_key=True),
    _text("value", primary_key=True),
    sa.Column("assignments", sa.JSON, nullable=False),
)
"""What listeners were assigned by experiments that keep them where they were."""

api_keys = sa.Table(
    "api_keys",
    metadata,
    _text("key_id", primary_key=True),
    _text("name", nullable=False, index=True),
    _text("sha256", nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    _ms("created_at", nullable=False),
    _ms("revoked_at"),
)
"""Who may call over HTTP, and what for. The secret itself is nowhere; `sha256` is of the whole key
as its owner holds it."""

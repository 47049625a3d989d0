"""Recorded interactions: once each, with a verdict each, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from core.database import Database, open_database, upsert
from core.events import DAY_MS, Interaction
from core.schema import events, follows, tallies, tracks
from core.tables import TIME
from ranking.listeners.record import IN_FUTURE, TOO_OLD, UNKNOWN_TRACK, record_interactions
from ranking.listeners.tallies import TALLY_SCHEMA, merge_tallies, tally

pytest_plugins = ["tests.support.postgres"]

NOW = 1_760_000_000_000


@pytest.fixture
def store(store_url: str) -> Iterator[Database]:
    database = open_database(store_url)
    rows = [
        {"track_id": "t1", "creator_id": "c1", "updated_at": 0},
        {"track_id": "t2", "creator_id": None, "updated_at": 0},
    ]
    with database.write() as connection:
        upsert(connection, tracks, rows)
    yield database
    database.close()


def told(event_id: str, action: str = "play", **more: Any) -> Interaction:
    values = {"event_id": event_id, "user_id": "u", "track_id": "t1", "action": action, "at": NOW}
    return Interaction.model_validate({**values, **more})


def rows_of(database: Database, table: sa.Table) -> list[dict[str, Any]]:
    query = sa.select(table).order_by(*table.primary_key)
    with database.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def test_each_interaction_gets_its_verdict_in_order(store: Database) -> None:
    batch = [
        told("a"),
        told("a"),
        told("b", track_id="nowhere"),
        told("c", at=NOW + DAY_MS + 1),
        told("d", at=NOW - 30 * DAY_MS - 1),
        told("e", at=NOW + DAY_MS),
        told("f", at=NOW - 30 * DAY_MS),
    ]
    verdicts = record_interactions(store, batch, NOW)
    assert [(v.event_id, v.status, v.reason) for v in verdicts] == [
        ("a", "accepted", ""),
        ("a", "duplicate", ""),
        ("b", "rejected", UNKNOWN_TRACK),
        ("c", "rejected", IN_FUTURE),
        ("d", "rejected", TOO_OLD),
        ("e", "accepted", ""),
        ("f", "accepted", ""),
    ]
    assert [row["event_id"] for row in rows_of(store, events)] == ["a", "e", "f"]
    assert rows_of(store, tallies)[0]["plays"] == 3


def test_delivered_again_nothing_changes(store: Database) -> None:
    batch = [told("a"), told("b", "like", at=NOW + 1), told("c", "follow")]
    record_interactions(store, batch, NOW)
    before = [rows_of(store, table) for table in (events, tallies, follows)]
    verdicts = record_interactions(store, batch, NOW + 5)
    assert {v.status for v in verdicts} == {"duplicate"}
    assert [rows_of(store, table) for table in (events, tallies, follows)] == before


def test_everything_a_client_says_is_kept(store: Database) -> None:
    more = {"request_id": "r", "position": 3, "played_ms": 9, "track_ms": 10, "is_organic": False}
    record_interactions(store, [told("a", **more, session_id="s", device="d")], NOW)
    row = rows_of(store, events)[0]
    assert {name: row[name] for name in more} == more
    assert (row["session_id"], row["device"], row["received_at"]) == ("s", "d", NOW)
    assert row["batch_id"] is None


def test_a_follow_follows_the_creator_once(store: Database) -> None:
    batch = [told("b", "follow", at=NOW), told("a", "follow", at=NOW - 5)]
    record_interactions(store, [*batch, told("c", "follow", track_id="t2")], NOW)
    assert rows_of(store, follows) == [{"user_id": "u", "creator_id": "c1", "at": NOW - 5}]


def test_late_opinions_do_not_overrule_newer_ones(store: Database) -> None:
    record_interactions(store, [told("a", "dislike", at=NOW)], NOW)
    record_interactions(store, [told("b", "like", at=NOW - 1)], NOW)
    row = rows_of(store, tallies)[0]
    assert (row["liked"], row["disliked"], row["opinion_at"]) == (False, True, NOW)
    record_interactions(
        store, [told("c", "like", at=NOW)], NOW
    )  # told later: of equal times it wins
    assert rows_of(store, tallies)[0]["liked"]


def test_nothing_to_record_is_no_work(store: Database) -> None:
    assert record_interactions(store, [], NOW) == ()
    verdicts = record_interactions(store, [told("a", track_id="nowhere")], NOW)
    assert verdicts[0].status == "rejected"
    assert rows_of(store, tallies) == []


def test_two_writers_of_the_same_events_count_them_once(store: Database) -> None:
    batch = [told(f"e{n}", user_id=f"u{n % 7}") for n in range(200)]
    verdicts: list[str] = []

    def record(order: int) -> None:
        done = record_interactions(store, batch[::order], NOW)
        verdicts.extend(verdict.status for verdict in done)

    writers = [threading.Thread(target=record, args=(order,)) for order in (1, -1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(verdicts) == ["accepted"] * 200 + ["duplicate"] * 200
    assert sum(row["plays"] for row in rows_of(store, tallies)) == 200


@pytest.mark.parametrize("n_rows", [50, 5_000])  # below and above where PostgreSQL copies in bulk
def test_merged_in_parts_tallies_are_those_of_the_whole(store: Database, n_rows: int) -> None:
    n = pl.int_range(n_rows, eager=True)
    actions = ["play", "like", "dislike", "finish", "save", "unlike", "hide", "skip", "undislike"]
    history = pl.DataFrame(
        {
            "user_id": "u" + (n * 7919 % (n_rows // 3)).cast(pl.String),
            "track_id": "t" + (n % 2).cast(pl.String),
            "action": (n * 31 % 9).map_elements(lambda i: actions[i], return_dtype=pl.String),
            "at": (NOW + n * 104_729 % 1000).cast(TIME),
        }
    )
    with store.write() as connection:
        for part in history.iter_slices(n_rows // 2):
            merge_tallies(connection, tally(part))
    expected = tally(history).sort("user_id", "track_id")
    stored = pl.DataFrame(rows_of(store, tallies), schema=TALLY_SCHEMA)
    assert stored.sort("user_id", "track_id").equals(expected)

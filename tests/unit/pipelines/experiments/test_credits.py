"""Credits of two variations that share a page, against a count by hand."""

from __future__ import annotations

import polars as pl

from pipelines.experiments.interleaved.credits import credits_of

KEY = ("user_id", "request_id", "track_id")


def frame(*rows: tuple[object, ...], team: bool = False) -> pl.DataFrame:
    names = (*KEY, "team") if team else KEY
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def test_credits_are_counted_by_listener_and_slot() -> None:
    slots = frame(
        ("ann", "r1", "t1", "old"),
        ("ann", "r1", "t2", "new"),
        ("ann", "r1", "t3", None),  # both wanted it
        ("ann", "r2", "t4", "new"),
        ("bob", "r3", "t1", "old"),
        ("bob", "r3", "t2", "new"),
        ("cat", "r4", "t9", None),  # shown nothing that tells
        team=True,
    )
    acted = frame(
        ("ann", "r1", "t2"),
        ("ann", "r1", "t2"),  # twice is once
        ("ann", "r1", "t3"),
        ("ann", "r2", "t4"),
        ("ann", "r3", "t1"),  # another listener's page
        ("bob", "r3", "t1"),
        ("bob", "r9", "t2"),  # a page that is not asked about
    )
    found = credits_of(slots, acted, ("old", "new"))
    assert found.user_ids == ("ann", "bob")
    assert found.first.tolist() == [0, 1]
    assert found.second.tolist() == [2, 0]


def test_without_actions_everybody_gave_nothing() -> None:
    slots = frame(("ann", "r1", "t1", "old"), team=True)
    found = credits_of(slots, frame(), ("old", "new"))
    assert (found.user_ids, found.first.tolist(), found.second.tolist()) == (("ann",), [0], [0])

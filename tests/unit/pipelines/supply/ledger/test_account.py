"""Whatever the ledger is split by, its parts make the whole, and the whole is what happened."""

from __future__ import annotations

from collections import Counter
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import ConfigError, DataError
from pipelines.supply.ledger.configuration import LedgerConfig, RevenueConfig
from pipelines.supply.ledger.kinds import NAMES, ONLY_GENERATED, UNKNOWN, kinds_of
from pipelines.supply.ledger.report import SUMS, Entry, split, total_of
from pipelines.supply.ledger.revenue import costs
from pipelines.supply.ledger.run import Account, Period, creators_of, drawn_up, listener_days
from tests.support.books import TRACK_MS, TRACKS, Event, at, books

NOBODY = pl.DataFrame(schema={"user_id": pl.String})
DAY_MS = 86_400_000
ACTIONS = {"play": "plays", "finish": "finishes", "like": "likes", "skip": "skips"}

TRACK_IDS = st.sampled_from([*TRACKS["track_id"], "stranger"])
USERS = st.sampled_from(["u1", "u2", "u3"])
MOMENTS = st.integers(0, 3 * DAY_MS - 1)
EVENTS = st.lists(
    st.tuples(
        USERS, TRACK_IDS, st.sampled_from([*ACTIONS, "unlike", "share"]), MOMENTS,
        st.one_of(st.none(), st.integers(0, TRACK_MS)),
    ),
    max_size=40,
)  # fmt: skip
SLOTS = st.lists(st.tuples(USERS, TRACK_IDS, MOMENTS), max_size=30)
ORDERS = st.lists(st.tuples(st.sampled_from("xy"), st.floats(0, 50), MOMENTS), max_size=10)
SOMETHING = st.just([("u1", "h1", "play", 0, TRACK_MS)])


def config(**revenue: object) -> LedgerConfig:
    return LedgerConfig(revenue=RevenueConfig.model_validate(revenue))


def account(
    events: list[Event],
    slots: list[tuple[str, str, int]] | None = None,
    orders: list[tuple[str, float, int]] | None = None,
    nobody: pl.DataFrame = NOBODY,
    period: Period = Period(),  # noqa: B008 - frozen
    **revenue: object,
) -> Account:
    told = books(events, slots or [], orders or [])
    return drawn_up(told, nobody, config(**revenue), period)


def sums(entry: object) -> dict[str, int]:
    return {name: getattr(entry, name) for name in SUMS}


def summed(entries: tuple[Entry, ...]) -> dict[str, int]:
    return {name: sum(getattr(one, name) for one in entries) for name in SUMS}


@settings(max_examples=25, deadline=None)
@given(events=st.tuples(SOMETHING, EVENTS), slots=SLOTS, orders=ORDERS, pool=st.floats(0, 9999))
def test_parts_make_the_whole(
    events: tuple[list[Event], list[Event]],
    slots: list[tuple[str, str, int]],
    orders: list[tuple[str, float, int]],
    pool: float,
) -> None:
    happened = [*events[0], *events[1]]
    found = account(happened, slots, orders, pool_per_day=pool)
    total = sums(total_of(found.entries))
    for by in (
        ("day",),
        ("origin",),
        ("tier",),
        ("generator",),
        ("day", "origin"),
        ("day", *NAMES),
    ):
        assert summed(split(found.entries, by)) == total
    counts = Counter(ACTIONS.get(action, "other") for _, _, action, _, _ in happened)
    assert {name: total[name] for name in ACTIONS.values()} == {
        name: counts[name] for name in ACTIONS.values()
    }
    assert total["slots"] == len(slots)
    assert total["heard_ms"] == sum(ms or 0 for _, _, action, _, ms in happened if action == "play")
    earning = {day for (day,) in found.paid.select("day").rows()}
    assert total["revenue_cents"] == round(pool * 100) * len(earning)
    assert creators_of(found)["revenue_cents"].sum() == total["revenue_cents"]
    assert creators_of(found)["qualified_ms"].sum() == total["qualified_ms"]
    by_day = Counter[int]()
    for _, cost, moment in orders:
        by_day[moment // DAY_MS] += round(cost * 1e6)
    assert total["cost_cents"] == sum(round(micros / 1e4) for micros in by_day.values())


@settings(max_examples=10, deadline=None)
@given(events=st.tuples(SOMETHING, EVENTS), slots=SLOTS, orders=ORDERS)
def test_a_day_reads_the_same_in_whatever_period_it_stands(
    events: tuple[list[Event], list[Event]],
    slots: list[tuple[str, str, int]],
    orders: list[tuple[str, float, int]],
) -> None:
    happened = [*events[0], *events[1]]
    first = date(2026, 1, 1)
    whole = account(happened, slots, orders, pool_per_day=12.34).entries
    days = [first.replace(day=number) for number in (1, 2, 3)]
    parts = [
        account(happened, slots, orders, period=Period(day, day), pool_per_day=12.34).entries
        for day in days
    ]
    assert pl.concat(parts).equals(whole)


@settings(max_examples=10, deadline=None)
@given(events=st.tuples(SOMETHING, EVENTS), slots=SLOTS)
def test_listeners_give_what_the_entries_hold(
    events: tuple[list[Event], list[Event]], slots: list[tuple[str, str, int]]
) -> None:
    happened = [*events[0], *events[1]]
    found = account(happened, slots)
    given_to, days = listener_days(found)
    total = total_of(found.entries)
    for name in ("slots", "heard_ms", "finishes"):
        assert given_to[name].sum() == getattr(total, name)
    seen = {(user, moment // DAY_MS) for user, _, moment in slots}
    seen |= {(u, moment // DAY_MS) for u, _, action, moment, _ in happened if action in ACTIONS}
    assert dict(days.rows()) == Counter(user for user, _ in seen)


@pytest.mark.parametrize(
    ("track", "track_ms", "played_ms", "earns"),
    [
        ("h1", None, 29_999, 0),
        ("h1", None, 30_000, 30_000),
        ("h1", None, None, 0),
        ("short", None, 19_999, 0),
        ("short", None, 20_000, 20_000),  # its whole length
        ("lone", None, 29_999, 0),  # nobody knows its length
        ("lone", None, 30_000, 30_000),
        ("h1", 10_000, 10_000, 10_000),  # the listener's own word on its length
    ],
)
def test_a_play_qualifies_from_half_a_minute_or_the_whole_track(
    track: str, track_ms: int | None, played_ms: int | None, earns: int
) -> None:
    told = books([("u", track, "play", 0, played_ms), ("u", track, "finish", 1, played_ms)])
    length = pl.lit(track_ms, pl.Int32).alias("track_ms")
    events = told.events.with_columns(length)
    told = type(told)(events, told.slots, told.timeless, told.orders, told.tracks)
    found = drawn_up(told, NOBODY, config(pool_per_day=1), Period())
    total = total_of(found.entries)
    assert (total.qualified_ms, total.revenue_cents) == (earns, 100 if earns else 0)
    assert total.heard_ms == (played_ms or 0)


def test_a_pool_is_shared_by_qualified_time() -> None:
    found = account(
        [
            ("u1", "h1", "play", at(0), 60_000),
            ("u2", "h3", "play", at(0), 30_000),
            ("u2", "h2", "play", at(0), 5_000),
            ("u1", "g1", "play", at(1), 40_000),
        ],
        pool_per_day=1.0,
    )
    paid = {(str(d), t): cents for d, t, _, cents in found.paid.rows()}
    assert paid == {
        ("2026-01-01", "h1"): 67, ("2026-01-01", "h3"): 33, ("2026-01-02", "g1"): 100,
    }  # fmt: skip
    earned = [(c, cents) for c, _, _, cents in creators_of(found).rows()]
    assert earned == [("generator:x", 100), ("star", 67), ("small", 33)]


def test_tiers_are_cut_by_the_plays_of_what_was_not_generated() -> None:
    plays = pl.DataFrame({"track_id": ["h1", "h3", "g2", "gone"], "plays": [60, 40, 900, 1]})
    kinds = {row["track_id"]: row for row in kinds_of(TRACKS, plays).iter_rows(named=True)}
    assert [kinds[name]["tier"] for name in ("h1", "h3", "g2", "a1")] == [
        "top", "middle", "middle", "top",
    ]  # fmt: skip
    assert kinds["g1"]["tier"] == ONLY_GENERATED
    assert kinds["lone"]["tier"] == UNKNOWN
    assert [kinds["gone"][name] for name in NAMES] == [UNKNOWN, UNKNOWN, ""]
    assert [kinds[name]["generator"] for name in ("h1", "g1", "g2")] == ["", "x", "y"]


def test_what_orders_cost_is_booked_on_their_day() -> None:
    orders = [("x", 0.004, at(0)), ("y", 0.004, at(0)), ("x", 0.004, at(0)), ("x", 2.5, at(1))]
    booked = costs(books([], orders=orders).orders, RevenueConfig())
    rows = [(str(day), name, cents) for day, name, cents in booked.rows()]
    assert rows == [("2026-01-01", "x", 1), ("2026-01-01", "y", 0), ("2026-01-02", "x", 250)]
    doubled = costs(books([], orders=orders).orders, RevenueConfig(cost_rate=2))
    assert doubled["cost_cents"].to_list() == [1, 1, 500]  # 2.4 cents are two
    found = account([], orders=orders)
    (one,) = split(found.entries, ("origin", "tier"))
    assert (one.origin, one.tier, one.cost_cents) == ("generated", ONLY_GENERATED, 251)


def test_who_is_nobody_is_left_out_of_everything() -> None:
    events: list[Event] = [("u1", "h1", "play", 0, 50_000), ("bot", "h2", "play", 0, 50_000)]
    slots = [("u1", "h1", 0), ("bot", "h2", 0)]
    found = account(events, slots, nobody=pl.DataFrame({"user_id": ["bot"]}), pool_per_day=1)
    total = total_of(found.entries)
    assert (total.plays, total.slots, total.revenue_cents) == (1, 1, 100)
    assert found.paid["track_id"].to_list() == ["h1"]
    assert listener_days(found)[1].rows() == [("u1", 1)]


def test_a_period_without_anything_is_nought_and_without_books_an_error() -> None:
    march = Period(date(2026, 3, 1), date(2026, 3, 2))
    found = account([("u1", "h1", "play", 0, 50_000)], period=march, pool_per_day=1)
    assert set(sums(total_of(found.entries)).values()) == {0}
    assert (found.period.n_days, found.entries.height) == (2, 0)
    with pytest.raises(DataError, match="nothing to count"):
        account([])
    with pytest.raises(ConfigError, match="before it begins"):
        Period(date(2026, 3, 2), date(2026, 3, 1))


@pytest.mark.parametrize(
    "bad",
    [
        {"pool_per_day": -1}, {"pool_per_day": float("nan")}, {"pool_per_day": float("inf")},
        {"qualified_ms": -1}, {"cost_rate": -0.5}, {"per_play": 1},
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RevenueConfig.model_validate(bad)

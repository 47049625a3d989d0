"""The ledger: reads the books, leaves out who is nobody, adds up, shares out, compares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from core.errors import ConfigError, DataError
from core.workspace import Workspace
from pipelines.job import Progress
from pipelines.supply.ledger.books import Books, open_books
from pipelines.supply.ledger.configuration import LedgerConfig
from pipelines.supply.ledger.displacement import Displacement, displacement
from pipelines.supply.ledger.kinds import GENERATED, MADE, NAMES, ONLY_GENERATED, kinds_of
from pipelines.supply.ledger.report import SUMS, LedgerReport, Payout, split, total_of
from pipelines.supply.ledger.revenue import costs, payouts, pool_cents
from pipelines.supply.ledger.sums import DAY_TRACK, HEARD, added_up, facts, listening, shown
from pipelines.traffic import TrafficConfig, runaways
from ranking.supply.holdout import GeneratedConfig, held_out

STEPS = 5


@dataclass(frozen=True, slots=True)
class Period:
    """Some days in a row (UTC).

    Args:
        since: The first; None is the first of the books.
        until: The last; None is the last of the books.

    Raises:
        ConfigError: If the last lies before the first.
    """

    since: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        if self.since and self.until and self.until < self.since:
            raise ConfigError(
                f"the ledger cannot end on {self.until}, before it begins on {self.since}; "
                "exchange --since and --until"
            )

    @property
    def holds(self) -> pl.Expr:
        """Whether a row's `day` is among them."""
        first = pl.lit(self.since or date.min)
        return pl.col("day").is_between(first, pl.lit(self.until or date.max))

    @property
    def n_days(self) -> int:
        """How many; only of a period whose ends are both known."""
        if self.since is None or self.until is None:
            raise ValueError("the period has an open end")
        return (self.until - self.since).days + 1


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """What was counted, without runaways.

    Args:
        facts: Of the period, as `facts` returns them.
        kinds: As `kinds_of` returns them.
        entries: day, the names of `NAMES`, and `SUMS`.
        paid: day, track_id, qualified_ms, revenue_cents.
        period: The days, both ends known.
    """

    facts: pl.DataFrame
    kinds: pl.DataFrame
    entries: pl.DataFrame
    paid: pl.DataFrame
    period: Period


def balance(
    workspace: Workspace,
    config: LedgerConfig,
    traffic: TrafficConfig,
    holdout: GeneratedConfig,
    period: Period,
    progress: Progress,
) -> LedgerReport:
    """Draw up the ledger of some days.

    Who is a runaway and which tier a creator is of is told by everything that is known, so that
    a day reads the same in whatever period it stands.

    Args:
        workspace: Whose.
        config: The rules.
        traffic: Which listeners are nobody.
        holdout: Who never gets generated tracks.
        period: Which days.
        progress: Told of the steps.

    Raises:
        DataError: If there is nothing to count.
    """
    told = progress.counter("drawing up the ledger")
    books = open_books(workspace)
    told(1, STEPS)
    nobody = runaways(books.events, traffic)
    told(2, STEPS)
    account = drawn_up(books, nobody, config, period)
    told(3, STEPS)
    given, days = listener_days(account)
    out = {user: held_out(user, holdout) for user in days["user_id"]}
    told(4, STEPS)
    compared = displacement(given, days, out, config.displacement)
    told(STEPS, STEPS)
    return _report(account, compared, days.height, nobody.height, config)


def drawn_up(books: Books, nobody: pl.DataFrame, config: LedgerConfig, period: Period) -> Account:
    """Add up what happened by day, origin, tier and generator.

    Args:
        books: Everything that happened.
        nobody: Listeners (column user_id) who are left out.
        config: The rule of revenue.
        period: Which days.

    Raises:
        DataError: If there is nothing to count.
    """
    left_out = nobody.lazy().select("user_id")
    people = books.events.join(left_out, on="user_id", how="anti")
    listens = listening(people, books.tracks, config.revenue.qualified_ms)
    slots = shown(books.slots.join(left_out, on="user_id", how="anti"))
    counted = facts(listens, slots)
    daily = added_up(counted, DAY_TRACK, ("slots", *HEARD))
    spent = costs(books.orders, config.revenue)
    days = pl.concat([daily.select("day"), spent.select("day")])
    if not days.height:
        raise DataError(
            "the ledger has nothing to count: nobody was shown or heard anything and nothing was "
            "ordered; import events or serve some feeds first"
        )
    kinds = kinds_of(books.tracks, _plays(daily, books.timeless))
    known = Period(period.since or _first(days, period), period.until or _last(days, period))
    inside, spent = daily.filter(known.holds), spent.filter(known.holds)
    paid = payouts(inside, config.revenue)
    entries = _entries(inside, spent, paid, kinds)
    return Account(counted.filter(known.holds), kinds, entries, paid, known)


def _first(days: pl.DataFrame, period: Period) -> date:
    first = days["day"].min()
    assert isinstance(first, date)
    return min(first, period.until) if period.until else first


def _last(days: pl.DataFrame, period: Period) -> date:
    last = days["day"].max()
    assert isinstance(last, date)
    return max(last, period.since) if period.since else last


def _plays(daily: pl.DataFrame, timeless: pl.DataFrame) -> pl.DataFrame:
    """Return track_id, plays of every track that was heard or shown."""
    plays = pl.col("plays").cast(pl.Int64)
    parts = [part.select("track_id", plays) for part in (daily, timeless)]
    return pl.concat(parts).group_by("track_id").agg(pl.col("plays").sum())


def _entries(
    daily: pl.DataFrame, spent: pl.DataFrame, paid: pl.DataFrame, kinds: pl.DataFrame
) -> pl.DataFrame:
    """Return what every kind of tracks came to on each day, in order."""
    by = ["day", *NAMES]
    earned = paid.select(*DAY_TRACK, "revenue_cents")
    names = kinds.select(NAMES).unique().with_row_index("kind")
    kind = kinds.join(names, on=NAMES).select("track_id", "kind")
    added = [
        added_up(part.lazy().join(kind.lazy(), on="track_id"), ["day", "kind"], columns)
        for part, columns in ((daily, ("slots", *HEARD)), (earned, ("revenue_cents",)))
    ]
    of_tracks = pl.concat(added, how="diagonal").join(names, on="kind").drop("kind")
    ordered = spent.with_columns(origin=pl.lit(GENERATED), tier=pl.lit(ONLY_GENERATED))
    rows = pl.concat([of_tracks, ordered], how="diagonal")
    sums = [pl.col(name).fill_null(0).sum() for name in SUMS]
    return rows.group_by(by).agg(sums).sort(by)


def listener_days(account: Account) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what each listener gave to whom, and on how many days they were there.

    Returns:
        (user_id, origin, tier, slots, heard_ms, finishes), (user_id, days).
    """
    names = account.kinds.select("origin", "tier").unique().sort("origin", "tier")
    names = names.with_row_index("kind")
    kinds = account.kinds.join(names, on=["origin", "tier"]).select("track_id", "kind")
    kinds = kinds.with_columns(pl.col("track_id").cast(pl.Categorical))
    measured = ("slots", "heard_ms", "finishes")
    told = account.facts.lazy().select("user_id", "track_id", *measured)
    given = added_up(told.join(kinds.lazy(), on="track_id"), ["user_id", "kind"], measured)
    days = account.facts.lazy().group_by("user_id").agg(days=pl.col("day").n_unique())
    counted = days.with_columns(pl.col("user_id").cast(pl.String)).sort("user_id")
    return given.join(names, on="kind", how="left").drop("kind"), counted.collect()


def creators_of(account: Account) -> pl.DataFrame:
    """Return what each creator earned, the most first: creator_id, tier and two sums."""
    of_tracks = account.paid.join(account.kinds.select(MADE), on="track_id", how="left")
    sums = pl.col("qualified_ms", "revenue_cents").sum()
    total = of_tracks.group_by("creator_id", "tier").agg(sums)
    order = ["revenue_cents", "qualified_ms", "creator_id", "tier"]
    return total.sort(order, descending=[True, True, False, False])


def _report(
    account: Account,
    compared: Displacement,
    listeners: int,
    runaways_left_out: int,
    config: LedgerConfig,
) -> LedgerReport:
    entries, period = account.entries, account.period
    return LedgerReport(
        since=str(period.since),
        until=str(period.until),
        total=total_of(entries),
        pool_cents=pool_cents(config.revenue) * period.n_days,
        listeners=listeners,
        runaways_left_out=runaways_left_out,
        by_day=split(entries, ("day", "origin")),
        by_origin=split(entries, ("origin",)),
        by_tier=split(entries, ("tier",)),
        by_generator=split(entries, ("generator",)),
        entries=split(entries, ("day", *NAMES)),
        creators=tuple(
            Payout.model_validate(row)
            for row in creators_of(account).head(config.creators).iter_rows(named=True)
        ),
        displacement=compared,
    )

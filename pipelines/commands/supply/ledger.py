"""`segue supply ledger`: who got slots, hours and money, what it cost, and who was displaced."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from pipelines.commands.options import AsJson
from pipelines.commands.session import session_of

Since = Annotated[
    str | None, typer.Option(metavar="DAY", help="First day, YYYY-MM-DD, UTC. [default: the first]")
]
Until = Annotated[
    str | None, typer.Option(metavar="DAY", help="Last day, YYYY-MM-DD, UTC. [default: the last]")
]


def ledger(
    context: typer.Context, since: Since = None, until: Until = None, as_json: AsJson = False
) -> None:
    """Add up slots, hours, likes and money by origin, tier and generator, and who was displaced."""
    from pipelines.supply.ledger.run import Period, balance

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    period = Period(_day(since, "--since"), _day(until, "--until"))
    with session.workspace(settings) as workspace, session.progress("supply ledger") as progress:
        report = balance(
            workspace,
            settings.supply.ledger,
            settings.train.traffic,
            settings.feed.generated,
            period,
            progress,
        )
    session.show(report if session.as_json else report.brief(), "supply ledger")


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {text!r} is not a day like 2026-01-31") from error

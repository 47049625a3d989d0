"""`segue supply stop` and `segue supply resume`: the kill switch."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands.options import AsJson
from pipelines.commands.session import now_ms, session_of
from pipelines.commands.supply.desk import Who, myself

EVERYTHING = "all"
Which = Annotated[
    str, typer.Argument(help="A generator; `all` stops every order, whatever else is said.")
]
Why = Annotated[str, typer.Option("--reason", help="Why; kept with the switch.")]


def stop(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", help="Why.", show_default=False)],
    generator: Which = EVERYTHING,
    by: Who = "",
    as_json: AsJson = False,
) -> None:
    """Send no more orders; what was sent is still fetched."""
    _set(context, generator, stopped=True, reason=reason, who=by, as_json=as_json)


def resume(
    context: typer.Context,
    generator: Which = EVERYTHING,
    reason: Why = "resumed by hand",
    by: Who = "",
    as_json: AsJson = False,
) -> None:
    """Send orders again."""
    _set(context, generator, stopped=False, reason=reason, who=by, as_json=as_json)


def _set(
    context: typer.Context, name: str, *, stopped: bool, reason: str, who: str, as_json: bool
) -> None:
    from pipelines.supply.ordering.reports import SwitchReport
    from ranking.supply.switches import GENERATORS, list_switches, set_switch

    if name not in (EVERYTHING, *GENERATORS):
        raise typer.BadParameter(
            f"{name!r} is no generator; choose of all, {', '.join(GENERATORS)}"
        )
    session = session_of(context, as_json=as_json)
    with session.workspace(session.settings()) as workspace:
        set_switch(
            workspace.database,
            name,
            stopped=stopped,
            reason=reason,
            who=who or myself(),
            now_ms=now_ms(),
        )
        report = SwitchReport.of(list_switches(workspace.database))
    session.show(report, "switches")

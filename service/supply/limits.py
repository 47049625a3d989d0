"""What holds the loop back, over HTTP: the switches and the day's budget."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from ranking.supply.budget import spent_today
from ranking.supply.switches import known_names, list_switches, set_switch
from service.dependencies import Context
from service.supply.refusals import unknown
from service.supply.schemas import Amount, BudgetAnswer, SwitchAnswer, SwitchesAnswer


def show_switches(context: Context) -> SwitchesAnswer:
    """Return every switch that was ever set."""
    found = list_switches(context.workspace.database)
    return SwitchesAnswer(switches=[SwitchAnswer(**asdict(one)) for one in found])


def throw_switch(
    context: Context, name: str, *, stopped: bool, reason: str, who: str, now_ms: int
) -> SwitchAnswer:
    """Stop or resume orders; what stands so already stays as it is.

    Raises:
        ProblemError: 404 where nothing of that name can be stopped.
    """
    database = context.workspace.database
    with database.read() as connection:
        names = known_names(connection)
    if name not in names:
        raise unknown("switch", name, f"choose of {', '.join(names)}")
    thrown = set_switch(database, name, stopped=stopped, reason=reason, who=who, now_ms=now_ms)
    return SwitchAnswer(**asdict(thrown))


def show_budget(context: Context, now_ms: int) -> BudgetAnswer:
    """Return what was ordered today and what still may be."""
    config = context.supply.budget
    with context.workspace.database.read() as connection:
        spent = spent_today(connection, now_ms)
    return BudgetAnswer(
        day=datetime.fromtimestamp(now_ms / 1000, UTC).date().isoformat(),
        auto_approve=config.auto_approve,
        limit=Amount(tracks=config.tracks_per_day, cost=config.cost_per_day),
        spent=Amount(tracks=spent.tracks, cost=spent.cost),
        left=Amount(
            tracks=max(0, config.tracks_per_day - spent.tracks),
            cost=max(0.0, config.cost_per_day - spent.cost),
        ),
    )

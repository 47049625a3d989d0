"""`segue experiment power|selftest`: what an experiment needs, and which metrics may be trusted."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands.experiments.analysis import Method, MetricsFile
from pipelines.commands.options import AsJson, Seed, amended
from pipelines.commands.session import session_of

Names = Annotated[
    list[str] | None,
    typer.Option("--metric", metavar="NAME", help="Only this metric; may be given often."),
]
Days = Annotated[int | None, typer.Option(help="The last days measured. [default: 14]")]


def power(
    context: typer.Context,
    effect: Annotated[
        float | None, typer.Option(help="Smallest relative change worth finding. [default: 0.02]")
    ] = None,
    days: Days = None,
    variations: Annotated[int | None, typer.Option(help="With the control. [default: 2]")] = None,
    share: Annotated[
        float | None, typer.Option(help="Share of listeners that enters. [default: 1]")
    ] = None,
    alpha: Annotated[float | None, typer.Option(help="False alarms. [default: 0.05]")] = None,
    chance: Annotated[
        float | None, typer.Option("--power", help="Chance to find the effect. [default: 0.8]")
    ] = None,
    method: Method = None,
    looks: Annotated[
        int | None, typer.Option(help="Planned looks of group_sequential. [default: 5]")
    ] = None,
    metrics: MetricsFile = None,
    metric: Names = None,
    as_json: AsJson = False,
) -> None:
    """Reckon from the team's own past how many listeners and days an experiment needs."""
    from pipelines.experiments.planning.past import open_past
    from pipelines.experiments.planning.power import Plan, plan_power

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    plan = amended(
        Plan(),
        effect=effect,
        days=days,
        variations=variations,
        share=share,
        alpha=alpha,
        power=chance,
        method=None if method is None else method.value,
        looks=looks,
    )
    config = amended(settings.experiments, metrics=metrics)
    traffic = settings.train.traffic
    with (
        session.workspace(settings) as workspace,
        open_past(
            workspace.warehouse, config, traffic, days=plan.days, names=tuple(metric or ())
        ) as past,
    ):
        found = plan_power(past, plan)
    session.show(found, "experiment power")


def selftest(
    context: typer.Context,
    replays: Annotated[int | None, typer.Option(help="Random splits. [default: 1000]")] = None,
    lift: Annotated[
        float | None, typer.Option(help="Planted to measure coverage. [default: 0.05]")
    ] = None,
    alpha: Annotated[float | None, typer.Option(help="False alarms. [default: 0.05]")] = None,
    days: Days = None,
    seed: Seed = None,
    metrics: MetricsFile = None,
    metric: Names = None,
    as_json: AsJson = False,
) -> None:
    """Split the team's own logs at random and count false alarms and missed truths by metric."""
    from pipelines.experiments.planning.past import open_past
    from pipelines.experiments.planning.selftest import SelfTestConfig, self_test

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    asked = amended(SelfTestConfig(), replays=replays, lift=lift, alpha=alpha, days=days, seed=seed)
    config = amended(settings.experiments, metrics=metrics)
    traffic = settings.train.traffic
    with (
        session.workspace(settings) as workspace,
        open_past(
            workspace.warehouse, config, traffic, days=asked.days, names=tuple(metric or ())
        ) as past,
        session.progress("experiment selftest") as progress,
    ):
        found = self_test(past, asked, progress)
    session.show(found, "experiment selftest")
    if not session.as_json:
        named = ", ".join(found.outside) or "none"
        session.say(f"Outside of what is claimed: {named}.")

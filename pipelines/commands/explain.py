"""`segue explain`: why a track is, or is not, on a listener's page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from pipelines.commands.options import AsJson
from pipelines.commands.session import session_of

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.explain import TrackExplanation

User = Annotated[str, typer.Option("--user", help="The listener.", show_default=False)]
Track = Annotated[str, typer.Option("--track", help="The track.", show_default=False)]
Top = Annotated[int, typer.Option(min=1, help="Features shown of each outcome, at most.")]


def explain(
    context: typer.Context, user: User, track: Track, top: Top = 12, as_json: AsJson = False
) -> None:
    """Say what each source, filter, feature and rule of the live feed makes of one track."""
    from pipelines.commands.preview import latest_moment
    from pipelines.explain import explain_track

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    with session.workspace(settings) as workspace:
        report = explain_track(
            workspace,
            settings.feed,
            user_id=user,
            track_id=track,
            now_ms=latest_moment(workspace),
            top=top,
        )
    if session.as_json:
        session.show(report, "explain")
    else:
        _print(session.out, report)


def _print(out: Console, report: TrackExplanation) -> None:
    out.print(f"[bold]{escape(report.title or report.track_id)}[/] for {escape(report.user_id)}")
    out.print(f"{escape(report.verdict)}\n")
    out.print(_stages(report))
    for outcome in report.outcomes:
        predicted = "" if outcome.predicted is None else f", probability {outcome.predicted:.3f}"
        table = Table(
            "feature",
            "value",
            "adds",
            title=f"{outcome.outcome}: {outcome.base:+.3f} and what follows = "
            f"{outcome.raw:+.3f}{predicted}",
            title_justify="left",
        )
        for share in outcome.shares:
            value = "-" if share.value is None else f"{share.value:,.4g}"
            table.add_row(escape(share.feature), value, f"{share.adds:+.3f}")
        out.print(table)


def _stages(report: TrackExplanation) -> Table:
    table = Table("stage", "verdict")
    for source in report.sources:
        place = "not offered" if source.rank is None else f"rank {source.rank + 1}"
        score = "" if source.score is None else f", score {source.score:.4g}"
        table.add_row(f"source {source.source}", f"{place} of {source.offered}{score}")
    for name, why in report.failed.items():
        table.add_row(escape(name), f"failed: {escape(why)}")
    for verdict in report.filters:
        table.add_row(f"filter {verdict.filter}", "allows" if verdict.allows else "refuses")
    table.add_row("ranker", f"score {report.score:.4g}, rank {report.rank + 1} of {report.ranked}")
    slot = "not on the page"
    if report.position is not None:
        slot = f"slot {report.position}, propensity {report.propensity:.3g}, {report.reason}"
    table.add_row("policy", escape(slot))
    return table

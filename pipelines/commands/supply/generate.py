"""`segue supply generate`: order what was approved, and fetch what is ready."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands.options import AsJson
from pipelines.commands.session import now_ms, session_of

Wait = Annotated[
    float,
    typer.Option("--wait", min=0, help="Go on for so many seconds, or until nothing is open."),
]


def generate(context: typer.Context, wait: Wait = 0.0, as_json: AsJson = False) -> None:
    """Plan, send and fetch once; a call that was killed is simply made again."""
    import os
    import time

    from pipelines.supply.ordering.roster import open_roster
    from pipelines.supply.ordering.turn import take_turns
    from pipelines.supply.ordering.workshop import Workshop

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    roster = open_roster(settings.supply, os.environ)
    with session.workspace(settings) as workspace:
        shop = Workshop(workspace, settings.supply, roster, now_ms)
        report = take_turns(shop, wait, time.sleep)
    session.show(report, "generate")

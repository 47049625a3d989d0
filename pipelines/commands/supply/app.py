"""`segue supply`: what runs short is found, ordered, judged and tried."""

from __future__ import annotations

import typer

from pipelines.commands.supply import gate

app = typer.Typer(no_args_is_help=True, help="Find what runs short, order, judge and try it.")


@app.callback()
def supply() -> None:
    """Find what runs short, order, judge and try it."""


app.command()(gate.gate)
app.command()(gate.verdicts)
app.command()(gate.overrule)

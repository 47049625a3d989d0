"""`segue supply`: the commands that are there."""

from __future__ import annotations

import typer

from pipelines.commands.supply import briefs, decisions, gate, generate, ledger, loop, switches

app = typer.Typer(no_args_is_help=True, help="Find what runs short, order, judge and try it.")
app.add_typer(briefs.app, name="briefs")
app.add_typer(briefs.one, name="brief")
app.command()(loop.gaps)
app.command()(decisions.approve)
app.command()(decisions.reject)
app.command()(switches.stop)
app.command()(switches.resume)
app.command()(generate.generate)
app.command()(gate.gate)
app.command()(gate.verdicts)
app.command()(gate.overrule)
app.command()(loop.trials)
app.command()(loop.run)
app.command()(ledger.ledger)


@app.callback()
def supply() -> None:
    """Find what runs short, order, judge and try it."""

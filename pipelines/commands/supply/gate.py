"""`segue supply gate`, `verdicts` and `overrule`: new tracks are judged, people say otherwise."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from pipelines.commands.options import AsJson
from pipelines.commands.session import now_ms, session_of

Again = Annotated[
    bool, typer.Option("--again", help="Also judge anew what the gate judged before.")
]
ShowRecord = Annotated[
    bool, typer.Option("--report", help="Judge nothing; show what each generator's tracks came to.")
]
GateSeed = Annotated[
    int, typer.Option("--seed", min=0, help="Decides which tracks new ones are compared with.")
]
Generator = Annotated[str | None, typer.Option(help="Only of what this generator made.")]
Brief = Annotated[str | None, typer.Option(help="Only of what was made for this brief.")]
Passed = Annotated[
    bool | None,
    typer.Option("--passed/--rejected", help="Only those that stand so. [default: all]"),
]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the latest first.")]
TrackId = Annotated[str, typer.Argument(help="Whose verdict.", show_default=False)]
Pass = Annotated[
    bool, typer.Option("--pass/--reject", help="What you say instead.", show_default=False)
]
Note = Annotated[str, typer.Option(help="Why; kept with the verdict.", show_default=False)]
Who = Annotated[str | None, typer.Option("--by", help="Who says so. [default: your login]")]


def gate(
    context: typer.Context,
    again: Again = False,
    report: ShowRecord = False,
    seed: GateSeed = 0,
    as_json: AsJson = False,
) -> None:
    """Judge every recording that waits, and send what passes on trial."""
    from pipelines.supply.gate.report import gate_record
    from pipelines.supply.gate.run import run_gate

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    with session.workspace(settings) as workspace, session.progress("supply gate") as progress:
        if report:
            session.show(gate_record(workspace, settings.supply.gate.pause), "supply gate")
            return
        done = run_gate(
            workspace,
            settings.supply.gate,
            seed=seed,
            now_ms=now_ms(),
            progress=progress,
            again=again,
            duplicates=settings.embeddings.duplicates,
        )
    session.show(done, "supply gate")


def verdicts(
    context: typer.Context,
    generator: Generator = None,
    brief: Brief = None,
    passed: Passed = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List what the gate found of each track, and what a person said instead."""
    from pipelines.supply.gate.listing import listed_verdicts

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    with session.workspace(settings) as workspace:
        found = listed_verdicts(
            workspace, generator=generator, brief_id=brief, passed=passed, limit=limit
        )
    session.show(found if session.as_json else found.brief(), "supply verdicts")


def overrule(
    context: typer.Context,
    track: TrackId,
    passed: Pass,
    note: Note,
    by: Who = None,
    as_json: AsJson = False,
) -> None:
    """Put your word over the gate's: the track's status follows at once."""
    from pipelines.supply.gate.listing import VerdictLine
    from pipelines.supply.gate.run import serve_overruled
    from ranking.supply.verdicts import overrule as put_over

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    moment = now_ms()
    with session.workspace(settings) as workspace:
        with workspace.database.write() as connection:
            verdict = put_over(
                connection,
                track,
                passed=passed,
                by=by or getpass.getuser(),
                note=note,
                now_ms=moment,
            )
        serve_overruled(workspace, settings.supply.gate, track, now_ms=moment)
    session.show(VerdictLine.of(verdict), "supply overrule")

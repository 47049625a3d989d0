"""`segue world …`: a built-in world of composed tracks and listeners with tastes."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands.options import AsJson, Seed, amended
from pipelines.commands.session import session_of

app = typer.Typer(no_args_is_help=True, help="A built-in world: composed tracks, listeners.")

Tracks = Annotated[int | None, typer.Option(help="How many tracks. [default: 400]")]
Listeners = Annotated[int | None, typer.Option(help="How many listeners. [default: 2000]")]
Days = Annotated[int | None, typer.Option(help="Days of history. [default: 30]")]
RemixShare = Annotated[
    float | None, typer.Option(help="Share of the tracks that are remixes. [default: 0.05]")
]
Starve = Annotated[
    str | None,
    typer.Option(
        metavar="STYLE,STYLE", help="Styles most of whose tracks were never made. [default: none]"
    ),
]
PlayDays = Annotated[int | None, typer.Option("--days", help="Days to play. [default: 2]")]
Share = Annotated[
    float | None,
    typer.Option(help="Share of listeners who get the popularity feed. [default: 0.3]"),
]
Players = Annotated[
    int | None, typer.Option("--listeners", help="How many listeners take part. [default: 300]")
]


@app.command()
def create(
    context: typer.Context,
    tracks: Tracks = None,
    listeners: Listeners = None,
    days: Days = None,
    remix_share: RemixShare = None,
    starve: Starve = None,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Compose and render tracks and let listeners live with them; same seed, same world."""
    from pipelines.world.create import create_world

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    config = amended(
        settings.world.create,
        tracks=tracks,
        listeners=listeners,
        days=days,
        remix_share=remix_share,
        starve=None if starve is None else [name.strip() for name in starve.split(",")],
        seed=seed,
    )
    with session.workspace(settings) as workspace, session.progress("world create") as progress:
        report = create_world(workspace, config, progress)
    session.show(report, "world create")


@app.command()
def play(
    context: typer.Context,
    days: PlayDays = None,
    control_share: Share = None,
    listeners: Players = None,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Let the listeners use the live engine for more days, beside a popularity feed."""
    from pipelines.world.play import play_world

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    config = amended(
        settings.world.play,
        days=days,
        control_share=control_share,
        play_listeners=listeners,
        seed=seed,
    )
    with session.workspace(settings) as workspace, session.progress("world play") as progress:
        report = play_world(workspace, config, settings.feed, progress)
    session.show(report, "world play")

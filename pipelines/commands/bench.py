"""`segue bench …`: how fast this machine does what Segue does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.options import AsJson, Seed, amended
from pipelines.commands.session import session_of

app = typer.Typer(no_args_is_help=True, help="How fast this machine is, stage by stage.")

From = Annotated[
    Path | None,
    typer.Option(
        "--from",
        exists=True,
        file_okay=False,
        readable=True,
        help="Recordings to read. [default: rendered ones]",
    ),
]
Tracks = Annotated[int | None, typer.Option(help="How many recordings. [default: 16]")]
Rounds = Annotated[int | None, typer.Option(help="How many rounds. [default: 5]")]
Threads = Annotated[int | None, typer.Option(help="Workers. [default: one a core]")]


@app.callback()
def bench() -> None:
    """Keep `embed` a command of its own, though it is the only one so far."""


@app.command()
def embed(
    context: typer.Context,
    source: From = None,
    tracks: Tracks = None,
    rounds: Rounds = None,
    threads: Threads = None,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Measure decode, mel, encoder and all together, in seconds of audio a second."""
    from pipelines.bench.embed import EmbedBenchConfig, bench_embed

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    config = amended(EmbedBenchConfig(), tracks=tracks, rounds=rounds, threads=threads, seed=seed)
    with session.workspace(settings) as workspace, session.progress("bench embed") as progress:
        report = bench_embed(
            workspace, settings.embeddings.audio.encoder, config, progress, folder=source
        )
    session.show(report, "bench embed")

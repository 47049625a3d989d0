"""`segue import …`: bring listening logs, tracks, impressions and recordings in."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.options import AsJson, Files, Folder, parse_pairs
from pipelines.commands.session import Session, now_ms, session_of

if TYPE_CHECKING:
    from pipelines.importers.options import FileOptions
    from pipelines.job import Report

app = typer.Typer(no_args_is_help=True, help="Bring listening logs, tracks and recordings in.")


class TimeUnit(StrEnum):
    """How a file writes its times."""

    S = "s"
    MS = "ms"
    ISO = "iso"


Columns = Annotated[
    str,
    typer.Option(
        help="Foreign column names, ours=theirs: track_id=video_id,at=time_ms.",
        show_default=False,
    ),
]
Unit = Annotated[
    TimeUnit | None,
    typer.Option(help="How times are written. [default: by the column's type; numbers as ms]"),
]
Metadata = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="A CSV whose track_id is a file's stem; its other columns describe the track.",
    ),
]


@app.command("lastfm-hetrec")
def lastfm_hetrec(context: typer.Context, folder: Folder, as_json: AsJson = False) -> None:
    """Import HetRec 2011 Last.fm: artists become tracks, weights become play counts."""
    from pipelines.importers.lastfm_hetrec import import_lastfm_hetrec

    session = session_of(context, as_json=as_json)
    _run(session, "lastfm-hetrec", partial(import_lastfm_hetrec, folder=folder, now_ms=now_ms()))


@app.command()
def yambda(context: typer.Context, folder: Folder, as_json: AsJson = False) -> None:
    """Import the flat Yambda layout: listens.parquet and the like and dislike files."""
    from pipelines.importers.yambda import import_yambda

    session = session_of(context, as_json=as_json)
    _run(session, "yambda", partial(import_yambda, folder=folder, now_ms=now_ms()))


@app.command()
def events(
    context: typer.Context,
    files: Files,
    columns: Columns = "",
    time_unit: Unit = None,
    as_json: AsJson = False,
) -> None:
    """Import interactions from Parquet, CSV or JSONL; needed: user_id, track_id, at."""
    from pipelines.importers.events import import_events

    options = _options(columns, time_unit)
    session = session_of(context, as_json=as_json)
    _run(session, "events", partial(import_events, files=files, options=options, now_ms=now_ms()))


@app.command()
def tracks(
    context: typer.Context,
    files: Files,
    columns: Columns = "",
    time_unit: Unit = None,
    as_json: AsJson = False,
) -> None:
    """Import tracks from Parquet, CSV or JSONL; needed: track_id."""
    from pipelines.importers.tracks import import_tracks

    options = _options(columns, time_unit)
    session = session_of(context, as_json=as_json)
    _run(session, "tracks", partial(import_tracks, files=files, options=options, now_ms=now_ms()))


@app.command()
def impressions(
    context: typer.Context,
    files: Files,
    columns: Columns = "",
    time_unit: Unit = None,
    as_json: AsJson = False,
) -> None:
    """Import served slots with their outcomes, one row a slot."""
    from pipelines.importers.impressions import import_impressions

    options = _options(columns, time_unit)
    session = session_of(context, as_json=as_json)
    job = partial(import_impressions, files=files, options=options, now_ms=now_ms())
    _run(session, "impressions", job)


@app.command()
def audio(
    context: typer.Context, folder: Folder, metadata: Metadata = None, as_json: AsJson = False
) -> None:
    """Import wav, flac, ogg, mp3 and opus files, recursively; the content is the identity."""
    from pipelines.importers.audio import import_audio

    session = session_of(context, as_json=as_json)
    job = partial(
        import_audio,
        folder=folder,
        metadata=metadata,
        now_ms=now_ms(),
        duplicates=session.settings().embeddings.duplicates,
    )
    _run(session, "audio", job)


def _options(columns: str, time_unit: TimeUnit | None) -> FileOptions:
    from pipelines.importers.options import FileOptions

    mapping = parse_pairs(columns, "--columns")
    return FileOptions(columns=mapping, time_unit=time_unit.value if time_unit else None)


def _run(session: Session, name: str, job: Callable[..., Report]) -> None:
    title = f"import {name}"
    settings = session.settings()
    with session.workspace(settings) as workspace, session.progress(title) as progress:
        report = job(workspace, progress=progress)
    session.show(report, title)

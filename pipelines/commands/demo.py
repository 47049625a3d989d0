"""`segue demo`: the whole loop on the built-in world, then the service."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.display import print_json
from pipelines.commands.evaluate import Protocol, run_evaluation
from pipelines.commands.options import AsJson, amended
from pipelines.commands.serve import DEFAULT_HOST, DEFAULT_PORT, Host, Port, become_service
from pipelines.commands.session import Session, now_ms, session_of
from pipelines.commands.train import DEFAULT_SEED
from pipelines.commands.world import Days, Listeners, Tracks

if TYPE_CHECKING:
    from core.workspace import Workspace
    from pipelines.job import Progress, Report
    from pipelines.settings import PipelineSettings

DEMO_SEEDS = 1

Serve = Annotated[bool, typer.Option("--serve/--no-serve", help="Serve when all is done.")]
Play = Annotated[int, typer.Option(min=0, max=30, help="Days played on the live engine; 0: none.")]
Splits = Annotated[int, typer.Option(min=1, max=100, help="How many splits are judged.")]


@dataclass
class _Stages:
    """Runs one stage after the other, showing each report and what it cost."""

    session: Session
    reports: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, name: str, job: Callable[[Progress], Report]) -> None:
        start = time.perf_counter()
        with self.session.progress(name) as progress:
            report = job(progress)
        self.seconds[name] = round(time.perf_counter() - start, 1)
        self.reports[name] = report.document()
        if not self.session.as_json:
            self.session.show(report, name)
        self.session.say(f"[bold]{name}[/] took {self.seconds[name]} s\n")


def demo(
    context: typer.Context,
    tracks: Tracks = None,
    listeners: Listeners = None,
    days: Days = None,
    seeds: Splits = DEMO_SEEDS,
    play_days: Play = 1,
    serve: Serve = True,
    host: Host = DEFAULT_HOST,
    port: Port = DEFAULT_PORT,
    as_json: AsJson = False,
) -> None:
    """Create a world, train, promote, evaluate, play, print a feed, then serve it."""
    session = session_of(context, as_json=as_json)
    settings = session.settings()
    world = amended(settings.world.create, tracks=tracks, listeners=listeners, days=days)
    sections = settings.world.model_copy(update={"create": world})
    settings = settings.model_copy(update={"world": sections})
    stages = _Stages(session)
    with session.workspace(settings) as workspace:
        _run_all(stages, workspace, settings, seeds, play_days)
    _tell_end(session, stages, serve=serve, url=f"http://{host}:{port}")
    if serve:
        become_service(session, host, port, workers=1)


def _run_all(
    stages: _Stages, workspace: Workspace, settings: PipelineSettings, seeds: int, play_days: int
) -> None:
    from pipelines.commands.preview import latest_moment, preview_feed
    from pipelines.promotion import promote
    from pipelines.train import train
    from pipelines.world.create import create_world
    from pipelines.world.play import play_world

    def learn(progress: Progress) -> Report:
        return train(
            workspace,
            settings.embeddings.audio,
            settings.train,
            settings.feed,
            seed=DEFAULT_SEED,
            now_ms=now_ms(),
            progress=progress,
            duplicates=settings.embeddings.duplicates,
        )

    judged = amended(settings.evaluate, seeds=seeds)
    stages.run("world", lambda shown: create_world(workspace, settings.world.create, shown))
    stages.run("train", learn)
    artifacts = workspace.artifacts
    stages.run("promote", lambda _: promote(artifacts, (), now_ms=now_ms(), reason="demo"))
    stages.run(
        "evaluate",
        lambda shown: run_evaluation(workspace, settings, Protocol.TEMPORAL, judged, shown),
    )
    if play_days:
        play = amended(settings.world.play, days=play_days)
        stages.run("play", lambda shown: play_world(workspace, play, settings.feed, shown))
    # The world's clock stands where its history ends, not at the reader's.
    present = latest_moment(workspace)
    stages.run("feed", lambda _: preview_feed(workspace, settings.feed, now_ms=present))


def _tell_end(session: Session, stages: _Stages, *, serve: bool, url: str) -> None:
    total = round(sum(stages.seconds.values()), 1)
    if session.as_json:
        print_json({"seconds": stages.seconds, "total_seconds": total, **stages.reports})
        return
    session.say(f"Everything took {total} s.")
    if serve:
        user_id = stages.reports["feed"]["user_id"]
        session.say(f"Serving now; ask for this feed: curl '{url}/v1/feed?user_id={user_id}'")
    else:
        session.say(f"`segue --data {session.data} serve` serves it.")

"""`segue evaluate off-policy`: what another feed would have earned on the pages served."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.options import AsJson, Seed, amended
from pipelines.commands.session import session_of

if TYPE_CHECKING:
    from core.artifacts import ArtifactStore
    from pipelines.off_policy.run import Against
    from ranking.assembly import FeedConfig

RANKER = "ranker"

Target = Annotated[
    list[str] | None,
    typer.Option(
        "--against",
        metavar="VERSION_OR_CONFIG",
        help="The feed to judge: a version of the ranker (`ranker` is the newest), or a settings "
        "file whose feed.page differs; give both for both. [default: the feed that served]",
    ),
]
Variant = Annotated[
    str | None, typer.Option(help="The feed whose pages are replayed, where several were logged.")
]
Outcome = Annotated[
    str | None, typer.Option("--action", help="What a slot earns 1 by. [default: finish]")
]
Clip = Annotated[float | None, typer.Option(help="Largest weight when clipped. [default: 10]")]
Pages = Annotated[int | None, typer.Option(help="Pages replayed at most. [default: 20000]")]


def off_policy(
    context: typer.Context,
    against: Target = None,
    variant: Variant = None,
    action: Outcome = None,
    clip: Clip = None,
    pages: Pages = None,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Estimate from logged pages what another ranker or arrangement would have earned."""
    from pipelines.off_policy.run import evaluate_off_policy

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    config = amended(settings.evaluate.off_policy, action=action, clip=clip, pages=pages, seed=seed)
    with (
        session.workspace(settings) as workspace,
        session.progress("evaluate off-policy") as progress,
    ):
        judged = read_against(against or [], workspace.artifacts, settings.feed)
        report = evaluate_off_policy(
            workspace,
            judged,
            variant=variant,
            config=config,
            feed=settings.feed,
            progress=progress,
        )
    session.show(report, "evaluate off-policy")


def read_against(words: list[str], artifacts: ArtifactStore, served: FeedConfig) -> Against:
    """Return the feed that words name.

    Args:
        words: Settings files and versions of the ranker, one of each at most.
        artifacts: Where versions are looked up.
        served: The feed's settings where no file is named.

    Raises:
        typer.BadParameter: If a word is neither, or two are of one kind.
        ConfigError: If a settings file cannot be used.
    """
    from core.settings import load_settings
    from pipelines.off_policy.run import Against
    from pipelines.settings import PipelineSettings

    feed, ranker = served, ""
    files = [word for word in words if Path(word).is_file()]
    versions = [word for word in words if word not in files]
    if len(files) > 1 or len(versions) > 1:
        raise typer.BadParameter("--against takes one settings file and one version at most")
    if files:
        feed = load_settings(PipelineSettings, Path(files[0]), os.environ).feed
    if versions:
        ranker = _version(versions[0], artifacts)
    named = [*(Path(file).name for file in files), *(f"{RANKER}={ranker}" for _ in versions)]
    return Against(" with ".join(named) or "the feed that served", feed, ranker)


def _version(word: str, artifacts: ArtifactStore) -> str:
    """Return a version of the ranker, named as `VERSION`, `ranker=VERSION` or `ranker`."""
    known = [manifest.version for manifest in artifacts.list(RANKER)]
    version = word.removeprefix(f"{RANKER}=")
    if version == RANKER and known:
        return known[-1]
    if version not in known:
        listed = ", ".join(known) or "none yet: run `segue train`"
        raise typer.BadParameter(
            f"--against {word}: neither a settings file nor a version of the ranker ({listed})"
        )
    return version

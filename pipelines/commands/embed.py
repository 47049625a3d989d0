"""`segue embed`: vectors and factors for tracks that came after the training."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands.options import AsJson
from pipelines.commands.session import now_ms, session_of

Promote = Annotated[bool, typer.Option("--promote", help="Make what was made live at once.")]


def embed(context: typer.Context, promote: Promote = False, as_json: AsJson = False) -> None:
    """Give new tracks vectors, factors and a place by their sound; nothing is trained."""
    from pipelines.embed_fresh import embed_fresh
    from pipelines.promotion import promote as make_live

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    with session.workspace(settings) as workspace, session.progress("embed") as progress:
        report = embed_fresh(
            workspace,
            settings.train.index,
            now_ms=now_ms(),
            progress=progress,
            duplicates=settings.embeddings.duplicates,
        )
        if promote and report.artifacts:
            live = workspace.artifacts.live()
            kept = live.versions if live else {}
            versions = kept | {each.kind: each.version for each in report.artifacts}
            wanted = [f"{kind}={version}" for kind, version in versions.items()]
            make_live(workspace.artifacts, wanted, now_ms=now_ms(), reason="fresh tracks")
    session.show(report, "embed")

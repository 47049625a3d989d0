"""The live set and its variants, opened by a job as the service opens them."""

from __future__ import annotations

from functools import partial

from core.workspace import Workspace
from ranking.assembly import FeedConfig, assemble
from ranking.experiments.serving.variants import Parts, Variants, with_artifacts
from ranking.loading import load_catalogue, load_learned, load_ranker
from ranking.sources.beliefs import TrialBoard
from ranking.supply.trials import load_beliefs


def open_variants(workspace: Workspace, feed: FeedConfig) -> tuple[Parts, Variants]:
    """Return what is live, and the engines that experiments make of it.

    Args:
        workspace: A data folder.
        feed: The feed's settings outside experiments.

    Raises:
        ArtifactError: If what is live cannot be loaded.
    """
    live = workspace.artifacts.live()
    versions = dict(live.versions) if live else {}
    with workspace.database.read() as connection:
        catalogue = load_catalogue(connection)
        board = TrialBoard(load_beliefs(connection, catalogue))
    learned = load_learned(workspace.artifacts, versions, catalogue)
    parts = Parts(catalogue, learned, load_ranker(workspace.artifacts, versions), board, versions)

    engine = assemble(catalogue, learned, parts.ranker, feed, board)
    return parts, Variants(feed, parts, engine, partial(with_artifacts, workspace.artifacts, parts))

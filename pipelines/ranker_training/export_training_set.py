"""The export of a training set: what the next ranker would be fitted to, as one file."""

from __future__ import annotations

from pathlib import Path

from core.workspace import Workspace
from pipelines.job import Progress, Report
from pipelines.ranker_training.training_file import refuse_existing, write_training_set
from pipelines.ranker_training.training_input import read_training_input
from pipelines.ranker_training.training_set import Kind
from pipelines.train import TrainConfig
from ranking.assembly import FeedConfig
from ranking.rankers.training import RankingData


class ExportReport(Report):
    """What was written."""

    path: str
    kind: Kind
    rows: int
    features: int
    requests: int | None
    """Graded requests; None where rows are slots with outcomes."""
    megabytes: float


def export_training_set(
    workspace: Workspace,
    train: TrainConfig,
    feed: FeedConfig,
    path: Path,
    *,
    seed: int,
    force: bool,
    progress: Progress,
) -> ExportReport:
    """Write the rows that `segue train` with this seed would fit its ranker to.

    Args:
        workspace: Where data is read.
        train: How everything is learned.
        feed: The feed whose candidates are ranked.
        path: The Parquet file.
        seed: Decides every random choice, as in `segue train`.
        force: Whether a file that is there already gives way.
        progress: Told of every step longer than a moment.

    Raises:
        ConfigError: If there is a file already, or it cannot be written.
        DataError: If there is nothing to learn from.
    """
    refuse_existing(path, force=force)  # before the work, not after it
    source = read_training_input(workspace, train, feed, seed)
    made = source.make(progress)
    share = train.ranker.trees.validation_share
    write_training_set(made, source.header(made), share, path, force=force)
    data = made.data
    return ExportReport(
        path=str(path),
        kind=made.kind,
        rows=len(data.values),
        features=len(data.names),
        requests=int(data.groups.size) if isinstance(data, RankingData) else None,
        megabytes=round(path.stat().st_size / 1e6, 3),
    )

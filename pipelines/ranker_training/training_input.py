"""Everything a training set is made from, read once, and what names it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from core.artifacts import code_revision
from core.workspace import Workspace
from pipelines.catalogue import LiveCatalogue, open_catalogue
from pipelines.history import History, input_fingerprints, load_history
from pipelines.job import Progress
from pipelines.ranker_training.train_ranker import training_set
from pipelines.ranker_training.training_file import TrainingSetHeader
from pipelines.ranker_training.training_set import TrainingSet
from pipelines.train import TrainConfig, ranker_seed
from ranking.assembly import FeedConfig


@dataclass(frozen=True, slots=True, eq=False)
class TrainingInput:
    """What `segue train` would learn a ranker from.

    Args:
        history: All listening.
        opened: The tracks, their vectors and the listeners' wishes.
        train: How everything is learned.
        feed: The feed whose candidates are ranked.
        seed: Of `segue train`.
        inputs: Input → fingerprint.
    """

    history: History
    opened: LiveCatalogue
    train: TrainConfig
    feed: FeedConfig
    seed: int
    inputs: dict[str, str]

    @property
    def config(self) -> dict[str, Any]:
        """The settings that decide the rows and the fit, as JSON knows them."""
        sections = {
            "ranker": self.train.ranker,
            "factors": self.train.factors,
            "index": self.train.index,
            "feed": self.feed,
        }
        return {name: json.loads(one.model_dump_json()) for name, one in sections.items()}

    def make(self, progress: Progress) -> TrainingSet:
        """Return the rows that `segue train` with this seed fits its ranker to.

        Raises:
            DataError: If no page was logged and `heads` are wanted.
        """
        return training_set(
            self.history,
            self.opened.catalogue,
            self.opened.audio,
            factors=self.train.factors,
            training=self.train.ranker,
            feed=self.feed,
            seed=ranker_seed(self.seed),
            preferences=self.opened.preferences,
            progress=progress,
        )

    def header(self, made: TrainingSet) -> TrainingSetHeader:
        """Return what stands in the metadata of a file of these rows."""
        return TrainingSetHeader(
            kind=made.kind,
            seed=self.seed,
            features=made.data.names,
            config=self.config,
            inputs=self.inputs,
            code_revision=code_revision(),
        )


def read_training_input(
    workspace: Workspace, train: TrainConfig, feed: FeedConfig, seed: int
) -> TrainingInput:
    """Read what the next ranker would be learned from."""
    opened = open_catalogue(workspace, train.index)
    inputs = {
        **input_fingerprints(workspace.warehouse),
        **opened.made_from,
        "catalogue": opened.fingerprint,
    }
    history = load_history(workspace.warehouse, train.traffic)
    return TrainingInput(history, opened, train, feed, seed, inputs)

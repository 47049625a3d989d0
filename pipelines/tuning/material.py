"""The training set that all trials share: made once, and kept while its inputs stay the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Any

from core.artifacts import code_revision
from core.errors import ConfigError
from pipelines.job import Progress
from pipelines.ranker_training.train_ranker import RankerTrainingConfig
from pipelines.ranker_training.training_file import read_training_set, write_training_set
from pipelines.ranker_training.training_input import TrainingInput
from pipelines.ranker_training.training_set import TrainingSet
from ranking.rankers.head_training import HeadsConfig
from ranking.rankers.training import RankerConfig

FOLDER = "tuning"


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What trials are fitted to.

    Args:
        data: The rows.
        training: The settings of the ranker as they are.
        seed: Of `segue train`.
        name: Changes when the rows do.
        reused: Whether the rows were read rather than made.
    """

    data: TrainingSet
    training: RankerTrainingConfig
    seed: int
    name: str
    reused: bool


def made_once(source: TrainingInput, folder: Path, progress: Progress) -> Material:
    """Return the rows of the next training, from an earlier search's file where they are equal.

    Settings that only the fit reads do not matter to the rows.

    Args:
        source: What the rows are made from.
        folder: Where the file is kept; files of earlier inputs are removed.
        progress: Told of the making.

    Raises:
        DataError: If there is nothing to learn from.
    """
    training = source.train.ranker
    heads = HeadsConfig(heads=training.heads.heads)
    rows = training.model_copy(update={"trees": RankerConfig(), "heads": heads})
    config = {**source.config, "ranker": rows.model_dump(mode="json")}
    name = digest(config, source.inputs, source.seed, code_revision())
    path = folder / f"training-set-{name}.parquet"
    if path.exists():
        data, _ = read_training_set(path)
        return Material(data, training, source.seed, name, reused=True)
    data = source.make(progress)
    write_training_set(data, source.header(data), training.trees.validation_share, path)
    for old in set(folder.glob("training-set-*.parquet")) - {path}:
        old.unlink()
    return Material(data, training, source.seed, name, reused=False)


def from_file(path: Path) -> Material:
    """Return the rows of an exported training set, with the settings it was made by.

    Raises:
        DataError: If the file is not a training set.
    """
    data, header = read_training_set(path)
    training = RankerTrainingConfig.model_validate(header.config["ranker"])
    with path.open("rb") as handle:
        name = hashlib.file_digest(handle, "sha256").hexdigest()[:16]
    return Material(data, training, header.seed, name, reused=True)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one search at a time work in a folder; the system lets go of it when a process dies.

    Raises:
        ConfigError: If another search is at work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as handle:
        try:
            flock(handle, LOCK_EX | LOCK_NB)
        except OSError as error:
            raise ConfigError(
                f"another `segue tune` works in {folder}; wait for it or end it"
            ) from error
        yield


def digest(*parts: Any) -> str:
    """Return a name that changes when one of the parts does."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

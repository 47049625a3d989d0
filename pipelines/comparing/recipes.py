"""What a ranker is made by, apart from the listening it was made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from core.artifacts import Manifest
from core.errors import ArtifactError
from pipelines.ranker_training.train_ranker import RankerTrainingConfig
from pipelines.ranker_training.training_set import TrainingSet
from ranking.assembly import FeedConfig


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings and columns; with the same listening and seed they give the same ranker.

    Args:
        training: Which requests are learned from, and how; None fuses the sources instead.
        feed: The feed whose candidates are ranked.
        columns: The features learned from; none is all that are built.
    """

    training: RankerTrainingConfig | None
    feed: FeedConfig
    columns: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """A digest: two recipes with the same are the same."""
        text = json.dumps(self.document(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def document(self) -> dict[str, Any]:
        """Return the recipe as JSON-ready values."""
        training = None
        if self.training is not None:
            training = self.training.model_dump(mode="json")
            del training["trees"]["threads"]  # how fast, not what
        feed = self.feed.model_dump(mode="json")
        return {"training": training, "feed": feed, "features": sorted(self.columns)}


def recipe_of(manifest: Manifest) -> Recipe:
    """Read the recipe out of a ranker's manifest; settings younger than it have their defaults.

    Raises:
        ArtifactError: If its settings are not settings of this version.
    """
    told = dict(manifest.config)
    feed = told.pop("feed", {})
    try:
        return Recipe(
            RankerTrainingConfig.model_validate(told),
            FeedConfig.model_validate(feed),
            manifest.feature_names,
        )
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise ArtifactError(
            f"ranker {manifest.version} was trained with settings this version does not know "
            f"({where}: {fault['msg']}); train it again to compare recipes"
        ) from error


def limited(data: TrainingSet, columns: Sequence[str]) -> TrainingSet:
    """Return a training set with only the named columns, where it has more.

    A blend names its columns in its settings; nothing is taken from it.
    """
    kept = [at for at, name in enumerate(data.data.names) if name in set(columns)]
    if data.kind == "blend" or not columns or len(kept) == len(data.data.names):
        return data
    names = tuple(data.data.names[at] for at in kept)
    return replace(data, data=replace(data.data, names=names, values=data.data.values[:, kept]))


def differences(a: Recipe, b: Recipe) -> Iterator[tuple[str, Any, Any]]:
    """Yield (setting, of a, of b) wherever two recipes differ; beside none a training is one."""
    documents = [recipe.document() for recipe in (a, b)]
    if any(one["training"] is None for one in documents):
        for one in documents:
            one["training"] = one["training"] and one["training"]["objective"]
    ours, theirs = (dict(_flat(one)) for one in documents)
    features = [set(one.pop("features")) for one in (ours, theirs)]
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            yield name, ours.get(name), theirs.get(name)
    if features[0] != features[1] and all(features):
        yield "features", sorted(features[0] - features[1]), sorted(features[1] - features[0])


def _flat(document: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        full = f"{path}.{name}" if path else name
        if isinstance(value, Mapping) and value:
            yield from _flat(value, full)
        else:
            yield full, value

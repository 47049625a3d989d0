"""A ranker of several heads: one probability an outcome, added up by what outcomes are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from core.errors import ArtifactError, ConfigError
from ranking.model import FeatureMatrix, Floats
from ranking.rankers.calibration import Calibration
from ranking.rankers.columns import aligned_columns
from ranking.rankers.lightgbm import read_booster
from ranking.rankers.outcomes import value
from ranking.rankers.scoring import ForestScorer, open_scorer

if TYPE_CHECKING:
    import lightgbm

HEADS_FILE = "heads.json"
POSITION = "position"
"""The column that says which slot a candidate stood in; known in training, fixed when serving."""
PREDICTION_PREFIX = "p_"


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """One fitted outcome.

    Args:
        name: The outcome.
        booster: Its trees; raw scores are log-odds.
        calibration: From raw scores to probabilities.
        weight: What the outcome is worth where a feed does not say.
    """

    name: str
    booster: lightgbm.Booster
    calibration: Calibration
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class HeadsRanker:
    """Judges candidates by the outcomes they promise.

    Args:
        heads: At least one; all of the same columns.
        scorer: What walks their trees; see `heads_ranker`.
        weights: Outcome → weight, over those the heads were trained with.
        serving_position: The slot every candidate is judged in, where position was a column.
    """

    heads: tuple[Head, ...]
    scorer: ForestScorer
    weights: Mapping[str, float] = field(default_factory=dict)
    serving_position: float = 0.0

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the trees, position among them where it was one."""
        return tuple(self.heads[0].booster.feature_name())

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns it needs, in order."""
        return tuple(name for name in self.columns if name != POSITION)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The outcomes it predicts, in column order."""
        return tuple(head.name for head in self.heads)

    def score(self, features: FeatureMatrix) -> Floats:
        """Return what candidates are worth.

        Raises:
            ArtifactError: If a column it was trained with is not there.
        """
        return self.worth(self.predict(features))

    def predict(self, features: FeatureMatrix) -> FeatureMatrix:
        """Return (n, h) probabilities of the outcomes, columns `p_<name>`.

        Raises:
            ArtifactError: If a column it was trained with is not there.
        """
        names = tuple(f"{PREDICTION_PREFIX}{name}" for name in self.outcomes)
        values = np.empty((len(features.values), len(names)), dtype=np.float32)
        if len(values):
            raw = self.scorer.raw(self.placed(features))
            for column, head in enumerate(self.heads):
                values[:, column] = head.calibration.probabilities(raw[:, column])
        return FeatureMatrix(names, values)

    def worth(self, predictions: FeatureMatrix) -> Floats:
        """Return (n,) scores of predictions, as `predict` gives them."""
        own = {head.name: head.weight for head in self.heads}
        return value(predictions.values, self.outcomes, {**own, **self.weights})

    def weighed(self, weights: Mapping[str, float]) -> HeadsRanker:
        """Return the same heads with other weights; nothing is trained or loaded again.

        Args:
            weights: Outcome → weight; an outcome that is not named keeps its own.

        Raises:
            ConfigError: If an outcome is not one of the heads.
        """
        if strange := sorted(set(weights) - set(self.outcomes)):
            raise ConfigError(
                f"the feed weighs {', '.join(strange)}, and the ranker predicts "
                f"{', '.join(self.outcomes)}; correct [feed.value], or train that head"
            )
        return replace(self, weights={**self.weights, **weights})

    def save(self, folder: Path) -> None:
        """Write one text file a head, and what belongs to all of them."""
        told = [
            {
                "name": head.name,
                "weight": head.weight,
                "raw": head.calibration.raw.tolist(),
                "log_odds": head.calibration.log_odds.tolist(),
            }
            for head in self.heads
        ]
        document = {"heads": told, "serving_position": self.serving_position}
        (folder / HEADS_FILE).write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        for head in self.heads:
            head.booster.save_model(str(folder / _file(head.name)))

    @classmethod
    def load(cls, folder: Path) -> HeadsRanker:
        """Read the heads back.

        Raises:
            ArtifactError: If a file is missing or broken.
        """
        path = folder / HEADS_FILE
        try:
            document = orjson.loads(path.read_bytes())
            heads = tuple(_head(folder, told) for told in document["heads"])
            position = float(document["serving_position"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError(
                f"{path} cannot be read ({error}); train the ranker again"
            ) from error
        if not heads:
            raise ArtifactError(f"{path} names no head; train the ranker again")
        return heads_ranker(heads, position)

    def placed(self, features: FeatureMatrix) -> Floats:
        """Return the columns of the trees, every candidate in the same slot."""
        known = aligned_columns(features, self.feature_names)
        if POSITION not in self.columns:
            return known
        slot = np.full(len(known), self.serving_position, dtype=np.float32)
        return np.insert(known, self.columns.index(POSITION), slot, axis=1)


def heads_ranker(heads: Sequence[Head], serving_position: float = 0.0) -> HeadsRanker:
    """Return a ranker of fitted heads, its trees put into ONNX Runtime where they convert."""
    scorer = open_scorer([head.booster for head in heads])
    return HeadsRanker(tuple(heads), scorer, serving_position=serving_position)


def _head(folder: Path, told: Mapping[str, Any]) -> Head:
    knots = (np.asarray(told["raw"], np.float64), np.asarray(told["log_odds"], np.float64))
    if knots[0].shape != knots[1].shape or knots[0].ndim != 1 or not knots[0].size:
        raise ValueError(f"head {told['name']} has no calibration")
    name = str(told["name"])
    booster = read_booster(folder / _file(name))
    return Head(name, booster, Calibration(*knots), float(told["weight"]))


def _file(name: str) -> str:
    return f"head-{name}.txt"

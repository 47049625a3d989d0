"""A gradient-boosted ranker served from its own text file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import ArtifactError
from ranking.model import FeatureMatrix, Floats
from ranking.rankers.columns import aligned_columns
from ranking.rankers.scoring import ForestScorer, open_scorer

if TYPE_CHECKING:
    import lightgbm

MODEL_FILE = "model.txt"


@dataclass(frozen=True, slots=True, eq=False)
class LightGbmRanker:
    """Judges candidates with LightGBM trees.

    Args:
        booster: The fitted trees; their feature names are the columns they need.
        scorer: What walks them.
    """

    booster: lightgbm.Booster
    scorer: ForestScorer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scorer", open_scorer([self.booster]))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns it needs, in order."""
        return tuple(self.booster.feature_name())

    def score(self, features: FeatureMatrix) -> Floats:
        """Return raw scores.

        Raises:
            ArtifactError: If a column it was trained with is not there.
        """
        if not len(features.values):
            return np.empty(0, dtype=np.float32)
        return self.scorer.raw(aligned_columns(features, self.feature_names))[:, 0]

    def save(self, folder: Path) -> None:
        """Write the model into a folder."""
        self.booster.save_model(str(folder / MODEL_FILE))

    @classmethod
    def load(cls, folder: Path) -> LightGbmRanker:
        """Read the model back.

        Raises:
            ArtifactError: If it is missing or broken.
        """
        return cls(read_booster(folder / MODEL_FILE))


def read_booster(path: Path) -> lightgbm.Booster:
    """Read trees from their text file.

    Raises:
        ArtifactError: If it is missing or broken.
    """
    if not path.is_file():
        raise ArtifactError(f"{path} does not exist; train the ranker again")
    import lightgbm  # not before it is needed: it loads as long as all else together

    try:
        return lightgbm.Booster(model_file=str(path))
    except lightgbm.basic.LightGBMError as error:
        raise ArtifactError(f"{path} is not a LightGBM model: {error}") from error

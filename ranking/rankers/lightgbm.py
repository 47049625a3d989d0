"""A gradient-boosted ranker served from its own text file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np

from core.errors import ArtifactError
from ranking.model import FeatureMatrix, Floats

MODEL_FILE = "model.txt"
SERVING_THREADS = 1  # a page is a few hundred rows: starting a team costs more than it saves


@dataclass(frozen=True, slots=True, eq=False)
class LightGbmRanker:
    """Judges candidates with LightGBM trees.

    Args:
        booster: The fitted trees; their feature names are the columns they need.
    """

    booster: lightgbm.Booster

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
        values = aligned_columns(features, self.feature_names)
        raw = self.booster.predict(values, raw_score=True, num_threads=SERVING_THREADS)
        return np.asarray(raw, dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write the model into a folder."""
        self.booster.save_model(str(folder / MODEL_FILE))

    @classmethod
    def load(cls, folder: Path) -> LightGbmRanker:
        """Read the model back.

        Raises:
            ArtifactError: If it is missing or broken.
        """
        path = folder / MODEL_FILE
        if not path.is_file():
            raise ArtifactError(f"{path} does not exist; train the ranker again")
        try:
            return cls(lightgbm.Booster(model_file=str(path)))
        except lightgbm.basic.LightGBMError as error:
            raise ArtifactError(f"{path} is not a LightGBM model: {error}") from error


def aligned_columns(features: FeatureMatrix, names: tuple[str, ...]) -> Floats:
    """Return the named columns in order.

    Raises:
        ArtifactError: If one is not there.
    """
    if features.names == names:
        return features.values
    missing = [name for name in names if name not in features.names]
    if missing:
        raise ArtifactError(
            f"the ranker needs the features {', '.join(missing)}, which are not built; "
            "promote a ranker trained with this version"
        )
    place = {name: column for column, name in enumerate(features.names)}
    return features.values[:, [place[name] for name in names]]

"""A ranker that adds up scorers: each by its standing in the catalogue, times a learned weight."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import ArtifactError
from ranking.model import FeatureMatrix, Floats
from ranking.rankers.columns import aligned_columns

BLEND_FILE = "blend.json"


@dataclass(frozen=True, slots=True)
class BlendRanker:
    """Adds up columns; one that is not known counts as the catalogue's average.

    Args:
        weights: Column → weight.
    """

    weights: Mapping[str, float]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns it needs, in order."""
        return tuple(self.weights)

    def score(self, features: FeatureMatrix) -> Floats:
        """Return the weighted sum of each row.

        Raises:
            ArtifactError: If a column it was trained with is not there.
        """
        values = aligned_columns(features, self.feature_names)
        total = np.zeros(len(values), dtype=np.float32)
        for column, weight in enumerate(self.weights.values()):
            total += np.float32(weight) * np.nan_to_num(values[:, column], nan=0.0)
        return total

    def save(self, folder: Path) -> None:
        """Write the weights into a folder."""
        text = json.dumps({"weights": dict(self.weights)}, indent=2)
        (folder / BLEND_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> BlendRanker:
        """Read the weights back.

        Raises:
            ArtifactError: If they are missing or broken.
        """
        path = folder / BLEND_FILE
        try:
            found = json.loads(path.read_text(encoding="utf-8"))["weights"]
            return cls({str(name): float(weight) for name, weight in found.items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArtifactError(
                f"{path} cannot be read ({error}); train the ranker again"
            ) from error

"""What each feature adds to a raw score, tree by tree (SHAP values of the trees)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ranking.model import FeatureMatrix, Floats
from ranking.protocols import Ranker
from ranking.rankers.columns import aligned_columns
from ranking.rankers.heads import HeadsRanker
from ranking.rankers.lightgbm import LightGbmRanker

if TYPE_CHECKING:
    import lightgbm


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """How the raw scores of some candidates come about.

    Args:
        outcome: The head, or "score" where there is one model.
        names: (f,) the columns.
        base: (n,) what trees say of the average row they were grown on.
        parts: (n, f) what each column adds; base and parts add up to the raw score.
    """

    outcome: str
    names: tuple[str, ...]
    base: NDArray[np.float64]
    parts: NDArray[np.float64]


def contributions(ranker: Ranker, features: FeatureMatrix) -> tuple[Contributions, ...]:
    """Return what each feature adds to each raw score; none where no trees judge.

    Args:
        ranker: Any; only trees can be taken apart.
        features: (n, f) of the candidates.

    Raises:
        ArtifactError: If a column the ranker needs is not there.

    Source:
        Lundberg et al., "From local explanations to global understanding with explainable AI for
        trees", Nature Machine Intelligence 2020; computed by LightGBM.
    """
    if isinstance(ranker, HeadsRanker):
        placed = ranker.placed(features)
        return tuple(_taken_apart(head.name, head.booster, placed) for head in ranker.heads)
    if isinstance(ranker, LightGbmRanker):
        values = aligned_columns(features, ranker.feature_names)
        return (_taken_apart("score", ranker.booster, values),)
    return ()


def _taken_apart(outcome: str, booster: lightgbm.Booster, values: Floats) -> Contributions:
    names = tuple(booster.feature_name())
    if not len(values):
        return Contributions(outcome, names, np.empty(0), np.empty((0, len(names))))
    found = np.asarray(booster.predict(values, pred_contrib=True), dtype=np.float64)
    return Contributions(outcome, names, found[:, -1], found[:, :-1])

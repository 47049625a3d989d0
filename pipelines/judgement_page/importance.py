"""What features are worth: by gain while trees grew, and by what they add to judged rows."""

from __future__ import annotations

import numpy as np

from pipelines.judgement_page.document import (
    Dependence,
    DependencePoint,
    Importance,
    ModelImportance,
)
from ranking.model import FeatureMatrix, Floats
from ranking.protocols import Ranker
from ranking.rankers.contributions import Contributions, contributions
from ranking.rankers.heads import HeadsRanker
from ranking.rankers.lightgbm import LightGbmRanker

FEATURES = 20  # listed of each model
SHOWN_DEPENDENCE = 6
POINTS = 12


def importances(ranker: Ranker, rows: FeatureMatrix) -> tuple[ModelImportance, ...]:
    """Return what features are worth to every model of a ranker; none where no trees judge.

    Args:
        ranker: Any.
        rows: (n, f) judged rows to take apart.
    """
    gains = _gains(ranker)
    return tuple(_of(part, gains[part.outcome], rows) for part in contributions(ranker, rows))


def _gains(ranker: Ranker) -> dict[str, dict[str, float]]:
    """Return model → feature → share of all gain."""
    boosters = {}
    if isinstance(ranker, HeadsRanker):
        boosters = {head.name: head.booster for head in ranker.heads}
    elif isinstance(ranker, LightGbmRanker):
        boosters = {"score": ranker.booster}
    found = {}
    for name, booster in boosters.items():
        gain = np.asarray(booster.feature_importance("gain"), dtype=np.float64)
        shares = gain / max(float(gain.sum()), 1e-12)
        found[name] = dict(zip(booster.feature_name(), shares.tolist(), strict=True))
    return found


def _of(part: Contributions, gains: dict[str, float], rows: FeatureMatrix) -> ModelImportance:
    weight = np.abs(part.parts).mean(axis=0) if len(part.parts) else np.zeros(len(part.names))
    order = np.argsort(-weight, kind="stable")[:FEATURES].tolist()
    top = [at for at in order if part.names[at] in rows.names][:SHOWN_DEPENDENCE]
    return ModelImportance(
        model=part.outcome,
        rows=len(part.parts),
        features=tuple(
            Importance(feature=part.names[at], gain=gains[part.names[at]], shap=float(weight[at]))
            for at in order
        ),
        dependence=tuple(
            dependence(
                part.names[at], rows.values[:, rows.names.index(part.names[at])], part.parts[:, at]
            )
            for at in top
        ),
    )


def dependence(
    name: str, values: Floats, added: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> Dependence:
    """Return contributions by value, in bins of about equal size; equal values stay together.

    Args:
        name: The feature.
        values: (n,) NaN where it has none.
        added: (n,) what it adds.
    """
    known = ~np.isnan(values)
    own = values[known].astype(np.float64)
    edges = np.unique(np.quantile(own, np.linspace(0, 1, POINTS + 1))) if own.size else own
    bins = np.searchsorted(edges[1:-1], own, side="right")
    points = []
    for at in np.unique(bins).tolist():
        inside = added[known][bins == at]
        low, high = np.quantile(inside, [0.25, 0.75])
        points.append(
            DependencePoint(
                value=float(own[bins == at].mean()),
                shap=float(inside.mean()),
                low=float(low),
                high=float(high),
            )
        )
    missing = float(added[~known].mean()) if not known.all() else None
    return Dependence(feature=name, points=tuple(points), missing=missing)

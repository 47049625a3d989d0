"""What a fitted ranker is worth to each listener of the slice that judges."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipelines.ranker_training.train_ranker import TrainedRanker
from pipelines.ranker_training.training_set import TrainingSet
from ranking.metrics.accuracy import ndcg
from ranking.metrics.probabilities import log_losses
from ranking.model import FeatureMatrix, Floats
from ranking.rankers.head_training import OutcomeData
from ranking.rankers.heads import HeadsRanker
from ranking.rankers.training import RankingData

Measure: TypeAlias = Literal["ndcg@10", "log_loss"]
Values: TypeAlias = NDArray[np.float64]
DEPTH = 10


def measure_of(data: TrainingSet) -> Measure:
    """Return what rankers of a training set are judged by."""
    return "log_loss" if isinstance(data.data, OutcomeData) else "ndcg@10"


def worth(ranker: TrainedRanker, judging: TrainingSet) -> Values:
    """Return what a ranker is worth to each listener, higher is better.

    NDCG@10 of a listener's requests, or minus the log loss of a listener's slots summed over the
    heads; every listener counts once.

    Args:
        ranker: Fitted to earlier rows.
        judging: The slice.

    Returns:
        (n_listeners,), listeners in the order of their ids.
    """
    data, users = judging.data, judging.about["user_id"].to_numpy()
    features = FeatureMatrix(data.names, data.values)
    if isinstance(data, OutcomeData):
        assert isinstance(ranker, HeadsRanker)
        return _by_listener(_minus_losses(ranker, features, data), users)
    first = np.cumsum(data.groups) - data.groups
    return _by_listener(_ndcgs(ranker.score(features), data), users[first])


def _ndcgs(scores: Floats, data: RankingData) -> Values:
    """Return (g,) NDCG of each request; of equal scores the first candidate stands first."""
    ends = np.cumsum(data.groups)[:-1]
    lists = zip(np.split(scores, ends), np.split(data.labels > 0, ends), strict=True)
    ordered = ((hits[np.argsort(-one, kind="stable")], int(hits.sum())) for one, hits in lists)
    return np.array([ndcg(hits, total, DEPTH) for hits, total in ordered])


def _minus_losses(ranker: HeadsRanker, features: FeatureMatrix, data: OutcomeData) -> Values:
    """Return (m,) minus the loss of each slot over the heads whose outcome is known."""
    predicted = ranker.predict(features).values.astype(np.float64)
    total = np.zeros(len(predicted))
    for column, name in enumerate(ranker.outcomes):
        outcome = data.outcomes[name]
        losses = log_losses(predicted[:, column], outcome > 0)
        total -= np.where(np.isnan(outcome), 0.0, losses)
    return total


def _by_listener(values: Values, users: NDArray[np.object_]) -> Values:
    """Return (n,) each listener's mean, NaN left out."""
    owner = np.unique(users, return_inverse=True)[1]
    known = ~np.isnan(values)
    totals = np.bincount(owner, np.where(known, values, 0.0))
    counts = np.bincount(owner, known)
    means: Values = np.divide(totals, counts, out=np.full(totals.size, np.nan), where=counts > 0)
    return means

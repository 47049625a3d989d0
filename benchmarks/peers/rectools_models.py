"""RecTools: EASE and PureSVD; its other models of plays wrap those of implicit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from contract import Recommend, Task, serve
from plays import WEIGHTS
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel, PureSVDModel
from threadpoolctl import threadpool_limits


def fit(task: Task) -> Recommend:
    """Fit one of RecTools' models."""
    settings = dict(task.settings)
    weigh = WEIGHTS[settings.pop("weight", "count")]
    plays = task.plays["plays"].to_numpy().astype(np.float32)
    interactions = pd.DataFrame(
        {
            Columns.User: task.plays["user_id"].to_numpy(),
            Columns.Item: task.plays["track_id"].to_numpy(),
            Columns.Weight: weigh(plays),
            Columns.Datetime: pd.Timestamp("2011-05-01"),
        }
    )
    dataset = Dataset.construct(interactions)
    model = _made(task, settings)
    with threadpool_limits(1, "blas"):
        model.fit(dataset)

    def recommend(wanted: list[str], depth: int) -> dict[str, list[str]]:
        known = sorted(set(wanted) & set(interactions[Columns.User]))
        found = model.recommend(users=known, dataset=dataset, k=depth, filter_viewed=True)
        ordered = found.sort_values([Columns.User, Columns.Rank])
        return ordered.groupby(Columns.User)[Columns.Item].agg(list).to_dict()

    return recommend


def _made(task: Task, settings: dict):
    if task.model == "ease":
        return EASEModel(**settings, recommend_n_threads=task.threads)
    return PureSVDModel(**settings, random_state=task.seed, recommend_n_threads=task.threads)


if __name__ == "__main__":
    serve(fit)

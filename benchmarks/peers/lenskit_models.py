"""LensKit: implicit matrix factorisation, nearest neighbours of tracks and of listeners, EASE."""

from __future__ import annotations

import numpy as np
import pandas as pd
from contract import Recommend, Task, serve
from lenskit.als import ImplicitMFScorer
from lenskit.batch import recommend as recommend_all
from lenskit.data import from_interactions_df
from lenskit.knn import EASEScorer, ItemKNNScorer, UserKNNScorer
from lenskit.pipeline import topn_pipeline
from lenskit.training import TrainingOptions
from plays import WEIGHTS

SCORERS = {
    "implicit_mf": ImplicitMFScorer,
    "item_knn": ItemKNNScorer,
    "user_knn": UserKNNScorer,
    "ease": EASEScorer,
}


def fit(task: Task) -> Recommend:
    """Fit one of LensKit's pipelines; unseen tracks are what its standard pipeline ranks."""
    settings = dict(task.settings)
    weigh = WEIGHTS[settings.pop("weight", "count")]
    if task.model.endswith("_knn"):
        settings["feedback"] = "implicit"
    ratings = pd.DataFrame(
        {
            "user_id": task.plays["user_id"].to_numpy(),
            "item_id": task.plays["track_id"].to_numpy(),
            "rating": weigh(task.plays["plays"].to_numpy().astype(np.float64)),
        }
    )
    data = from_interactions_df(ratings)
    pipeline = topn_pipeline(SCORERS[task.model](**settings), n=100)
    pipeline.train(data, TrainingOptions(rng=task.seed))

    def recommend(wanted: list[str], depth: int) -> dict[str, list[str]]:
        found = recommend_all(pipeline, wanted, depth, n_jobs=1)
        return {key.user_id: [str(track) for track in items.ids()] for key, items in found.items()}

    return recommend


if __name__ == "__main__":
    serve(fit)

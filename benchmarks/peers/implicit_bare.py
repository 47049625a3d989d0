"""implicit as it comes: ALS, BPR and nearest neighbours."""

from __future__ import annotations

import numpy as np
from contract import Recommend, Task, serve
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from plays import WEIGHTS
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

NEIGHBOURS = {"cosine": CosineRecommender, "tfidf": TFIDFRecommender, "bm25": BM25Recommender}


def fit(task: Task) -> Recommend:
    """Fit one of implicit's models."""
    settings = dict(task.settings)
    weigh = WEIGHTS[settings.pop("weight", "count")]
    users = task.plays["user_id"].unique().sort()
    tracks = task.plays["track_id"].unique().sort()
    row = task.plays["user_id"].replace_strict(users, np.arange(len(users))).to_numpy()
    column = task.plays["track_id"].replace_strict(tracks, np.arange(len(tracks))).to_numpy()
    plays = task.plays["plays"].to_numpy().astype(np.float32)
    matrix = csr_matrix((weigh(plays), (row, column)), shape=(len(users), len(tracks)))
    model = made(task.model, settings, task.threads, task.seed)
    with threadpool_limits(1, "blas"):
        model.fit(matrix, show_progress=False)
    place, names = {user: at for at, user in enumerate(users)}, np.asarray(tracks.to_list())

    def recommend(wanted: list[str], depth: int) -> dict[str, list[str]]:
        rows = np.array([place[user] for user in wanted if user in place])
        found, scores = model.recommend(rows, matrix[rows].tocsr(), N=depth)
        known = (found >= 0) & np.isfinite(scores) & (scores > -1e30)
        return {
            users[int(at)]: names[tracks_of[ok]].tolist()
            for at, tracks_of, ok in zip(rows, found, known, strict=True)
        }

    return recommend


def made(model: str, settings: dict, threads: int, seed: int):
    """Return the model, untrained; RecTools wraps the same ones."""
    if model == "als":
        return AlternatingLeastSquares(**settings, num_threads=threads, random_state=seed)
    if model == "bpr":
        return BayesianPersonalizedRanking(**settings, num_threads=threads, random_state=seed)
    return NEIGHBOURS[settings.pop("similarity", "cosine")](**settings, num_threads=threads)


if __name__ == "__main__":
    serve(fit)

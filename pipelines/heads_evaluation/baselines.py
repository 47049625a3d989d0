"""Plain models on the same slots: a logistic one, and trees on raw ids and counts."""

from __future__ import annotations

import lightgbm
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from pipelines.heads_evaluation.configuration import RIDGES, TRIALS, Trial
from pipelines.heads_evaluation.material import Material
from ranking.features.shown import OUTCOMES
from ranking.metrics.probabilities import log_losses

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]
_GROUPS = ("listener", "track", "creator")
MAX_TREES, PATIENCE = 1_000, 40


def raw_table(material: Material) -> NDArray[np.float64]:
    """Return (n, f) ids as numbers, length, hour and counts.

    Counts say how often listener, track and creator were shown before, and how often each outcome
    followed; dividing is left to the trees.
    """
    ids = (material.listeners, material.tracks, material.creators, material.surfaces, material.tags)
    hour = material.data.at_ms // 3_600_000 % 24
    return np.column_stack([*ids, material.column("duration_s"), hour, material.counts])


def plain_trees(
    table: NDArray[np.float64], happened: Flags, days: Rows, cut: int, seed: int, threads: int
) -> NDArray[np.float64]:
    """Return (n,) probabilities of LightGBM's classifier on the raw table.

    Every trial is grown on the days before the last one before the cut, stopped and judged on
    that one; the best is grown again, as many trees, on all days before the cut.
    """
    learned, checked, known = days < cut - 1, days == cut - 1, days < cut
    best: tuple[float, Trial, int] = (np.inf, TRIALS[0], 1)
    for trial in TRIALS:
        train = lightgbm.Dataset(table[learned], happened[learned], params={"verbosity": -1})
        valid = lightgbm.Dataset(table[checked], happened[checked], reference=train)
        stop = lightgbm.early_stopping(PATIENCE, verbose=False)
        booster = lightgbm.train(
            _parameters(trial, seed, threads), train, MAX_TREES, [valid], callbacks=[stop]
        )
        loss = float(booster.best_score["valid_0"]["binary_logloss"])
        best = min(best, (loss, trial, booster.best_iteration))
    data = lightgbm.Dataset(table[known], happened[known], params={"verbosity": -1})
    booster = lightgbm.train(_parameters(best[1], seed, threads), data, best[2])
    return np.asarray(booster.predict(table, num_threads=threads))


def logistic(material: Material, happened: Flags, cut: int) -> NDArray[np.float64]:
    """Return (n,) probabilities of a ridge-penalised logistic model, its ridge chosen alike.

    Ids are one-hot; counts are logarithms, and rates log-odds of counts with a prior, as somebody
    who cares would give them to a linear model.
    """
    from sklearn.linear_model import LogisticRegression

    days = material.days
    learned, checked, known = days < cut - 1, days == cut - 1, days < cut
    table = _linear_table(material, known)
    losses = []
    for ridge in RIDGES:
        model = LogisticRegression(C=ridge, max_iter=300).fit(table[learned], happened[learned])
        p = model.predict_proba(table[checked])[:, 1]
        losses.append(log_losses(p, happened[checked]).mean())
    best = RIDGES[int(np.argmin(losses))]
    model = LogisticRegression(C=best, max_iter=300).fit(table[known], happened[known])
    return np.asarray(model.predict_proba(table)[:, 1])


def _linear_table(material: Material, known: Flags) -> sp.csr_matrix:
    ids = (material.listeners, material.tracks, material.creators, material.surfaces, material.tags)
    dense = []
    for group in _GROUPS:
        count = np.expm1(material.column(f"shown_{group}"))
        dense.append(np.log1p(count))
        for outcome in OUTCOMES:
            rate = np.clip(np.nan_to_num(material.column(f"{outcome}_of_{group}")), 1e-4, 1 - 1e-4)
            dense.append(np.log(rate / (1 - rate)))
    dense.append(np.log1p(np.nan_to_num(material.column("duration_s"))))
    numbers = np.column_stack(dense)
    numbers = (numbers - numbers[known].mean(axis=0)) / (numbers[known].std(axis=0) + 1e-9)
    return sp.csr_matrix(sp.hstack([*map(_one_hot, ids), numbers], format="csr"))


def _one_hot(values: Rows) -> sp.csr_matrix:
    distinct, number = np.unique(values, return_inverse=True)
    at = (np.arange(values.size), number)
    return sp.csr_matrix((np.ones(values.size), at), shape=(values.size, distinct.size))


def _parameters(trial: Trial, seed: int, threads: int) -> dict[str, object]:
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "num_leaves": trial.leaves,
        "learning_rate": trial.learning_rate,
        "min_data_in_leaf": trial.min_leaf_rows,
        "feature_fraction": trial.column_share,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": trial.l2,
        "seed": seed % (2**31),
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "verbosity": -1,
    }

"""From ranked lists to a table of models: every metric with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ranking.evaluation.intervals import Estimate, bootstrap_mean, jackknife
from ranking.metrics.accuracy import ndcg, recall, reciprocal_rank
from ranking.metrics.beyond_accuracy import coverage, coverage_without, novelty
from ranking.model import Rows

DEPTH = 100  # ranks judged
SHOWN = 10  # ranks that count for coverage and novelty
PER_LISTENER = ("ndcg@1", "ndcg@10", "ndcg@20", "recall@20", "recall@100", "mrr", "novelty@10")


class ModelResult(BaseModel):
    """One model's figures."""

    model_config = ConfigDict(frozen=True)

    model: str
    metrics: dict[str, Estimate]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What one model did for each listener of one split.

    Args:
        users: (n,) the listeners.
        values: (n, len(PER_LISTENER)) their metrics.
        shown: (n, SHOWN) catalogue rows shown; -1 where a list was short.
        n_tracks: Size of the catalogue.
    """

    users: tuple[str, ...]
    values: NDArray[np.float64]
    shown: Rows
    n_tracks: int


def judge(
    ranked: Mapping[str, Rows],
    relevant: Mapping[str, Rows],
    bits: NDArray[np.float64],
) -> Judged:
    """Judge a model's lists against what listeners went on to choose.

    Args:
        ranked: Listener → catalogue rows, best first, of the whole catalogue (no sampled
            negatives); a listener without a list found nothing.
        relevant: Listener → rows to find, at least one.
        bits: (n_tracks,) surprisal of each track.
    """
    users = tuple(relevant)
    values = np.empty((len(users), len(PER_LISTENER)))
    shown = np.full((len(users), SHOWN), -1, dtype=np.int64)
    empty = np.empty(0, dtype=np.int64)
    for at, user in enumerate(users):
        rows, wanted = ranked.get(user, empty)[:DEPTH], relevant[user]
        hits, total = np.isin(rows, wanted), wanted.size
        shown[at, : min(rows.size, SHOWN)] = rows[:SHOWN]
        values[at] = (
            ndcg(hits, total, 1),
            ndcg(hits, total, 10),
            ndcg(hits, total, 20),
            recall(hits, total, 20),
            recall(hits, total, 100),
            reciprocal_rank(hits, total),
            novelty(rows[:SHOWN], bits),
        )
    return Judged(users, values, shown, bits.size)


def summarise(model: str, splits: Sequence[Judged], rng: np.random.Generator) -> ModelResult:
    """Return a model's figures over several splits.

    A listener's values are averaged over the splits first: the listener is what is resampled, and
    two splits of one listener are not two listeners.

    Args:
        model: Its name.
        splits: One entry a seed.
        rng: Draws the resamples.
    """
    merged = by_listener(splits)
    metrics = {
        name: bootstrap_mean(merged[:, column], rng) for column, name in enumerate(PER_LISTENER)
    }
    first = splits[0]
    metrics["coverage@10"] = jackknife(
        coverage(first.shown, first.n_tracks), coverage_without(first.shown, first.n_tracks)
    )
    return ModelResult(model=model, metrics=metrics)


def paired_difference(
    model: Sequence[Judged], other: Sequence[Judged], metric: str, rng: np.random.Generator
) -> Estimate:
    """Return the mean difference of a metric between two models on the same listeners."""
    column = PER_LISTENER.index(metric)
    return bootstrap_mean(by_listener(model)[:, column] - by_listener(other)[:, column], rng)


def by_listener(splits: Sequence[Judged]) -> NDArray[np.float64]:
    """Return (n_users, metrics): each listener's mean over the splits they stand in."""
    users = sorted({user for judged in splits for user in judged.users})
    row_of = {user: row for row, user in enumerate(users)}
    totals = np.zeros((len(users), len(PER_LISTENER)))
    counts = np.zeros((len(users), len(PER_LISTENER)))
    for judged in splits:
        rows = [row_of[user] for user in judged.users]
        known = ~np.isnan(judged.values)
        np.add.at(totals, rows, np.where(known, judged.values, 0.0))
        np.add.at(counts, rows, known)
    return np.divide(totals, counts, out=np.full_like(totals, np.nan), where=counts > 0)

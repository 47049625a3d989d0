"""Segue itself, asked as its peers are: the two-stage feed, from an imported data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from contract import Recommend, Task, serve
from splits import cut

from core.randomness import derive_seed
from core.workspace import open_workspace
from pipelines.catalogue import open_catalogue
from pipelines.fitting import FactorsConfig, fit_history
from pipelines.history import load_history
from pipelines.job import Silent
from pipelines.listener_tags import retagged
from pipelines.ranker_training.ranker_data import chunks, features_of, listener_log, query_of
from pipelines.ranker_training.train_ranker import RankerTrainingConfig, learn_ranker
from ranking.assembly import FeedConfig, assemble
from ranking.model import FeatureMatrix


def fit(task: Task) -> Recommend:
    """Learn everything from the split's plays and tags, as `segue evaluate` does."""
    with open_workspace(Path(task.split["data"])) as workspace:
        history, opened = load_history(workspace.warehouse), open_catalogue(workspace)
    split = cut(history, task.split["seeds"])
    own = split.history.tallies().filter(pl.col("plays") > 0).select("user_id", "track_id")
    if (
        own.height != task.plays.height
        or own.join(task.plays, on=("user_id", "track_id"), how="anti").height
    ):
        raise RuntimeError("Segue's own cut is not the one its peers were given")
    catalogue = retagged(opened.catalogue, history.user_tags, split.history.user_tags)
    factors = FactorsConfig.model_validate(_nested(task.settings))
    feed, training = FeedConfig(), RankerTrainingConfig()
    ranker, _ = learn_ranker(
        split.history, catalogue, opened.audio, factors=factors, training=training, feed=feed,
        seed=derive_seed(task.seed, "ranker"), preferences=opened.preferences, progress=Silent(),
    )  # fmt: skip
    learned = fit_history(
        split.history, catalogue, opened.audio, factors, derive_seed(task.seed, "serving"),
        now_ms=split.now_ms,
    ).learned  # fmt: skip
    engine = assemble(catalogue, learned, ranker, feed)
    names = catalogue.tracks.values

    def recommend(wanted: list[str], depth: int) -> dict[str, list[str]]:
        log = listener_log(split, catalogue)
        found = {}
        queries = [query_of(log, user, split, opened.preferences) for user in wanted]
        for part in chunks(queries):
            pages = [engine.shortlist(query) for query in part]
            described = features_of(engine, part, pages)
            for query, page, values in zip(part, pages, described, strict=True):
                scores = engine.ranker.score(FeatureMatrix(engine.features.names, values))
                rows = page.ranked(scores).rows[:depth]
                found[query.listener.user_id] = [names[row] for row in rows]
        return found

    return recommend


def _nested(settings: dict[str, Any]) -> dict[str, Any]:
    """Return {"als.dim": 64} as {"als": {"dim": 64}}, over the section's defaults."""
    whole = FactorsConfig().model_dump()
    for path, value in settings.items():
        *way, last = path.split(".")
        place = whole
        for name in way:
            place = place[name]
        place[last] = value
    return whole


if __name__ == "__main__":
    serve(fit)

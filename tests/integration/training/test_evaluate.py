"""Evaluation finds what is there, and finds nothing where nothing is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigError, DataError
from core.workspace import Workspace, open_workspace
from embeddings.collaborative.factors import AlsConfig
from pipelines.evaluate import EvaluationReport, evaluate
from pipelines.evaluation.configuration import EvaluateConfig, Protocol
from pipelines.fitting import FactorsConfig
from pipelines.job import Silent
from pipelines.ranker_training.train_ranker import RankerTrainingConfig
from ranking.assembly import FeedConfig
from ranking.rankers.training import RankerConfig
from tests.support.histories import (
    DAY_MS,
    START_MS,
    add_listens,
    add_plays,
    add_tracks,
    no_taste,
    two_tastes,
)

FACTORS = FactorsConfig(als=AlsConfig(dim=4, iterations=8, regularization=1.0, num_threads=1))
TRAINING = RankerTrainingConfig(
    trees=RankerConfig(trees=30, min_leaf_rows=10, threads=1), folds=3, requests=300
)
MODELS = {
    "popular", "recent_popular", "item_knn", "als", "ease", "ease_als_sum", "union", "two_stage",
    "source:collaborative", "source:similar", "source:autoencoder",
    "source:co_listened", "source:popular", "source:followed", "source:fresh",
}  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "data") as opened:
        yield opened


def judged(
    workspace: Workspace, protocol: Protocol = "leave-out", **config: object
) -> EvaluationReport:
    return evaluate(
        workspace,
        protocol=protocol,
        config=EvaluateConfig(**{"seeds": 2, **config}),
        factors=FACTORS,
        training=TRAINING,
        feed=FeedConfig(),
        progress=Silent(),
    )


def ndcg(report: EvaluationReport, model: str) -> float:
    return next(r for r in report.results if r.model == model).metrics["ndcg@10"].mean


def test_planted_taste_is_found_by_every_personal_model(workspace: Workspace) -> None:
    ids = add_tracks(workspace, 60)
    add_plays(workspace, two_tastes(ids, 80, 0.4, seed=1))
    report = judged(workspace)
    assert {result.model for result in report.results} == MODELS
    document = report.document()
    # No audio here: the similar source offers nothing, which is null in JSON and no NaN.
    json.dumps(document, allow_nan=False)
    assert document["protocol"] == "leave-out"
    assert set(document["results"][0]["metrics"]["ndcg@10"]) == {"mean", "low", "high"}
    assert set(report.against) == MODELS - {"two_stage"}
    assert report.against["popular"]["ndcg@10"].low > 0
    assert set(report.source_ms) == {name[7:] for name in MODELS if name.startswith("source:")}
    for model in ("als", "item_knn", "two_stage"):
        # Of the unheard tracks half are of the other taste: knowing the taste doubles the score.
        assert ndcg(report, model) > 1.5 * ndcg(report, "popular")


def test_where_listening_has_no_pattern_nothing_beats_chance(workspace: Workspace) -> None:
    ids = add_tracks(workspace, 60)
    pairs = no_taste(ids, 80, 0.4, seed=2)
    # Each tag says who plays what: a split that hid the play and kept the tag would be found here.
    add_plays(workspace, pairs, tags=[(u, t, f"played by {u}") for u, t in pairs])
    report = judged(workspace)
    # About 5 of the 41 unheard tracks are held out: a list by chance scores near 5 / 41 = 0.12.
    # A leak of the held-out plays into factors, counts, tags or the ranker scores above 0.4.
    for model in MODELS:
        assert ndcg(report, model) < 0.22, model


def test_temporal_judges_what_came_later(workspace: Workspace) -> None:
    ids = add_tracks(workspace, 60)
    pairs = two_tastes(ids, 60, 0.5, seed=3)
    listens = [(u, t, START_MS + (at * 7919 % 20) * DAY_MS) for at, (u, t) in enumerate(pairs)]
    add_listens(workspace, listens)
    report = judged(workspace, "temporal", seeds=1, held_days=3)
    assert report.protocol == "temporal"
    assert ndcg(report, "two_stage") > 1.3 * ndcg(report, "popular")


def test_where_repeats_count_favourites_are_found(workspace: Workspace) -> None:
    ids = add_tracks(workspace, 60)
    rng = np.random.default_rng(5)
    listens = [
        (f"u{user}", ids[track], START_MS + day * DAY_MS)
        for user in range(60)
        for track in rng.choice(60, 12, replace=False)
        for day in range(0, 20, 3)  # everybody plays the same dozen again and again
    ]
    add_listens(workspace, listens)
    report = judged(workspace, "temporal", seeds=1, held_days=3, repeats=True)
    assert report.repeats
    # A perfect list holds the dozen first; nobody can know it but from the listener's own past.
    assert ndcg(report, "favourites") > 0.95
    assert ndcg(report, "two_stage") > 0.9
    assert ndcg(report, "popular") < 0.5
    with pytest.raises(DataError, match="too few"):  # nothing they played was new
        judged(workspace, "temporal", seeds=1, held_days=3)


def test_the_same_seeds_give_the_same_figures(workspace: Workspace) -> None:
    add_plays(workspace, two_tastes(add_tracks(workspace, 30), 30, 0.5, seed=4))
    first, again = (
        judged(workspace, seeds=1).model_dump_json(exclude={"source_ms"}) for _ in range(2)
    )
    assert first == again


def test_what_cannot_be_judged_is_said(workspace: Workspace) -> None:
    add_plays(workspace, [("u", one) for one in add_tracks(workspace, 8)])
    with pytest.raises(ConfigError, match="leave-out"):
        judged(workspace, "temporal")
    with pytest.raises(DataError, match="too few"):
        judged(workspace)

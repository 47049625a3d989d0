"""How long it takes to hash an id and to decide who is in an experiment.

Promised: 10 us a hash, 50 us an evaluation.
"""

from __future__ import annotations

from typing import Any

import pytest

from ranking.experiments.assigning.context import Context
from ranking.experiments.assigning.evaluation import evaluate, run
from ranking.experiments.assigning.sticky import MemoryStickyStore
from ranking.experiments.bucketing.hashing import encode_ids, hash_bucket, hash_buckets
from ranking.experiments.definitions.reading import read_experiment, read_features

IDS = {
    "short": "user-12345",
    "uuid": "3f2c9b7e-8d41-4d6a-9a63-2f8f2f0f5c11",
    "emoji": "Jürgen 🎧🎶 Ünïcødé",
}
PLAIN: dict[str, Any] = {"key": "plain", "variations": [0, 1], "seed": "plain-1", "hashVersion": 2}
FULL: dict[str, Any] = {
    **PLAIN,
    "key": "full",
    "meta": [{"key": "control"}, {"key": "fresh"}],
    "weights": [0.5, 0.5],
    "filters": [
        {"seed": "holdout", "ranges": [[0.05, 1]]},
        {"seed": "feed-layer", "ranges": [[0, 1]]},
    ],
    "condition": {
        "country": {"$in": ["DE", "FR", "NZ"]},
        "app": {"$vgte": "3.4.0"},
        "$or": [{"plan": "paid"}, {"age_days": {"$gt": 30}}],
    },
}
ABOUT = {"country": "NZ", "app": "3.10.2", "plan": "free", "age_days": 90}


@pytest.mark.parametrize("kind", IDS)
def test_hash_one_id(benchmark: Any, kind: str) -> None:
    assert benchmark(hash_bucket, "plain-1", IDS[kind], 2) is not None


def test_hash_a_million_ids(benchmark: Any) -> None:
    ids = encode_ids([f"user-{number}" for number in range(1_000_000)])
    assert len(benchmark.pedantic(hash_buckets, args=("plain-1", ids), rounds=3)) == 1_000_000


def test_assign_by_weights(benchmark: Any) -> None:
    context = Context(attributes={"id": IDS["uuid"]})
    assert benchmark(run, read_experiment(PLAIN), context).in_experiment


def test_assign_with_holdout_layer_and_targeting(benchmark: Any) -> None:
    context = Context(attributes={"id": IDS["uuid"], **ABOUT})
    assert benchmark(run, read_experiment(FULL), context).in_experiment


def test_assign_who_was_kept(benchmark: Any) -> None:
    context = Context(attributes={"id": IDS["uuid"], **ABOUT}, sticky=MemoryStickyStore())
    assert benchmark(run, read_experiment(FULL), context).is_sticky


def test_evaluate_a_feature_of_three_rules(benchmark: Any) -> None:
    rules = [{"force": 9, "condition": {"country": "DE"}}, {"force": 8, "coverage": 0}, PLAIN]
    features = read_features({"feed": {"defaultValue": 0, "rules": rules}})
    context = Context(attributes={"id": IDS["uuid"], **ABOUT}, features=features)
    assert benchmark(evaluate, "feed", context).source == "experiment"

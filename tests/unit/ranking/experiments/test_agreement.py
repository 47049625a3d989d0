"""The same listeners get the same variations from the public Python SDK."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ranking.experiments.assigning.context import Context
from ranking.experiments.assigning.evaluation import evaluate, run
from ranking.experiments.definitions.reading import read_experiment, read_features

growthbook = pytest.importorskip("growthbook", reason="the SDK is a dependency of development")

N_IDS = 10_000
ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz0123456789-",
    "äöüßéèñçøåæœ",
    "日本語中文한국어",
    "😀🎧🎶👩🎤🏳🌈\u200d\ufe0f",
]

SPECS: list[dict[str, Any]] = [
    {"key": "plain", "variations": [0, 1], "seed": "s1", "hashVersion": 2},
    {
        "key": "weighed 🎛", "variations": [0, 1, 2], "seed": "sé🎵d", "hashVersion": 2,
        "weights": [0.2, 0.3, 0.5], "coverage": 0.7,
    },
    {
        "key": "layered", "variations": ["a", "b"], "seed": "s3", "hashVersion": 2,
        "filters": [{"seed": "layer", "ranges": [[0.1, 0.45], [0.7, 0.9]]}],
        "ranges": [[0, 0.35], [0.5, 0.85]],
    },
    {"key": "old", "variations": [0, 1], "namespace": ["space", 0.2, 0.9], "coverage": 0.8},
    {
        "key": "aimed", "variations": [0, 1], "seed": "s4", "hashVersion": 2,
        "condition": {"country": {"$in": ["DE", "FR"]}, "version": {"$vgte": "1.10.0"}},
    },
]  # fmt: skip


@pytest.fixture(scope="module")
def listeners() -> list[dict[str, Any]]:
    rng = random.Random(11)
    return [
        {
            "id": "".join(rng.choices(rng.choice(ALPHABETS), k=rng.randint(1, 24))),
            "country": rng.choice(["DE", "FR", "NZ"]),
            "version": rng.choice(["1.9.9", "1.10.0", "1.10.0-beta", "2.0"]),
        }
        for _ in range(N_IDS)
    ]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(spec["key"]))
def test_variations_agree(spec: dict[str, Any], listeners: list[dict[str, Any]]) -> None:
    experiment = read_experiment(spec)
    theirs = growthbook.Experiment(**spec)
    sdk = growthbook.GrowthBook(enabled=True)
    # Every id meets the experiment with emoji in key and seed, a fifth of them the others.
    n_ids = N_IDS if spec is SPECS[1] else N_IDS // 5
    inside = 0
    for attributes in listeners[:n_ids]:
        sdk.set_attributes(attributes)
        expected = sdk.run(theirs)
        ours = run(experiment, Context(attributes=attributes))
        assert (ours.in_experiment, ours.variation, ours.bucket) == (
            expected.inExperiment,
            expected.variationId,
            expected.bucket,
        ), attributes
        inside += ours.in_experiment
    assert n_ids * 0.1 < inside <= n_ids


def test_features_agree(listeners: list[dict[str, Any]]) -> None:
    rules = [
        {"force": "held", "coverage": 0.05, "seed": "holdout", "hashVersion": 2},
        {**SPECS[4], "id": "aimed"},
        {**SPECS[2], "variations": ["c", "d"], "id": "layered"},
    ]
    document = {"feed": {"defaultValue": "plain", "rules": rules}}
    features = read_features(document)
    sdk = growthbook.GrowthBook(features=document)
    answers = set()
    for attributes in listeners[: N_IDS // 5]:
        sdk.set_attributes(attributes)
        expected = sdk.eval_feature("feed")
        ours = evaluate("feed", Context(attributes=attributes, features=features))
        assert (ours.value, ours.source) == (expected.value, expected.source), attributes
        answers.add(ours.value)
    assert answers == {"held", 0, 1, "c", "d", "plain"}

"""The public test cases of the GrowthBook SDK specification 0.8.0."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from core.errors import ConfigError
from ranking.experiments.assigning.context import Context
from ranking.experiments.assigning.evaluation import Evaluated, evaluate, run
from ranking.experiments.assigning.forcing import query_override
from ranking.experiments.assigning.sticky import MemoryStickyStore
from ranking.experiments.bucketing.hashing import hash_bucket
from ranking.experiments.bucketing.ranges import (
    bucket_ranges,
    choose_variation,
    equal_weights,
    in_namespace,
)
from ranking.experiments.definitions.reading import read_experiment, read_features
from ranking.experiments.targeting.conditions import meets
from tests.support.shared_data import shared_vectors

Cases = dict[str, list[Any]]

SIZES = {
    "hash": 15,
    "getBucketRange": 13,
    "chooseVariation": 13,
    "inNamespace": 16,
    "getEqualWeights": 6,
    "getQueryStringOverride": 16,
    "evalCondition": 248,
    "run": 73,
    "feature": 55,
    "stickyBucket": 13,
}


@pytest.fixture(scope="module")
def cases() -> Cases:
    return json.loads(shared_vectors("growthbook-cases.json").read_text(encoding="utf-8"))


def context_of(told: Mapping[str, Any], sticky: MemoryStickyStore | None = None) -> Context:
    return Context(
        attributes=told.get("attributes", {}),
        forced=told.get("forcedVariations", {}),
        url=told.get("url", ""),
        features=read_features(told.get("features", {})),
        groups=told.get("savedGroups", {}),
        sticky=sticky,
        enabled=told.get("enabled", True),
        testing=told.get("qaMode", False),
    )


def as_sdk_tells(feature_id: str, answer: Evaluated) -> dict[str, Any]:
    """Return an answer in the shape the cases have."""
    told: dict[str, Any] = {
        "value": answer.value,
        "on": answer.is_on,
        "off": not answer.is_on,
        "source": answer.source,
        "ruleId": answer.rule_id,
    }
    if answer.experiment is not None:
        told["experiment"] = answer.experiment.document()
        told["experimentResult"] = result_of(feature_id, answer)
    return told


def result_of(feature_id: str, answer: Evaluated) -> dict[str, Any]:
    result = answer.assignment
    assert result is not None
    told = {
        "featureId": feature_id,
        "hashAttribute": result.identity.attribute,
        "hashValue": result.identity.value,
        "hashUsed": result.hash_used,
        "inExperiment": result.in_experiment,
        "key": result.key,
        "value": result.value,
        "variationId": result.variation,
        "stickyBucketUsed": result.is_sticky,
        "bucket": result.bucket,
        "name": result.name or None,
    }
    return {key: value for key, value in told.items() if value is not None}


def rounded(spans: list[Any]) -> list[list[float]]:
    return [[round(end, 9) for end in span] for span in spans]


@pytest.mark.parametrize("section", SIZES)
def test_no_case_was_lost(cases: Cases, section: str) -> None:
    assert len(cases[section]) == SIZES[section]


def test_hash(cases: Cases) -> None:
    for seed, text, version, expected in cases["hash"]:
        assert hash_bucket(seed, text, version) == expected, (seed, text, version)


def test_ranges(cases: Cases) -> None:
    for name, arguments, expected in cases["getBucketRange"]:
        assert rounded(bucket_ranges(*arguments)) == rounded(expected), name


def test_choosing(cases: Cases) -> None:
    for name, place, spans, expected in cases["chooseVariation"]:
        assert choose_variation(place, spans) == expected, name


def test_namespaces(cases: Cases) -> None:
    for name, text, namespace, expected in cases["inNamespace"]:
        assert in_namespace(text, tuple(namespace)) is expected, name


def test_equal_weights(cases: Cases) -> None:
    for n_variations, expected in cases["getEqualWeights"]:
        assert [round(weight, 8) for weight in equal_weights(n_variations)] == expected


def test_overrides_in_addresses(cases: Cases) -> None:
    for name, key, url, n_variations, expected in cases["getQueryStringOverride"]:
        assert query_override(key, url, n_variations) == expected, name


def test_conditions(cases: Cases) -> None:
    for name, condition, attributes, expected, *groups in cases["evalCondition"]:
        assert meets(attributes, condition, *groups) is expected, name


def test_run(cases: Cases) -> None:
    for name, told, experiment, *expected in cases["run"]:
        result = run(read_experiment(experiment), context_of(told))
        assert [result.value, result.in_experiment, result.hash_used] == expected, name


def test_features(cases: Cases) -> None:
    bandits = 0
    for name, told, feature_id, expected in cases["feature"]:
        if "contextualBanditRef" in json.dumps(told):
            bandits += 1
            with pytest.raises(ConfigError, match="contextual bandits"):
                context_of(told)
            continue
        answer = evaluate(feature_id, context_of(told))
        assert as_sdk_tells(feature_id, answer) == expected, name
    assert bandits == 4  # what a server does not need, and refuses in so many words


def test_sticky_assignments(cases: Cases) -> None:
    for name, told, documents, feature_id, expected, after in cases["stickyBucket"]:
        kept = {
            (one["attributeName"], one["attributeValue"]): one["assignments"] for one in documents
        }
        store = MemoryStickyStore(kept)
        answer = evaluate(feature_id, context_of(told, store))
        found = result_of(feature_id, answer) if answer.assignment else None
        assert found == expected, name
        for document in after.values():
            who = (document["attributeName"], document["attributeValue"])
            assert store.read(*who) == document["assignments"], name
        others = set(store.everything()) - {tuple(one.split("||")) for one in after}
        assert others <= set(kept), name  # of somebody else, and untouched

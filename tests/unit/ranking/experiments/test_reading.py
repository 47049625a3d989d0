from __future__ import annotations

from typing import Any

import pytest

from core.errors import ConfigError, ExperimentError
from ranking.experiments.definitions.reading import read_experiment, read_features
from ranking.experiments.layering.admission import check_new

SPEC: dict[str, Any] = {
    "key": "new", "variations": [0, 1], "seed": "new-1", "hashVersion": 2, "weights": [0.5, 0.5],
    "filters": [{"seed": "layer", "ranges": [[0, 0.5]]}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"key": ""}, "key"),
        ({"variations": 3}, "variations"),
        ({"weights": [0.5, "half"]}, r"weights\.1.*half"),
        ({"coverage": "0.5"}, "coverage"),
        ({"coverage": float("nan")}, "coverage"),
        ({"hashVersion": "2"}, "hashVersion"),
        ({"status": "paused"}, "status.*paused"),
        ({"filters": [{"ranges": [[0, 1]]}]}, r"filters\.0\.seed"),
        ({"filters": [{"seed": "s", "ranges": [[0]]}]}, r"filters\.0\.ranges\.0"),
        ({"condition": {"$and": 3}}, "condition.*takes a list"),
        ({"parentConditions": [{"id": "f", "condition": {"$or": 3}}]}, "takes a list"),
        ({"urlPatterns": [{"type": "simple", "pattern": "/", "include": True}]}, "urlPatterns"),
        ({"contextualBanditRef": "cb"}, "contextual bandits"),
    ],
)
def test_a_malformed_experiment_is_refused_by_field(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s)'?{change.get('key', 'new')}'?.*{said}"):
        read_experiment({**SPEC, **change})


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        read_experiment({"coverage": "x", "weights": [None]})
    for field in ("key", "variations", "coverage", "weights.0"):
        assert field in str(refused.value)


@pytest.mark.parametrize("document", [None, [], "x", 3])
def test_what_is_no_object_is_refused(document: Any) -> None:
    with pytest.raises(ConfigError):
        read_experiment(document)
    with pytest.raises(ConfigError):
        read_features({"f": {"rules": [document]}})
    with pytest.raises(ConfigError):
        read_features({"f": document})


def test_a_malformed_rule_is_named() -> None:
    rules = [{"force": 1}, {"variations": [0, 1], "weights": "even"}]
    with pytest.raises(ConfigError, match=r"(?s)feature 'feed', rule 1.*weights.*even"):
        read_features({"feed": {"defaultValue": 0, "rules": rules}})


def test_null_is_missing_and_unknown_keys_are_read_over() -> None:
    experiment = read_experiment({**SPEC, "weights": None, "coverage": None, "phase9": 1})
    assert experiment.spans == [(0, 0.5), (0.5, 1)]


def test_what_was_read_is_told_as_it_was_given() -> None:
    assert read_experiment(SPEC).document() == SPEC


def test_a_good_experiment_may_be_new() -> None:
    check_new(read_experiment(SPEC))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hashVersion": 1}, "hashVersion"),
        ({"hashVersion": None}, "hashVersion: 1"),
        ({"seed": None}, "seed: missing"),
        ({"namespace": ["n", 0, 0.5]}, "use filters"),
        (
            {"filters": [{"seed": "l", "ranges": [[0, 1]], "hashVersion": 1}]},
            "'l' has hashVersion 1",
        ),
        ({"filters": [{"seed": "new-1", "ranges": [[0, 1]]}]}, "own seed"),
        ({"variations": [0], "weights": [1]}, "there are 1"),
        ({"meta": [{"key": "a"}, {"key": "a"}]}, "called alike"),
        ({"meta": [{"key": "a"}]}, "1 entries for 2"),
        ({"force": 2}, "no variation 2"),
        ({"coverage": 1.2}, "outside 0 to 1"),
        ({"weights": [0.5, 0.4]}, "add up to 0.9"),
        ({"weights": [1.5, -0.5]}, "weights"),
        ({"weights": [1]}, "1 for 2 variations"),
        ({"ranges": [[0, 0.6], [0.5, 1]]}, "two share"),
        ({"ranges": [[0, 0.5], [0.5, 1.1]]}, "no part"),
        ({"ranges": [[0, 0.5]]}, "1 for 2"),
        ({"condition": {"a": {"$gtt": 1}}}, r"\$gtt is no operator"),
    ],
)
def test_what_may_not_be_new_is_still_understood(change: dict[str, Any], said: str) -> None:
    experiment = read_experiment({**SPEC, **change})
    with pytest.raises(ExperimentError, match=said):
        check_new(experiment)

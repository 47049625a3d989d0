from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.experiments.assigning.context import Context
from ranking.experiments.assigning.evaluation import evaluate, run
from ranking.experiments.assigning.sticky import MemoryStickyStore
from ranking.experiments.bucketing.hashing import hash_bucket
from ranking.experiments.definitions.reading import read_experiment, read_features

SPEC: dict[str, Any] = {
    "key": "fresh-share",
    "variations": ["none", "fifth", "third"],
    "weights": [0.5, 0.3, 0.2],
    "meta": [{"key": "a"}, {"key": "b"}, {"key": "c"}],
    "seed": "fresh-share-1",
    "hashVersion": 2,
}


def listener(name: str, **more: Any) -> Context:
    return Context(attributes={"id": name}, **more)


def test_shares_are_as_weighed() -> None:
    """5,000 draws: the widest share has a standard error of 0.007."""
    experiment = read_experiment(SPEC)
    counts = Counter(run(experiment, listener(f"u{n}")).variation for n in range(5_000))
    for variation, weight in enumerate(SPEC["weights"]):
        assert counts[variation] / 5_000 == pytest.approx(weight, abs=0.028)


@given(name=st.text(min_size=1, max_size=20), coverage=st.floats(0, 1))
def test_a_listener_is_in_where_the_hash_falls_into_the_share(name: str, coverage: float) -> None:
    experiment = read_experiment({**SPEC, "weights": [1, 0, 0], "coverage": coverage})
    place = hash_bucket("fresh-share-1", name, 2)
    assert place is not None
    assert run(experiment, listener(name)).in_experiment == (place < coverage)


def test_force_does_not_count_as_chance() -> None:
    experiment = read_experiment({**SPEC, "active": False})
    forced = run(experiment, listener("u1", forced={"fresh-share": 2}))
    assert (forced.value, forced.in_experiment, forced.hash_used) == ("third", True, False)
    assert run(experiment, listener("u1", url="/feed?fresh-share=1")).key == "b"
    assert not run(experiment, listener("u1", forced={"fresh-share": 3})).in_experiment


@pytest.mark.parametrize("change", [{"status": "draft"}, {"status": "stopped"}, {"active": False}])
def test_nobody_is_in_what_does_not_run(change: dict[str, Any]) -> None:
    result = run(read_experiment({**SPEC, **change}), listener("u1"))
    assert (result.in_experiment, result.value, result.bucket) == (False, "none", None)


def test_who_was_kept_stays_when_weights_change() -> None:
    store = MemoryStickyStore()
    before = read_experiment(SPEC)
    after = read_experiment({**SPEC, "weights": [0, 0, 1], "condition": {"country": "NZ"}})
    names = [f"u{n}" for n in range(50)]
    was = [run(before, listener(name, sticky=store)).variation for name in names]
    kept = [run(after, listener(name, sticky=store)) for name in names]
    assert [one.variation for one in kept] == was
    assert all(one.is_sticky for one in kept)
    assert set(was) == {0, 1, 2}
    assert not run(after, listener("newcomer", sticky=store)).in_experiment


def test_a_variation_that_is_gone_is_not_kept() -> None:
    store = MemoryStickyStore({("id", "u1"): {"fresh-share__0": "retired"}})
    result = run(read_experiment(SPEC), listener("u1", sticky=store))
    assert not result.is_sticky
    assert store.read("id", "u1") == {"fresh-share__0": result.key}


def test_a_rollout_falls_back_where_assignments_are_kept() -> None:
    rule = {"force": 1, "range": [0, 1], "hashAttribute": "account", "fallbackAttribute": "id"}
    features = read_features(
        {"f": {"rules": [rule]}, "g": {"rules": [{**rule, "disableStickyBucketing": True}]}}
    )
    sticky = MemoryStickyStore()
    assert evaluate("f", listener("u1", features=features, sticky=sticky)).value == 1
    assert evaluate("f", listener("u1", features=features)).value is None
    assert evaluate("g", listener("u1", features=features, sticky=sticky)).value is None


def test_force_is_not_kept() -> None:
    store = MemoryStickyStore()
    run(read_experiment(SPEC), listener("u1", sticky=store, forced={"fresh-share": 1}))
    assert store.everything() == {}


def test_ids_that_are_numbers_are_hashed_as_javascript_writes_them() -> None:
    experiment = read_experiment(SPEC)
    for number, text in [(12, "12"), (12.0, "12"), (1e21, "1e+21")]:
        result = run(experiment, Context(attributes={"id": number}))
        assert result.bucket == hash_bucket("fresh-share-1", text, 2)


def test_an_experiment_waits_for_its_parent() -> None:
    features = read_features(
        {"new-shelf": {"defaultValue": False, "rules": [{"force": True, "coverage": 0.5}]}}
    )
    child = read_experiment(
        {**SPEC, "parentConditions": [{"id": "new-shelf", "condition": {"value": True}}]}
    )
    names = [f"u{n}" for n in range(200)]
    on = [evaluate("new-shelf", listener(name, features=features)).is_on for name in names]
    inside = [run(child, listener(name, features=features)).in_experiment for name in names]
    assert inside == on
    assert 60 < sum(on) < 140


def test_a_circle_of_parents_ends() -> None:
    asks = {
        "rules": [{"parentConditions": [{"id": "b", "condition": {"value": True}}], "force": 1}]
    }
    answers = {"rules": [{"variations": [0, 1], "parentConditions": [{"id": "a"}]}]}
    features = read_features({"a": asks, "b": answers})
    assert evaluate("a", listener("u1", features=features)).source == "cyclicPrerequisite"

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ExperimentError
from ranking.experiments.assigning.context import Context
from ranking.experiments.assigning.evaluation import run
from ranking.experiments.definitions.definition import Experiment
from ranking.experiments.definitions.reading import read_experiment
from ranking.experiments.layering.places import OUTSIDE, variations_at
from ranking.experiments.layering.ramping import check_widening

SPEC: dict[str, Any] = {
    "key": "ramp",
    "variations": ["a", "b", "c"],
    "weights": [0.2, 0.3, 0.5],
    "coverage": 0.1,
    "seed": "ramp-1",
    "hashVersion": 2,
}
NAMES = [f"u{number}" for number in range(2_000)]


def at(**change: Any) -> Experiment:
    return read_experiment({**SPEC, **change})


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_coverage_moves_nobody_and_less_is_refused(one: float, other: float) -> None:
    small, large = sorted((one, other))
    widened = check_widening(at(coverage=small), at(coverage=large))
    assert widened.before <= widened.after
    if widened.before < widened.after:
        with pytest.raises(ExperimentError, match="may only grow"):
            check_widening(at(coverage=large), at(coverage=small))


def test_listeners_stay_where_they_are_while_it_grows() -> None:
    steps = [at(coverage=coverage) for coverage in (0.05, 0.2, 0.7, 1)]
    seen: dict[str, int] = {}
    for before, after in pairwise(steps):
        check_widening(before, after)
    for step in steps:
        for name in NAMES:
            result = run(step, Context(attributes={"id": name}))
            if result.in_experiment:
                assert seen.setdefault(name, result.variation) == result.variation
            else:
                assert name not in seen
    assert len(seen) == len(NAMES)


def test_new_weights_reshuffle_and_are_refused() -> None:
    with pytest.raises(ExperimentError, match=r"variation 1 loses \[0.2, 0.3\)"):
        check_widening(at(coverage=1), at(coverage=1, weights=[0.3, 0.2, 0.5]))


def test_ranges_may_grow_into_what_is_free() -> None:
    old = at(ranges=[[0, 0.1], [0.3, 0.4], [0.6, 0.7]])
    assert check_widening(old, at(ranges=[[0, 0.3], [0.3, 0.6], [0.6, 1]])) == pytest.approx(
        (0.3, 1)
    )
    with pytest.raises(ExperimentError, match=r"variation 1 loses \[0.3, 0.4\)"):
        check_widening(old, at(ranges=[[0, 0.5], [0.5, 0.6], [0.6, 1]]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": "other"}, "seed and hashVersion"),
        ({"hashVersion": 1}, "seed and hashVersion"),
        ({"hashAttribute": "device"}, "hashAttribute"),
        ({"variations": ["a", "b", "x"]}, "variations"),
        ({"condition": {"country": "DE"}}, "condition"),
        ({"parentConditions": [{"id": "f", "condition": {"value": True}}]}, "parentConditions"),
        ({"filters": [{"seed": "layer", "ranges": [[0, 0.5]]}]}, r"'layer' shuts out \[0.5, 1\)"),
    ],
)
def test_what_cannot_widen_may_not_change(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ExperimentError, match=said):
        check_widening(at(), at(**change))


def test_layers_may_only_let_more_in() -> None:
    def layered(end: float) -> Experiment:
        return at(filters=[{"seed": "layer", "ranges": [[0, end]]}])

    check_widening(layered(0.2), layered(0.5))
    check_widening(layered(0.2), at())
    with pytest.raises(ExperimentError, match=r"shuts out \[0.2, 0.5\)"):
        check_widening(layered(0.5), layered(0.2))


@given(
    ranges=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=3),
    place=st.integers(0, 9_999),
)
def test_places_are_chosen_as_listeners_are(ranges: Any, place: int) -> None:
    experiment = at(ranges=ranges)
    inside = [n for n, (start, end) in enumerate(ranges) if start <= place / 10_000 < end]
    assert variations_at(experiment)[place] == (inside[0] if inside else OUTSIDE)

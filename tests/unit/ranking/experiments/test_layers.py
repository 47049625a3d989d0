from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ExperimentError
from ranking.experiments.assigning.assignment import lets_in
from ranking.experiments.assigning.context import Context
from ranking.experiments.definitions.definition import Experiment
from ranking.experiments.definitions.reading import read_experiment
from ranking.experiments.layering.layers import Holdout, check_layers, free_ranges

ENDS = st.integers(0, 20).map(lambda end: end / 20)
RANGES = st.lists(st.tuples(ENDS, ENDS).map(sorted), min_size=1, max_size=3)


def in_layer(key: str, ranges: list[Any], **more: Any) -> Experiment:
    own = [{"seed": "layer", "ranges": ranges, **more.pop("filter", {})}, *more.pop("filters", [])]
    return read_experiment(
        {"key": key, "variations": [0, 1], "seed": key, "hashVersion": 2, "filters": own, **more}
    )


@given(one=RANGES, other=RANGES)
def test_a_layer_holds_exactly_where_no_listener_is_in_both(one: Any, other: Any) -> None:
    a, b = in_layer("a", one), in_layer("b", other)
    # One listener for every cell that ends of ranges may cut.
    cells = [(cell + 0.5) / 20 for cell in range(20)]
    shared = any(
        all(any(s <= cell < e for s, e in ranges) for ranges in (one, other)) for cell in cells
    )
    if shared:
        with pytest.raises(ExperimentError, match="'a' and 'b' share"):
            check_layers([a, b])
    else:
        check_layers([a, b])


def test_ends_that_differ_by_rounding_are_looked_at_as_listeners_meet_them() -> None:
    rest = in_layer("b", [[0.3, 1]])
    check_layers([in_layer("a", [[0, 0.3 - 1e-12]]), rest])  # there is no place between
    with pytest.raises(ExperimentError, match=r"share \[0.3, 0.3001\)"):
        check_layers([in_layer("a", [[0, 0.1 + 0.2]]), rest])  # 0.30000000000000004


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"filter": {"attribute": "device"}}, "use one attribute"),
        ({"hashAttribute": "device"}, "use one attribute"),
        ({"filter": {"hashVersion": 1}}, "hash version 1"),
        ({"seed": "other", "key": "a"}, "two experiments with one key"),
    ],
)
def test_a_layer_hashes_one_thing_one_way(more: dict[str, Any], said: str) -> None:
    key = more.pop("key", "b")
    with pytest.raises(ExperimentError, match=said):
        check_layers([in_layer("a", [[0, 0.5]]), in_layer(key, [[0.5, 1]], **more)])


def test_experiments_apart_may_not_share_a_seed() -> None:
    a, b = [
        read_experiment({"key": key, "variations": [0, 1], "seed": "same", "hashVersion": 2})
        for key in "ab"
    ]
    with pytest.raises(ExperimentError, match="both drawn by the seed 'same'"):
        check_layers([a, b])
    check_layers([in_layer("a", [[0, 0.5]], seed="same"), in_layer("b", [[0.5, 1]], seed="same")])


def test_what_is_free_is_what_nobody_owns() -> None:
    running = [in_layer("a", [[0.1, 0.3]]), in_layer("b", [[0.3, 0.35], [0.8, 1]])]
    assert free_ranges(running, "layer") == [(0.0, 0.1), (0.35, 0.8)]
    assert free_ranges(running, "another") == [(0.0, 1.0)]
    check_layers([*running, in_layer("c", [list(span) for span in free_ranges(running, "layer")])])


def test_the_holdout_is_in_no_experiment() -> None:
    holdout = Holdout(share=0.05)
    kept_out = holdout.filter().document()
    inside = in_layer("a", [[0, 0.5]], filters=[kept_out])
    check_layers([inside, in_layer("b", [[0.5, 1]], filters=[kept_out])], holdout)
    with pytest.raises(ExperimentError, match=r"'c' takes in \[0, 0.05\) of the holdout"):
        check_layers([inside, in_layer("c", [[0.5, 1]])], holdout)
    wide = {"seed": "holdout", "ranges": [[0.03, 1]]}
    with pytest.raises(ExperimentError, match=r"\[0.03, 0.05\)"):
        check_layers([in_layer("d", [[0.5, 1]], filters=[wide])], holdout)


def test_a_larger_holdout_loses_nobody() -> None:
    small, large = Holdout(share=0.05).filter(), Holdout(share=0.1).filter()
    for number in range(500):
        context = Context(attributes={"id": f"u{number}"})
        assert lets_in([small], context) or not lets_in([large], context)

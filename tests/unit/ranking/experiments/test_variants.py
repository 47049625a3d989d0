from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ExperimentError
from ranking.assembly import FeedConfig
from ranking.experiments.definitions.spec import VariationSpec
from ranking.experiments.lifecycle.variants import feed_of, merged

Nested = st.recursive(
    st.dictionaries(st.sampled_from("abc"), st.integers(), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner | st.integers(), max_size=3),
    max_leaves=8,
)


def _variation(**feed: Any) -> VariationSpec:
    return VariationSpec(key="b", feed=feed)


def test_what_differs_is_put_over_the_feed_and_nothing_else_changes() -> None:
    base = FeedConfig.model_validate(
        {
            "size": 30,
            "page": {"fresh": {"share": 0.2, "most": 0.5}},
            "value": {"like": 2, "skip": -1},
        }
    )
    kept = base.model_dump()
    made = feed_of(base, _variation(page={"fresh": {"share": 0}}, value={"like": 3}))
    wanted = base.model_dump()
    wanted["page"]["fresh"]["share"] = 0.0
    wanted["value"] = {"like": 3.0, "skip": -1.0}
    assert made.model_dump() == wanted
    assert base.model_dump() == kept


def test_a_variation_without_differences_is_the_feed_itself() -> None:
    base = FeedConfig(size=7)
    assert feed_of(base, _variation()) is base


def test_every_setting_that_cannot_be_so_is_named() -> None:
    wrong = _variation(size=0, page={"frsh": 1, "fresh": {"share": 2}}, similar=3)
    with pytest.raises(ExperimentError) as refused:
        feed_of(FeedConfig(), wrong)
    text = str(refused.value)
    assert text.startswith("variation 'b' is no feed: ")
    for name in ("size", "page.frsh", "page.fresh.share", "similar"):
        assert f"{name}: " in text


def _leaves(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    if not isinstance(value, dict) or not value:
        return {path: value}
    return {k: v for name, part in value.items() for k, v in _leaves(part, (*path, name)).items()}


@given(Nested, Nested)
def test_what_is_put_over_is_there_and_what_it_does_not_touch_stays(
    under: dict[str, Any], over: dict[str, Any]
) -> None:
    made = merged(under, over)
    found, above = _leaves(made), _leaves(over)
    for path, value in above.items():
        if path and value != {}:  # an empty table changes nothing
            assert found[path] == value
    for path, value in _leaves(under).items():
        hidden = any(
            path[: len(other)] == other or other[: len(path)] == path for other in above if other
        )
        if path and not hidden:
            assert found[path] == value
    assert merged(made, over) == made
    assert merged(under, {}) == under

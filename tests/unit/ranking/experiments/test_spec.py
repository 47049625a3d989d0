from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from core.errors import ExperimentError
from ranking.experiments.configuration import ExperimentsConfig, Frame
from ranking.experiments.definitions.metric_names import READY, metric_names
from ranking.experiments.definitions.plain_json import MAX_DEPTH, plain
from ranking.experiments.definitions.reading import read_experiment
from ranking.experiments.definitions.resolving import experiment_of
from ranking.experiments.definitions.spec import ExperimentSpec, MetricRoles, Plan, VariationSpec
from ranking.experiments.layering.admission import check_new
from ranking.experiments.layering.layers import check_layers
from tests.support.experiments import document, spec

PAGE = Path(__file__).parents[4] / "docs" / "experiments.md"


def test_a_spec_becomes_what_sdks_take() -> None:
    written = spec(
        "fresh",
        name="Fresh slots",
        layer="feed",
        ranges=[[0.1, 0.3], [0.5, 0.6]],
        coverage=0.5,
        weights=[0.25, 0.75],
        condition={"country": "DE"},
        sticky=True,
    )
    frame = Frame(holdout=0.05, holdout_seed="held", layer_seed="l1")
    made = experiment_of(written, frame, "running")
    assert made.document() == {
        "key": "fresh",
        "name": "Fresh slots",
        "variations": ["control", "none"],
        "meta": [{"key": "control", "name": ""}, {"key": "none", "name": ""}],
        "coverage": 0.5,
        "weights": [0.25, 0.75],
        "seed": "fresh@feed",
        "hashVersion": 2,
        "hashAttribute": "user_id",
        "condition": {"country": "DE"},
        "filters": [
            {
                "seed": "l1/feed", "ranges": [[0.1, 0.3], [0.5, 0.6]], "attribute": "user_id",
                "hashVersion": 2,
            },
            {"seed": "held", "ranges": [[0.05, 1.0]], "attribute": "user_id", "hashVersion": 2},
        ],
        "disableStickyBucketing": False,
        "status": "running",
    }  # fmt: skip
    assert read_experiment(made.document()) == made
    check_new(made)
    check_layers([made], frame.held_out())


def test_a_layer_of_its_own_needs_no_filter_until_it_is_cut() -> None:
    whole = experiment_of(spec("a"), Frame(), "running")
    assert (whole.filters, whole.seed, whole.weights) == ((), "a@", None)
    cut = experiment_of(spec("a", ranges=[[0, 0.5]]), Frame(), "running")
    assert [one.seed for one in cut.filters or ()] == ["layer/@a"]
    check_new(cut)


@pytest.mark.parametrize("part", [ExperimentSpec, VariationSpec, MetricRoles, Plan])
def test_every_field_is_told(part: type[BaseModel]) -> None:
    told = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert told
    document = tomllib.loads(told[1])
    written = {
        ExperimentSpec: document,
        VariationSpec: document["variations"][1],
        MetricRoles: document["metrics"],
        Plan: document["plan"],
    }
    assert set(written[part]) == set(part.model_fields)
    assert ExperimentSpec.model_validate(document).key == "fresh-share"


def test_seeds_are_drawn_from_key_and_layer() -> None:
    seeds = {
        spec("a").seeded, spec("b").seeded, spec("a", layer="b").seeded,
        spec("a", layer="c").seeded, spec("a", seed="mine").seeded,
    }  # fmt: skip
    assert len(seeds) == 5


def test_a_spec_survives_json() -> None:
    written = spec(
        forced={"👩‍🎤": "none"}, condition={"a": {"$in": [1, 2.5, None, True]}}, weights=[0.1, 0.9]
    )
    assert ExperimentSpec.model_validate_json(written.model_dump_json()) == written


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (math.nan, "no number that every client"),
        ({"a": [math.inf]}, "no number that every client"),
        (2**53 + 1, "no number that every client"),
        ({"\ud83d": 1}, "is no Unicode"),
        (["a", "\udc00"], "is no Unicode"),
        ({"a": {1, 2}}, "cannot be written as JSON"),
    ],
)
def test_what_not_all_read_alike_is_refused(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        plain(value)


def test_nesting_ends() -> None:
    def nested(levels: int) -> Any:
        value: Any = 1
        for _ in range(levels):
            value = [value]
        return value

    assert plain(nested(MAX_DEPTH - 1)) == nested(MAX_DEPTH - 1)
    with pytest.raises(ValueError, match="more than 16 levels"):
        plain(nested(MAX_DEPTH))
    fine = {"a": [None, True, -3, 2**53, 0.1, "👩‍🎤", {}, []]}
    assert plain(fine) is fine


@pytest.mark.parametrize(
    "changes",
    [
        {"key": ""}, {"key": "a/b"}, {"key": "-a"}, {"layer": "a@b"}, {"coverage": -0.1},
        {"ranges": [[0.2, 1.2]]}, {"ranges": [[0.5, 0.4]]}, {"hash_attribute": "a.b"},
        {"variations": [{"key": "a", "artifacts": {"..": "x"}}]}, {"forced": {"": "none"}},
        {"weights": [1.5, -0.5]}, {"owner": "x" * 201}, {"unknown": 1}, {"coverage": "half"},
    ],
)  # fmt: skip
def test_what_cannot_be_written(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        ExperimentSpec.model_validate(document() | changes)
    assert {fault["loc"][0] for fault in refused.value.errors()} == set(changes)


def test_the_holdout_is_no_layer() -> None:
    with pytest.raises(ValidationError, match="could be a layer's"):
        Frame(holdout_seed="layer/feed")
    config = ExperimentsConfig(holdout=0.1, metrics=Path("m.toml"))
    assert config.frame() == Frame(holdout=0.1)
    assert Frame().held_out() is None


def test_a_teams_metrics_take_the_place_of_the_ready_ones(tmp_path: Path) -> None:
    assert metric_names() == READY
    path = tmp_path / "metrics.toml"
    path.write_text("[metrics.joy]\nkind = 'mean'\n[metrics.awe]\n")
    assert metric_names(path) == ("joy", "awe")
    for text, said in (("[metrics", "cannot be read"), ("", "none"), ("metrics = 1", "none")):
        path.write_text(text)
        with pytest.raises(ExperimentError, match=said):
            metric_names(path)
    with pytest.raises(ExperimentError, match="cannot be read"):
        metric_names(tmp_path / "missing.toml")

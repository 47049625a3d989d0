"""Everything that is in the way of a start is named, with its value and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.database import Database, open_database
from core.errors import ExperimentError
from ranking.experiments.configuration import Frame
from ranking.experiments.lifecycle.desk import ExperimentDesk
from ranking.experiments.lifecycle.moves import Said
from ranking.experiments.lifecycle.stored import history, running
from tests.support.experiments import grounds, spec

ADA = Said("ada", 1, "go")
CONTROL = {"key": "control"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path / 'segue.db'}")
    yield database
    database.close()


@pytest.fixture
def desk(store: Database) -> ExperimentDesk:
    desk = ExperimentDesk(store)
    desk.create(spec("first", layer="feed", ranges=[[0, 0.5]], seed="drawn"), ADA)
    desk.start("first", ADA, grounds=grounds())
    return desk


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"layer": "feed", "ranges": [[0.4, 0.6]]},
            ["'first' and 'new' share [0.4, 0.5)", "other ranges"],
        ),
        (
            {"layer": "feed", "ranges": [[0.5, 1]], "hash_attribute": "house"},
            ["'new' hashes 'house' there and 'first' hashes 'user_id'", "use one attribute"],
        ),
        ({"seed": "drawn"}, ["both drawn by the seed 'drawn'", "give one another seed"]),
        ({"plan": None}, ["plan: missing; say days, smallest_effect and power"]),
        (
            {"plan": {"days": 7, "smallest_effect": 0.1, "method": "fixed", "looks": 3}},
            ["`fixed` is decided upon once, not at 3 looks"],
        ),
        (
            {"plan": {"days": 7, "smallest_effect": 0.1, "method": "group_sequential"}},
            ["group_sequential at 1 look is `fixed`"],
        ),
        (
            {
                "plan": {
                    "days": 7,
                    "smallest_effect": 0.1,
                    "method": "group_sequential",
                    "looks": 3,
                }
            },
            ["group_sequential spends its errors by listeners; say listeners"],
        ),
        ({"metrics": {}}, ["there is no primary one"]),
        (
            {"metrics": {"primary": "likes", "secondary": ["joy"]}},
            ["'joy' is unknown; choose of likes, listening_hours, skip_rate"],
        ),
        (
            {"metrics": {"primary": "likes", "guardrails": ["likes"]}},
            ["'likes' is named 2 times; give it one role"],
        ),
        (
            {"variations": [CONTROL, {"key": "b", "feed": {"page": {"frsh": {}}, "size": 0}}]},
            ["variation 'b' is no feed", "page.frsh: Extra", "size: Input", "docs/settings.md"],
        ),
        (
            {"variations": [CONTROL, {"key": "b", "artifacts": {"index": "v2"}}]},
            ["variation 'b': there is no artifact index v2"],
        ),
        ({"condition": {"age": {"$gtt": 3}}}, ["condition: $gtt is no operator"]),
        (
            {"forced": {"tess": "third"}},
            ["forced: 'tess' is to get 'third'; choose of control, none"],
        ),
        ({"variations": [CONTROL]}, ["variations: there are 1; give control and one more"]),
        ({"variations": [CONTROL, CONTROL]}, ["two variations are called alike"]),
        ({"weights": [0.5, 0.4]}, ["weights: [0.5, 0.4] add up to 0.9"]),
        ({"weights": [1.0]}, ["weights: 1 for 2 variations"]),
        ({"layer": "feed", "ranges": [[0.5, 1]], "seed": "layer/feed"}, ["own seed too"]),
    ],
)
def test_a_start_is_refused(
    store: Database, desk: ExperimentDesk, changes: dict[str, Any], said: list[str]
) -> None:
    desk.create(spec("new", **changes), ADA)
    with pytest.raises(ExperimentError) as refused:
        desk.start("new", ADA, grounds=grounds())
    text = str(refused.value)
    assert text.startswith("experiment 'new' cannot be started:\n  ")
    assert [part for part in said if part not in text] == []
    lines = text.splitlines()[1:]
    assert len({line.split()[0] for line in lines}) == 1  # nothing else is wrong with it
    with store.read() as connection:
        assert [one.key for one in running(connection)] == ["first"]
        assert [one.action for one in history(connection, "new")] == ["created"]


def test_everything_is_told_at_once(desk: ExperimentDesk) -> None:
    changes = {"plan": None, "metrics": {}, "layer": "feed", "forced": {"a": "x", "b": "y"}}
    desk.create(spec("new", **changes), ADA)
    with pytest.raises(ExperimentError) as refused:
        desk.start("new", ADA, grounds=grounds())
    fields = [line.split(":")[0].strip() for line in str(refused.value).splitlines()[1:]]
    assert fields == ["layer 'layer/feed'", "metrics", "plan", "forced", "forced"]


def test_what_is_named_and_there_may_start(store: Database, desk: ExperimentDesk) -> None:
    other = {"key": "b", "artifacts": {"index": "v1"}, "feed": {"value": {"like": 2.0}}}
    desk.create(spec("new", layer="feed", ranges=[[0.5, 1]], variations=[CONTROL, other]), ADA)
    assert desk.start("new", ADA, grounds=grounds()).status == "running"


def test_places_are_free_again_after_a_stop(desk: ExperimentDesk) -> None:
    desk.create(spec("new", layer="feed", ranges=[[0.2, 0.3]]), ADA)
    with pytest.raises(ExperimentError, match="share"):
        desk.start("new", ADA, grounds=grounds())
    desk.stop("first", ADA)
    assert desk.start("new", ADA, grounds=grounds()).status == "running"


def test_a_layer_is_not_drawn_anew_while_somebody_is_in_it(
    store: Database, desk: ExperimentDesk
) -> None:
    desk.create(spec("new", layer="feed", ranges=[[0.5, 1]]), ADA)
    other = ExperimentDesk(store, Frame(layer_seed="other"))
    with pytest.raises(
        ExperimentError, match=r"'first' runs in 'feed' drawn by .*'other/feed' now"
    ):
        other.start("new", ADA, grounds=grounds())
    desk.stop("first", ADA)
    assert other.start("new", ADA, grounds=grounds()).document.filters[0].seed == "other/feed"

"""Rankers beside each other on a small history with planted tastes, and the guard of promotion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import ArtifactError, DataError, PromotionRefusedError
from core.workspace import Workspace, open_workspace
from embeddings.audio.configuration import AudioConfig
from embeddings.collaborative.factors import AlsConfig
from pipelines.comparing.run import REUSED, compare
from pipelines.evaluation.configuration import EvaluateConfig
from pipelines.fitting import FactorsConfig
from pipelines.job import Silent
from pipelines.promotion import list_artifacts, promote, roll_back
from pipelines.promotion_guard import Guard, PromoteConfig
from pipelines.ranker_training.train_ranker import RankerTrainingConfig
from pipelines.train import TrainConfig, train
from ranking.assembly import FeedConfig
from ranking.evaluation.intervals import Estimate
from ranking.rankers.training import RankerConfig
from tests.support.histories import DAY_MS, START_MS, add_listens, add_tracks, two_tastes

FACTORS = FactorsConfig(als=AlsConfig(dim=4, iterations=4, regularization=1.0, num_threads=1))
TREES = RankerConfig(trees=12, leaves=4, min_leaf_rows=5, threads=1)
RECIPE = RankerTrainingConfig(trees=TREES, window_days=2, windows=2, requests=120, negatives=20)
# Of what is found for a listener this one ranks a handful: what it lacks it cannot put first.
NARROW = FeedConfig.model_validate(
    {name: {"limit": 2} for name in ("collaborative", "co_listened", "autoencoder", "popular")}
)
EVALUATE = EvaluateConfig(seeds=1, held_days=3)


def trained(workspace: Workspace, feed: FeedConfig, now_ms: int) -> str:
    report = train(
        workspace,
        AudioConfig(),
        TrainConfig(factors=FACTORS, ranker=RECIPE),
        feed,
        only=["ranker"],
        seed=5,
        now_ms=now_ms,
        progress=Silent(),
    )
    return report.artifacts[0].version


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with three rankers: good, the same later, and of narrow candidates."""
    root = tmp_path_factory.mktemp("compare") / "data"
    with open_workspace(root) as workspace:
        pairs = two_tastes(add_tracks(workspace, 40), 60, 0.6, seed=3)
        listens = [(u, t, START_MS + (at * 7919 % 12) * DAY_MS) for at, (u, t) in enumerate(pairs)]
        add_listens(workspace, listens)
        for at, feed in enumerate((FeedConfig(), FeedConfig(), NARROW)):
            trained(workspace, feed, START_MS + at * 1000)
    return root


@pytest.fixture
def workspace(root: Path) -> Iterator[Workspace]:
    with open_workspace(root) as opened:
        yield opened


def versions(workspace: Workspace) -> list[str]:
    return [manifest.version for manifest in workspace.artifacts.list("ranker")]


def compared(workspace: Workspace, a: str, b: str, **config: int):
    return compare(
        workspace,
        a,
        b,
        config=EVALUATE.model_copy(update=config),
        factors=FACTORS,
        feed=FeedConfig(),
        progress=Silent(),
    )


def guard(workspace: Workspace, **config: object) -> Guard:
    return Guard(
        workspace, PromoteConfig(splits=1, **config), EVALUATE, FACTORS, FeedConfig(), Silent()
    )


def test_the_same_recipe_differs_by_exactly_nothing(workspace: Workspace) -> None:
    first, again, _ = versions(workspace)
    report = compared(workspace, first, again)
    assert report.recipes is not None
    assert report.differences == ()
    exact = [figure for figure in report.recipes.figures if figure.metric != "coverage@10"]
    assert all(f.difference == Estimate(mean=0.0, low=0.0, high=0.0) for f in exact)
    assert report.recipes.tally.equal == report.recipes.listeners
    assert report.recipes.tally.better == report.recipes.tally.worse == 0
    assert all(one.difference.mean == 0 for one in report.recipes.segments)
    json.dumps(report.document(), allow_nan=False)


def test_another_recipe_is_judged_both_ways_and_exchanging_sides_turns_signs(
    workspace: Workspace,
) -> None:
    first, _, narrow = versions(workspace)
    report = compared(workspace, first, narrow)
    back = compared(workspace, narrow, first)
    assert report.recipes is not None
    assert back.recipes is not None
    assert report.recipes.decisive.low > 0
    assert back.recipes.decisive == -report.recipes.decisive
    assert back.recipes_note == REUSED
    assert (back.recipes.tally.worse, back.recipes.tally.better) == (
        report.recipes.tally.better,
        report.recipes.tally.worse,
    )
    assert {one.setting: (one.a, one.b) for one in report.differences}["feed.popular.limit"][
        1
    ] == "2"
    assert len(report.differences) == 4
    # Both artifacts were trained up to the newest event: the figures as they are say so.
    assert report.a.saw_the_judged_part == report.b.saw_the_judged_part == "yes"
    assert report.caution is not None
    assert report.as_they_are is not None
    assert report.as_they_are.listeners == report.recipes.listeners


def test_what_was_trained_before_the_judged_days_is_not_accused(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = versions(workspace)[0]
    whole = workspace.artifacts.manifest("ranker", first)
    early = whole.model_copy(
        update={"inputs": {**whole.inputs, "newest_event": "2026-01-03T00:00:00.000+00:00"}}
    )
    monkeypatch.setattr(type(workspace.artifacts), "manifest", lambda *_: early)

    def too_little(*_: object) -> None:
        raise DataError("too little to learn from")

    monkeypatch.setattr("pipelines.comparing.run.compared_recipes", too_little)
    report = compared(workspace, first, "fusion")
    assert (report.a.saw_the_judged_part, report.b.saw_the_judged_part) == ("no", "no")
    assert report.caution is None
    assert report.b.version == "fusion"
    # What keeps recipes from being learned does not keep the artifacts from being judged.
    assert report.as_they_are is not None
    assert (report.recipes, report.recipes_note) == (None, "too little to learn from")


def test_who_is_not_there_is_named(workspace: Workspace) -> None:
    with pytest.raises(ArtifactError, match="no artifact ranker v0"):
        compared(workspace, "v0", "fusion")


def test_a_worse_recipe_is_refused_unless_forced_with_a_reason_that_stays(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again, narrow = versions(workspace)

    def moved(version: str, now_ms: int, reason: str = "r", **options: object):
        wanted = [f"ranker={version}"]
        return promote(
            workspace.artifacts, wanted, now_ms=now_ms, reason=reason,
            guard=guard(workspace), **options,
        )  # fmt: skip

    opened = moved(first, 1)
    assert opened.guard is not None
    assert not opened.guard.compared  # nothing was live
    with pytest.raises(PromotionRefusedError, match=first) as refused:
        moved(narrow, 2)
    for part in (narrow, "-0.005", "--force --reason", "["):
        assert part in str(refused.value)
    live = workspace.artifacts.live()
    assert live is not None
    assert live.versions["ranker"] == first

    # The comparison stands: neither the force nor a second refusal learns anything again.
    def learn(*_: object) -> None:
        raise AssertionError("learned again")

    monkeypatch.setattr("pipelines.comparing.run.recipe_against_recipe", learn)
    with pytest.raises(PromotionRefusedError):
        moved(narrow, 2)
    forced = moved(narrow, 3, reason="a test of nerves", force=True)
    assert forced.guard is not None
    assert forced.guard.refused
    assert "a test of nerves" in forced.reason
    (note,) = workspace.artifacts.notes("ranker", narrow)
    assert note["about"] == "forced"
    assert "a test of nerves" in note["reason"]
    assert note["against"] == first
    assert note["difference"]["high"] < -note["margin"]
    workspace.artifacts.verify("ranker", narrow)  # a note breaks no seal
    listed = list_artifacts(workspace.artifacts, "ranker").artifacts
    assert [bool(row.notes) for row in listed] == [False, False, True]

    # Back is unguarded; better, and the same recipe on other data, pass.
    assert roll_back(workspace.artifacts, now_ms=4, reason="back").versions["ranker"] == first
    same = moved(again, 5)
    assert same.guard is not None
    assert "same recipe" in same.guard.verdict
    # A challenger that is forced without need is not marked.
    assert moved(first, 6, force=True).reason == "r"
    assert workspace.artifacts.notes("ranker", first) == ()


def test_a_better_recipe_passes_and_a_guard_may_be_off(workspace: Workspace) -> None:
    first, _, narrow = versions(workspace)
    off = guard(workspace, guard=False)
    wanted = [f"ranker={narrow}"]
    promote(workspace.artifacts, wanted, now_ms=7, reason="r", guard=off)
    found = promote(
        workspace.artifacts, [f"ranker={first}"], now_ms=8, reason="r", guard=guard(workspace)
    )
    assert found.guard is not None
    assert found.guard.compared
    assert found.guard.difference is not None
    assert found.guard.difference.low > 0


def test_a_margin_wider_than_the_loss_lets_it_pass(workspace: Workspace) -> None:
    first, _, narrow = versions(workspace)
    promote(workspace.artifacts, [f"ranker={first}"], now_ms=9, reason="r")
    verdict = guard(workspace, margin=0.99).judge({"ranker": narrow})
    assert verdict.compared
    assert not verdict.refused

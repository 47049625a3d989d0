"""A whole turn of the loop on a real small world: what it orders is judged, tried and goes live."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.schema import deliveries, generation_tasks, requests, tracks, verdicts
from core.workspace import Workspace, open_workspace
from embeddings.vectors import TrackVectors
from pipelines.job import Silent
from pipelines.promotion import promote
from pipelines.settings import PipelineSettings
from pipelines.supply.run import SupplyTurn, offspring, run_turn
from pipelines.train import train
from pipelines.world.config import PlayConfig, WorldConfig
from pipelines.world.create import create_world
from pipelines.world.play import play_world
from ranking.loading import load_catalogue, load_learned
from ranking.supply.trials import list_trials

WORLD = WorldConfig(
    tracks=60, listeners=80, days=8, seed=3, track_seconds=5, remix_share=0, starve=("metal",),
    workers=1,
)  # fmt: skip
SMALL = {"dim": 12, "learned_dim": 4, "n_crops": 2, "crop_s": 1.5, "atoms": 8}
SMALL |= {"window_frames": 32, "channels": 8, "epochs": 2, "epoch_steps": 2, "reencoded_tracks": 2}
SETTINGS = PipelineSettings.model_validate(
    {
        "embeddings": {"audio": {"encoder": SMALL}},
        "supply": {
            "gaps": {
                "gap": {"lost_share": 0.05, "worth": 0, "enough_listeners": 1, "confidence": 0.5},
                "segments": {"listeners": 1},
            },
            "drafting": {"seconds": (5.0, 6.0), "tracks_per_gap": 1, "briefs_per_gap": 1},
            "budget": {"auto_approve": True, "tracks_per_day": 4},
        },
    }
)


def turned(workspace: Workspace, now_ms: int) -> SupplyTurn:
    return run_turn(
        workspace,
        SETTINGS.supply,
        SETTINGS.train,
        {},
        duplicates=SETTINGS.embeddings.duplicates,
        seed=1,
        clock=lambda: now_ms,
        progress=Silent(),
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("loop")) as workspace:
        create_world(workspace, WORLD, Silent())
        train(
            workspace,
            SETTINGS.embeddings.audio,
            SETTINGS.train,
            SETTINGS.feed,
            only=("embed", "factors", "index"),
            seed=1,
            now_ms=WORLD.end_ms,
            progress=Silent(),
        )
        promote(workspace.artifacts, (), now_ms=WORLD.end_ms, reason="first")
        yield workspace


@pytest.fixture(scope="module")
def first(world: Workspace) -> SupplyTurn:
    return turned(world, WORLD.end_ms + 1000)  # versions are told apart by when they were made


def test_what_is_ordered_is_delivered_and_judged_within_the_budget(
    world: Workspace, first: SupplyTurn
) -> None:
    assert first.gaps
    assert 0 < first.orders.planned <= 4
    assert first.orders.delivered == first.orders.planned == first.gate.judged
    with world.database.read() as connection:
        made = set(connection.execute(sa.select(deliveries.c.track_id)).scalars())
        judged = dict(connection.execute(sa.select(verdicts.c.track_id, verdicts.c.passed)).all())
        status = dict(
            connection.execute(
                sa.select(tracks.c.track_id, tracks.c.status).where(tracks.c.track_id.in_(made))
            ).all()
        )
    assert set(judged) == made
    assert status == {name: "trial" if judged[name] else "retired" for name in made}


def test_what_passed_is_tried_for_whom_it_was_made_and_has_a_live_vector(
    world: Workspace, first: SupplyTurn
) -> None:
    assert first.gate.passed > 0  # the seed lets at least one pass; else this says nothing
    with world.database.read() as connection:
        passed = set(
            connection.execute(sa.select(verdicts.c.track_id).where(verdicts.c.passed)).scalars()
        )
        plans = {one.track_id: one for one in list_trials(connection, "open")}
    segments = {gap.segment for gap in first.gaps}
    assert {plans[name].segment_id for name in passed} <= segments
    live = world.artifacts.live()
    assert live is not None
    assert first.live["vectors"] == live.versions["vectors"]
    vectors = TrackVectors.load(world.artifacts.folder("vectors", live.versions["vectors"]))
    assert passed <= set(vectors.track_ids)


def test_listeners_meet_the_tracks_and_the_next_turn_orders_nothing_twice(
    world: Workspace, first: SupplyTurn
) -> None:
    play = PlayConfig(days=1, play_listeners=60, control_share=0.0)
    play_world(world, play, SETTINGS.feed, Silent())
    with world.database.read() as connection:
        shown = {one.track_id: one.impressions for one in list_trials(connection, "open")}
    assert sum(shown.values()) > 0
    assert_only_the_audience_met_them(world)
    again = turned(world, WORLD.end_ms + 60_000)  # the same day: the budget is what is left
    assert again.compacted.pages > 0
    assert first.orders.planned + again.orders.planned <= 4
    with world.database.read() as connection:
        keys = connection.execute(
            sa.select(generation_tasks.c.brief_id, generation_tasks.c.number)
        ).all()
    assert len(set(keys)) == len(keys)
    assert {one.segment for one in again.briefs.drafted}.isdisjoint(again.briefs.waiting)


def assert_only_the_audience_met_them(world: Workspace) -> None:
    live = world.artifacts.live()
    assert live is not None
    with world.database.read() as connection:
        pages = connection.execute(sa.select(requests.c.user_id, requests.c.slots)).all()
        aims = {one.track_id: one.segment_id for one in list_trials(connection, "open")}
        catalogue = load_catalogue(connection)
    audience = load_learned(world.artifacts, live.versions, catalogue).audience
    assert set(aims.values()) - {None} <= set(audience.segment_ids)
    floor = audience.floor(SETTINGS.feed.fresh.reach)
    met = 0
    for user_id, slots in pages:
        for slot in (slot for slot in slots if slot["is_fresh"] and aims.get(slot["track_id"])):
            segment = audience.segment_ids.index(aims[slot["track_id"]])
            appetites = audience.of(user_id)
            assert appetites is None or appetites[segment] >= floor[segment]
            met += appetites is not None
    outside = sum(
        bool((audience.of(user_id) < floor).any())
        for user_id in {user_id for user_id, _ in pages}
        if audience.of(user_id) is not None
    )
    assert met > 0
    assert outside > 0  # somebody listened for whom they are not


def test_a_turn_that_was_killed_before_its_tracks_went_live_is_made_up_for(
    world: Workspace, first: SupplyTurn
) -> None:
    artifacts = world.artifacts
    live = artifacts.live()
    assert live is not None
    older = {kind: artifacts.list(kind)[0].version for kind in ("vectors", "index", "factors")}
    artifacts.promote(live.versions | older, now_ms=WORLD.end_ms, reason="as before the kill")
    assert offspring(artifacts, live.versions | older) == {
        kind: version for kind, version in first.live.items() if kind in older
    }
    turned(world, WORLD.end_ms + 120_000)
    after = artifacts.live()
    assert after is not None
    assert after.versions["vectors"] == first.live["vectors"]


def test_the_command_takes_a_turn_at_the_datas_own_time(
    world: Workspace, first: SupplyTurn, tmp_path: Path
) -> None:
    del first
    config = tmp_path / "off.toml"
    config.write_text("[supply.budget]\ntracks_per_day = 0\n", encoding="utf-8")
    words = ["--data", str(world.root), "--config", str(config), "supply", "run", "--at-latest"]
    done = subprocess.run(
        [sys.executable, "-c", "from pipelines.cli import main; main()", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "graduated" in done.stdout


def test_what_was_trained_anew_goes_live_by_people_alone(
    world: Workspace, first: SupplyTurn
) -> None:
    del first
    artifacts = world.artifacts
    live = artifacts.live()
    newest = artifacts.latest("vectors")
    assert live is not None
    assert newest is not None
    vectors = TrackVectors.load(artifacts.folder("vectors", newest.version))
    other = artifacts.create(
        "vectors", vectors.save, now_ms=WORLD.end_ms + 86_400_000, config=newest.config,
        inputs=newest.inputs | {"encoder": "another"},
    )  # fmt: skip
    assert artifacts.latest("vectors") == other
    assert offspring(artifacts, live.versions) == {}

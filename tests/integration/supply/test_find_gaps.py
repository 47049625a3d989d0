"""Gaps of a whole data folder: a planted shortage is found and named, and keeps its name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from core.errors import DataError
from core.schema import tracks
from core.tables import EVENTS
from core.workspace import Workspace, open_workspace
from pipelines.job import Silent
from pipelines.settings import PipelineSettings
from pipelines.supply.demand.configuration import GapsConfig
from pipelines.supply.drafting.configuration import DraftingConfig
from pipelines.supply.drafting.draft import draft_briefs
from pipelines.supply.find_gaps import GapsReport, find_gaps
from pipelines.supply.segments.today import newest_segments
from pipelines.traffic import TrafficConfig
from pipelines.train import train
from pipelines.world import create
from pipelines.world.config import WorldConfig
from ranking.supply.desk import Desk, DeskConfig
from ranking.supply.gap import list_gaps
from tests.support.listening import record_silence

STARVED = ("metal", "waltz")
WORLD = WorldConfig(
    tracks=300, listeners=500, days=20, seed=8, track_seconds=5, remix_share=0, starve=STARVED,
    workers=1,
)  # fmt: skip


def searched(
    workspace: Workspace, now_ms: int = 1, segments: dict[str, object] | None = None, **gap: object
) -> GapsReport:
    told = {"gap": {"horizon_days": 14, "worth": 5, **gap}, "segments": segments or {}}
    config = GapsConfig.model_validate(told)
    als = PipelineSettings().train.factors.als
    return find_gaps(
        workspace, config, als, TrafficConfig(), seed=1, now_ms=now_ms, progress=Silent()
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    patched = pytest.MonkeyPatch()
    patched.setattr(create, "record_tracks", record_silence)
    settings = PipelineSettings()
    with open_workspace(tmp_path_factory.mktemp("starved")) as workspace:
        create.create_world(workspace, WORLD, Silent())
        patched.undo()
        train(
            workspace,
            settings.embeddings.audio,
            settings.train,
            settings.feed,
            only=("factors",),
            seed=1,
            now_ms=1,
            progress=Silent(),
        )
        yield workspace


@pytest.fixture
def copied(world: Workspace, report: GapsReport, tmp_path: Path) -> Iterator[Workspace]:
    """A world of one's own in which gaps were sought once."""
    shutil.copytree(world.root, tmp_path / "copy")
    with open_workspace(tmp_path / "copy") as workspace:
        yield workspace


@pytest.fixture(scope="module")
def report(world: Workspace) -> GapsReport:
    return searched(world)


def test_the_starved_styles_are_short_and_are_ranked_before_all_others(
    world: Workspace, report: GapsReport
) -> None:
    first = report.segments[: len(STARVED)]
    assert {gap.words[0] for gap in first} == set(STARVED)
    assert {gap.words[0] for gap in report.gaps} == set(STARVED)
    others = report.segments[len(STARVED) :]
    assert min(gap.lost_share.low for gap in first) > max(gap.lost_share.high for gap in others)
    assert min(gap.gained_per_track.mean for gap in first) > others[0].gained_per_track.mean
    with world.database.read() as connection:
        assert list_gaps(connection) == report.gaps


def test_every_figure_is_of_its_segment(world: Workspace, report: GapsReport) -> None:
    kept = newest_segments(world)
    assert kept is not None
    of_track = dict(zip(*kept.by_track, strict=True))
    for gap in report.segments:
        assert {of_track[name] for name in gap.loved} <= {gap.segment}
        assert gap.days_until_dry.p10 <= gap.days_until_dry.p50 <= gap.days_until_dry.p90
        assert gap.lost_share.low <= gap.lost_share.mean <= gap.lost_share.high
        assert 0 <= gap.repeat_share < 1
    assert sum(gap.listeners for gap in report.segments) == report.listeners
    assert sum(gap.tracks for gap in report.segments) <= WORLD.tracks


def test_searched_again_the_segments_keep_their_names_and_nothing_changes(
    world: Workspace, report: GapsReport
) -> None:
    again = searched(world, now_ms=2)
    assert again.churn == 0.0
    assert again.gaps == report.gaps
    assert again.segments == report.segments


def deliver(world: Workspace, like: str, names: list[str]) -> None:
    """Put tracks on trial that have the words of another, and no sound."""
    with world.database.write() as connection:
        row = dict(
            connection.execute(sa.select(tracks).where(tracks.c.track_id == like)).one()._mapping
        )
        row |= {"status": "trial", "audio_path": None, "title": "new"}
        connection.execute(sa.insert(tracks), [row | {"track_id": name} for name in names])


def test_new_tracks_move_no_segment_until_the_catalogue_has_grown_by_a_quarter(
    copied: Workspace, report: GapsReport
) -> None:
    first = newest_segments(copied)
    assert first is not None
    before = dict(zip(*first.by_track, strict=True))
    short = report.gaps[0]
    few, many = [f"few-{n:02d}" for n in range(20)], [f"many-{n:02d}" for n in range(80)]
    deliver(copied, short.loved[0], few)
    grown = searched(copied, now_ms=3)
    second = newest_segments(copied)
    assert second is not None
    now = dict(zip(*second.by_track, strict=True))
    assert {name: now[name] for name in before} == before
    assert {now[name] for name in few} == {short.segment}
    assert (grown.churn, grown.gone) == (0.0, ())
    assert kept_metric(copied, "cut_tracks") == len(before)
    deliver(copied, short.loved[0], many)
    searched(copied, now_ms=4)
    assert kept_metric(copied, "cut_tracks") == len(before) + len(few) + len(many)


def test_other_settings_cut_anew(copied: Workspace, report: GapsReport) -> None:
    assert len(report.segments) != 3
    again = searched(copied, now_ms=5, segments={"count": 3})
    assert len(again.segments) == 3


def kept_metric(world: Workspace, name: str) -> float:
    newest = world.artifacts.latest("segments")
    assert newest is not None
    return newest.metrics[name]


def test_a_machine_that_plays_all_day_changes_no_figure(
    world: Workspace, report: GapsReport
) -> None:
    """Two thousand plays a day of metal by one account, on a copy of the tables."""
    last = world.warehouse.scan(EVENTS).select(pl.col("at").max()).collect().item()
    rows = pl.DataFrame(
        {
            "event_id": [f"bot-{n}" for n in range(2000)],
            "user_id": "bot",
            "track_id": report.gaps[0].loved[0],
            "action": "play",
            "at": [last - timedelta(seconds=40 * n) for n in range(2000)],
            "played_ms": 40_000,
        }
    )
    with world.warehouse.batch() as batch:
        batch.append(EVENTS, rows)
        with batch.commit():
            pass
    after = searched(world, now_ms=3)
    assert after.listeners == report.listeners
    assert after.segments == report.segments


def test_a_gap_becomes_briefs_once_and_they_name_nobody(
    world: Workspace, report: GapsReport
) -> None:
    def draft() -> list[str]:
        found = draft_briefs(world, DraftingConfig(), DeskConfig(), now_ms=5, progress=Silent())
        assert not found.refused
        return [each.segment for each in found.drafted]

    searched(world, now_ms=4)
    drafted = draft()
    assert set(drafted) == {gap.segment for gap in report.gaps}
    assert draft() == []  # what was drafted is not over yet
    for laid in Desk(world.database).list("draft"):
        assert laid.brief.tags[0] in STARVED
        assert laid.brief.references


def test_a_blocked_segment_is_short_though_its_tracks_are_there(world: Workspace) -> None:
    """Supply is what may be heard: with all of house blocked, house is what is missing most."""
    house = sa.update(tracks).where(tracks.c.genre == "house")
    with world.database.write() as connection:
        connection.execute(house.values(status="retired"))
    found = searched(world, now_ms=6)
    with world.database.write() as connection:
        connection.execute(house.values(status="active"))
    short = next(gap for gap in found.segments if "house" in gap.words[:2])
    assert short.unheard_good == 0.0
    assert short.lost_share.mean == pytest.approx(1.0)
    assert short.tracks == 0


def test_without_tracks_or_listeners_the_next_step_is_told(tmp_path: Path) -> None:
    with (
        open_workspace(tmp_path) as workspace,
        pytest.raises(DataError, match=r"without tracks and listening of them; import both"),
    ):
        searched(workspace)

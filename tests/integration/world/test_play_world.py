"""Playing on: pages are logged, outcomes recorded, and the world goes on where it stood."""

import shutil

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa

from core.errors import DataError
from core.events import DAY_MS
from core.schema import events, requests, tallies
from core.tables import EVENTS, EXPOSURES, TIME
from core.workspace import open_workspace
from pipelines.compact import compact
from pipelines.job import Silent
from pipelines.world import create
from pipelines.world.archive import read_truth
from pipelines.world.config import PlayConfig, WorldConfig
from pipelines.world.create import create_world
from pipelines.world.play import play_world
from pipelines.world.resumption import resume
from ranking.assembly import FeedConfig
from ranking.experiments.lifecycle.desk import ExperimentDesk
from ranking.experiments.lifecycle.moves import Said
from ranking.listeners.tallies import tally
from ranking.loading import load_catalogue
from ranking.pagelog import read_pages
from tests.support.experiments import grounds, spec
from tests.support.listening import record_silence

WORLD = WorldConfig(tracks=40, listeners=60, days=5, seed=7, track_seconds=5, workers=1)
PLAY = PlayConfig(days=2, play_listeners=24, control_share=0.4, page_size=8, seed=3)
FEED = FeedConfig()


@pytest.fixture(scope="module")
def created(tmp_path_factory):
    """Return the data folder of a world that nobody has played on; for copying."""
    root = tmp_path_factory.mktemp("created") / "data"
    with pytest.MonkeyPatch.context() as patched, open_workspace(root) as workspace:
        patched.setattr(create, "record_tracks", record_silence)
        create_world(workspace, WORLD, Silent())
    return root


@pytest.fixture(scope="module")
def played(created, tmp_path_factory):
    """Return a world that was played on twice, and the two reports."""
    root = shutil.copytree(created, tmp_path_factory.mktemp("played") / "data")
    with open_workspace(root) as workspace:
        reports = [play_world(workspace, PLAY, FEED, Silent()) for _ in range(2)]
        yield workspace, reports


def rows_of(workspace, table, order):
    with workspace.database.read() as connection:
        return connection.execute(sa.select(table).order_by(order)).all()


def test_a_play_begins_the_midnight_after_the_last_event(played):
    workspace, (first, second) = played
    assert first.first_day == "2026-01-06"
    assert second.first_day == "2026-01-08"
    times = [row.at for row in rows_of(workspace, events, events.c.at)]
    assert WORLD.end_ms <= times[0]
    assert times[-1] < WORLD.end_ms + 4 * DAY_MS


def test_every_page_is_logged_with_its_arm_and_its_candidates(played):
    workspace, reports = played
    pages = rows_of(workspace, requests, requests.c.request_id)
    told = {
        arm.name: sum(a.pages for r in reports for a in r.arms if a.name == arm.name)
        for arm in reports[0].arms
    }
    logged = {name: sum(row.variant == name for row in pages) for name in told}
    assert logged == told
    assert all(logged.values())
    impressions, candidates = read_pages([row._asdict() for row in pages])
    assert impressions.height == sum(arm.impressions for r in reports for arm in r.arms)
    assert impressions["propensity"].is_between(0, 1, closed="right").all()
    assert candidates.height >= impressions.height


def test_listeners_keep_their_arm_from_play_to_play(played):
    workspace, _ = played
    pages = rows_of(workspace, requests, requests.c.request_id)
    arms = pl.DataFrame([(row.user_id, row.variant) for row in pages], orient="row")
    assert arms.group_by("column_0").agg(pl.col("column_1").n_unique())["column_1"].max() == 1


def test_outcomes_point_to_the_slots_that_were_served(played):
    workspace, reports = played
    slots = {
        (row.request_id, slot["position"]): (row.user_id, slot["track_id"])
        for row in rows_of(workspace, requests, requests.c.at)
        for slot in row.slots
    }
    happened = rows_of(workspace, events, events.c.at)
    assert len(happened) == sum(report.events for report in reports)
    from_pages = [row for row in happened if row.request_id is not None]
    assert from_pages
    assert all(
        slots[row.request_id, row.position] == (row.user_id, row.track_id) for row in from_pages
    )
    organic = [row for row in happened if row.request_id is None]
    assert organic
    assert all(row.is_organic for row in organic)
    finishes = sum(row.action == "finish" for row in from_pages)
    assert finishes == sum(arm.finishes for report in reports for arm in report.arms)


def test_tallies_count_history_and_play_alike(played):
    workspace, _ = played
    columns = [events.c[name] for name in ("user_id", "track_id", "action", "at")]
    with workspace.database.read() as connection:
        new = [tuple(row) for row in connection.execute(sa.select(*columns))]
        stored = [tuple(row) for row in connection.execute(sa.select(tallies))]
    schema = {"user_id": pl.String, "track_id": pl.String, "action": pl.String, "at": pl.Int64}
    frame = pl.DataFrame(new, schema=schema, orient="row").with_columns(pl.col("at").cast(TIME))
    whole = pl.concat([workspace.warehouse.read(EVENTS).select(frame.columns), frame])
    expected = tally(whole).sort("user_id", "track_id")
    names = [column.key for column in tallies.columns]
    found = pl.DataFrame(stored, schema=names, orient="row", infer_schema_length=None)
    assert found.select(expected.columns).sort("user_id", "track_id").rows() == expected.rows()


def test_memory_goes_on_from_the_tables(played):
    workspace, _ = played
    truth = read_truth(workspace)
    with workspace.database.read() as connection:
        catalogue = load_catalogue(connection)
    standing = resume(workspace, truth, catalogue, PLAY)
    assert standing.start_ms == WORLD.end_ms + 4 * DAY_MS
    for row, user_id in enumerate(standing.user_ids):
        with workspace.database.read() as connection:
            query = sa.select(tallies.c.track_id, tallies.c.plays, tallies.c.liked)
            known = connection.execute(query.where(tallies.c.user_id == user_id)).all()
        met = {catalogue.tracks.row(tally_row.track_id) for tally_row in known if tally_row.plays}
        assert set(np.flatnonzero(standing.memory.exposures[row])) == met
        liked = {catalogue.tracks.row(tally_row.track_id) for tally_row in known if tally_row.liked}
        assert set(np.flatnonzero(standing.memory.opinions[row] == 1)) == liked


def test_the_same_world_plays_the_same_days(created, tmp_path):
    reports = []
    for name in ("one", "two"):
        with open_workspace(shutil.copytree(created, tmp_path / name)) as workspace:
            reports.append(play_world(workspace, PLAY, FEED, Silent()))
            times = [
                (row.event_id, row.at) for row in rows_of(workspace, events, events.c.event_id)
            ]
            reports.append(times)
    assert reports[0] == reports[2]
    assert reports[1] == reports[3]


def test_a_folder_without_a_world_is_refused_with_the_next_step(tmp_path):
    with open_workspace(tmp_path) as workspace, pytest.raises(DataError, match="world create"):
        play_world(workspace, PLAY, FEED, Silent())


def test_without_control_there_is_no_difference_to_tell(created, tmp_path):
    with open_workspace(shutil.copytree(created, tmp_path / "data")) as workspace:
        alone = PLAY.model_copy(update={"control_share": 0.0, "days": 1})
        report = play_world(workspace, alone, FEED, Silent())
    assert report.finishes_difference.mean is None
    assert [arm.listeners > 0 for arm in report.arms] == [True, False]


def test_listeners_of_a_running_experiment_get_its_feed_and_are_exposed(created, tmp_path):
    with open_workspace(shutil.copytree(created, tmp_path / "data")) as workspace:
        desk = ExperimentDesk(workspace.database)
        desk.create(spec(coverage=0.7), Said("test", 1, "to see"))
        desk.start("fresh-share", Said("test", 2, "to see"), grounds=grounds())
        some = PLAY.model_copy(update={"control_share": 0.2, "compare_share": 1.0})
        report = play_world(workspace, some, FEED, Silent())
        pages = rows_of(workspace, requests, requests.c.request_id)
        compact(workspace, WORLD.end_ms + 3 * DAY_MS, Silent())
        exposed = workspace.warehouse.read(EXPOSURES)
    names = {"engine", "popular", "fresh-share=control", "fresh-share=none"}
    assert {page.variant for page in pages} == names
    assert sum(arm.pages for arm in report.arms) == len(pages)
    inside = {p.request_id: p.variant for p in pages if p.variant.startswith("fresh-share")}
    told = {row["request_id"]: row["variation"] for row in exposed.iter_rows(named=True)}
    assert told == {one: name.partition("=")[2] for one, name in inside.items()}
    assert exposed["differs"].null_count() == 0
    assert exposed.group_by("user_id").agg(pl.col("variation").n_unique())["variation"].max() == 1
    for page in pages:
        if page.variant == "fresh-share=none":
            fresh = [slot["is_fresh"] for slot in page.slots]
            assert all(fresh) or not any(fresh)  # all, where a listener has heard everything else

"""Creating a world: equal configs make equal tables and recordings, never a second world."""

import hashlib

import polars as pl
import pytest
import soundfile
import sqlalchemy as sa

from core.errors import DataError
from core.schema import creators, tallies, tracks, users
from core.tables import EVENTS, IMPRESSIONS, TRACKS
from core.workspace import open_workspace
from pipelines.audio_evaluation.remixes import Remix, known_remixes
from pipelines.job import Silent
from pipelines.world import create
from pipelines.world.archive import read_truth
from pipelines.world.config import WorldConfig
from pipelines.world.create import create_world
from pipelines.world.releases import track_frame
from pipelines.world.remixes import KINDS, draw_tracks
from pipelines.world.traits import attributes_from
from ranking.listeners.tallies import tally
from tests.support.listening import record_silence

CONFIG = WorldConfig(tracks=20, listeners=40, days=6, seed=7, track_seconds=5, workers=1)
PARENTS = {"a": [], "b": ["a"], "c": ["a", "b"]}
STORE = (tracks, creators, users, tallies)


def contents(workspace):
    """Return everything the world wrote, comparable: tables as frames, recordings as hashes."""
    with workspace.database.read() as connection:
        store = {
            table.name: connection.execute(sa.select(table).order_by(*table.primary_key)).all()
            for table in STORE
        }
    warehouse = {
        table.name: workspace.warehouse.read(table).sort(table.key)
        for table in (EVENTS, IMPRESSIONS, TRACKS)
    }
    files = sorted(path for path in workspace.root.rglob("*") if path.suffix == ".ogg")
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    return store, warehouse, digests


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with open_workspace(tmp_path_factory.mktemp("world")) as workspace:
        create_world(workspace, CONFIG, Silent())
        yield workspace


def test_the_same_config_makes_identical_tables_truth_and_recordings(world, tmp_path):
    with open_workspace(tmp_path) as other:
        report = create_world(other, CONFIG.model_copy(update={"workers": 2}), Silent())
        assert report.created
        store, warehouse, digests = contents(other)
        truth = read_truth(other)
    expected_store, expected_warehouse, expected_digests = contents(world)
    assert store == expected_store
    assert digests == expected_digests
    for name, frame in warehouse.items():
        assert frame.equals(expected_warehouse[name]), name
    assert truth.tracks.equals(read_truth(world).tracks)
    assert truth.population.to_frame().equals(read_truth(world).population.to_frame())


def test_creating_it_again_changes_nothing(world):
    before = contents(world)
    report = create_world(world, CONFIG, Silent())
    assert not report.created
    store, warehouse, digests = contents(world)
    assert (store, digests) == (before[0], before[2])
    assert all(frame.equals(before[1][name]) for name, frame in warehouse.items())


def test_another_world_in_the_same_folder_is_refused_with_the_next_step(world):
    with pytest.raises(DataError, match=r"holds another world \(seed is 7, not 8\).*--data"):
        create_world(world, CONFIG.model_copy(update={"seed": 8}), Silent())


def test_a_world_cut_off_before_its_batch_is_made_anew(tmp_path, monkeypatch):
    def cut_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(create, "record_tracks", record_silence)
    with open_workspace(tmp_path) as workspace:
        with monkeypatch.context() as patched:
            patched.setattr(create, "snapshot_tracks", cut_off)
            with pytest.raises(KeyboardInterrupt):
                create_world(workspace, CONFIG, Silent())
        assert workspace.warehouse.count(EVENTS) == 0
        changed = CONFIG.model_copy(update={"seed": 8})
        assert create_world(workspace, changed, Silent()).created
        assert read_truth(workspace).charter.config == changed


def test_recordings_last_as_long_as_the_tracks_say_and_hash_as_they_say(world):
    with world.database.read() as connection:
        rows = connection.execute(sa.select(tracks)).all()
    assert len(rows) == CONFIG.tracks
    for row in rows:
        path = world.audio / row.audio_path
        assert hashlib.sha256(path.read_bytes()).hexdigest() == row.content_hash
        # a recording is a whole number of samples, a track a whole number of milliseconds
        assert abs(soundfile.info(path).duration * 1000 - row.duration_ms) <= 1


def test_tallies_in_the_store_add_up_the_events_of_the_warehouse(world):
    events = world.warehouse.read(EVENTS)
    with world.database.read() as connection:
        rows = [tuple(row) for row in connection.execute(sa.select(tallies))]
    expected = tally(events).sort("user_id", "track_id")
    stored = pl.DataFrame(rows, schema=[column.key for column in tallies.columns], orient="row")
    assert stored.select(expected.columns).sort("user_id", "track_id").rows() == expected.rows()


def test_a_remix_names_its_parent_in_the_table_and_what_was_changed_in_the_truth(world):
    told = world.warehouse.read(TRACKS).filter(pl.col("parents").list.len() > 0)
    truth = read_truth(world).tracks.filter(pl.col("remix") != "")
    assert told["track_id"].to_list() == truth["track_id"].to_list()
    assert told.height == read_truth(world).charter.report.remixes == 1
    assert truth["remix"][0] in KINDS
    remix = Remix(told["track_id"][0], told["parents"][0][0], truth["remix"][0])
    assert known_remixes(world) == (remix,)


def test_remixes_are_known_where_no_world_tells_what_was_changed(tmp_path):
    rows = [{"track_id": name, "parents": parents} for name, parents in PARENTS.items()]
    with open_workspace(tmp_path) as workspace:
        with workspace.database.write() as connection:
            connection.execute(sa.insert(tracks), [{**row, "updated_at": 0} for row in rows])
        assert known_remixes(workspace) == (Remix("b", "a"), Remix("c", "a"), Remix("c", "b"))


def test_the_engine_s_tables_do_not_hold_the_truth(world):
    truth = read_truth(world).tracks
    assert truth["track_id"].to_list() == world.warehouse.read(TRACKS)["track_id"].to_list()
    assert len(attributes_from(truth)) == CONFIG.tracks
    known = set(world.warehouse.read(TRACKS).columns)
    assert not known & {"quality", "fame", "tempo_bpm", "energy", "brightness", "key"}
    assert world.warehouse.read(TRACKS)["metadata"].is_null().all()


def test_origins_states_and_provenance_are_mixed():
    config = WorldConfig(tracks=1000, seed=3)
    frame = track_frame(*draw_tracks(config))
    shares = {name: (frame["origin"] == name).mean() for name in ("human", "generated", "assisted")}
    # drawn 70, 25 and 5 %, the 4 % on trial always generated; 0.05 is over three standard errors
    assert abs(shares["human"] - 0.67) < 0.05
    assert abs(shares["generated"] - 0.28) < 0.05
    generated = frame.filter(pl.col("origin") == "generated")
    assert 0.75 < generated["generator"].is_not_null().mean() < 0.95
    assert frame.filter(pl.col("origin") == "human")["generator"].is_null().all()
    assert frame.filter(pl.col("status") == "trial").height == 40
    early = frame["released_at"].dt.epoch("ms") < config.start_ms
    assert abs(early.mean() - 0.67) < 0.05
    first_tags = frame.select(pl.col("tags").list.first() == pl.col("genre")).to_series()
    assert 0.9 < first_tags.mean() <= 1.0

"""Statuses that change under a loaded catalogue."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.workspace import open_workspace
from ranking.catalogue import Status
from ranking.loading import load_catalogue
from service.statuses import changed_statuses, patched
from tests.support.service_world import lay_world, mark_copy, set_status, track_id


def test_only_what_differs_is_a_change(tmp_path: Path) -> None:
    lay_world(tmp_path, 12)
    with open_workspace(tmp_path) as workspace, workspace.database.read() as connection:
        before = load_catalogue(connection)
        assert changed_statuses(connection, before, 0).rows.size == 0
    set_status(tmp_path, 2, "retired")
    with open_workspace(tmp_path) as workspace, workspace.database.read() as connection:
        changes = changed_statuses(connection, before, 0)
    assert before.tracks.take(changes.rows) == (track_id(2),)
    assert changes.statuses.tolist() == [Status.RETIRED]
    assert not changes.touches_blocked
    after = patched(before, changes)
    assert np.flatnonzero(after.servable != before.servable).tolist() == changes.rows.tolist()


def test_a_blocked_track_is_hidden_at_once(tmp_path: Path) -> None:
    lay_world(tmp_path, 12)
    with open_workspace(tmp_path) as workspace, workspace.database.read() as connection:
        before = load_catalogue(connection)
    set_status(tmp_path, 3, "blocked")
    with open_workspace(tmp_path) as workspace, workspace.database.read() as connection:
        changes = changed_statuses(connection, before, 0)
        loaded = load_catalogue(connection)
    assert changes.touches_blocked
    after = patched(before, changes)
    assert np.array_equal(after.hidden, loaded.hidden)
    assert np.array_equal(after.servable, loaded.servable)
    assert not before.hidden.any()  # a request that began with it ends with it


def test_a_track_that_is_not_loaded_yet_is_left_to_the_next_load(tmp_path: Path) -> None:
    lay_world(tmp_path, 12)
    lay_world(tmp_path / "smaller", 8)
    with open_workspace(tmp_path / "smaller") as few, few.database.read() as connection:
        smaller = load_catalogue(connection)
    set_status(tmp_path, 11, "blocked")
    with open_workspace(tmp_path) as workspace, workspace.database.read() as connection:
        found = changed_statuses(connection, smaller, 0)
    assert track_id(11) not in smaller.tracks.take(found.rows)


def test_a_copy_of_a_track_that_is_blocked_leaves_with_it(tmp_path: Path) -> None:
    lay_world(tmp_path, 12)
    mark_copy(tmp_path, 1, 4)
    with open_workspace(tmp_path) as workspace, workspace.database.read() as connection:
        before = load_catalogue(connection)
    shown = [before.tracks[row] for row in np.flatnonzero(before.servable)]
    assert track_id(4) in shown
    assert track_id(1) not in shown
    set_status(tmp_path, 4, "blocked")
    with open_workspace(tmp_path) as workspace, workspace.database.read() as connection:
        after = patched(before, changed_statuses(connection, before, 0))
        loaded = load_catalogue(connection)
    rows = after.tracks.rows([track_id(1), track_id(4)])
    assert after.hidden[rows].all()
    assert not after.servable[rows].any()
    assert np.array_equal(after.servable, loaded.servable)


def test_a_copy_takes_the_place_of_a_track_that_is_retired(tmp_path: Path) -> None:
    lay_world(tmp_path, 12)
    mark_copy(tmp_path, 1, 4)
    with open_workspace(tmp_path) as workspace, workspace.database.read() as connection:
        before = load_catalogue(connection)
    set_status(tmp_path, 4, "retired")
    with open_workspace(tmp_path) as workspace, workspace.database.read() as connection:
        after = patched(before, changed_statuses(connection, before, 0))
    copy, canonical = after.tracks.rows([track_id(1), track_id(4)])
    assert after.servable[copy]
    assert not after.servable[canonical]
    assert before.servable.sum() == after.servable.sum()

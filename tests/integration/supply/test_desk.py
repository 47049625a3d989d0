"""The desk of briefs on both stores: who may move what, and what a second word changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import sqlalchemy as sa

from core.database import Database, open_database
from core.errors import DataError
from core.schema import creators, tracks
from ranking.supply.brief import Brief
from ranking.supply.desk import Desk, DeskConfig
from ranking.supply.switches import list_switches, set_switch, why_stopped

pytest_plugins = ["tests.support.postgres"]

BRIEF = Brief(title="Night drive", prompt="slow synthwave", tags=("synthwave",), deadline_ms=9_000)


@pytest.fixture
def store(store_url: str) -> Iterator[Database]:
    database = open_database(store_url)
    yield database
    database.close()


@pytest.fixture
def desk(store: Database) -> Desk:
    return Desk(store)


def _add(desk: Desk, title: str = "Night drive", segment: str = "s1", now_ms: int = 1) -> str:
    brief = BRIEF.model_copy(update={"title": title})
    return desk.add(brief, segment_id=segment, now_ms=now_ms).brief_id


def test_a_brief_comes_back_as_it_was_laid_down(desk: Desk) -> None:
    vector = np.array([0.5, -1.25], dtype=np.float32)
    laid = desk.add(BRIEF, segment_id="s1", now_ms=5, reference=vector, brief_id="mine")
    shown = desk.show("mine")
    assert (shown.brief, shown.segment_id, shown.status, shown.revision) == (
        BRIEF,
        "s1",
        "draft",
        1,
    )
    assert np.array_equal(shown.reference, vector)
    assert (laid.created_at, laid.updated_at) == (5, 5)


def test_the_same_brief_is_laid_down_once_and_an_id_means_one_brief(desk: Desk) -> None:
    assert _add(desk) == _add(desk, now_ms=99)
    assert len(desk.list()) == 1
    assert _add(desk, segment="s2") != _add(desk)
    desk.add(BRIEF, segment_id="s1", now_ms=1, brief_id="mine")
    with pytest.raises(DataError, match="another brief is called mine"):
        desk.add(BRIEF, segment_id="s9", now_ms=1, brief_id="mine")


def test_a_list_is_by_status_and_segment_the_newest_first(desk: Desk) -> None:
    one, two, three = (_add(desk, f"t{n}", f"s{n % 2}", n) for n in range(3))
    desk.approve(two, who="ada", now_ms=9)
    assert [b.brief_id for b in desk.list()] == [three, two, one]
    assert [b.brief_id for b in desk.list("draft")] == [three, one]
    assert [b.brief_id for b in desk.list(segment_id="s1")] == [two]


def test_an_edit_from_an_old_revision_is_refused(desk: Desk) -> None:
    brief_id = _add(desk)
    slower = BRIEF.model_copy(update={"tempo_bpm": 80.0})
    edited = desk.edit(brief_id, slower, revision=1, now_ms=2)
    assert (edited.revision, edited.brief.tempo_bpm) == (2, 80.0)
    faster = BRIEF.model_copy(update={"tempo_bpm": 120.0})
    with pytest.raises(DataError, match=r"at revision 2, you started from 1"):
        desk.edit(brief_id, faster, revision=1, now_ms=3)
    assert desk.edit(brief_id, slower, revision=1, now_ms=3).revision == 2  # it stands so already


def test_of_edits_at_once_one_gets_through(desk: Desk) -> None:
    brief_id, outcomes = _add(desk), []

    def edit(tempo: float) -> None:
        changed = BRIEF.model_copy(update={"tempo_bpm": tempo})
        try:
            outcomes.append(desk.edit(brief_id, changed, revision=1, now_ms=2).revision)
        except DataError:
            outcomes.append(0)

    threads = [threading.Thread(target=edit, args=(60.0 + n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [0, 0, 0, 0, 0, 2]


def test_an_approved_brief_that_is_edited_waits_again(desk: Desk) -> None:
    brief_id = _add(desk)
    approved = desk.approve(brief_id, who="ada", now_ms=2, note="yes")
    assert (approved.status, approved.decided_by, approved.note) == ("approved", "ada", "yes")
    again = desk.approve(brief_id, who="bob", now_ms=3)
    assert (again.decided_by, again.revision) == ("ada", 2)
    changed = BRIEF.model_copy(update={"count": 3})
    assert desk.edit(brief_id, changed, revision=2, now_ms=4).status == "draft"


@pytest.mark.parametrize("end", ["reject", "close"])
def test_what_was_ended_stays_ended(desk: Desk, end: str) -> None:
    brief_id = _add(desk)
    ended = getattr(desk, end)(brief_id, who="ada", now_ms=2, note="no")
    assert getattr(desk, end)(brief_id, who="bob", now_ms=3, note="no").decided_by == "ada"
    with pytest.raises(DataError, match=rf"was {ended.status} by ada and cannot be approved"):
        desk.approve(brief_id, who="bob", now_ms=4)
    changed = BRIEF.model_copy(update={"count": 3})
    with pytest.raises(DataError, match=rf"is {ended.status}"):
        desk.edit(brief_id, changed, revision=ended.revision, now_ms=4)


def test_an_unknown_brief_is_named(desk: Desk) -> None:
    with pytest.raises(DataError, match="no brief nothing"):
        desk.show("nothing")
    with pytest.raises(DataError, match="no brief nothing"):
        desk.approve("nothing", who="ada", now_ms=1)


def _catalogue(store: Database) -> None:
    people = [("c1", "Velvet Motel"), ("c2", "Shoegaze"), ("c3", "Kraut"), ("generator:x", "slow")]
    rows = [("t0", "c3", "Kraut", ["kraut"]), ("g", "generator:x", "synthwave", [])]
    rows += [(f"t{n}", f"p{n}", f"Person {n}", ["shoegaze", "kraut"][: n % 3]) for n in range(1, 9)]
    with store.write() as connection:
        connection.execute(
            sa.insert(creators), [{"creator_id": i, "name": name} for i, name in people]
        )
        connection.execute(
            sa.insert(tracks),
            [
                {"track_id": i, "creator_id": c, "artist": a, "tags": tags, "updated_at": 1}
                for i, c, a, tags in rows
            ],
        )


@pytest.mark.parametrize("field", ["prompt", "title", "lyrics", "tags"])
def test_no_field_names_a_creator(store: Database, desk: Desk, field: str) -> None:
    _catalogue(store)
    text = "sounds like VELVÉT motel"
    named = BRIEF.model_copy(update={field: (text,) if field == "tags" else text})
    with pytest.raises(DataError, match=r"names 'Velvet Motel', and no brief may name"):
        desk.add(named, segment_id="s", now_ms=1)
    plain = desk.add(BRIEF, segment_id="s", now_ms=1)
    with pytest.raises(DataError, match="Velvet Motel"):
        desk.edit(plain.brief_id, named, revision=1, now_ms=2)


def test_a_name_that_others_bear_as_a_tag_is_a_word(store: Database, desk: Desk) -> None:
    _catalogue(store)  # six others play shoegaze; three play kraut, beside the one who is called so
    desk.add(BRIEF.model_copy(update={"prompt": "hazy shoegaze"}), segment_id="s", now_ms=1)
    with store.write() as connection:  # two of them left: no proof that it is a word
        connection.execute(sa.delete(tracks).where(tracks.c.track_id.in_(["t2", "t5"])))
    kraut = BRIEF.model_copy(update={"prompt": "kraut loops"})
    with pytest.raises(DataError, match="Kraut"):
        desk.add(kraut, segment_id="s", now_ms=1)
    Desk(store, DeskConfig(ordinary_words=("kraut",))).add(kraut, segment_id="s", now_ms=1)


def test_a_switch_stops_one_or_all(store: Database) -> None:
    stop = {"reason": "too loud", "who": "ada", "now_ms": 1}
    set_switch(store, "synth", stopped=True, **stop)
    assert set_switch(store, "synth", stopped=True, **{**stop, "who": "bob"}).set_by == "ada"
    with store.read() as connection:
        assert why_stopped(connection, "synth") == "synth was stopped by ada: too loud"
        assert why_stopped(connection, "mureka") == ""
    set_switch(store, "all", stopped=True, **stop)
    set_switch(store, "synth", stopped=False, **stop)
    with store.read() as connection:
        assert "all was stopped" in why_stopped(connection, "synth")
        assert "all was stopped" in why_stopped(connection, "mureka")
    set_switch(store, "all", stopped=False, **stop)
    with store.read() as connection:
        assert why_stopped(connection, "synth") == ""
    assert [(s.name, s.stopped) for s in list_switches(store)] == [("all", False), ("synth", False)]

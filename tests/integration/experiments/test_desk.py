"""The life of an experiment, on both stores: each move, what it leaves behind, who is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from core.database import Database, open_database
from core.errors import ConflictError, DataError, ExperimentError, UnknownIdError
from core.schema import experiment_changes
from ranking.experiments.assigning.context import Context
from ranking.experiments.assigning.evaluation import run
from ranking.experiments.configuration import Frame
from ranking.experiments.definitions.resolving import experiment_of
from ranking.experiments.lifecycle.desk import ExperimentDesk
from ranking.experiments.lifecycle.moves import Said
from ranking.experiments.lifecycle.stored import (
    Change,
    StoredExperiment,
    experiments_state,
    history,
    list_experiments,
    running,
    show_experiment,
)
from tests.support.experiments import grounds, spec

pytest_plugins = ["tests.support.postgres"]

ADA = Said("ada", 1_000, "we wonder")
BOB = Said("bob", 2_000, " because \n")


@pytest.fixture
def store(store_url: str) -> Iterator[Database]:
    database = open_database(store_url)
    yield database
    database.close()


@pytest.fixture
def desk(store: Database) -> ExperimentDesk:
    return ExperimentDesk(store)


def _started(desk: ExperimentDesk, key: str, **changes: object) -> StoredExperiment:
    desk.create(spec(key, **changes), ADA)
    return desk.start(key, ADA, grounds=grounds())


def _running(store: Database) -> tuple[StoredExperiment, ...]:
    with store.read() as connection:
        return running(connection)


def test_a_draft_is_laid_down_once(store: Database, desk: ExperimentDesk) -> None:
    written = spec(forced={"👩‍🎤": "none"}, condition={"country": "DE"}, hypothesis="a\x00b")
    made = desk.create(written, ADA)
    assert (made.key, made.status, made.revision, made.spec) == (
        "fresh-share", "draft", 1, written,
    )  # fmt: skip
    assert (made.created_at, made.updated_at, made.started_at) == (1_000, 1_000, None)
    assert made.forced == {"👩‍🎤": 1}
    assert desk.create(written, BOB) == made
    with pytest.raises(ConflictError, match="another experiment is called 'fresh-share'"):
        desk.create(spec(coverage=0.2), BOB)
    with store.read() as connection:
        assert show_experiment(connection, "fresh-share") == made
        assert [one.who for one in history(connection, "fresh-share")] == ["ada"]


def test_the_trail_tells_who_did_what_when_and_why(store: Database, desk: ExperimentDesk) -> None:
    first, second, third = spec(), spec(coverage=0.2), spec(coverage=0.5)
    desk.create(first, Said("ada", 1))
    desk.edit(second, 1, Said("bob", 2, "less at first"))
    desk.start("fresh-share", Said("ada", 3, " go "), grounds=grounds())
    desk.edit(third, 3, Said("bob", 4, "no harm seen"))
    desk.stop("fresh-share", Said("eve", 5, "done"))
    ended = desk.archive("fresh-share", Said("ada", 6))
    assert (ended.status, ended.revision) == ("archived", 6)
    assert (ended.started_at, ended.stopped_at, ended.updated_at) == (3, 5, 6)
    with store.read() as connection:
        assert history(connection, "fresh-share") == (
            Change(1, "created", 1, "ada", "", "draft", first),
            Change(2, "edited", 2, "bob", "less at first", "draft", second),
            Change(3, "started", 3, "ada", "go", "running", second),
            Change(4, "widened", 4, "bob", "no harm seen", "running", third),
            Change(5, "stopped", 5, "eve", "done", "stopped", third),
            Change(6, "archived", 6, "ada", "", "archived", third),
        )


def test_a_move_said_twice_counts_once(store: Database, desk: ExperimentDesk) -> None:
    started = _started(desk, "one")
    assert desk.start("one", BOB, grounds=grounds()) == started
    assert desk.start("one", BOB, grounds=grounds(), revision=1) == started
    stopped = desk.stop("one", ADA, revision=2)
    assert desk.stop("one", BOB, revision=2) == stopped
    with store.read() as connection:
        assert [one.action for one in history(connection, "one")] == [
            "created", "started", "stopped",
        ]  # fmt: skip


def test_a_stale_change_is_refused_whatever_it_is(store: Database, desk: ExperimentDesk) -> None:
    desk.create(spec("one"), ADA)
    edited = desk.edit(spec("one", coverage=0.5), 1, ADA)
    assert desk.edit(spec("one", coverage=0.5), 1, BOB) == edited  # sent again
    wanted = r"'one' is at revision 2, you started from 1; show it again"
    with pytest.raises(ConflictError, match=wanted):
        desk.edit(spec("one", coverage=0.6), 1, BOB)
    with pytest.raises(ConflictError, match=wanted):
        desk.start("one", BOB, grounds=grounds(), revision=1)
    with pytest.raises(ConflictError, match=wanted):
        desk.archive("one", BOB, revision=1)
    with store.read() as connection:
        assert show_experiment(connection, "one") == edited


def test_moves_that_do_not_exist_are_refused(desk: ExperimentDesk) -> None:
    desk.create(spec("one"), ADA)
    with pytest.raises(ConflictError, match="'one' is draft and cannot be stopped; start it"):
        desk.stop("one", ADA)
    desk.start("one", ADA, grounds=grounds())
    with pytest.raises(ConflictError, match="'one' is running and cannot be archived; stop it"):
        desk.archive("one", ADA)
    desk.stop("one", ADA)
    with pytest.raises(ConflictError, match="stopped and cannot be running; create another"):
        desk.start("one", ADA, grounds=grounds())
    with pytest.raises(ConflictError, match="'one' is stopped and stays as it was"):
        desk.edit(spec("one", coverage=0.9), 3, ADA)
    desk.archive("one", ADA)
    with pytest.raises(ConflictError, match="archived and cannot be stopped"):
        desk.stop("one", ADA)
    with pytest.raises(ConflictError, match="is archived; choose a key that was never used"):
        desk.create(spec("one", coverage=0.9), ADA)


def test_whoever_starts_or_stops_says_why(desk: ExperimentDesk) -> None:
    desk.create(spec("one"), ADA)
    with pytest.raises(DataError, match="nobody says why experiment 'one' is to change"):
        desk.start("one", Said("ada", 1, "  "), grounds=grounds())
    desk.start("one", ADA, grounds=grounds())
    with pytest.raises(DataError, match="give a reason"):
        desk.stop("one", Said("ada", 1))


def test_nothing_is_done_to_what_there_is_not(store: Database, desk: ExperimentDesk) -> None:
    for call in (
        lambda: desk.edit(spec("no"), 1, ADA),
        lambda: desk.start("no", ADA, grounds=grounds()),
        lambda: desk.stop("no", ADA),
        lambda: desk.archive("no", ADA),
    ):
        with pytest.raises(UnknownIdError, match="there is no experiment 'no'"):
            call()
    with store.read() as connection, pytest.raises(UnknownIdError):
        history(connection, "no")


def test_a_running_one_may_only_be_widened(store: Database, desk: ExperimentDesk) -> None:
    plain = {"layer": "feed", "ranges": [[0.0, 0.5]], "coverage": 0.4}
    before = _started(desk, "one", **plain)
    for changes, said in (
        ({"coverage": 0.3}, "variation 0 loses"),
        ({"ranges": [[0.0, 0.4]]}, "filter 'layer/feed' shuts out"),
        ({"ranges": [[0.0, 0.6]], "hypothesis": "x"}, "hypothesis: would change"),
        ({"variations": [{"key": "control"}, {"key": "none"}]}, "variations: would change"),
        ({"weights": [0.6, 0.4]}, "weights: would change"),
        ({"metrics": {"primary": "likes"}}, "metrics: would change"),
        ({"forced": {"u": "none"}}, "forced: would change"),
    ):
        with pytest.raises(ExperimentError, match=said):
            desk.edit(spec("one", **{**plain, **changes}), 2, ADA)
    assert _running(store) == (before,)
    wider = spec("one", **plain | {"ranges": [[0.0, 0.7]], "coverage": 0.9})
    after = desk.edit(wider, 2, ADA)
    assert (after.status, after.revision, after.started_at) == ("running", 3, 1_000)
    moved = 0
    for number in range(4_000):
        context = Context(attributes={"user_id": f"u{number}"})
        was, is_ = run(before.document, context), run(after.document, context)
        assert not was.in_experiment or (is_.in_experiment, is_.variation) == (True, was.variation)
        moved += is_.in_experiment and not was.in_experiment
    assert 0.35 * 4_000 < moved < 0.51 * 4_000  # 0.7 x 0.9 - 0.5 x 0.4 = 0.43 of them


def test_it_is_not_widened_into_another(desk: ExperimentDesk) -> None:
    _started(desk, "one", layer="feed", ranges=[[0.0, 0.5]])
    _started(desk, "two", layer="feed", ranges=[[0.5, 1.0]])
    with pytest.raises(ExperimentError, match=r"'two' and 'one' share \[0.5, 0.6\)"):
        desk.edit(spec("one", layer="feed", ranges=[[0.0, 0.6]]), 2, ADA)


def test_an_experiment_keeps_the_holdout_it_was_started_with(store: Database) -> None:
    small, large = (
        ExperimentDesk(store, Frame(holdout=0.1)),
        ExperimentDesk(store, Frame(holdout=0.3, holdout_seed="other")),
    )
    small.create(spec("old", layer="feed", ranges=[[0, 0.2]]), ADA)
    old = small.start("old", ADA, grounds=grounds())
    small.create(spec("new", layer="feed", ranges=[[0.2, 0.4]]), ADA)
    new = large.start("new", ADA, grounds=grounds())
    assert [one.document.filters[-1].ranges for one in (old, new)] == [((0.1, 1),), ((0.3, 1),)]
    widened = large.edit(spec("old", layer="feed", ranges=[[0, 0.2], [0.6, 0.7]]), 2, ADA)
    assert widened.frame == old.frame
    held = [
        number
        for number in range(3_000)
        if run(widened.document, Context(attributes={"user_id": f"u{number}"})).in_experiment
    ]
    only = experiment_of(spec("x"), Frame(holdout=0.1), "running")
    outside = [
        n for n in held if not run(only, Context(attributes={"user_id": f"u{n}"})).in_experiment
    ]
    assert (len(held) > 600, outside) == (True, [])


def test_what_runs_is_read_by_replicas_and_its_digest_follows(
    store: Database, desk: ExperimentDesk
) -> None:
    def state() -> object:
        with store.read() as connection:
            return experiments_state(connection)

    seen = [state()]
    desk.create(spec("a"), ADA)
    desk.create(spec("b"), ADA)
    desk.edit(spec("b", coverage=0.5), 1, ADA)
    assert state() == seen[0]  # drafts are nobody's business
    assert _running(store) == ()
    desk.start("b", ADA, grounds=grounds())
    seen.append(state())
    desk.start("a", ADA, grounds=grounds())
    seen.append(state())
    assert [one.key for one in _running(store)] == ["a", "b"]
    desk.edit(spec("b", coverage=0.75), 3, ADA)
    seen.append(state())
    assert [one.document.coverage for one in _running(store)] == [1.0, 0.75]
    assert {one.document.status for one in _running(store)} == {"running"}
    desk.stop("a", ADA)
    seen.append(state())
    assert [one.key for one in _running(store)] == ["b"]
    desk.create(spec("c"), ADA)
    desk.archive("a", ADA)
    assert state() == seen[-1]
    assert len(set(seen)) == 5


def test_lists_are_searched_and_cut(store: Database, desk: ExperimentDesk) -> None:
    for number in range(5):
        layer = "feed" if number % 2 else ""
        desk.create(spec(f"e{number}", layer=layer), Said("ada", number))
    desk.start("e4", ADA, grounds=grounds())
    with store.read() as connection:
        found = [one.key for one in list_experiments(connection)]
        assert found == ["e4", "e3", "e2", "e1", "e0"]
        assert [one.key for one in list_experiments(connection, limit=2, offset=1)] == found[1:3]
        assert [one.key for one in list_experiments(connection, "running")] == ["e4"]
        assert [one.key for one in list_experiments(connection, layer="feed")] == ["e3", "e1"]
        assert [one.key for one in list_experiments(connection, "draft", "")] == ["e2", "e0"]


def test_a_change_and_its_trail_happen_together_or_not(
    store: Database, desk: ExperimentDesk
) -> None:
    desk.create(spec("one"), ADA)
    with store.write() as connection:  # the next note would be this one's
        taken = {
            "key": "one", "revision": 2, "action": "edited", "at": 0, "who": "x", "why": "",
            "status": "draft", "spec": {},
        }  # fmt: skip
        connection.execute(sa.insert(experiment_changes), [taken])
    with pytest.raises(sa.exc.IntegrityError):
        desk.start("one", ADA, grounds=grounds())
    with store.read() as connection:
        kept = show_experiment(connection, "one")
    assert (kept.status, kept.revision) == ("draft", 1)

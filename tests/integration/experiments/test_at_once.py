"""Many change experiments at once, on both stores: one gets through, nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from core.database import Database, open_database
from core.errors import ConflictError, ExperimentError
from ranking.experiments.layering.layers import check_layers
from ranking.experiments.lifecycle.desk import ExperimentDesk
from ranking.experiments.lifecycle.moves import Said
from ranking.experiments.lifecycle.stored import (
    StoredExperiment,
    history,
    running,
    show_experiment,
)
from tests.support.experiments import grounds, spec

pytest_plugins = ["tests.support.postgres"]

N_THREADS = 12
Outcome = StoredExperiment | ConflictError | ExperimentError


@pytest.fixture
def store(store_url: str) -> Iterator[Database]:
    database = open_database(store_url)
    yield database
    database.close()


@pytest.fixture
def desk(store: Database) -> ExperimentDesk:
    return ExperimentDesk(store)


def _said(number: int) -> Said:
    return Said(f"person {number}", 100 + number, f"reason {number}")


def _at_once(act: Callable[[int], StoredExperiment]) -> list[Outcome]:
    """Let every thread do something at the same moment and return what came of it."""
    ready = Barrier(N_THREADS)

    def one(number: int) -> Outcome:
        ready.wait(10)
        try:
            return act(number)
        except (ConflictError, ExperimentError) as refused:
            return refused

    with ThreadPoolExecutor(N_THREADS) as pool:
        return list(pool.map(one, range(N_THREADS)))


def test_of_twelve_edits_one_wins_and_none_is_overwritten(
    store: Database, desk: ExperimentDesk
) -> None:
    desk.create(spec("one"), Said("ada", 1))
    told = _at_once(lambda n: desk.edit(spec("one", coverage=(n + 1) / 20), 1, _said(n)))
    won = [number for number, one in enumerate(told) if isinstance(one, StoredExperiment)]
    assert len(won) == 1
    refused = [str(one) for one in told if isinstance(one, ConflictError)]
    assert len(refused) == N_THREADS - 1
    assert {"is at revision 2, you started from 1" in text for text in refused} == {True}
    with store.read() as connection:
        kept = show_experiment(connection, "one")
        changes = history(connection, "one")
    assert (kept.revision, kept.spec.coverage) == (2, (won[0] + 1) / 20)
    assert [(one.who, one.why) for one in changes] == [
        ("ada", ""),
        (f"person {won[0]}", f"reason {won[0]}"),
    ]


def test_a_key_is_given_once(store: Database, desk: ExperimentDesk) -> None:
    told = _at_once(lambda n: desk.create(spec("one", coverage=(n + 1) / 20), _said(n)))
    won = [number for number, one in enumerate(told) if isinstance(one, StoredExperiment)]
    assert len(won) == 1
    with store.read() as connection:
        assert show_experiment(connection, "one").spec.coverage == (won[0] + 1) / 20
        assert len(history(connection, "one")) == 1


def test_a_start_counts_once(store: Database, desk: ExperimentDesk) -> None:
    desk.create(spec("one"), Said("ada", 1))
    told = _at_once(lambda n: desk.start("one", _said(n), grounds=grounds()))
    assert {type(one) for one in told} == {StoredExperiment}
    assert len({one.started_at for one in told if isinstance(one, StoredExperiment)}) == 1
    with store.read() as connection:
        assert [one.action for one in history(connection, "one")] == ["created", "started"]


def test_of_many_that_want_one_place_one_starts(store: Database, desk: ExperimentDesk) -> None:
    for number in range(N_THREADS):
        desk.create(spec(f"e{number}", layer="feed"), Said("ada", 1))
    told = _at_once(lambda n: desk.start(f"e{n}", _said(n), grounds=grounds()))
    won = [one.key for one in told if isinstance(one, StoredExperiment)]
    assert len(won) == 1
    refused = [str(one) for one in told if isinstance(one, ExperimentError)]
    assert len(refused) == N_THREADS - 1
    assert {f"{won[0]!r} and " in text and "share [0, 1)" in text for text in refused} == {True}
    with store.read() as connection:
        assert [one.key for one in running(connection)] == won


def test_of_many_that_widen_into_one_place_one_does(store: Database, desk: ExperimentDesk) -> None:
    ends = [(number / 20, (number + 1) / 20) for number in range(N_THREADS)]
    for number, end in enumerate(ends):
        desk.create(spec(f"e{number}", layer="feed", ranges=[end]), Said("ada", 1))
        desk.start(f"e{number}", Said("ada", 1, "go"), grounds=grounds())
    told = _at_once(
        lambda n: desk.edit(spec(f"e{n}", layer="feed", ranges=[ends[n], (0.6, 1.0)]), 2, _said(n))
    )
    assert sum(isinstance(one, StoredExperiment) for one in told) == 1
    with store.read() as connection:
        check_layers([one.document for one in running(connection)])


def test_a_stop_comes_through_whatever_is_edited(store: Database, desk: ExperimentDesk) -> None:
    desk.create(spec("one", coverage=0.1), Said("ada", 1))
    desk.start("one", Said("ada", 1, "go"), grounds=grounds())

    def act(number: int) -> StoredExperiment:
        if number % 2:
            return desk.stop("one", _said(number))
        return desk.edit(spec("one", coverage=0.2 + number / 20), 2, _said(number))

    told = _at_once(act)
    stops = [told[number] for number in range(1, N_THREADS, 2)]
    assert {one.status for one in stops if isinstance(one, StoredExperiment)} == {"stopped"}
    assert all(isinstance(one, StoredExperiment) for one in stops)
    edits = [told[number] for number in range(0, N_THREADS, 2)]
    got_through = [one for one in edits if isinstance(one, StoredExperiment)]
    assert len(got_through) <= 1
    with store.read() as connection:
        kept = show_experiment(connection, "one")
        changes = history(connection, "one")
    widened = ["widened"] * len(got_through)
    assert [one.action for one in changes] == ["created", "started", *widened, "stopped"]
    assert (kept.status, kept.revision) == ("stopped", len(changes))
    assert kept.spec.coverage == (got_through[0].spec.coverage if got_through else 0.1)

"""A trial's life on both stores: opened, counted as it is shown, settled by the log, ended once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from core.database import upsert
from core.errors import DataError
from core.events import Action, Interaction
from core.schema import requests, tracks
from core.workspace import Workspace, open_workspace
from pipelines.compact import compact
from pipelines.job import Silent
from pipelines.supply.trials.configuration import TrialsConfig
from pipelines.supply.trials.log import shown_slots
from pipelines.supply.trials.settle import SettleReport, settle_trials
from ranking.listeners.record import record_interactions
from ranking.loading import load_catalogue
from ranking.pagelog import append_pages
from ranking.sources.beliefs import PRIOR_FINISHES, PRIOR_OTHERS, beliefs_of
from ranking.supply.trials import (
    SUREST,
    Trial,
    TrialPlan,
    count_slots,
    end_trial,
    list_trials,
    load_beliefs,
    open_trial,
    plan_from,
    trials_state,
)
from tests.support.supply import START_MS

pytest_plugins = ["tests.support.postgres"]

PLAN = TrialPlan(segment_id=None, prior_finishes=3.0, prior_skips=6.0, budget=50)
SLOTS = 4  # of a page; the third is fresh
MINUTE_MS = 60_000


def no_candidates() -> bytes:
    """Return a log of no candidates, as pages carry one."""
    columns = {
        "track_id": pa.array([], pa.string()),
        "score": pa.array([], pa.float32()),
        "sources": pa.array([], pa.uint64()),
        "source_scores": pa.array([], pa.list_(pa.float32())),
    }
    named = {"sources": "[]", "features": "[]"}
    table = pa.table(columns).replace_schema_metadata(named)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


NOTHING = no_candidates()


@pytest.fixture
def workspace(store_url: str, tmp_path) -> Iterator[Workspace]:
    with open_workspace(tmp_path, store_url) as opened:
        rows = [
            {"track_id": f"t{n}", "status": "active" if n < 6 else "pending", "updated_at": 1}
            for n in range(9)
        ]
        with opened.database.write() as connection:
            upsert(connection, tracks, rows)
        yield opened


def opened(workspace: Workspace, track_id: str = "t6", plan: TrialPlan = PLAN) -> None:
    with workspace.database.write() as connection:
        open_trial(connection, track_id, plan, START_MS)


def only_trial(workspace: Workspace) -> Trial:
    with workspace.database.read() as connection:
        (found,) = list_trials(connection)
    return found


def status(workspace: Workspace, track_id: str) -> str:
    query = sa.select(tracks.c.status).where(tracks.c.track_id == track_id)
    with workspace.database.read() as connection:
        return str(connection.execute(query).scalar_one())


def page(number: int, trial: str = "t6") -> dict[str, object]:
    """Return a logged page of four slots, the third of which is kept for a trial track."""
    shown = [f"t{number % 6}", f"t{(number + 1) % 6}", trial, f"t{(number + 2) % 6}"]
    slots = [
        {"track_id": name, "position": at, "source": "popular", "reason": "", "score": 0.0,
         "propensity": 1.0, "is_fresh": at == 2}
        for at, name in enumerate(shown)
    ]  # fmt: skip
    return {
        "request_id": f"r{number:04d}", "user_id": f"u{number % 20}",
        "at": START_MS + number * MINUTE_MS, "surface": "home", "variant": "", "degraded": False,
        "seed": 1, "artifacts": {}, "drops": {}, "slots": slots, "candidates": NOTHING,
    }  # fmt: skip


def serve(workspace: Workspace, pages: list[dict[str, object]]) -> None:
    with workspace.database.write() as connection:
        append_pages(connection, pages)


def finish(workspace: Workspace, number: int, track_id: str, again: int = 0) -> None:
    event = Interaction(
        event_id=f"{number}-{track_id}-{again}", user_id=f"u{number % 20}", track_id=track_id,
        action=Action.FINISH, at=START_MS + number * MINUTE_MS + 1,
        request_id=f"r{number:04d}", position=2,
    )  # fmt: skip
    (verdict,) = record_interactions(workspace.database, [event], START_MS + 10**7)
    assert verdict.status == "accepted"


def settle(workspace: Workspace, after_minutes: int = 10_000, **config: object) -> SettleReport:
    return settle_trials(
        workspace,
        TrialsConfig.model_validate({"budget": 50, **config}),
        now_ms=START_MS + after_minutes * MINUTE_MS,
        progress=Silent(),
    )


def test_a_trial_is_opened_once_and_its_track_goes_on_air(workspace: Workspace) -> None:
    opened(workspace)
    serve(workspace, [page(1)])
    opened(workspace)  # again: what was counted stays
    assert status(workspace, "t6") == "trial"
    trial = only_trial(workspace)
    assert (trial.status, trial.impressions, trial.budget) == ("open", 1, 50)
    with pytest.raises(DataError, match="'nobody' is not in the store"):
        opened(workspace, "nobody")


def test_pages_and_finishes_are_counted_as_they_happen_each_once(workspace: Workspace) -> None:
    opened(workspace)
    serve(workspace, [page(1), page(2)])
    serve(workspace, [page(2), page(3)])  # a page that was written already
    serve(workspace, [page(4, trial="t0")])
    finish(workspace, 1, "t6")
    finish(workspace, 2, "t1")
    organic = Interaction(
        event_id="x", user_id="u1", track_id="t6", action=Action.FINISH, at=START_MS + 5
    )
    record_interactions(workspace.database, [organic, organic], START_MS + 10)
    trial = only_trial(workspace)
    assert (trial.impressions, trial.finishes) == (3, 1)


def test_many_writers_lose_no_slot(workspace: Workspace) -> None:
    opened(workspace)
    opened(workspace, "t7")

    def write(start: int) -> None:
        for number in range(start, start + 10):
            serve(workspace, [page(number, ("t6", "t7")[number % 2])])

    threads = [threading.Thread(target=write, args=(first,)) for first in range(0, 60, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with workspace.database.read() as connection:
        assert [each.impressions for each in list_trials(connection)] == [30, 30]


def test_beliefs_follow_prior_and_counts_and_close_with_the_budget(workspace: Workspace) -> None:
    opened(workspace)
    opened(workspace, "t7", PLAN.model_copy(update={"budget": 2}))
    serve(workspace, [page(1), page(2), page(3), page(4, "t7"), page(5, "t7")])
    finish(workspace, 1, "t6")
    with workspace.database.read() as connection:
        catalogue = load_catalogue(connection)
        found = load_beliefs(connection, catalogue)
        state = trials_state(connection)
    rows = catalogue.tracks.rows(["t6", "t7", "t8"])
    finishes = np.array([3.0 + 1, 3.0, PRIOR_FINISHES])
    others = np.array([6.0 + 2, 6.0 + 2, PRIOR_OTHERS])
    expected = beliefs_of(finishes, others, np.array([True, False, True]))
    np.testing.assert_allclose(found.mean[rows], expected.mean)
    np.testing.assert_allclose(found.deviation[rows], expected.deviation)
    assert found.open[rows].tolist() == [True, False, True]
    assert (state.open, state.impressions, state.finishes) == (2, 5, 1)


def test_a_prediction_never_outweighs_the_listeners() -> None:
    plan = plan_from(segment_id="s", finishes=90.0, skips=210.0)
    assert plan.prior_finishes + plan.prior_skips == pytest.approx(SUREST)
    assert plan.prior_finishes / SUREST == pytest.approx(0.3)
    small = plan_from(segment_id=None, finishes=1.0, skips=2.0)
    assert (small.prior_finishes, small.prior_skips) == (1.0, 2.0)


@pytest.mark.parametrize("compacted", [False, True])
def test_a_loved_track_graduates_and_stays_so(workspace: Workspace, compacted: bool) -> None:
    opened(workspace)
    serve(workspace, [page(number) for number in range(40)])
    for number in range(40):
        finish(workspace, number, f"t{number % 6}" if number % 4 == 0 else "t6")
    if compacted:
        compact(workspace, now_ms=START_MS + 90 * 86_400_000, progress=Silent())
        with workspace.database.read() as connection:
            assert connection.execute(sa.select(requests.c.request_id)).first() is None
    report = settle(workspace)
    assert (report.graduated, report.retired, report.open) == (1, 0, 0)
    assert "better than the segment's median" in report.ended[0].reason
    assert status(workspace, "t6") == "active"
    trial = only_trial(workspace)
    assert trial.evidence["heard_out"] == 30.0
    assert settle(workspace) == SettleReport(graduated=0, retired=0, open=0, ended=())
    with workspace.database.write() as connection, pytest.raises(DataError, match="no open trial"):
        end_trial(connection, "t6", "retired", "twice", START_MS)


def test_an_unloved_track_retires_before_its_budget_is_used_up(workspace: Workspace) -> None:
    opened(workspace)
    serve(workspace, [page(number) for number in range(45)])
    for number in range(45):
        finish(workspace, number, f"t{number % 6}")
        finish(workspace, number, f"t{(number + 1) % 6}")
    report = settle(workspace)
    assert (report.graduated, report.retired) == (0, 1)
    assert report.ended[0].slots < 50
    assert status(workspace, "t6") == "retired"


def test_a_track_that_somebody_blocked_stays_blocked_however_loved(workspace: Workspace) -> None:
    opened(workspace)
    serve(workspace, [page(number) for number in range(40)])
    for number in range(40):
        finish(workspace, number, "t6")
    with workspace.database.write() as connection:
        blocked = sa.update(tracks).where(tracks.c.track_id == "t6")
        connection.execute(blocked.values(status="blocked"))
        end_trial(connection, "t6", "graduated", "decided as it was blocked", START_MS)
    assert status(workspace, "t6") == "blocked"


def test_the_trial_of_a_track_that_left_it_is_called_off(workspace: Workspace) -> None:
    opened(workspace)
    serve(workspace, [page(number) for number in range(40)])
    for number in range(40):
        finish(workspace, number, "t6")
    with workspace.database.write() as connection:
        blocked = sa.update(tracks).where(tracks.c.track_id == "t6")
        connection.execute(blocked.values(status="blocked"))
    report = settle(workspace)
    assert (report.graduated, report.open) == (0, 0)
    assert status(workspace, "t6") == "blocked"
    assert only_trial(workspace).reason == "its track was taken off trial"


def test_a_track_that_does_not_convince_in_its_budget_retires(workspace: Workspace) -> None:
    opened(workspace)
    serve(workspace, [page(number) for number in range(60)])
    for number in range(60):  # the trial's slots are heard out as often as the others
        finish(workspace, number, ("t6", f"t{number % 6}", f"t{(number + 1) % 6}")[number % 3])
    assert settle(workspace, budget=400).open == 1
    report = settle(workspace, budget=50)
    assert report.ended[0].reason.startswith("not shown to be better within its budget")
    assert report.ended[0].slots == 50


def test_a_track_on_trial_without_a_plan_is_not_tried_for_ever(workspace: Workspace) -> None:
    with workspace.database.write() as connection:
        imported = sa.update(tracks).where(tracks.c.track_id == "t8")
        connection.execute(imported.values(status="trial"))
    assert settle(workspace, after_minutes=-1000).open == 1
    trial = only_trial(workspace)
    assert (trial.track_id, trial.prior_finishes, trial.budget) == ("t8", PRIOR_FINISHES, 50)
    assert settle(workspace).open == 1  # the same one


def test_a_slot_that_may_still_be_listened_to_does_not_count_yet(workspace: Workspace) -> None:
    opened(workspace)
    serve(workspace, [page(number) for number in range(20)])
    assert settle(workspace, after_minutes=20, settle_minutes=15.0).open == 1
    assert only_trial(workspace).evidence["slots"] == 5.0  # minutes 0 to 4 of 20


def test_the_log_tells_each_slot_once_before_and_after_it_is_compacted(
    workspace: Workspace,
) -> None:
    serve(workspace, [page(number) for number in range(10)])
    for number in range(10):
        finish(workspace, number, "t6")
        finish(workspace, number, "t6", again=1)  # told twice under two ids
    span = (START_MS, START_MS + 10**9)
    before = shown_slots(workspace, *span)
    compact(workspace, now_ms=START_MS + 90 * 86_400_000, progress=Silent())
    after = shown_slots(workspace, *span)
    assert before.equals(after)
    assert before.height == 10 * SLOTS
    assert before["heard"].sum() == 10


def test_slots_of_ended_trials_are_not_counted(workspace: Workspace) -> None:
    opened(workspace)
    with workspace.database.write() as connection:
        end_trial(connection, "t6", "graduated", "why", START_MS + 1)
        count_slots(connection, [[{"track_id": "t6", "is_fresh": True}]])
    assert only_trial(workspace).impressions == 0

"""A running service counts what it shows of trials, and shows no more of one that is used up."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from core.workspace import Workspace, open_workspace
from ranking.supply.holdout import GeneratedConfig, held_out
from ranking.supply.trials import TrialPlan, count_slots, list_trials, open_trial
from tests.support.service_world import (
    N_TRACKS,
    N_TRIAL,
    Service,
    event,
    lay_world,
    learn_by_hand,
    now,
    promote,
    running_service,
    track_id,
    wait_until,
)

TRIAL = [track_id(number) for number in range(N_TRACKS - N_TRIAL, N_TRACKS)]
PLAN = TrialPlan(segment_id=None, prior_finishes=1.0, prior_skips=2.0, budget=1000)


def plan(workspace: Workspace, track: str, budget: int) -> None:
    with workspace.database.write() as connection:
        open_trial(connection, track, PLAN.model_copy(update={"budget": budget}), now())


def counted(workspace: Workspace) -> dict[str, tuple[int, int]]:
    with workspace.database.read() as connection:
        return {one.track_id: (one.impressions, one.finishes) for one in list_trials(connection)}


def fresh_slot(running: Service, user: str) -> dict[str, object] | None:
    """Return the fresh slot of a page of ten, with its page's request id."""
    page = running.client.get("/v1/feed", params={"user_id": user, "size": 10}).json()
    found = [slot for slot in page["slots"] if slot["is_fresh"]]
    return {**found[0], "request_id": page["request_id"]} if found else None


@pytest.mark.parametrize("budget", [3])
def test_trials_are_counted_and_close_while_the_service_runs(tmp_path: Path, budget: int) -> None:
    data = tmp_path / "data"
    lay_world(data)
    promote(data, learn_by_hand(data, 1))
    everybody = (f"u{number}" for number in itertools.count())
    users = (user for user in everybody if not held_out(user, GeneratedConfig()))
    with open_workspace(data) as workspace:
        for track in TRIAL[1:]:
            plan(workspace, track, 1)
            with workspace.database.write() as connection:
                count_slots(connection, [[{"track_id": track, "is_fresh": True}]])
        plan(workspace, TRIAL[0], budget)
        with running_service(data) as running:
            for shown in range(1, budget + 1):
                slot = fresh_slot(running, next(users))
                assert slot is not None
                assert slot["track_id"] == TRIAL[0]  # all others are used up already
                told = event(
                    next(users), TRIAL[0], "finish", f"e{shown}", request_id=slot["request_id"],
                    position=slot["position"],
                )  # fmt: skip
                running.client.post("/v1/events", json={"events": [told]})
                wait_until(lambda: counted(workspace)[TRIAL[0]] == (shown, shown), 10)  # noqa: B023
            wait_until(lambda: fresh_slot(running, next(users)) is None, 10)
        assert counted(workspace)[TRIAL[0]][0] >= budget
        assert all(counted(workspace)[track] == (1, 0) for track in TRIAL[1:])

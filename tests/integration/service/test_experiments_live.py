"""Running services serve what experiments say, log it, and end with it within two seconds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.schema import requests
from core.workspace import Workspace, open_workspace
from ranking.experiments.definitions.spec import ExperimentSpec
from ranking.experiments.lifecycle.desk import ExperimentDesk
from ranking.experiments.lifecycle.moves import Said
from tests.support.experiments import document, grounds, spec
from tests.support.service_world import (
    SETTINGS,
    Service,
    lay_world,
    learn_by_hand,
    now,
    promote,
    running_service,
    wait_until,
)

STOP_S = 2.0  # within which every replica has ended what was stopped
COMPARING = f"{SETTINGS}[experiments]\ncompare_share = 1.0\n"
USERS = [f"u{number}" for number in range(30)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    lay_world(tmp_path / "data")
    promote(tmp_path / "data", learn_by_hand(tmp_path / "data", 1))
    return tmp_path / "data"


@pytest.fixture
def workspace(data: Path) -> Iterator[Workspace]:
    with open_workspace(data) as opened:
        yield opened


def said(why: str = "test") -> Said:
    return Said(who="test", why=why, at=now())


def start(workspace: Workspace, wanted: ExperimentSpec) -> None:
    desk = ExperimentDesk(workspace.database)
    desk.create(wanted, said())
    desk.start(wanted.key, said(), grounds=grounds())


def logged(workspace: Workspace, request_id: str) -> dict[str, object]:
    """Return a page of the log; it is written after its answer left."""
    query = sa.select(requests.c.variant, requests.c.exposures, requests.c.slots)
    query = query.where(requests.c.request_id == request_id)

    def row() -> sa.RowMapping | None:
        with workspace.database.read() as connection:
            return connection.execute(query).mappings().one_or_none()

    wait_until(lambda: row() is not None)
    found = row()
    assert found is not None
    return dict(found)


def page(running: Service, user: str, **more: object) -> dict[str, object]:
    answer = running.client.get("/v1/feed", params={"user_id": user, "size": 10, **more})  # type: ignore[dict-item]
    assert answer.status_code == 200
    found: dict[str, object] = answer.json()
    return found


def has_fresh(found: dict[str, object]) -> bool:
    return any(slot["is_fresh"] for slot in found["slots"])  # type: ignore[attr-defined]


def test_listeners_get_their_variation_and_it_is_logged(data: Path, workspace: Workspace) -> None:
    with running_service(
        data, settings=f"{SETTINGS}[experiments]\ncompare_share = 1.0\n"
    ) as running:
        assert all(has_fresh(page(running, user)) for user in USERS)
        start(workspace, spec(forced={"tester": "none"}, coverage=0.8))
        wait_until(lambda: running.metric("segue_experiments") == 1)
        variants: dict[str, set[str]] = {}
        for user in USERS:
            found = page(running, user)
            row = logged(workspace, str(found["request_id"]))
            variants.setdefault(str(row["variant"]), set()).add(user)
            assert has_fresh(found) == (row["variant"] != "fresh-share=none")
            if row["variant"]:
                variation = str(row["variant"]).partition("=")[2]
                assert row["exposures"] == [
                    {"experiment": "fresh-share", "variation": variation, "differs": True}
                ]
            else:
                assert row["exposures"] is None
        assert set(variants) == {"", "fresh-share=control", "fresh-share=none"}
        again = page(running, USERS[0])
        assert logged(workspace, str(again["request_id"]))["variant"] == next(
            name for name, users in variants.items() if USERS[0] in users
        )
        tester = page(running, "tester")
        assert not has_fresh(tester)
        assert logged(workspace, str(tester["request_id"]))["exposures"] is None


def test_what_is_stopped_ends_on_every_replica_within_two_seconds(
    data: Path, workspace: Workspace
) -> None:
    """With the usual settings: what the tests' others do ten times a second is done once here."""
    start(workspace, spec(weights=[0.0, 1.0]))
    with running_service(data, settings="") as one, running_service(data, settings="") as two:
        for running in (one, two):
            wait_until(lambda: not has_fresh(page(running, "u1")))  # noqa: B023
        ExperimentDesk(workspace.database).stop("fresh-share", said("it harms"))
        for running in (one, two):
            assert wait_until(lambda: has_fresh(page(running, "u1")), STOP_S) <= STOP_S  # noqa: B023


def test_two_variations_share_a_page(data: Path, workspace: Workspace) -> None:
    plain = {"page": {"fresh": {"share": 0.0}, "diversity": 1.0}}
    variations = [{"key": "control"}, {"key": "other", "feed": plain}]
    start(workspace, spec(interleave=True, variations=variations))
    with running_service(data) as running:
        wait_until(lambda: running.metric("segue_experiments") == 1)
        found = page(running, "u1")
        row = logged(workspace, str(found["request_id"]))
        teams = [slot["team"] for slot in row["slots"]]  # type: ignore[attr-defined]
        assert set(teams) <= {"control", "other", None}
        assert teams.count("control") == teams.count("other") > 0
        assert row["exposures"] == [
            {"experiment": "fresh-share", "variation": "interleaved", "differs": True}
        ]


def test_a_variation_that_was_lost_costs_nobody_a_page(data: Path, workspace: Workspace) -> None:
    versions = learn_by_hand(data, 2)
    variations = [
        {"key": "control"},
        {"key": "other", "artifacts": {"factors": versions["factors"]}},
    ]
    wanted = ExperimentSpec.model_validate(document(variations=variations, weights=[0.0, 1.0]))
    desk = ExperimentDesk(workspace.database)
    desk.create(wanted, said())
    ready = grounds()
    found = type(ready)(ready.feed, ready.known_metrics, workspace.artifacts.folder)
    desk.start(wanted.key, said(), grounds=found)
    shutil.rmtree(workspace.artifacts.folder("factors", versions["factors"]))
    with running_service(data) as running:
        wait_until(lambda: running.metric("segue_experiments") == 1)
        answer = page(running, "u1")
        assert answer["slots"]
        row = logged(workspace, str(answer["request_id"]))
        assert (row["variant"], row["exposures"]) == ("", None)
        assert running.metric("segue_variant_faults_total") >= 1

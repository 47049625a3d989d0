"""The ledger reads store and warehouse as one, on both databases, and tells people and programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from core.database import upsert
from core.events import DAY_MS, Interaction
from core.schema import events, generation_tasks, requests, tracks
from core.workspace import Workspace, open_workspace
from pipelines import cli
from pipelines.compact import compact
from pipelines.job import Silent
from pipelines.supply.ledger.configuration import LedgerConfig
from pipelines.supply.ledger.report import LedgerReport
from pipelines.supply.ledger.run import Period, balance
from pipelines.traffic import TrafficConfig
from ranking.listeners.record import record_interactions
from ranking.pagelog import append_pages
from ranking.supply.holdout import GeneratedConfig, held_out

pytest_plugins = ["tests.support.postgres"]

START_MS = 1_767_225_600_000  # 2026-01-01
NOW_MS = START_MS + 10 * DAY_MS
CONFIG = LedgerConfig.model_validate(
    {"revenue": {"pool_per_day": 7.77}, "displacement": {"enough_listeners": 2, "resamples": 100}}
)
HOLDOUT = GeneratedConfig(holdout_share=0.5)
TRAFFIC = TrafficConfig(loop_plays=20)
LISTENERS = [f"u{number:02d}" for number in range(16)]
TRACKS = {"h0": "anna", "h1": "ben", "g0": "generator:synth", "g1": "generator:synth"}


def lay(workspace: Workspace) -> None:
    """Add tracks, two days of listening, one page a listener, orders, and a player on a loop."""
    rows = [
        {
            "track_id": name, "creator_id": creator, "updated_at": START_MS,
            "origin": "generated" if name[0] == "g" else "human",
            "generator": "synth" if name[0] == "g" else None, "duration_ms": 60_000,
        }
        for name, creator in TRACKS.items()
    ]  # fmt: skip
    with workspace.database.write() as connection:
        upsert(connection, tracks, rows)
        upsert(connection, generation_tasks, [order("o1", 0, 1.25), order("o2", 1, 0.5)])
    hear(workspace, day=0)
    hear(workspace, day=1)
    loop = [heard("bot", "h0", 0, number) for number in range(30)]
    record_interactions(workspace.database, loop, NOW_MS)
    with workspace.database.write() as connection:
        append_pages(connection, [page(user) for user in [*LISTENERS, "bot"]])


def heard(user: str, track: str, day: int, number: int = 0, action: str = "play") -> Interaction:
    return Interaction(
        event_id=f"{user}-{day}-{track}-{number}-{action}",
        user_id=user,
        track_id=track,
        action=action,
        at=START_MS + day * DAY_MS + number,
        played_ms=40_000,
    )


def mine(user: str) -> list[str]:
    """Return what a listener is offered."""
    return ["h0", "h1"] if held_out(user, HOLDOUT) else ["h0", "g0", "g1"]


def hear(workspace: Workspace, day: int) -> None:
    told = [
        heard(user, track, day, action=action)
        for user in LISTENERS
        for track in mine(user)
        for action in ("play", "finish")
    ]
    record_interactions(workspace.database, told, NOW_MS)


def order(name: str, day: int, cost: float) -> dict[str, Any]:
    return {
        "task_id": name, "brief_id": "b", "number": day, "generator": "mureka",
        "status": "delivered", "tracks": 1, "attempts": 1, "due_at": 0, "deadline_at": 0,
        "claimed_until": 0, "cost": cost, "created_at": START_MS + day * DAY_MS, "updated_at": 0,
    }  # fmt: skip


def page(user: str) -> dict[str, Any]:
    rest = {"source": "a", "reason": "", "score": 1.0, "propensity": 1.0, "is_fresh": False}
    slots = [{"track_id": t, "position": at} | rest for at, t in enumerate(mine(user))]
    return {
        "request_id": f"r-{user}", "user_id": user, "at": START_MS, "surface": "home",
        "variant": "", "degraded": False, "seed": 1, "artifacts": {}, "drops": {},
        "slots": slots, "candidates": NO_CANDIDATES,
    }  # fmt: skip


def _no_candidates() -> bytes:
    import pyarrow as pa

    types = {
        "track_id": pa.string(), "score": pa.float32(), "sources": pa.uint64(),
        "source_scores": pa.list_(pa.float32()),
    }  # fmt: skip
    names = {"sources": json.dumps([]), "features": json.dumps([])}
    schema = pa.schema(list(types.items())).with_metadata(names)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(schema.empty_table())
    return bytes(sink.getvalue().to_pybytes())


NO_CANDIDATES = _no_candidates()


def balanced(workspace: Workspace, period: Period = Period()) -> LedgerReport:  # noqa: B008
    return balance(workspace, CONFIG, TRAFFIC, HOLDOUT, period, Silent())


def test_store_and_warehouse_are_read_as_one(store_url: str, tmp_path: Path) -> None:
    with open_workspace(tmp_path / "data", store_url) as workspace:
        lay(workspace)
        before = balanced(workspace)
        compact(workspace, NOW_MS, Silent(), events_a_step=25, pages_a_step=3)
        assert balanced(workspace) == before
        # Between its two looks a compaction may move rows: then they are read in both places.
        with workspace.database.write() as connection:
            connection.execute(sa.update(events).values(batch_id=None))
            connection.execute(sa.update(requests).values(batch_id=None))
        assert balanced(workspace) == before
        hear(workspace, day=2)
        after = balanced(workspace)
    out = sum(held_out(user, HOLDOUT) for user in LISTENERS)
    n_heard = 2 * out + 3 * (16 - out)
    assert (before.since, before.until, after.until) == ("2026-01-01", "2026-01-02", "2026-01-03")
    assert (before.total.plays, before.total.finishes) == (2 * n_heard, 2 * n_heard)
    assert after.total.plays == 3 * n_heard
    assert before.total.heard_ms == before.total.qualified_ms == 2 * n_heard * 40_000
    assert before.total.slots == n_heard
    assert (before.runaways_left_out, before.listeners) == (1, 16)
    assert (before.pool_cents, before.total.revenue_cents) == (1554, 1554)
    assert (before.total.cost_cents, after.pool_cents) == (175, 2331)
    assert [one.day for one in before.by_day if one.cost_cents] == ["2026-01-01", "2026-01-02"]
    assert {one.generator: one.cost_cents for one in before.by_generator} == {
        "": 0, "mureka": 175, "synth": 0,
    }  # fmt: skip
    told = before.displacement
    assert (told.verdict, told.listeners, told.held_out) == ("compared", 16 - out, out)
    assert told.held_out_generated_slots == 0
    human = {one.measure: one for one in told.rows if (one.to, one.tier) == ("human", None)}
    assert human["finishes"].with_generated == 1  # h0 on each of two days
    assert human["finishes"].held_out == 2
    assert human["finishes"].verdict == "less"


def test_a_period_is_part_of_the_whole(tmp_path: Path) -> None:
    with open_workspace(tmp_path / "data") as workspace:
        lay(workspace)
        whole = balanced(workspace)
        first = balanced(workspace, Period(until=date(2026, 1, 1)))
        second = balanced(workspace, Period(since=date(2026, 1, 2)))
    assert first.entries + second.entries == whole.entries
    assert (first.since, second.until) == ("2026-01-01", "2026-01-02")


Segue = Callable[..., tuple[int, str]]


@pytest.fixture
def segue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Segue]:
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str]:
        code = cli.run(["--data", "data", "supply", "ledger", *words])
        return code, capsys.readouterr().out

    yield call
    structlog.reset_defaults()


def test_people_get_tables_and_programs_one_document(segue: Segue, tmp_path: Path) -> None:
    with open_workspace(tmp_path / "data") as workspace:
        lay(workspace)
    (tmp_path / "segue.toml").write_text(
        "[train.traffic]\nloop_plays = 20\n[supply.ledger.revenue]\npool_per_day = 7.77\n"
        "[feed.generated]\nholdout_share = 0.5\n"
    )
    code, out = segue()
    assert code == 0
    assert "15.54" in out
    assert "too few held-out listeners" in out
    code, out = segue("--since", "2026-01-02", "--until", "2026-01-02", "--json")
    found = json.loads(out)
    assert (code, found["since"], found["pool_cents"]) == (0, "2026-01-02", 777)
    assert sum(entry["revenue_cents"] for entry in found["entries"]) == 777
    assert sum(one["revenue_cents"] for one in found["creators"]) == 777
    LedgerReport.model_validate(found)


@pytest.mark.parametrize(
    ("words", "toml", "code", "said"),
    [
        ((), "", 1, "nothing to count"),
        (("--since", "yesterday"), "", 2, "the call is wrong"),
        (("--since", "2026-02-02", "--until", "2026-02-01"), "", 2, "before it begins"),
        ((), "[supply.ledger.revenue]\npool_per_day = -1\n", 2, "pool_per_day"),
    ],
)
def test_what_cannot_be_is_said(
    segue: Segue, tmp_path: Path, words: tuple[str, ...], toml: str, code: int, said: str
) -> None:
    (tmp_path / "segue.toml").write_text(toml)
    found, out = segue(*words, "--json")
    assert found == code
    assert said in json.loads(out)["error"]["message"]

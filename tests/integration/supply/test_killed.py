"""A worker killed at every step: no track lost, none ordered twice, none stored twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from core.schema import supply_switches
from core.workspace import Workspace, open_workspace
from pipelines.supply.generators.folder import Folder, FolderConfig
from pipelines.supply.generators.mureka import Mureka, MurekaConfig
from pipelines.supply.generators.protocol import Failed, MusicGenerator
from pipelines.supply.generators.synth import Synth
from pipelines.supply.ordering.turn import take_turn
from pipelines.supply.ordering.workshop import STEPS, Step
from ranking.supply.desk import Desk
from tests.support.fake_mureka import KEY, FakeMureka, fake_mureka, tone
from tests.support.killing import kill_self
from tests.support.supply import (
    Clock,
    approved,
    arrived,
    audio_files,
    config,
    tasks,
    workshop,
)

SIGKILL = 9
HOUR_MS = 3_600_000
TRACKS = 2


@pytest.fixture
def server() -> Iterator[FakeMureka]:
    with fake_mureka() as running:
        yield running


def _quick_save(number: int, path: Path) -> Failed | None:
    path.write_bytes(tone(number))
    return None


class QuickSynth(Synth):
    """The composer with a tone in place of its rendering, which takes seconds."""

    def poll(self, order, external_id):
        answer = super().poll(order, external_id)
        (track,) = answer.tracks
        quick = partial(_quick_save, order.number)
        object.__setattr__(track, "save", quick)
        object.__setattr__(track, "suffix", ".flac")
        return answer


def _killed(root: Path, maker: MusicGenerator, step: Step, nth: int, clock: Clock) -> bool:
    """Take a turn in a forked process that dies at the nth time that a step is done.

    Returns:
        Whether it died there; False where the turn ended before.
    """
    child = os.fork()
    if child == 0:
        try:
            left = [nth]

            def at(done: Step) -> None:
                left[0] -= done == step
                if done == step and left[0] == 0:
                    kill_self()

            with open_workspace(root) as workspace:
                take_turn(_shop(workspace, maker, clock, at))
        except BaseException:
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def _shop(
    workspace: Workspace,
    maker: MusicGenerator,
    clock: Clock,
    at: Callable[[Step], None] | None = None,
):
    settings = config(orders={"generators": [maker.name], "deadline_minutes": 600})
    others = {} if at is None else {"at": at}
    return workshop(workspace, {maker.name: maker}, clock, settings, **others)


def _finish(workspace: Workspace, maker: MusicGenerator, clock: Clock) -> None:
    """Take turns as a new worker, past every lease and wait."""
    for _ in range(3):
        clock.now_ms += HOUR_MS
        take_turn(_shop(workspace, maker, clock))


def _assert_stored_once(workspace: Workspace, expected: int) -> None:
    rows = arrived(workspace)
    assert len(rows) == expected
    assert len({row.content_hash for row in rows}) == expected
    assert {row.status for row in rows} <= {"pending"}
    assert audio_files(workspace) == sorted(row.audio_path for row in rows)
    sound = [(workspace.audio / row.audio_path).stat().st_size for row in rows]
    assert all(size > 1000 for size in sound)


SECOND_TIME: tuple[Step, ...] = ("sent", "audio placed", "rows written")


@pytest.mark.parametrize(
    ("step", "nth"), [(step, 1) for step in STEPS] + [(step, 2) for step in SECOND_TIME]
)
def test_synth_loses_nothing_and_makes_nothing_twice(tmp_path: Path, step: Step, nth: int) -> None:
    clock, maker = Clock(), QuickSynth()
    with open_workspace(tmp_path) as workspace:
        approved(workspace, count=TRACKS)
    assert _killed(tmp_path, maker, step, nth, clock)
    with open_workspace(tmp_path) as workspace:
        _finish(workspace, maker, clock)
        assert [task.status for task in tasks(workspace)] == ["delivered"] * TRACKS
        _assert_stored_once(workspace, TRACKS)
        assert Desk(workspace.database).show("b").status == "closed"


@pytest.mark.parametrize("step", STEPS)
def test_mureka_is_never_asked_twice_for_one_order(
    tmp_path: Path, server: FakeMureka, step: Step
) -> None:
    clock = Clock()
    maker = Mureka(MurekaConfig(base_url=server.url), SecretStr(KEY))
    with open_workspace(tmp_path) as workspace:
        approved(workspace, count=TRACKS)
    assert _killed(tmp_path, maker, step, 1, clock)
    with open_workspace(tmp_path) as workspace:
        _finish(workspace, maker, clock)
        statuses = [task.status for task in tasks(workspace)]
        if step in ("claimed for sending", "sent"):
            # Between the word "submitting" and the answer nobody can know whether it exists.
            assert statuses == ["unknown", "planned"]  # one at a time: it holds its place
            clock.now_ms += 600 * 60_000
            _finish(workspace, maker, clock)
            first, second = tasks(workspace)
            assert (first.status, first.cost, second.status) == ("failed", 0.5, "delivered")
            assert "may or may not exist" in first.reason
            _assert_stored_once(workspace, TRACKS - 1)
            assert len(server.orders) == TRACKS - (step == "claimed for sending")
        else:
            assert statuses == ["delivered"] * TRACKS
            _assert_stored_once(workspace, TRACKS)
            assert len(server.orders) == TRACKS


@pytest.mark.parametrize("step", [step for step in STEPS if step != "planned"])
@pytest.mark.parametrize("is_asked", [True, False])
def test_a_recording_in_the_inbox_is_taken_once(tmp_path: Path, step: Step, is_asked: bool) -> None:
    inbox, root, clock = tmp_path / "inbox", tmp_path / "data", Clock()
    maker = Folder(inbox, FolderConfig(inbox=str(inbox)))
    inbox.mkdir()
    sidecar = '{"title": "Gift"}'
    with open_workspace(root) as workspace:
        if is_asked:
            approved(workspace, count=1)
            take_turn(_shop(workspace, maker, clock))
            clock.now_ms += HOUR_MS
            sidecar = '{"order": "b-0000", "title": "Gift"}'
    (inbox / "gift.flac").write_bytes(tone(5))
    (inbox / "gift.json").write_text(sidecar)
    died = _killed(root, maker, step, 1, clock)
    assert died == (step not in ("claimed for sending", "sent", "acceptance written"))
    with open_workspace(root) as workspace:
        _finish(workspace, maker, clock)
        _assert_stored_once(workspace, 1)
        assert arrived(workspace)[0].title == "Gift"
    assert [path for path in inbox.rglob("*") if path.is_file()] == []


def test_the_switch_is_looked_at_before_each_order(tmp_path: Path) -> None:
    """Stopping in the middle of a turn: what was not sent stays unsent."""
    with open_workspace(tmp_path) as workspace:
        approved(workspace, count=6)

        def at(step: Step) -> None:
            if step == "acceptance written":
                with workspace.database.write() as connection:
                    row = {
                        "name": "all",
                        "stopped": True,
                        "reason": "r",
                        "set_by": "a",
                        "set_at": 1,
                    }
                    connection.execute(supply_switches.insert().prefix_with("OR REPLACE"), [row])

        take_turn(_shop(workspace, QuickSynth(), Clock(), at))
        statuses = [task.status for task in tasks(workspace)]
        assert statuses == ["delivered"] + ["planned"] * 5

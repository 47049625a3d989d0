"""The Mureka client against a local server that behaves like the API, and misbehaves like one."""

from __future__ import annotations

import ipaddress
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from core.errors import ConfigError
from core.workspace import Workspace, open_workspace
from pipelines.supply.generators.addresses import is_public
from pipelines.supply.generators.downloads import DownloadConfig, download
from pipelines.supply.generators.mureka import Mureka, MurekaConfig, open_mureka
from pipelines.supply.generators.protocol import Accepted, Delivered, Failed, Order, Unclear
from pipelines.supply.ordering.roster import open_roster
from pipelines.supply.ordering.turn import TurnReport, take_turn
from tests.support.fake_mureka import KEY, FakeMureka, fake_mureka
from tests.support.supply import (
    START_MS,
    Clock,
    approved,
    arrived,
    audio_files,
    brief,
    config,
    tasks,
    workshop,
)

ORDER = Order("k", "b", 0, brief())
SONG = {"lyrics": "la la", "language": "en"}


@pytest.fixture
def server() -> Iterator[FakeMureka]:
    with fake_mureka() as running:
        yield running


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "data") as opened:
        yield opened


def _maker(server: FakeMureka, key: str = KEY, **changes: Any) -> Mureka:
    return Mureka(MurekaConfig(base_url=server.url, **changes), SecretStr(key))


def _turn(
    workspace: Workspace, server: FakeMureka, clock: Clock | None = None, **changes: Any
) -> TurnReport:
    settings = config(orders={"generators": ["mureka"]})
    maker = _maker(server, **changes)
    return take_turn(workshop(workspace, {"mureka": maker}, clock, settings))


def test_an_instrumental_is_asked_for_by_its_prompt_alone(server: FakeMureka) -> None:
    assert _maker(server).submit(ORDER) == Accepted("instrumental/task-0")
    assert server.orders == [
        {"path": "/v1/instrumental/generate", "model": "auto", "prompt": "slow synthwave"}
    ]


def test_a_song_has_lyrics_and_brings_every_choice(
    server: FakeMureka, workspace: Workspace
) -> None:
    approved(workspace, count=3, **SONG)
    report = _turn(workspace, server, tracks_a_song=3)
    assert server.orders[0] == {
        "path": "/v1/song/generate", "model": "auto", "prompt": "slow synthwave",
        "lyrics": "la la", "n": 3,
    }  # fmt: skip
    rows = arrived(workspace)
    assert (report.delivered, len(rows), len(server.orders)) == (3, 3, 1)
    assert [(t.status, t.tracks, t.cost) for t in tasks(workspace)] == [("delivered", 3, 1.5)]
    assert {row.audio_path.rsplit(".", 1)[1] for row in rows} == {"flac"}
    assert [row.title for row in rows] == [
        "Night drive 1", "Night drive 1 (take 2)", "Night drive 1 (take 3)"
    ]  # fmt: skip
    first = rows[0]
    assert (first.status, first.origin, first.generator, first.model, first.brief_id) == (
        "pending", "generated", "mureka", "mureka-7.5", "b",
    )  # fmt: skip
    assert (first.prompt, first.creator_id, first.language) == (
        "slow synthwave", "generator:mureka", "en",
    )  # fmt: skip
    known = json.loads(first.metadata)
    assert (known["external_id"], known["order"]) == ("song/task-0", "b-0000")
    assert first.duration_ms == 1000


def test_a_song_without_lyrics_is_refused_before_it_is_ordered(server: FakeMureka) -> None:
    assert "needs the lyrics" in _maker(server).refuses(brief(language="de"))


def test_it_waits_while_an_order_runs(server: FakeMureka, workspace: Workspace) -> None:
    approved(workspace)
    server.polls_until_ready, clock = 2, Clock()
    for wait_ms, delivered in ((0, 0), (0, 0), (10_000, 0), (9_999, 0), (1, 1)):
        clock.now_ms += wait_ms
        assert _turn(workspace, server, clock).delivered == delivered
    assert len(server.orders) == 1
    assert server.asked.count("/v1/instrumental/query/task-0") == 3


@pytest.mark.parametrize("status", ["429", "500", "503"])
def test_a_busy_server_is_asked_again_after_a_while(
    server: FakeMureka, workspace: Workspace, status: str
) -> None:
    approved(workspace)
    server.trouble, clock = [status], Clock()
    assert _turn(workspace, server, clock).failed == 1
    (task,) = tasks(workspace)
    assert (task.status, task.attempts) == ("planned", 1)
    wait_ms = task.due_at - START_MS
    assert 7000 <= wait_ms <= 7000 if status == "429" else 0 <= wait_ms <= 4000  # Retry-After
    clock.now_ms = task.due_at - 1
    assert _turn(workspace, server, clock).sent == 0
    clock.now_ms += 1
    assert _turn(workspace, server, clock).delivered == 1
    assert len(server.orders) == 1


def test_backoff_doubles_with_jitter_and_ends(server: FakeMureka, workspace: Workspace) -> None:
    approved(workspace)
    server.trouble, server.lasting, clock = ["503"], True, Clock()
    for attempt in (1, 2):
        _turn(workspace, server, clock)
        (task,) = tasks(workspace)
        assert 0 <= task.due_at - clock.now_ms <= 4000 * 2 ** (attempt - 1)
        clock.now_ms = task.due_at
    _turn(workspace, server, clock)
    (task,) = tasks(workspace)
    assert (task.status, task.cost, task.tracks) == ("failed", 0.0, 0)  # nothing was made
    assert (task.attempts, len(server.asked)) == (3, 3)


@pytest.mark.parametrize("status", ["400", "401", "403"])
def test_a_refusal_is_final_and_costs_nothing(
    server: FakeMureka, workspace: Workspace, status: str
) -> None:
    approved(workspace)
    server.trouble = [status]
    _turn(workspace, server)
    (task,) = tasks(workspace)
    assert (task.status, task.cost, len(server.asked)) == ("failed", 0.0, 1)
    assert f"mureka answered {status}" in task.reason


@pytest.mark.parametrize("trouble", ["slow", "cut off", "malformed", "no id", "trickle"])
def test_an_order_whose_answer_is_lost_is_never_sent_again(
    server: FakeMureka, workspace: Workspace, trouble: str
) -> None:
    approved(workspace)
    server.trouble, clock = [trouble], Clock()
    _turn(workspace, server, clock, timeout_s=0.3)
    (task,) = tasks(workspace)
    assert task.status == "unknown"
    for _ in range(3):
        clock.now_ms += 3_600_000
        _turn(workspace, server, clock)
    (task,) = tasks(workspace)
    assert (task.status, task.cost) == ("failed", 0.5)
    assert "its cost counts" in task.reason
    assert len(server.asked) == 1


def test_a_server_that_is_away_is_no_lost_order(server: FakeMureka) -> None:
    maker = Mureka(MurekaConfig(base_url="http://127.0.0.1:1"), SecretStr(KEY))
    answer = maker.submit(ORDER)
    assert isinstance(answer, Failed)
    assert answer.retry


def test_an_order_that_never_finishes_is_given_up_at_its_deadline(
    server: FakeMureka, workspace: Workspace
) -> None:
    approved(workspace)
    server.polls_until_ready, clock = 1_000_000, Clock()
    _turn(workspace, server, clock)
    clock.now_ms += 120 * 60_000 - 1
    assert _turn(workspace, server, clock).given_up == 0
    clock.now_ms += 1
    assert _turn(workspace, server, clock).given_up == 1
    (task,) = tasks(workspace)
    assert (task.status, task.cost) == ("failed", 0.5)


@pytest.mark.parametrize("status", ["failed", "timeouted", "cancelled"])
def test_what_failed_there_has_failed(
    server: FakeMureka, workspace: Workspace, status: str
) -> None:
    approved(workspace)
    server.where, server.trouble = "query", [f"status {status}"]
    _turn(workspace, server)
    (task,) = tasks(workspace)
    assert task.status == "failed"
    assert task.reason == f"mureka says {status}: *** is odd"


@pytest.mark.parametrize("trouble", ["500", "503", "429", "malformed", "cut off", "trickle"])
def test_a_bad_answer_to_a_question_loses_nothing(
    server: FakeMureka, workspace: Workspace, trouble: str
) -> None:
    approved(workspace)
    server.where, server.trouble, clock = "query", [trouble] * 5, Clock()
    for _ in range(6):  # more often than an order would be sent
        _turn(workspace, server, clock, timeout_s=0.3)
        clock.now_ms += 600_000
    assert (len(arrived(workspace)), len(server.orders)) == (1, 1)


@pytest.mark.parametrize("trouble", ["cut off", "503"])
def test_a_download_that_broke_off_is_made_again(
    server: FakeMureka, workspace: Workspace, trouble: str
) -> None:
    approved(workspace)
    server.where, server.trouble, clock = "audio", [trouble], Clock()
    assert _turn(workspace, server, clock).delivered == 0
    assert audio_files(workspace) == []
    clock.now_ms += 60_000
    assert _turn(workspace, server, clock).delivered == 1


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("wrong type", "is text/html"),
        ("no audio", "is no audio"),
        ("announced huge", "2000000000 bytes"),
        ("endless", "more than 3000000 bytes"),
        ("redirect http://10.0.0.1/a.flac", "without TLS"),
        ("redirect https://127.0.0.1:1/a.flac", "127.0.0.1, which is not public"),
        ("redirect https://169.254.169.254/meta", "169.254.169.254, which is not public"),
        ("redirect https://[::1]/a.flac", "::1, which is not public"),
        ("redirect https://[::ffff:10.0.0.1]/a", "which is not public"),
        ("redirect https://localhost/a.flac", "which is not public"),
        ("redirect file:///etc/passwd", "no plain web address"),
        ("redirect https://user@example.com/", "no plain web address"),
    ],
)
def test_audio_that_may_not_be_taken_is_refused(
    server: FakeMureka, workspace: Workspace, trouble: str, said: str
) -> None:
    approved(workspace)
    server.where, server.trouble = "audio", [trouble]
    _turn(workspace, server, download=DownloadConfig(max_bytes=3_000_000))
    (task,) = tasks(workspace)
    assert task.status == "failed"
    assert said in task.reason
    assert (arrived(workspace), audio_files(workspace)) == ([], [])


def test_redirects_end(server: FakeMureka, workspace: Workspace) -> None:
    approved(workspace)
    server.where, server.lasting = "audio", True
    server.trouble = [f"redirect {server.url}/audio/1.flac"]
    _turn(workspace, server)
    assert "redirected more than 5 times" in tasks(workspace)[0].reason


def test_an_endless_body_is_cut_without_being_held(server: FakeMureka, tmp_path: Path) -> None:
    server.where, server.trouble = "audio", ["endless"]
    limit = 40_000_000
    own = server.url.removeprefix("http://")
    tracemalloc.start()
    answer = download(
        f"{server.url}/audio/1.flac",
        tmp_path / "a.flac",
        DownloadConfig(max_bytes=limit, allowed_hosts=(own,)),
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(answer, Failed)
    assert not answer.retry
    assert (tmp_path / "a.flac").stat().st_size <= limit
    assert peak < 4_000_000
    assert server.sent_bytes < limit + 20_000_000  # what sockets hold


def test_a_download_has_an_end_in_time_too(server: FakeMureka, tmp_path: Path) -> None:
    server.where, server.trouble = "audio", ["trickle"]
    own = server.url.removeprefix("http://")
    limits = DownloadConfig(read_timeout_s=5, total_timeout_s=0.3, allowed_hosts=(own,))
    answer = download(f"{server.url}/audio/1.flac", tmp_path / "a.flac", limits)
    assert isinstance(answer, Failed)
    assert answer.retry


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_private_host_is_reached_unless_it_is_allowed(
    server: FakeMureka, tmp_path: Path, host: str
) -> None:
    url = f"https://{host}:{server.server_address[1]}/audio/1.flac"
    answer = download(url, tmp_path / "a.flac", DownloadConfig())
    assert isinstance(answer, Failed)
    assert "not public" in answer.reason
    assert server.asked == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("10.1.2.3", False), ("127.0.0.1", False),
        ("169.254.1.1", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False),
        ("fe80::1", False), ("fd00::1", False), ("::", False), ("::ffff:192.168.0.1", False),
        ("64:ff9b::7f00:1", False), ("64:ff9b::808:808", True), ("2002:7f00:1::", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) == public


def test_the_key_is_shown_nowhere(
    server: FakeMureka, workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    approved(workspace)
    server.trouble = ["500", "400"]
    clock = Clock()
    for _ in range(2):
        _turn(workspace, server, clock)
        clock.now_ms += 60_000
    wrong = _maker(server, key="sk-other")
    told = [repr(_maker(server)), str(vars(_maker(server))), repr(wrong.submit(ORDER))]
    told += [repr(task) for task in tasks(workspace)]
    told += [str(capfd.readouterr())]
    assert "mureka answered 400" in str(told)
    # `wrong` was told the right key by the server, which no client can know to hide
    assert KEY not in str([*told[:2], *told[3:]])
    assert "sk-other" not in told[2]


def test_the_key_comes_from_the_environment_alone() -> None:
    assert open_mureka(MurekaConfig(), {}) is None
    with pytest.raises(ConfigError, match="no key has") as caught:
        open_mureka(MurekaConfig(), {"MUREKA_API_KEY": "abc\ndef"})
    assert "abc" not in str(caught.value)
    settings = config(orders={"generators": ["mureka"]})
    with pytest.raises(ConfigError, match="set the variable MUREKA_API_KEY"):
        open_roster(settings, {})
    assert set(open_roster(settings, {"MUREKA_API_KEY": "k"})) == {"synth", "mureka"}


def test_an_account_s_limit_holds(server: FakeMureka, workspace: Workspace) -> None:
    approved(workspace, count=5)
    server.polls_until_ready = 1_000_000
    _turn(workspace, server, limit_in_flight=2)
    assert len(server.orders) == 2
    assert isinstance(_maker(server).poll(ORDER, "instrumental/task-9"), Delivered) is False
    assert not isinstance(_maker(server).submit(ORDER), Unclear)

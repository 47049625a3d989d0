"""Batches of events: the batch as a whole, and each event by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from core.workspace import open_workspace
from service.eventbatch import parse_batch, take_batch
from service.problems import ProblemError
from service.schemas import MAX_EVENTS
from tests.support.service_world import event, lay_world, now


@pytest.mark.parametrize("body", [b"", b"{", b"[NaN]", b"\xff", b'{"events": [}'])
def test_what_is_not_json_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_batch(body)
    assert caught.value.status == 400


@pytest.mark.parametrize("document", [1, "x", None, {}, {"events": 3}, [0] * (MAX_EVENTS + 1)])
def test_what_is_not_a_batch_cannot_be_processed(document: Any) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_batch(orjson.dumps(document))
    assert caught.value.status == 422
    assert caught.value.errors is not None
    assert caught.value.errors[0].field == "events"


def test_a_bare_list_is_a_batch() -> None:
    assert parse_batch(b"[1, 2]") == parse_batch(b'{"events": [1, 2]}') == [1, 2]


def test_a_bad_event_is_refused_by_itself(tmp_path: Path) -> None:
    lay_world(tmp_path, 12)
    good = event("u", "t001", "play", "e1")
    found = [
        good,
        "nonsense",
        {**good, "event_id": "e2", "action": "listen"},
        {**good, "event_id": "e3", "track_id": "nowhere"},
        {**good, "event_id": "e4", "at": "yesterday"},
        {**good, "event_id": "e5", "tempo": 120},
        {**good, "event_id": 6},
        good,
        {**good, "event_id": "e7", "at": now() - 40 * 86_400_000},
    ]
    with open_workspace(tmp_path) as workspace:
        answer = take_batch(workspace.database, found, now())
    assert [verdict.status for verdict in answer.verdicts] == [
        "accepted",
        *["rejected"] * 6,
        "duplicate",
        "rejected",
    ]
    assert (answer.accepted, answer.duplicates, answer.rejected) == (1, 1, 7)
    reasons = [verdict.reason or "" for verdict in answer.verdicts]
    for index, word in {2: "action", 3: "track_id", 4: "at", 5: "tempo", 6: "event_id"}.items():
        assert word in reasons[index]
    assert [verdict.index for verdict in answer.verdicts] == list(range(len(found)))
    assert [verdict.event_id for verdict in answer.verdicts[:3]] == ["e1", None, "e2"]


def test_an_empty_batch_is_answered(tmp_path: Path) -> None:
    lay_world(tmp_path, 1)
    with open_workspace(tmp_path) as workspace:
        assert take_batch(workspace.database, [], now()).verdicts == []

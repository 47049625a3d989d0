"""A batch of posted events: read whole, judged one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from core.database import Database
from core.events import Interaction
from ranking.listeners.record import record_interactions
from service.problems import FieldFault, ProblemError, field_faults
from service.schemas import MAX_EVENTS, EventsAnswer, EventVerdict


def parse_batch(body: bytes) -> list[Any]:
    """Return the events of a body: `{"events": [...]}` or a bare list.

    Raises:
        ProblemError: 400 where it is not JSON, 422 where it is not a batch.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ProblemError(400, "malformed-json", f"the body is not JSON: {error}") from error
    found = document.get("events") if isinstance(document, dict) else document
    if not isinstance(found, list):
        raise _not_a_batch('send {"events": [...]} or a list of events')
    if len(found) > MAX_EVENTS:
        raise _not_a_batch(f"{len(found)} events in one batch; send at most {MAX_EVENTS}")
    return found


def take_batch(database: Database, found: Sequence[Any], now_ms: int) -> EventsAnswer:
    """Record what is good of a batch and say of each event what became of it.

    Args:
        database: The store.
        found: Decoded JSON values.
        now_ms: When they arrived, UTC milliseconds.
    """
    good: dict[int, Interaction] = {}
    verdicts: dict[int, EventVerdict] = {}
    for index, value in enumerate(found):
        try:
            good[index] = Interaction.model_validate(value)
        except ValidationError as error:
            verdicts[index] = _refused(index, value, error)
    recorded = record_interactions(database, list(good.values()), now_ms)
    for index, verdict in zip(good, recorded, strict=True):
        verdicts[index] = EventVerdict(
            index=index,
            event_id=verdict.event_id,
            status=verdict.status,
            reason=verdict.reason or None,
        )
    return _answer([verdicts[index] for index in range(len(found))])


def _answer(verdicts: list[EventVerdict]) -> EventsAnswer:
    counts = dict.fromkeys(("accepted", "duplicate", "rejected"), 0)
    for verdict in verdicts:
        counts[verdict.status] += 1
    return EventsAnswer(
        accepted=counts["accepted"],
        duplicates=counts["duplicate"],
        rejected=counts["rejected"],
        verdicts=verdicts,
    )


def _refused(index: int, value: object, error: ValidationError) -> EventVerdict:
    event_id = value.get("event_id") if isinstance(value, dict) else None
    faults = field_faults(error.errors(include_url=False))
    return EventVerdict(
        index=index,
        event_id=event_id if isinstance(event_id, str) else None,
        status="rejected",
        reason="; ".join(f"{fault.field}: {fault.message}" for fault in faults),
    )


def _not_a_batch(message: str) -> ProblemError:
    faults = [FieldFault(field="events", message=message)]
    return ProblemError(422, "invalid-request", f"events: {message}", errors=faults)

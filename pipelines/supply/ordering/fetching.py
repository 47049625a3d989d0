"""Fetching: ask for orders that were sent; their audio first, then one transaction for the rest."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.database import upsert
from core.errors import AudioDecodeError
from core.ids import new_id
from core.schema import creators, deliveries, generation_tasks, tracks
from core.telemetry import logger
from pipelines.importers.recordings import read_recording
from pipelines.supply.generators.protocol import (
    Delivered,
    DeliveredTrack,
    Failed,
    MusicGenerator,
    Pending,
)
from pipelines.supply.ordering.claims import Task, claim_sent, release, retry_at
from pipelines.supply.ordering.workshop import Workshop
from ranking.supply.brief import Brief
from ranking.supply.names import GENERATOR_PREFIX

FOLDER = "generated"
ID_DIGITS = 24


@dataclass(frozen=True, slots=True)
class _Stored:
    """A track whose audio lies in its place."""

    number: int
    row: Mapping[str, Any]
    creator: str


def fetch_next(shop: Workshop, maker: MusicGenerator) -> Pending | Delivered | Failed | None:
    """Ask for the next order that is due, and store its tracks where they are ready.

    Returns:
        What came of it, or None where nothing is due.
    """
    with shop.workspace.database.write() as connection:
        task = claim_sent(connection, maker, shop.config.orders, shop.worker, shop.clock())
    if task is None:
        return None
    shop.at("claimed for asking")
    answer = maker.poll(task.order, task.external_id)
    shop.at("asked")
    if isinstance(answer, Delivered):
        answer = _fetch(shop, task, answer)
    if isinstance(answer, Delivered):
        maker.settle(task.order, task.external_id)
    else:
        _write_answer(shop, maker, task, answer)
    return answer


def track_id_of(task_id: str, number: int) -> str:
    """Return the id of a delivered track: the same order and number, the same track."""
    return f"generated-{hashlib.sha256(f'{task_id}/{number}'.encode()).hexdigest()[:ID_DIGITS]}"


def _write_answer(
    shop: Workshop, maker: MusicGenerator, task: Task, answer: Pending | Failed
) -> None:
    config, now_ms = shop.config.orders, shop.clock()
    values: dict[str, Any] = {"updated_at": now_ms}
    if isinstance(answer, Pending):
        values |= {"attempts": 0, "due_at": now_ms + round(1000 * config.poll_s)}
    elif answer.retry:  # until its deadline: it is paid for
        due_at = retry_at(config, task, answer.retry_after_s, now_ms)
        values |= {"due_at": due_at, "reason": answer.reason}
    else:
        values |= {"status": "failed", "reason": answer.reason}
    with shop.workspace.database.write() as connection:
        held = release(connection, task, ("submitted",), **values)
    if held and values.get("status") == "failed":
        maker.settle(task.order, task.external_id)
        logger().warning("order_failed", task=task.order.key, reason=values["reason"])


def _fetch(shop: Workshop, task: Task, answer: Delivered) -> Delivered | Failed:
    """Put the audio of an order in its place, then write all rows of it at once."""
    stored = []
    for track in answer.tracks:
        found = _place(shop, task, track)
        if isinstance(found, Failed):
            return found
        stored.append(found)
    shop.at("audio placed")
    now_ms = shop.clock()
    with shop.workspace.database.write() as connection:
        values = {
            "status": "delivered", "reason": None, "updated_at": now_ms,
            "tracks": sa.case(
                (generation_tasks.c.tracks.between(1, len(stored)), len(stored)),
                else_=generation_tasks.c.tracks,
            ),
        }  # fmt: skip
        if not release(connection, task, ("submitted",), **values):
            return Failed("another worker took the order over", retry=True)
        _write_rows(connection, task, stored, now_ms)
        shop.at("rows written")
    shop.at("delivery stored")
    logger().info("tracks_delivered", task=task.order.key, tracks=len(stored))
    return answer


def _place(shop: Workshop, task: Task, track: DeliveredTrack) -> _Stored | Failed:
    """Write a track's audio beside its place, check that it sounds, and move it there."""
    track_id = track_id_of(task.order.key, track.number)
    relative = Path(FOLDER) / task.generator / f"{track_id}{track.suffix}"
    target = shop.workspace.audio / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target.parent, track_id)
    part = target.with_name(f".{track_id}.{new_id()}{track.suffix}")
    try:
        if failed := track.save(part):
            return failed
        shop.at("audio written")
        recording = read_recording(part, part.parent)
        _sync(part)
        part.replace(target)
        _sync(target.parent)
    except AudioDecodeError as error:
        return Failed(f"what was delivered is no audio: it {error.reason}")
    except FileNotFoundError:  # swept away by the worker that took the order over
        return Failed("another worker took the order over", retry=True)
    finally:
        part.unlink(missing_ok=True)
    heard = {
        "track_id": track_id,
        "audio_path": relative.as_posix(),
        "duration_ms": recording.duration_ms,
        "content_hash": recording.content_hash,
    }
    row = _track_row(task, track, shop.clock()) | heard
    return _Stored(track.number, row, str(row["artist"]))


def _track_row(task: Task, track: DeliveredTrack, now_ms: int) -> dict[str, Any]:
    brief = task.order.brief
    asked = _asked(task.order.brief_id, task.order.number, track.number, brief)
    row: dict[str, Any] = {
        "creator_id": f"{GENERATOR_PREFIX}{task.generator}",
        "artist": task.generator,
        "album": None,
        "genre": None,
        "origin": "generated",
        "status": "pending",
        "explicit": False,
        "released_at": now_ms,
        "generator": task.generator,
        "model": track.model,
        "parents": [],
        "updated_at": now_ms,
    }
    told = dict(track.told)
    known = {**track.metadata, "order": task.order.key}
    row["metadata_json"] = json.dumps(known, sort_keys=True, ensure_ascii=False)
    return row | (asked if task.is_asked else _UNASKED) | told


_UNASKED: dict[str, Any] = {
    "title": None, "language": None, "tags": [], "brief_id": None, "prompt": None
}  # fmt: skip


def _asked(brief_id: str, order_number: int, number: int, brief: Brief) -> dict[str, Any]:
    take = "" if number == 0 else f" (take {number + 1})"
    return {
        "title": f"{brief.title} {order_number + 1}{take}",
        "language": brief.language,
        "tags": list(brief.tags),
        "brief_id": brief_id,
        "prompt": brief.prompt,
    }


def _write_rows(connection: sa.Connection, task: Task, stored: list[_Stored], now_ms: int) -> None:
    arrived = [
        {
            "task_id": task.order.key, "number": one.number, "track_id": one.row["track_id"],
            "content_hash": one.row["content_hash"], "received_at": now_ms,
        }
        for one in stored
    ]  # fmt: skip
    connection.execute(sa.insert(deliveries), arrived)
    connection.execute(sa.insert(tracks), [dict(one.row) for one in stored])
    makers = {one.row["creator_id"]: one.creator for one in stored}
    upsert(connection, creators, [{"creator_id": k, "name": v} for k, v in makers.items()])


def _sweep(folder: Path, track_id: str) -> None:
    """Remove what killed workers left half-written of a track."""
    for left in folder.glob(f".{track_id}.*"):
        left.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Make a file, or the names in a folder, outlive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

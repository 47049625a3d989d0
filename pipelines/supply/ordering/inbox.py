"""The inbox's own way in: recordings that nobody ordered become tasks, and the rest is matched."""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa

from core.database import upsert
from core.events import LATEST_MS
from core.schema import briefs, deliveries, generation_tasks, tracks
from pipelines.supply.generators.folder import NAME, Claim, Folder
from pipelines.supply.ordering.workshop import Workshop

_T = generation_tasks.c


def take_in(shop: Workshop, folder: Folder) -> None:
    """Claim what lies complete in the inbox, and find out what it is.

    A recording whose sidecar names an open order is that order's delivery. One without an order
    becomes a task of its own, outside every budget. Anything else is rejected with its reason.
    """
    folder.take_in(shop.clock())
    for claim in list(folder.claims()):
        try:
            if fault := folder.fault(claim):
                folder.reject(claim.claim_id, fault)
                continue
            with shop.workspace.database.write() as connection:
                fault, is_stored = _admit(connection, claim, shop.clock())
        except FileNotFoundError:  # another worker stored it and cleared it away
            continue
        if is_stored:
            folder.discard(claim)
        elif fault:
            folder.reject(claim.claim_id, fault)


def _admit(connection: sa.Connection, claim: Claim, now_ms: int) -> tuple[str, bool]:
    """Match or enter a claim; return why it is rejected, or "", and whether it is stored."""
    digest = _digest(claim)
    key = claim.sidecar.order or claim.claim_id
    if _is_stored(connection, key, digest):
        return "", True  # its worker was killed before it could clear it away
    task = connection.execute(sa.select(generation_tasks).where(_T.task_id == key)).one_or_none()
    if claim.sidecar.order is None:
        if task is not None:
            return "", False
        return _enter(connection, claim, digest, now_ms), False
    if task is None or task.generator != NAME or task.status not in ("submitting", "submitted"):
        return f"its sidecar names the order {key}, which is not open", False
    due = sa.update(generation_tasks).where(_T.task_id == key, _T.status == "submitted")
    connection.execute(due.values(due_at=now_ms))
    return "", False


def _enter(connection: sa.Connection, claim: Claim, digest: str, now_ms: int) -> str:
    """Enter a recording that nobody ordered; return why not, or ""."""
    twin = sa.select(tracks.c.track_id).where(tracks.c.content_hash == digest)
    if known := connection.execute(twin.limit(1)).scalar_one_or_none():
        return f"its bytes are those of track {known}"
    brief_id = claim.sidecar.brief_id
    named = sa.select(briefs.c.brief_id).where(briefs.c.brief_id == brief_id)
    if brief_id and connection.execute(named).first() is None:
        return f"its sidecar names the brief {brief_id}, which is not on the desk"
    row: dict[str, Any] = {
        "task_id": claim.claim_id, "brief_id": None, "number": 0, "generator": NAME,
        "status": "submitted", "tracks": 0, "cost": 0.0, "external_id": claim.claim_id,
        "attempts": 0, "due_at": now_ms, "deadline_at": LATEST_MS, "claimed_until": 0,
        "created_at": now_ms, "updated_at": now_ms,
    }  # fmt: skip
    upsert(connection, generation_tasks, [row])
    return ""


def _is_stored(connection: sa.Connection, key: str, digest: str) -> bool:
    query = sa.select(deliveries.c.content_hash).where(deliveries.c.task_id == key)
    return digest in connection.execute(query).scalars().all()


def _digest(claim: Claim) -> str:
    with claim.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

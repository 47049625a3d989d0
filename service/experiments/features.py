"""What client SDKs fetch, and fetch again only where it changed (RFC 9110, conditional requests).

Source:
    Fielding, Nottingham, Reschke: "HTTP Semantics", RFC 9110, 2022, sections 8.8.3 and 13.1.2.
"""

from __future__ import annotations

import hashlib

import orjson
from fastapi import Response

from ranking.experiments.lifecycle.payload import features_payload
from ranking.experiments.lifecycle.stored import running
from service.dependencies import Context

ETAG_DIGITS = 32


def features_answer(context: Context, user_id: str, known: str) -> Response:
    """Return the payload of SDKs, or 304 where the caller has it.

    Args:
        context: The service.
        user_id: Whose forced variations are told, "" for nobody's.
        known: The request's `If-None-Match`, or "".
    """
    with context.workspace.database.read() as connection:
        payload = features_payload(running(connection), user_id)
    body = orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)
    etag = f'"{hashlib.sha256(body).hexdigest()[:ETAG_DIGITS]}"'
    headers = {"etag": etag, "cache-control": "private, no-cache", "vary": "authorization"}
    if _is_known(etag, known):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def _is_known(etag: str, known: str) -> bool:
    tags = [one.strip().removeprefix("W/") for one in known.split(",")]
    return etag in tags or tags == ["*"]

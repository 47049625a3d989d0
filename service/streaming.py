"""Answers with a recording: the whole, a range of it, or word that nothing changed.

Source:
    Fielding, Nottingham, Reschke: "HTTP Semantics", RFC 9110, §13.1 and §14, 2022.
"""

from __future__ import annotations

from fastapi import Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from core.telemetry import logger
from service.dependencies import Context
from service.problems import ProblemError
from service.recordings import (
    ByteRange,
    Recording,
    UnsatisfiableRangeError,
    locate,
    names_etag,
    open_recording,
    parse_range,
    read_bytes,
)
from service.trackviews import visible_track


class Conditions(BaseModel):
    """The headers that decide what of a recording is sent."""

    range: str | None = None
    if_range: str | None = None
    if_none_match: str | None = None


def recording_answer(context: Context, track_id: str, asked: Conditions) -> Response:
    """Return the answer with a track's recording.

    Raises:
        ProblemError: 404 where there is none, 416 where the range lies outside of it.
    """
    recording = _opened(context, track_id)
    headers = {
        "accept-ranges": "bytes",
        "etag": recording.etag,
        "cache-control": "no-cache",  # a blocked track must not be played from a cache unasked
    }
    if asked.if_none_match and names_etag(asked.if_none_match, recording.etag):
        recording.file.close()
        return Response(status_code=304, headers=headers)
    wanted = _wanted(recording, asked)
    status = 200 if wanted is None else 206
    sent = wanted or ByteRange(0, recording.size)
    headers["content-length"] = str(sent.length)
    if wanted is not None:
        headers["content-range"] = f"bytes {sent.start}-{sent.end - 1}/{recording.size}"
    body = read_bytes(recording.file, sent)
    return StreamingResponse(body, status, headers, recording.media_type)


def _opened(context: Context, track_id: str) -> Recording:
    audio_path = visible_track(context, track_id)["audio_path"]
    if not audio_path:
        raise ProblemError(404, "no-recording", f"track {track_id!r} has no recording")
    path = locate(context.workspace.audio, audio_path)
    if path is None:
        logger().warning("recording_lay_outside", track_id=track_id, audio_path=audio_path)
    else:
        try:
            return open_recording(path)
        except OSError as error:
            logger().warning("recording_was_missing", track_id=track_id, error=str(error))
    raise ProblemError(404, "no-recording", f"the recording of track {track_id!r} is missing")


def _wanted(recording: Recording, asked: Conditions) -> ByteRange | None:
    if asked.if_range is not None and asked.if_range != recording.etag:
        return None  # the caller's part is of another recording: the whole is sent
    try:
        return parse_range(asked.range, recording.size)
    except UnsatisfiableRangeError:
        recording.file.close()
        raise ProblemError(
            416,
            "range-not-satisfiable",
            f"{asked.range!r} lies outside of the recording's {recording.size} bytes",
            {"content-range": f"bytes */{recording.size}"},
        ) from None

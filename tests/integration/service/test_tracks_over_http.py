"""Tracks and their recordings over a real socket."""

from __future__ import annotations

import httpx
import pytest
import sqlalchemy as sa

from core.schema import tracks
from core.workspace import open_workspace
from tests.support.service_world import N_TRACKS, Service, audio_bytes, now, track_id

NUMBER = 9
AUDIO = f"/v1/tracks/{track_id(NUMBER)}/audio"
CONTENT = audio_bytes(NUMBER)


def test_a_track_tells_of_itself(service: Service) -> None:
    found = service.client.get("/v1/tracks/t003").json()
    assert found["title"] == "Title 3"
    assert (found["origin"], found["status"], found["creator_id"]) == (
        "generated",
        "active",
        "c3",
    )
    assert found["provenance"] == {
        "generator": "synth",
        "model": None,
        "brief_id": None,
        "prompt": None,
        "parents": [],
    }
    assert found["tags"] == ["house"]
    head = service.client.head("/v1/tracks/t003")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("number", "media_type"),
    [(0, "audio/wav"), (1, "audio/flac"), (2, "audio/ogg"), (3, "audio/mpeg")],
)
def test_a_recording_is_sent_whole(service: Service, number: int, media_type: str) -> None:
    answer = service.client.get(f"/v1/tracks/{track_id(number)}/audio")
    assert answer.status_code == 200
    assert answer.content == audio_bytes(number)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=-7", len(CONTENT) - 7, len(CONTENT)),
        ("bytes=4000-", 4000, len(CONTENT)),
        ("bytes=10-999999", 10, len(CONTENT)),
    ],
)
def test_a_range_is_sent_exactly(service: Service, header: str, start: int, end: int) -> None:
    answer = service.client.get(AUDIO, headers={"range": header})
    assert answer.status_code == 206
    assert answer.content == CONTENT[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert answer.headers["content-length"] == str(end - start)


def test_a_range_beyond_the_end_cannot_be_satisfied(service: Service) -> None:
    answer = service.client.get(AUDIO, headers={"range": f"bytes={len(CONTENT)}-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_head_tells_the_length(service: Service) -> None:
    answer = service.client.head(AUDIO)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(CONTENT))


def test_a_range_of_another_recording_is_sent_whole(service: Service) -> None:
    etag = service.client.head(AUDIO).headers["etag"]
    same = service.client.get(AUDIO, headers={"range": "bytes=0-9", "if-range": etag})
    other = service.client.get(AUDIO, headers={"range": "bytes=0-9", "if-range": '"other"'})
    assert (same.status_code, same.content) == (206, CONTENT[:10])
    assert (other.status_code, other.content) == (200, CONTENT)


def test_a_current_copy_is_not_sent_again(service: Service) -> None:
    etag = service.client.head(AUDIO).headers["etag"]
    answer = service.client.get(AUDIO, headers={"if-none-match": etag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == etag


@pytest.mark.parametrize(
    "path",
    [
        "/v1/tracks/..%2F..%2Fsegue.db/audio",
        "/v1/tracks/../../segue.db/audio",
        "/v1/tracks/%2e%2e%2f%2e%2e%2fsegue.db/audio",
        "/v1/tracks/%00/audio",
    ],
)
def test_an_id_is_no_path(service: Service, path: str) -> None:
    # A raw request: the client library would tidy the path before sending it.
    host = service.url.removeprefix("http://")
    request = httpx.Request("GET", service.url, headers={"host": host})
    request.url = httpx.URL(service.url).copy_with(raw_path=path.encode())
    answer = service.client.send(request)
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("audio_path", ["../segue.db", "/etc/hostname", "a/../../segue.db", "gone"])
def test_no_recording_lies_outside_of_the_audio_folder(service: Service, audio_path: str) -> None:
    name = f"astray-{audio_path}"
    row = {
        "track_id": name,
        "status": "retired",
        "audio_path": audio_path,
        "updated_at": now(),
        "regions": [],
        "tags": [],
        "parents": [],
    }
    with open_workspace(service.data) as workspace, workspace.database.write() as connection:
        connection.execute(sa.insert(tracks), [row])
    quoted = name.replace("/", "%2F")
    answer = service.client.get(f"/v1/tracks/{quoted}/audio")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:segue:problem:no-recording"
    assert service.client.get(f"/v1/tracks/{quoted}").json()["track_id"] == name


def test_a_track_without_anything_learned_has_no_neighbours(service: Service) -> None:
    found = service.client.get(f"/v1/tracks/{track_id(N_TRACKS - 1)}/similar").json()
    assert found == {"track_id": track_id(N_TRACKS - 1), "basis": "none", "tracks": []}

"""A small data folder for the service, and the service itself as a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import sqlalchemy as sa
from scipy import sparse

from core.database import Database
from core.schema import creators, near_duplicates, promotions, tracks
from core.workspace import Workspace, open_workspace
from embeddings.collaborative.factors import AlsFactors, Ridge
from embeddings.collaborative.neighbours import NeighboursConfig, fit_neighbours
from embeddings.index import IndexConfig, build_index
from embeddings.vectors import TrackVectors

N_TRACKS = 60
N_TRIAL = 6
N_CREATORS = 20
AUDIO_BYTES = 5_000
REPOSITORY = Path(__file__).parents[2]
START_S = 60.0  # a cold interpreter under load; reached only where something is wrong

# Looks ten times a second so that tests need not wait; the default is once a second.
SETTINGS = "[service]\npoll_s = 0.1\ncatalogue_reload_s = 0\n"


def track_id(number: int) -> str:
    """Return the id of a track of the world."""
    return f"t{number:03d}"


def lay_world(root: Path, n_tracks: int = N_TRACKS, store_url: str = "") -> None:
    """Lay tracks with recordings into a data folder; the last `N_TRIAL` are on trial."""
    with open_workspace(root, store_url) as workspace:
        now_ms = now()
        with workspace.database.write() as connection:
            people = [{"creator_id": f"c{c}", "name": f"Creator {c}"} for c in range(N_CREATORS)]
            connection.execute(sa.insert(creators), people)
            if n_tracks:
                rows = [_track(number, n_tracks, now_ms) for number in range(n_tracks)]
                connection.execute(sa.insert(tracks), rows)
        for number in range(n_tracks):
            _write_audio(workspace, number)


def audio_bytes(number: int) -> bytes:
    """Return the bytes of a track's recording; the service sends them, it never decodes them."""
    return np.random.default_rng(number).bytes(AUDIO_BYTES + number)


def set_status(root: Path, number: int, status: str, store_url: str = "") -> None:
    """Change a track's status as an operator's tool would."""
    with open_workspace(root, store_url) as workspace, workspace.database.write() as connection:
        statement = sa.update(tracks).where(tracks.c.track_id == track_id(number))
        connection.execute(statement.values(status=status, updated_at=now()))


def mark_copy(root: Path, copy: int, canonical: int) -> None:
    """Note that one track repeats the recording of another."""
    with open_workspace(root) as workspace, workspace.database.write() as connection:
        row = {"track_id": track_id(copy), "canonical_id": track_id(canonical), "found_at": 0}
        connection.execute(sa.insert(near_duplicates), [row])


def unit_vectors(seed: int, dim: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return a unit vector for each track but the last, which has none."""
    values = np.random.default_rng(seed).normal(size=(N_TRACKS - 1, dim))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def learn_by_hand(root: Path, seed: int, dim: int = 16) -> dict[str, str]:
    """Write one artifact of each learned kind, of random numbers, and return their versions."""
    ids = tuple(track_id(number) for number in range(N_TRACKS))
    vectors = TrackVectors(ids[:-1], unit_vectors(seed, dim))
    rng = np.random.default_rng(seed)
    plays = sparse.csr_matrix(rng.poisson(0.3, size=(40, N_TRACKS)).astype(np.float32))
    users = tuple(f"u{number}" for number in range(40))
    factors = AlsFactors(
        users,
        ids,
        rng.normal(size=(40, dim)).astype(np.float32),
        rng.normal(size=(N_TRACKS, dim)).astype(np.float32),
        ridge=Ridge(1.0),
    )
    made = {
        "vectors": vectors,
        "index": build_index(vectors.values, IndexConfig()),
        "factors": factors,
        "neighbours": fit_neighbours(plays, ids, NeighboursConfig()),
    }
    with open_workspace(root) as workspace:
        create = workspace.artifacts.create
        return {
            kind: create(kind, part.save, now_ms=now(), config={}, inputs={}).version
            for kind, part in made.items()
        }


def promote(root: Path, versions: dict[str, str], *, unchecked: bool = False) -> int:
    """Make versions live and return the promotion; unchecked, as a faulty tool would."""
    with open_workspace(root) as workspace:
        if not unchecked:
            return workspace.artifacts.promote(versions, now_ms=now(), reason="test").promotion_id
        row = {"at": now(), "versions": versions, "previous_id": None, "reason": "test"}
        with workspace.database.write() as connection:
            done = connection.execute(sa.insert(promotions).values(row))
            assert done.inserted_primary_key is not None
            return int(done.inserted_primary_key[0])


def now() -> int:
    """Return the moment, UTC milliseconds."""
    return time.time_ns() // 1_000_000


def event(user_id: str, track: str, action: str, event_id: str, **more: Any) -> dict[str, Any]:
    """Return one event as a client posts it."""
    base = {"event_id": event_id, "user_id": user_id, "track_id": track, "action": action}
    return {**base, "at": now(), **more}


def wait_until(holds: Callable[[], bool], deadline_s: float = 10.0) -> float:
    """Wait until something holds and return how long that took; fail at the deadline."""
    start_s = time.monotonic()
    while not holds():
        assert time.monotonic() - start_s < deadline_s, f"did not happen within {deadline_s} s"
        time.sleep(0.01)
    return time.monotonic() - start_s


class Service(NamedTuple):
    """A running service.

    Args:
        client: Speaks to it over a real socket.
        url: Where it listens.
        data: Its data folder.
        process: The process.
        log: Its standard error.
    """

    client: httpx.Client
    url: str
    data: Path
    process: subprocess.Popen[str]
    log: Path

    def slots(self, user_id: str, **more: Any) -> list[dict[str, Any]]:
        """Return the slots of a fresh page."""
        answer = self.client.get("/v1/feed", params={"user_id": user_id, **more})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["slots"]
        return found

    def ids(self, user_id: str, **more: Any) -> list[str]:
        """Return the track ids of a fresh page."""
        return [slot["track_id"] for slot in self.slots(user_id, **more)]

    def metric(self, name: str) -> float:
        """Return the sum of a metric's samples, by the start of their lines."""
        lines = self.client.get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


@contextmanager
def running_service(
    data: Path, *, settings: str = SETTINGS, workers: int = 1, wait: bool = True
) -> Iterator[Service]:
    """Run the service over a data folder, on a free port, for the length of the block."""
    config = data.parent / f"{data.name}.toml"
    config.write_text(settings)
    command = [sys.executable, "-m", "service", "--data", str(data), "--port", "0"]
    command += ["--config", str(config), "--workers", str(workers)]
    with running_process(command, data, cwd=REPOSITORY, wait=wait) as service:
        yield service


@contextmanager
def running_process(
    command: Sequence[str],
    data: Path,
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    wait: bool = True,
) -> Iterator[Service]:
    """Run a command that serves a data folder and says where in its first line."""
    log = data.parent / f"{data.name}.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        assert process.stdout is not None
        announced = process.stdout.readline()
        found = re.search(r"http://\S+", announced)
        assert found, f"the service did not start: {log.read_text()}"
        with httpx.Client(base_url=found[0], timeout=30) as client:
            if wait:
                wait_until(lambda: _is_ready(client), START_S)
            yield Service(client, found[0], data, process, log)
    finally:
        stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    """Ask a service to end and wait for it."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(30)
    finally:
        process.kill()
        assert process.stdout is not None
        process.stdout.close()


def read(database: Database, query: sa.Select[Any]) -> list[Any]:
    """Return the rows of a query."""
    with database.read() as connection:
        return list(connection.execute(query))


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _track(number: int, n_tracks: int, now_ms: int) -> dict[str, Any]:
    return {
        "track_id": track_id(number),
        "creator_id": f"c{number % N_CREATORS}",
        "title": f"Title {number}",
        "artist": f"Creator {number % N_CREATORS}",
        "genre": ("house", "ambient", "folk")[number % 3],
        "origin": "generated" if number % 4 == 3 else "human",
        "status": "trial" if number >= n_tracks - N_TRIAL else "active",
        "explicit": number % 5 == 4,
        "duration_ms": 30_000 + number,
        "released_at": now_ms - number * 3_600_000,
        "tags": [("house", "ambient", "folk")[number % 3]],
        "regions": [],
        "parents": [],
        "audio_path": _audio_path(number),
        "generator": "synth" if number % 4 == 3 else None,
        "updated_at": now_ms,
    }


def _audio_path(number: int) -> str:
    suffix = ("wav", "flac", "ogg", "mp3")[number % 4]
    return f"{number % 16:02x}/{track_id(number)}.{suffix}"


def _write_audio(workspace: Workspace, number: int) -> None:
    path = workspace.audio / _audio_path(number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(audio_bytes(number))

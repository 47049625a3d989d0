"""A local server that behaves like the Mureka API, and misbehaves when it is told to."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import soundfile

KEY = "sk-secret-of-the-tests"
CHUNK = b"x" * 65_536


class FakeMureka(ThreadingHTTPServer):
    """Takes orders and counts them; `trouble` says how the next answers go wrong.

    Attributes:
        orders: Every order that it accepted, as it was sent.
        asked: Paths of all requests.
        trouble: Kinds of trouble, one used up by each request of `where`; the last of them stays
            where `lasting` is set.
        sent_bytes: What it sent of an endless body.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.orders: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.trouble: list[str] = []
        self.where = "generate"
        self.lasting = False
        self.polls_until_ready = 0
        self.sent_bytes = 0
        self.release = threading.Event()
        self.guard = threading.Lock()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that hang up."""

    def next_trouble(self, path: str) -> str:
        """Use up a trouble, if one is meant for this path."""
        with self.guard:
            self.asked.append(path)
            if self.where not in path or not self.trouble:
                return ""
            return self.trouble[0] if self.lasting else self.trouble.pop(0)


@contextmanager
def fake_mureka() -> Iterator[FakeMureka]:
    """Run the server for the length of the block."""
    server = FakeMureka()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


def tone(number: int, seconds: float = 1.0) -> bytes:
    """Return a FLAC file that sounds at a pitch of its own."""
    at = np.arange(int(8000 * seconds)) / 8000
    file = io.BytesIO()
    soundfile.write(file, 0.3 * np.sin(2 * np.pi * (220 + 20 * number) * at), 8000, format="FLAC")
    return file.getvalue()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeMureka

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        trouble = self.server.next_trouble(self.path)
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            return self._json(401, {"error": {"message": f"bad key {KEY}"}})
        if trouble in ("", "slow", "cut off", "malformed", "no id"):  # these took the order
            with self.server.guard:
                self.server.orders.append({"path": self.path, **json.loads(body)})
        if trouble:
            return self._trouble(trouble)
        return self._json(200, self._task(len(self.server.orders) - 1, "queued"))

    def do_GET(self) -> None:
        trouble = self.server.next_trouble(self.path)
        if trouble:
            return self._trouble(trouble)
        if "/audio/" in self.path:
            number = int(self.path.rsplit("/", 1)[1].split(".")[0])
            return self._send(200, "audio/flac", tone(number))
        number = int(self.path.rsplit("-", 1)[1])
        with self.server.guard:
            asked = self.server.asked.count(self.path)
        ready = asked > self.server.polls_until_ready
        return self._json(200, self._task(number, "succeeded" if ready else "running"))

    def _task(self, number: int, status: str) -> dict[str, Any]:
        order = self.server.orders[number] if number < len(self.server.orders) else {}
        task = {"id": f"task-{number}", "created_at": 1, "model": "mureka-7.5", "status": status}
        if status == "succeeded":
            at = [10 * number + index for index in range(order.get("n", 1))]
            task["choices"] = [
                {
                    "index": index, "duration": 1000, "url": f"{self.server.url}/audio/{n}.mp3",
                    "flac_url": f"{self.server.url}/audio/{n}.flac", "nobody_knows": [1],
                }
                for index, n in enumerate(at)
            ]  # fmt: skip
        return task

    def _trouble(self, kind: str) -> None:
        if kind.isdigit():
            wait = {"Retry-After": "7"} if kind == "429" else {}
            return self._json(int(kind), {"error": {"message": f"no, {KEY}"}}, wait)
        if kind.startswith("status "):
            return self._json(200, {**self._task(0, kind[7:]), "failed_reason": f"{KEY} is odd"})
        if kind.startswith("redirect "):
            return self._send(302, "text/plain", b"", {"Location": kind[9:]})
        return getattr(self, f"_{kind.replace(' ', '_')}")()

    def _slow(self) -> None:
        self.server.release.wait(30)

    def _trickle(self) -> None:
        """Send a header that never ends, a byte at a time, as long as the caller listens."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not self.server.release.wait(0.02):
            self.wfile.write(b"x")
            self.wfile.flush()

    def _cut_off(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "audio/flac" if "/audio/" in self.path else "text/json")
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(b'{"id": "task')
        self.close_connection = True

    def _malformed(self) -> None:
        self._send(200, "application/json", b'{"id": oops')

    def _no_id(self) -> None:
        self._json(200, {"task_id": "task-0", "status": "queued"})

    def _wrong_type(self) -> None:
        self._send(200, "text/html", b"<html>please log in</html>")

    def _no_audio(self) -> None:
        self._send(200, "audio/flac", b"this is no sound" * 100)

    def _announced_huge(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "audio/flac")
        self.send_header("Content-Length", "2000000000")
        self.end_headers()

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "audio/flac")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not self.server.release.is_set():  # until the caller hangs up
            self.wfile.write(f"{len(CHUNK):x}\r\n".encode() + CHUNK + b"\r\n")
            self.server.sent_bytes += len(CHUNK)

    def _json(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, "application/json", json.dumps(document).encode(), headers)

    def _send(
        self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

"""`segue serve`: become the service process, with the same data and settings."""

from __future__ import annotations

import os
import socket
import sys
from typing import Annotated, NoReturn

import typer

from pipelines.commands.display import print_json
from pipelines.commands.options import AsJson
from pipelines.commands.session import Session, session_of

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000

Host = Annotated[str, typer.Option(help="Address to listen on; the default is this machine only.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on.")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Processes that answer.")]


def serve(
    context: typer.Context,
    host: Host = DEFAULT_HOST,
    port: Port = DEFAULT_PORT,
    workers: Workers = 1,
    as_json: AsJson = False,
) -> None:
    """Serve feeds over HTTP until interrupted."""
    session = session_of(context, as_json=as_json)
    if session.as_json:
        port = port or _free_port(host)  # the document must name the port that will answer
        print_json({"url": f"http://{host}:{port}", "data": str(session.data), "workers": workers})
    become_service(session, host, port, workers)


def _free_port(host: str) -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server((host, 0)) as listener:
        return int(listener.getsockname()[1])


def become_service(session: Session, host: str, port: int, workers: int) -> NoReturn:
    """Replace this process by the service: signals and exit code are then the service's own."""
    sys.stdout.flush()
    sys.stderr.flush()
    if session.as_json:  # our one document is out; what the service says is for people
        os.dup2(2, 1)
    # -P: a folder called `service` where the user stands must not be taken for ours.
    words = [sys.executable, "-P", "-m", "service", "--data", str(session.data)]
    words += ["--host", host, "--port", str(port), "--workers", str(workers)]
    if session.config is not None:
        words += ["--config", str(session.config)]
    os.execv(sys.executable, words)  # noqa: S606 - no shell, the words are ours

"""Serving one data folder over HTTP, from a call to an exit code."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import tempfile
from functools import partial
from pathlib import Path

import uvicorn
from uvicorn.supervisors import Multiprocess

from core.errors import ConfigError, SegueError
from core.settings import load_settings
from core.telemetry import configure_logging
from core.workspace import open_workspace
from service.metrics import MULTIPROCESS_FOLDER
from service.settings import Settings
from service.worker import worker_app

BACKLOG = 2_048


def serve(call: argparse.Namespace) -> int:
    """Serve until told to stop.

    Args:
        call: What `service.arguments.parse` read.

    Returns:
        0 after an orderly stop, 1 where serving failed, 2 for settings that cannot be used.
    """
    try:
        return _serve(call)
    except ConfigError as error:
        sys.stderr.write(f"segue: {error}\n")
        return 2
    except SegueError as error:
        sys.stderr.write(f"segue: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 0


def _serve(call: argparse.Namespace) -> int:
    settings = load_settings(Settings, call.config, os.environ)
    _check_data(call.data, settings)
    listening = _listen(call.host, call.port)
    configure_logging(as_json=settings.service.log_json)
    config = _uvicorn_config(call, settings)
    _announce(call, listening)
    if call.workers > 1:
        with tempfile.TemporaryDirectory(prefix="segue-metrics-") as folder:
            os.environ[MULTIPROCESS_FOLDER] = folder
            Multiprocess(config, sockets=[listening]).run()
        return 0
    server = uvicorn.Server(config)
    server.run(sockets=[listening])
    return 0 if server.started else 1


def _check_data(data: Path, settings: Settings) -> None:
    """Fail with a text where the app would fail with a traceback."""
    if not data.is_dir():
        raise ConfigError(
            f"there is no data folder {data}; make one with `segue world create` or "
            "`segue import`, or name another with --data"
        )
    with open_workspace(data, settings.store.url):
        pass


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise SegueError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --port or --host"
        ) from error
    listening.set_inheritable(True)
    return listening


def _uvicorn_config(call: argparse.Namespace, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        partial(worker_app, settings, call.data.resolve()),
        factory=True,
        workers=call.workers,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.service.drain_s)),
    )


def _announce(call: argparse.Namespace, listening: socket.socket) -> None:
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    sys.stdout.write(f"Segue serves {call.data} at http://{shown}:{port} (Ctrl-C stops it)\n")
    sys.stdout.flush()

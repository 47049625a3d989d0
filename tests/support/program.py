"""The installed `segue` program, called as people and machines call it."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.service_world import REPOSITORY, Service, running_process

CALL_S = 300.0  # a job that hangs; none of a small world's takes a tenth of it


class Program(NamedTuple):
    """The program over the data folder `data` of one folder, which may hold a `segue.toml`.

    Args:
        folder: Where it is called.
    """

    folder: Path

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def __call__(self, *words: str) -> dict[str, Any]:
        """Call a command that must succeed and return its one JSON document."""
        done = subprocess.run(
            [_path(), *words, "--json"],
            cwd=self.folder,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=CALL_S,
        )
        assert done.returncode == 0, f"segue {' '.join(words)}: {done.stderr}"
        document = json.loads(done.stdout)  # refuses anything before or after it
        assert isinstance(document, dict)
        return document

    def serve(self) -> AbstractContextManager[Service]:
        """Run `segue serve` on a free port for the length of the block."""
        command = [_path(), "serve", "--port", "0"]
        return running_process(command, self.data, cwd=self.folder, env=_environment())


def _path() -> str:
    path = Path(sysconfig.get_path("scripts")) / "segue"
    assert path.exists(), f"there is no {path}; install the package first (`make setup`)"
    return str(path)


def _environment() -> dict[str, str]:
    """Return an environment in which the program runs this checkout's code, by its own settings."""
    inherited = {name: value for name, value in os.environ.items() if name[:6] != "SEGUE_"}
    return {**inherited, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}

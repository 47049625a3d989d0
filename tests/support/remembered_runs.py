"""A run log that remembers what it was told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.tracking.run_log import RunLog


class RememberedRun:
    """One run and those within it.

    Args:
        name: What it is called.
        breaks_at: The method that fails, as a server that is down does; "" for none.
    """

    def __init__(self, name: str = "", breaks_at: str = "") -> None:
        self.name, self.breaks_at = name, breaks_at
        self.told: list[str] = []
        self.settings: dict[str, Any] = {}
        self.figures: dict[str, float] = {}
        self.documents: dict[str, Mapping[str, Any]] = {}
        self.models: list[tuple[str, str, list[str]]] = []
        self.runs: list[RememberedRun] = []
        self.ended = ""

    def params(self, values: Mapping[str, Any]) -> None:
        self._call("params")
        self.settings |= values

    def metrics(self, values: Mapping[str, float]) -> None:
        self._call("metrics")
        self.figures |= values

    def document(self, name: str, value: Mapping[str, Any]) -> None:
        self._call("document")
        self.documents[name] = value

    def model(self, kind: str, version: str, folder: Path) -> None:
        self._call("model")
        self.models.append((kind, version, sorted(each.name for each in folder.iterdir())))

    @contextmanager
    def nested(self, name: str) -> Iterator[RunLog]:
        self._call("nested")
        run = RememberedRun(name, self.breaks_at)
        self.runs.append(run)
        try:
            yield run
        except BaseException:
            run.ended = "failed"
            raise
        run.ended = "finished"

    def _call(self, method: str) -> None:
        self.told.append(method)
        if method == self.breaks_at:
            raise ConnectionError("nobody answers")

"""One call of the command line: where its data is, how it talks, what it was configured with."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from pipelines.commands.bars import show_bars
from pipelines.commands.display import print_json, print_report

if TYPE_CHECKING:  # these load polars, DuckDB and more, which `--help` does not need
    from core.workspace import Workspace
    from pipelines.job import Progress, Report
    from pipelines.settings import PipelineSettings

FILE_WIDTH = 180  # columns where no terminal says how wide it is: an evaluation fits on one line


@dataclass(frozen=True)
class Session:
    """What the global options say.

    Args:
        data: The data folder.
        config: The settings file, or None for `segue.toml` where there is one.
        as_json: Whether a machine reads standard output.
    """

    data: Path
    config: Path | None
    as_json: bool

    @property
    def out(self) -> Console:
        """Where results go, for people."""
        return Console(width=None if sys.stdout.isatty() else FILE_WIDTH)

    @property
    def err(self) -> Console:
        """Where everything else goes."""
        return Console(stderr=True)

    def settings(self) -> PipelineSettings:
        """Read and check every section the jobs use."""
        from core.settings import load_settings
        from pipelines.settings import PipelineSettings

        return load_settings(PipelineSettings, self.config, os.environ)

    def told(self, settings: PipelineSettings, *sections: str) -> dict[str, Any]:
        """Return some sections as JSON-ready values, for whoever is told of the run."""
        return settings.model_dump(mode="json", include=set(sections))

    @contextmanager
    def workspace(self, settings: PipelineSettings) -> Iterator[Workspace]:
        """Open the data folder."""
        from core.workspace import open_workspace

        with open_workspace(self.data, settings.store.url) as workspace:
            yield workspace

    @contextmanager
    def progress(self, title: str) -> Iterator[Progress]:
        """Show bars while the block runs, where a terminal shows them."""
        console = self.err
        enabled = console.is_terminal and not self.as_json
        with show_bars(console, title, enabled=enabled) as bars:
            yield bars

    def show(self, report: Report, title: str) -> None:
        """Print a report: one JSON document for machines, tables for people."""
        if self.as_json:
            print_json(report.document())
        else:
            print_report(self.out, title, report.document())

    def say(self, text: str) -> None:
        """Print a line for people, where people read."""
        (self.err if self.as_json else self.out).print(text, highlight=False)


def session_of(context: typer.Context, *, as_json: bool) -> Session:
    """Return the call's session; `--json` counts before the command and after it."""
    session = context.find_root().obj
    assert isinstance(session, Session)
    return replace(session, as_json=session.as_json or as_json)


def now_ms() -> int:
    """Return the moment of the call, UTC milliseconds."""
    return time.time_ns() // 1_000_000

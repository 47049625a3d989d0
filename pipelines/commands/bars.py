"""Progress as people see it: bars on standard error, only where a terminal shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

Item = TypeVar("Item")


class Bars:
    """Draws one bar a step; made by `show_bars`.

    Args:
        display: The live display.
    """

    def __init__(self, display: Progress) -> None:
        self._display = display

    def track(self, items: Iterable[Item], name: str, total: int | None = None) -> Iterator[Item]:
        """Yield the items, advancing a bar called `name`, which goes when they are done."""
        if total is None and isinstance(items, Sized):
            total = len(items)
        task = self._display.add_task(name, total=total)
        try:
            for item in items:
                yield item
                self._display.advance(task)
        finally:
            self._display.remove_task(task)

    def counter(self, name: str) -> Callable[[int, int], None]:
        """Return a callback for (done, total) that moves a bar, which goes when it is full."""
        task = self._display.add_task(name, total=None)

        def move(done: int, total: int) -> None:
            self._display.update(task, completed=done, total=total, visible=done < total)

        return move


@contextmanager
def show_bars(console: Console, title: str, *, enabled: bool) -> Iterator[Bars]:
    """Show what moves while the block runs; the job itself has a line that counts its seconds.

    Args:
        console: Where; standard error, so that results stay alone on standard output.
        title: What the job is called.
        enabled: False shows nothing (no terminal, or a machine reads).
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not enabled) as display:
        display.add_task(title, total=None)
        yield Bars(display)

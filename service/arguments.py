"""The arguments of the command; read before anything heavy is loaded."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

WHAT = "Serve one data folder over HTTP."


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what a call asks for; a wrong one ends the program with 2."""
    parser = argparse.ArgumentParser(prog="python -m service", description=WHAT)
    add = parser.add_argument
    add("--data", type=Path, default=Path("data"), help="the data folder (data)")
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--port", type=_whole(0, 65_535), default=8000, help="0 takes any free one (8000)")
    add("--config", type=Path, help="settings (segue.toml where there is one)")
    add("--workers", type=_whole(1, 64), default=1, help="processes (1)")
    return parser.parse_args(arguments)


def _whole(low: int, high: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from `low` to `high`."""

    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not between {low} and {high}")
        return int(text)

    return read

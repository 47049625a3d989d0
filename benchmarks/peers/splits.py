"""One way to cut plays for everybody: what is held out, named by seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.history import History
from pipelines.splits import Split, leave_out

HELD_SHARE = 0.2


def cut(history: History, seeds: Sequence[int]) -> Split:
    """Hold out a fifth of everybody's tracks; with several seeds, again of what is left.

    Args:
        history: All of it.
        seeds: (s,) one cut each; settings are chosen on the second cut of a split whose first is
            never looked at.
    """
    split = leave_out(history, HELD_SHARE, seeds[0], now_ms=history.last_ms + 1)
    for seed in seeds[1:]:
        split = leave_out(split.history, HELD_SHARE, seed, now_ms=history.last_ms + 1)
    return split


def written(history: History, seeds: Sequence[int], data: Path, folder: Path) -> dict[str, Any]:
    """Write a split where other environments can read it, and return how a run file names it."""
    split = cut(history, seeds)
    folder.mkdir(parents=True, exist_ok=True)
    plays, held = folder / "plays.parquet", folder / "held.parquet"
    known = split.history.tallies().filter(pl.col("plays") > 0)
    known.select("user_id", "track_id", "plays").write_parquet(plays)
    split.held.select("user_id", "track_id").write_parquet(held)
    return {"plays": str(plays), "held": str(held), "seeds": list(seeds), "data": str(data)}

"""Archive: the world's own truth on disk, in a folder that nothing but the world reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import DataError
from core.workspace import Workspace
from pipelines.job import Report
from pipelines.world.config import WorldConfig
from pipelines.world.population import Population

FOLDER = "world"
CHARTER, TRUTH, LISTENERS = "world.json", "truth.parquet", "listeners.parquet"


class WorldReport(Report):
    """What a world holds."""

    created: bool
    """False where the same world stood already and nothing was changed."""
    tracks: int
    remixes: int
    """Those of the tracks that were made from an earlier one."""
    creators: int
    listeners: int
    days: int
    impressions: int
    events: int
    plays: int
    finishes_per_impression: float
    """Over the charts pages of the history."""
    median_plays: float
    """Plays of the median listener."""
    popularity_gini: float
    """0: every track is played as often; 1: one has all plays."""


class Charter(BaseModel):
    """What makes a world this world, and what it came to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: WorldConfig
    report: WorldReport


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What only the world knows.

    Args:
        charter: Its settings and its figures.
        tracks: One row a track: track_id, quality, fame, its attributes, and what kind of remix it
            is ("" where it is none).
        user_ids: (u,) ids of the listeners.
        population: (u,) their tastes and habits.
    """

    charter: Charter
    tracks: pl.DataFrame
    user_ids: tuple[str, ...]
    population: Population


def keep(workspace: Workspace, truth: Truth) -> None:
    """Write the truth below the data folder, in place of one that stands there."""
    folder = workspace.root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    truth.tracks.write_parquet(folder / TRUTH)
    users = pl.DataFrame({"user_id": truth.user_ids}).hstack(truth.population.to_frame())
    users.write_parquet(folder / LISTENERS)
    partial = folder / f".{CHARTER}.partial"
    partial.write_text(truth.charter.model_dump_json(indent=2), encoding="utf-8")
    partial.replace(folder / CHARTER)


def read_charter(workspace: Workspace) -> Charter | None:
    """Return the charter of the world in a data folder, or None where there is none.

    Raises:
        DataError: If it stands there and cannot be read.
    """
    path = workspace.root / FOLDER / CHARTER
    if not path.is_file():
        return None
    try:
        return Charter.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise DataError(
            f"{path} cannot be read as a world: {error}; create a new one in an empty data folder"
        ) from error


def read_truth(workspace: Workspace) -> Truth:
    """Return the truth of the world in a data folder.

    Raises:
        DataError: If there is no world, or a part of it is missing.
    """
    charter = read_charter(workspace)
    if charter is None:
        raise DataError(
            f"{workspace.root} holds no world; make one with `segue world create --data "
            f"{workspace.root}`"
        )
    folder = workspace.root / FOLDER
    users = _read(folder / LISTENERS)
    return Truth(
        charter, _read(folder / TRUTH), tuple(users["user_id"]), Population.from_frame(users)
    )


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"{path} cannot be read: {error}; create the world anew in an empty data folder"
        ) from error

"""Cuts listeners into segments by what was true of them before they were exposed.

What happens afterwards may be an effect itself, and segments made of it would compare different
people.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.errors import ExperimentError
from pipelines.experiments.measuring.amounts import DAY_MS
from pipelines.experiments.measuring.listeners import Arrivals

UNKNOWN = "not known"
MOST_LEVELS = 20  # of one family; the largest, because the others have too few listeners anyway

# The latest of a listener and device first: far fewer rows than events are left to compare.
_BEFORE = """
SELECT row, arg_max(device, latest_ms) FILTER (WHERE device IS NOT NULL) AS device
FROM (
  SELECT l.row, e.device, max(epoch_ms(e."at")) AS latest_ms
  FROM events e JOIN listeners l ON l.user_id = e.user_id
  WHERE e."at" >= to_timestamp({since_s!r}) AND e."at" < to_timestamp({until_s!r})
    AND epoch_ms(e."at") < l.exposed_ms AND epoch_ms(e."at") >= l.exposed_ms - {reach_ms}
  GROUP BY l.row, e.device
)
GROUP BY row
"""

# Someone with two variations of the other experiment has no level of it.
_OTHERS = """
SELECT l.row, x.experiment, min(x.variation) AS variation
FROM exposures x JOIN listeners l ON l.user_id = x.user_id
WHERE x.experiment <> $key AND x.variation IS NOT NULL AND x."at" < to_timestamp($until_ms / 1000)
  AND x."at" >= to_timestamp($since_ms / 1000)
GROUP BY l.row, x.experiment HAVING min(x.variation) = max(x.variation)
"""


@dataclass(frozen=True, eq=False)
class Segments:
    """One way to cut listeners."""

    family: str
    """What they are cut by."""
    levels: tuple[str, ...]
    """Names of the parts, the largest first."""
    codes: NDArray[np.int64]
    """(n,) index of the listener's part, or -1 outside all."""


def cut(family: str, labels: pl.Series) -> Segments:
    """Cut listeners by their labels, (n,) text; those without one are outside."""
    counted = labels.drop_nulls().alias("label").value_counts()
    counted = counted.sort(["count", "label"], descending=[True, False]).head(MOST_LEVELS)
    levels = counted["label"].to_list()
    places = pl.DataFrame(
        {"label": levels, "code": range(len(levels))},
        schema={"label": pl.String, "code": pl.Int64},
    )
    found = labels.alias("label").to_frame().join(places, "label", "left", maintain_order="left")
    return Segments(family, tuple(levels), found["code"].fill_null(-1).to_numpy())


def listening_segments(
    connection: duckdb.DuckDBPyConnection, arrivals: Arrivals, known_days: float
) -> list[Segments]:
    """Cut into new and known listeners, and by the device they used last before.

    Args:
        connection: Of the warehouse, with the arrivals' table.
        arrivals: The listeners.
        known_days: Who did anything in so many days before their exposure is known.
    """
    reach_ms = round(known_days * DAY_MS)
    query = _BEFORE.format(
        since_s=(int(arrivals.exposed_ms.min()) - reach_ms) / 1000,
        until_s=int(arrivals.exposed_ms.max() + 1) / 1000,
        reach_ms=reach_ms,
    )
    found = _of_every_row(_frame(connection.sql(query)), arrivals)
    known = pl.when(pl.col("is_there")).then(pl.lit("known")).otherwise(pl.lit("new"))
    labels = found.select(known=known, device=pl.col("device").fill_null(UNKNOWN))
    return [cut("listener", labels["known"]), cut("device", labels["device"])]


def told_segments(path: Path, arrivals: Arrivals) -> list[Segments]:
    """Cut by the columns of a CSV or Parquet file with one row a listener, such as a country.

    Raises:
        ExperimentError: The file cannot be read, or has no `user_id` or nothing beside it.
    """
    try:
        if path.suffix == ".parquet":
            told = pl.read_parquet(path)
        else:
            told = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ExperimentError(f"segments {path} cannot be read: {error}") from error
    families = [name for name in told.columns if name != "user_id"]
    if "user_id" not in told.columns or not families:
        raise ExperimentError(
            f"segments {path} have the columns {', '.join(told.columns)}; give user_id and at "
            "least one column to cut by"
        )
    told = told.cast(pl.String).unique("user_id", keep="first", maintain_order=True)
    joined = pl.DataFrame({"user_id": arrivals.user_ids}).join(
        told, on="user_id", how="left", maintain_order="left"
    )
    return [cut(name, joined[name].fill_null(UNKNOWN)) for name in families]


def other_experiments(
    connection: duckdb.DuckDBPyConnection, arrivals: Arrivals, key: str, since_ms: int
) -> list[Segments]:
    """Cut by the variation that listeners got in each experiment that ran at the same time."""
    values = {"key": key, "since_ms": since_ms, "until_ms": arrivals.until_ms}
    found = _frame(connection.sql(_OTHERS, params=values))
    cuts = []
    for name in sorted(found["experiment"].unique().to_list()):
        part = found.filter(pl.col("experiment") == name).select("row", "variation")
        cuts.append(cut(name, _of_every_row(part, arrivals)["variation"]))
    return cuts


def _frame(answer: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    found = pl.from_arrow(answer.to_arrow_table())
    assert isinstance(found, pl.DataFrame)
    return found


def _of_every_row(found: pl.DataFrame, arrivals: Arrivals) -> pl.DataFrame:
    """Return what was found of some listeners for each of them, with whether they were there."""
    every = pl.DataFrame({"row": np.arange(len(arrivals), dtype=np.int64)})
    there = found.with_columns(pl.col("row").cast(pl.Int64), is_there=True)
    return every.join(there, on="row", how="left", maintain_order="left").with_columns(
        pl.col("is_there").fill_null(value=False)
    )

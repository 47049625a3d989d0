"""Choosing the pages of one feed: which were logged whole, what they earned, what came before."""

from __future__ import annotations

import numpy as np
import polars as pl

from core.errors import ConfigError, DataError
from core.events import Action
from core.tables import CANDIDATES, EVENTS, IMPRESSIONS, TALLIES
from core.warehouse import Warehouse
from pipelines.off_policy.logs import PageLog
from ranking.catalogue import Catalogue
from ranking.listeners.replay import EventLog


def open_page_log(
    warehouse: Warehouse,
    catalogue: Catalogue,
    *,
    variant: str | None,
    action: Action,
    pages: int,
    rng: np.random.Generator,
) -> PageLog:
    """Choose the pages of one feed.

    Args:
        warehouse: Where they are.
        catalogue: The tracks.
        variant: The feed that served them; None where the log holds one only.
        action: What a slot earns 1 by.
        pages: At most how many; drawn at random where there are more.
        rng: Draws them.

    Raises:
        DataError: If no page was logged with candidates.
        ConfigError: If the log holds several feeds and none is named, or not the named one.
    """
    served = _served(warehouse)
    chosen = _chosen_variant(served.filter("replayable"), variant)
    mine = served.filter(pl.col("variant") == chosen)
    candidates = mine.filter("replayable").sort("request_id")
    ids = candidates
    if ids.height > pages:
        ids = ids[np.sort(rng.choice(ids.height, pages, replace=False))]
    events, plays = pl.DataFrame(schema=EVENTS.schema), pl.DataFrame(schema=TALLIES.schema)
    return PageLog(
        warehouse=warehouse,
        variant=chosen,
        slots=_rewarded(_slots(warehouse, ids), warehouse, action),
        shown=EventLog.from_frames(events, plays, catalogue, _shown(warehouse, served, ids)),
        catalogue=catalogue,
        found=candidates.height,
        without_candidates=mine.height - candidates.height,
    )


def _served(warehouse: Warehouse) -> pl.DataFrame:
    """Return one row a page: request_id, user_id, variant, and whether its candidates stand."""
    shown = warehouse.scan(CANDIDATES).filter(pl.col("position").is_not_null())
    logged = shown.select("request_id", replayable=pl.lit(value=True)).unique()
    pages = warehouse.scan(IMPRESSIONS).select(
        "request_id", "user_id", pl.col("variant").fill_null("")
    )
    return (
        pages.unique("request_id")
        .join(logged, on="request_id", how="left")
        .with_columns(pl.col("replayable").fill_null(value=False))
        .collect(engine="streaming")
    )


def _slots(warehouse: Warehouse, pages: pl.DataFrame) -> pl.DataFrame:
    return warehouse.scan(IMPRESSIONS).join(pages.lazy(), on="request_id", how="semi").collect()


def _shown(warehouse: Warehouse, served: pl.DataFrame, pages: pl.DataFrame) -> pl.DataFrame:
    """Return the slots that the listeners of pages were shown by any of our feeds.

    What was imported was shown elsewhere: the feed that served did not know of it.
    """
    ours = served.filter("replayable").join(pages, on="user_id", how="semi")
    return _slots(warehouse, ours)


def _chosen_variant(replayable: pl.DataFrame, wanted: str | None) -> str:
    pages = dict(replayable.group_by("variant").len().sort("variant").rows())
    if not pages:
        raise DataError(
            "the warehouse holds no pages with their candidates; serve some feeds, then run "
            "`segue compact` (imported impressions have none and cannot be replayed)"
        )
    listed = ", ".join(f"{name!r} ({count} pages)" for name, count in pages.items())
    if wanted is None and len(pages) > 1:
        raise ConfigError(f"several feeds were logged; name one with --variant: {listed}")
    chosen = next(iter(pages)) if wanted is None else wanted
    if chosen not in pages:
        raise ConfigError(f"no page of the variant {chosen!r} was logged; there are {listed}")
    return str(chosen)


def _rewarded(slots: pl.DataFrame, warehouse: Warehouse, action: Action) -> pl.DataFrame:
    """Return slots with what they earned: 1 where the action points back to them."""
    pair = ["request_id", "track_id"]
    done = (
        warehouse.scan(EVENTS)
        .filter(pl.col("action") == action.value, pl.col("request_id").is_not_null())
        .select(*pair, reward=pl.lit(1.0))
        .unique()
        .collect()
    )
    columns = ["request_id", "user_id", "at", "position", "track_id", "propensity", "is_fresh"]
    joined = slots.select(columns).join(done, on=pair, how="left")
    return joined.with_columns(pl.col("reward").fill_null(0.0)).sort("at", "request_id", "position")

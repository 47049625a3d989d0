"""What was shown and what followed, from the tables of the warehouse."""

from __future__ import annotations

import numpy as np
import polars as pl

from core.ids import Ids
from ranking.catalogue import Catalogue
from ranking.features.shown import OUTCOMES, Entries, ShownRates, track_keys

SLOT = ["request_id", "user_id", "track_id"]
_LIKES = ("like", "save", "share", "follow")
_COUNTED = {"play": ("play",), "finish": ("finish",), "skip": ("skip",), "like": _LIKES}


def shown_rates(
    impressions: pl.DataFrame, events: pl.DataFrame, catalogue: Catalogue, refresh_ms: int = 0
) -> ShownRates:
    """Return the log of slots and of what followed them, ready to be counted.

    Args:
        impressions: request_id, user_id, track_id, at and surface.
        events: What listeners did; only what names its page is counted, at its own time.
        catalogue: The tracks.
        refresh_ms: See `ShownRates`.
    """
    slots = impressions.select(*SLOT, "surface", at_ms=pl.col("at").dt.epoch("ms"))
    places = slots.select(*SLOT, "surface").unique(SLOT, keep="first", maintain_order=True)
    told = events.filter(pl.col("request_id").is_not_null()).select(
        *SLOT, "action", at_ms=pl.col("at").dt.epoch("ms")
    )
    followed = told.join(places, on=SLOT, maintain_order="left")
    everything = pl.concat([slots.with_columns(action=pl.lit("")), followed], how="diagonal")
    listeners = Ids(everything["user_id"].unique().sort().to_list())
    surfaces = Ids(everything["surface"].fill_null("").unique().sort().to_list())
    rows = catalogue.tracks.rows(everything["track_id"].to_list())
    kept = rows >= 0
    tracks = track_keys(catalogue.creator_rows, catalogue.duration_ms, catalogue.tags)
    action = everything["action"].to_numpy()[kept]
    weights = [action == "", *(np.isin(action, _COUNTED[name]) for name in OUTCOMES)]
    keys = {
        **tracks.of(rows[kept]),
        "listener": listeners.rows(everything["user_id"].to_list())[kept],
        "surface": surfaces.rows(everything["surface"].fill_null("").to_list())[kept],
    }
    return ShownRates(
        listeners=listeners,
        surfaces=surfaces,
        entries=Entries(everything["at_ms"].to_numpy()[kept], keys),
        weights=np.stack(weights).astype(np.float32),
        refresh_ms=refresh_ms,
    )

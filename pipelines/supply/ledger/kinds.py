"""What each track is booked under: its origin, its creator's tier, its generator."""

from __future__ import annotations

import numpy as np
import polars as pl

from ranking.evaluation.segments import TIERS, creator_tiers

UNKNOWN = "unknown"
GENERATED = "generated"
ONLY_GENERATED = "only generated"
"""The tier of creators who have nothing else; their plays cut nobody's tier."""
NAMES = ("origin", "tier", "generator")
MADE = ["track_id", "creator_id", "duration_ms", *NAMES]


def kinds_of(tracks: pl.DataFrame, plays: pl.DataFrame) -> pl.DataFrame:
    """Return every track with what it is booked under.

    Tiers are those that rankers are judged by: creators by plays, the most played first, up to
    shares of all plays. They are cut among creators with tracks that were not generated, and by
    the plays of those tracks: who makes both is where the others' listening puts them.

    Args:
        tracks: track_id, creator_id, origin, generator, duration_ms.
        plays: track_id, plays; at most one row a track.

    Returns:
        track_id, creator_id, duration_ms, origin, tier, generator ("" where none made it); a
        track that was played and is not known is `unknown` in everything.
    """
    heard = tracks.join(plays, on="track_id", how="left")
    tiers = _tiers(heard.filter(pl.col("origin") != GENERATED))
    told = heard.join(tiers, on="creator_id", how="left").with_columns(
        tier=pl.when(pl.col("creator_id").is_null())
        .then(pl.lit(UNKNOWN))
        .otherwise(pl.col("tier").fill_null(ONLY_GENERATED)),
        generator=pl.col("generator").fill_null(""),
    )
    strangers = plays.join(tracks, on="track_id", how="anti").select("track_id")
    none = {name: pl.lit(UNKNOWN) for name in ("origin", "tier")}
    bare = strangers.with_columns(
        **none,
        generator=pl.lit(""),
        creator_id=pl.lit(None, pl.String),
        duration_ms=pl.lit(None, pl.Int64),
    )
    return pl.concat([told.select(MADE), bare.select(MADE)]).sort("track_id")


def _tiers(heard: pl.DataFrame) -> pl.DataFrame:
    """Return creator_id, tier."""
    owned = heard.filter(pl.col("creator_id").is_not_null())
    total = owned.group_by("creator_id").agg(pl.col("plays").fill_null(0).sum()).sort("creator_id")
    names = np.array([name for name, _ in TIERS])
    tiers = names[creator_tiers(total["plays"].to_numpy().astype(np.float64))]
    return total.select("creator_id", tier=pl.Series(tiers, dtype=pl.String))

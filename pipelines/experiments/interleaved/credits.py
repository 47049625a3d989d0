"""Credits: what each listener played of what each of two variations placed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

Counts = NDArray[np.int64]


class Credits(NamedTuple):
    """What listeners gave two variations.

    Args:
        user_ids: (n,) who was shown a slot on which the two did not agree.
        first: (n,) slots of the first variation with the wanted action.
        second: (n,) likewise of the second.
    """

    user_ids: tuple[str, ...]
    first: Counts
    second: Counts


def credits_of(slots: pl.DataFrame, acted: pl.DataFrame, variations: tuple[str, str]) -> Credits:
    """Count credits by listener.

    A slot counts once, however often it was acted on, and only by who was shown it. Slots on which
    the two variations agreed have no team and say nothing.

    Args:
        slots: user_id, request_id, track_id, team.
        acted: user_id, request_id, track_id: the wanted actions.
        variations: Keys of the two.
    """
    key = ["user_id", "request_id", "track_id"]
    told = (
        slots.filter(pl.col("team").is_in(variations))
        .unique(key)
        .join(
            acted.select(key).unique().with_columns(credit=pl.lit(1)),
            on=key,
            how="left",
        )
        .with_columns(pl.col("credit").fill_null(0))
    )
    found = (
        told.group_by("user_id")
        .agg(
            *(
                pl.col("credit").filter(pl.col("team") == name).sum().alias(side)
                for side, name in zip(("first", "second"), variations, strict=True)
            )
        )
        .sort("user_id")
    )
    first, second = (found[side].cast(pl.Int64).to_numpy() for side in ("first", "second"))
    return Credits(tuple(found["user_id"]), first, second)

"""Examples for heads: slots that were shown, described as of their moment, with what followed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipelines.ranker_training.shown_rates import SLOT
from ranking.catalogue import Catalogue
from ranking.features.batch import shown_slots
from ranking.features.families import FeedFeatures
from ranking.features.moments import Moments
from ranking.model import Floats, Rows
from ranking.rankers.head_training import OutcomeData
from ranking.rankers.outcomes import HeadConfig

CHUNK_ROWS = 16_384  # described at a time: its arrays stay below what a core caches badly
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, eq=False)
class ShownSlots:
    """Slots that were served, oldest page first, those of a page together.

    Args:
        starts: (r + 1,) where each page's slots begin.
        user_ids: (r,) who asked.
        surfaces: (r,) where.
        now_ms: (r,) when.
        rows: (n,) catalogue rows.
        positions: (n,) float32; NaN where not logged.
        frame: request_id, user_id, track_id and at_ms of each slot.
    """

    starts: Rows
    user_ids: tuple[str, ...]
    surfaces: tuple[str, ...]
    now_ms: NDArray[np.int64]
    rows: Rows
    positions: Floats
    frame: pl.DataFrame

    def __len__(self) -> int:
        return int(self.rows.size)

    @property
    def at_ms(self) -> NDArray[np.int64]:
        """(n,) when each slot was shown."""
        return np.repeat(self.now_ms, np.diff(self.starts))


def shown_between(
    impressions: pl.DataFrame, catalogue: Catalogue, since_ms: int, until_ms: int
) -> ShownSlots:
    """Return the slots of a span of time whose tracks the catalogue knows.

    Args:
        impressions: request_id, user_id, track_id, at, position and surface.
        catalogue: The tracks.
        since_ms: The first moment.
        until_ms: The moment after the last.
    """
    names = catalogue.tracks.values
    numbered = pl.DataFrame(
        {"track_id": list(names), "row": np.arange(len(names))},
        schema={"track_id": pl.String, "row": pl.Int64},
    )
    at_ms = pl.col("at").dt.epoch("ms")
    frame = (
        impressions.filter(at_ms.is_between(since_ms, until_ms, closed="left"))
        .with_columns(at_ms=at_ms, surface=pl.col("surface").fill_null(""))
        .join(numbered, on="track_id", maintain_order="left")
        .sort("at_ms", "request_id", "user_id", "position", "row")
    )
    page = pl.struct("at_ms", "request_id", "user_id", "surface").rle_id()
    first = frame.with_columns(page=page).unique("page", keep="first", maintain_order=True)
    pages = frame.select(page.alias("page"))["page"].to_numpy()
    return ShownSlots(
        starts=np.searchsorted(pages, np.arange(first.height + 1)).astype(np.int64),
        user_ids=tuple(first["user_id"].to_list()),
        surfaces=tuple(first["surface"].to_list()),
        now_ms=first["at_ms"].to_numpy(),
        rows=frame["row"].to_numpy(),
        positions=frame["position"].cast(pl.Float32).fill_null(float("nan")).to_numpy(),
        frame=frame.select(*SLOT, "at_ms"),
    )


def described(
    slots: ShownSlots,
    builder: FeedFeatures,
    moments: Moments,
    *,
    threads: int = 2,
    advance: Callable[[int, int], None] = lambda _done, _total: None,
) -> Floats:
    """Return (n, f) the features of slots, each as of its own moment.

    Args:
        slots: What was shown.
        builder: The features of the feed.
        moments: What was known of the listeners.
        threads: Parts described side by side; the values do not depend on it.
        advance: Told (rows done, rows in all).
    """
    values = np.empty((len(slots), len(builder.names)), dtype=np.float32)
    parts = list(_parts(slots.starts))

    def fill(part: slice) -> int:
        rows = slice(int(slots.starts[part.start]), int(slots.starts[part.stop]))
        requests = moments.requests(slots.user_ids[part], slots.now_ms[part], slots.surfaces[part])
        starts = slots.starts[part.start : part.stop + 1] - rows.start
        offered = shown_slots(slots.rows[rows], starts)
        values[rows] = builder.describe(requests, offered).values
        return rows.stop

    # The parts are what runs side by side: BLAS with threads of its own would only be in the way.
    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        for done in pool.map(fill, parts):
            advance(done, len(slots))
    return values


def outcomes_of(
    slots: ShownSlots, events: pl.DataFrame, heads: Sequence[HeadConfig], end_ms: int
) -> dict[str, Floats]:
    """Return head → (n,) 1 where it followed, 0 where not, NaN where the log ends too early.

    Args:
        slots: What was shown.
        events: What listeners did; an event belongs to the slot whose page it names.
        heads: The outcomes.
        end_ms: Where the log ends.
    """
    told = events.select(*SLOT, "action", done_ms=pl.col("at").dt.epoch("ms"))
    numbered = slots.frame.with_row_index("slot")
    pairs = told.filter(pl.col("request_id").is_not_null()).join(numbered, on=SLOT)
    visits = told.select("user_id", "done_ms").unique().sort("done_ms")
    found = {}
    for head in heads:
        low, high = (round(hours * _HOUR_MS) for hours in (head.from_hours, head.until_hours))
        happened = np.zeros(len(slots), dtype=np.float32)
        if head.actions:
            late = pl.col("done_ms") - pl.col("at_ms")
            hit = pl.col("action").is_in(list(head.actions)) & late.is_between(low, high)
            happened[pairs.filter(hit)["slot"].unique().to_numpy()] = 1.0
        else:
            happened[:] = _returned(numbered, visits, low, high)
        happened[slots.at_ms + high >= end_ms] = np.nan
        found[head.name] = happened
    return found


def _returned(slots: pl.DataFrame, visits: pl.DataFrame, low: int, high: int) -> Floats:
    """Return whether the listener did anything between two delays after each slot."""
    wanted = slots.select("slot", "user_id", since=pl.col("at_ms") + low).sort("since")
    next_visit = wanted.join_asof(
        visits,
        left_on="since",
        right_on="done_ms",
        by="user_id",
        strategy="forward",
        check_sortedness=False,
    ).sort("slot")
    delay = next_visit["done_ms"] - next_visit["since"]
    back = (delay <= high - low).fill_null(value=False)
    return back.cast(pl.Float32).to_numpy()


def examples(
    slots: ShownSlots, names: tuple[str, ...], values: Floats, outcomes: dict[str, Floats]
) -> OutcomeData:
    """Return slots as examples that all count alike."""
    weights = np.ones(len(slots), dtype=np.float32)
    return OutcomeData(names, values, outcomes, slots.at_ms, slots.positions, weights)


def _parts(starts: Rows) -> Iterator[slice]:
    """Yield runs of pages of about `CHUNK_ROWS` slots each."""
    first = 0
    while first < starts.size - 1:
        last = int(np.searchsorted(starts, starts[first] + CHUNK_ROWS, "right")) - 1
        last = max(first + 1, last)
        yield slice(first, last)
        first = last

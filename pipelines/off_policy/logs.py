"""Logged pages read back: candidates as they were ranked, slots, propensities, what they earned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.ids import UNKNOWN_ROW
from core.tables import CANDIDATES
from core.warehouse import Warehouse
from ranking.catalogue import Catalogue
from ranking.listeners.replay import EventLog
from ranking.model import Candidates, FeatureMatrix, Mask, Rows
from ranking.policies.page import FRESH_SOURCE

NO_FEATURES = "no features were logged: a fallback made the page"
NO_SCORES = "the sources' scores were not logged"
UNKNOWN_TRACK = "a track has left the catalogue"
NOT_A_CANDIDATE = "a shown track is not among the logged candidates"


@dataclass(frozen=True, slots=True, eq=False)
class LoggedPage:
    """One page as it was served.

    Args:
        request_id: Which.
        user_id: Whose.
        at_ms: When.
        candidates: (n,) what it was chosen from, in the order and with the scores of its ranking;
            the one source is `fresh`.
        trial: (n,) which of them were on trial.
        features: Of the candidates.
        slots: (k,) which candidate stood where.
        is_fresh: (k,) which slots were drawn.
        propensities: (k,) as logged.
        rewards: (k,) what each slot earned.
        before: (m,) catalogue rows shown to the listener earlier, latest first.
    """

    request_id: str
    user_id: str
    at_ms: int
    candidates: Candidates
    trial: Mask
    features: FeatureMatrix
    slots: Rows
    is_fresh: Mask
    propensities: NDArray[np.float64]
    rewards: NDArray[np.float64]
    before: Rows


@dataclass(frozen=True, slots=True, eq=False)
class PageLog:
    """The pages of one feed that are to be replayed.

    Args:
        warehouse: Where they are.
        variant: The feed that served them.
        slots: One row a slot: request_id, user_id, at, position, track_id, propensity, is_fresh,
            reward; pages in order of time, slots in order of position.
        shown: What listeners were shown, of every feed.
        catalogue: The tracks.
        found: Pages of the variant with candidates, replayed or not.
        without_candidates: Pages of the variant whose candidates were not logged.
    """

    warehouse: Warehouse
    variant: str
    slots: pl.DataFrame
    shown: EventLog
    catalogue: Catalogue
    found: int
    without_candidates: int

    def pages(self, left_out: Counter[str]) -> Iterator[LoggedPage]:
        """Yield the pages day by day; those that cannot be replayed are counted instead.

        Args:
            left_out: Reason → pages; added to.
        """
        for frame in self._days():
            slots = {key[0]: part for key, part in self._slots_of(frame).items()}
            for key, candidates in _by_page(frame).items():
                page = self._page(candidates, slots[key[0]])
                if isinstance(page, LoggedPage):
                    yield page
                else:
                    left_out[page] += 1

    def shown_features(self) -> Iterator[tuple[pl.DataFrame, FeatureMatrix]]:
        """Yield the slots that were shown and their features, those of equal columns together."""
        pair = ["request_id", "track_id"]
        for candidates in self._scans():
            shown = candidates.filter(pl.col("position").is_not_null()).select(*pair, "features")
            described = shown.collect().join(_names(candidates), on="request_id")
            rewarded = described.filter(pl.col("features").list.len() > 0).join(
                self.slots, on=pair, maintain_order="left"
            )
            for part in rewarded.partition_by("feature_names", maintain_order=True):
                yield part, _features(part)

    def _days(self) -> Iterator[pl.DataFrame]:
        for candidates in self._scans():
            # Names stand beside every row and are the same in all of a page: read once a page.
            found = candidates.select(pl.all().exclude("feature_names")).collect()
            named = found.join(_names(candidates), on="request_id", maintain_order="left")
            yield _with_fresh(named)

    def _scans(self) -> Iterator[pl.LazyFrame]:
        """Yield the candidates of the chosen pages, day by day."""
        days = self.slots["at"].dt.strftime("%Y-%m-%d")
        for day in days.unique().sort():
            chosen = self.slots.filter(days == day)["request_id"].unique().implode()
            scan = self.warehouse.scan(CANDIDATES, day)
            yield scan.filter(pl.col("request_id").is_in(chosen))

    def _slots_of(self, frame: pl.DataFrame) -> dict[tuple[object, ...], pl.DataFrame]:
        pages = frame["request_id"].unique().implode()
        return _by_page(self.slots.filter(pl.col("request_id").is_in(pages)))

    def _page(self, found: pl.DataFrame, slots: pl.DataFrame) -> LoggedPage | str:
        """Return a page, or why it cannot be replayed."""
        rows = self.catalogue.tracks.rows(found["track_id"])
        if not found["features"].list.len()[0]:
            return NO_FEATURES
        if found["source_scores"].null_count():
            return NO_SCORES
        if (rows == UNKNOWN_ROW).any():
            return UNKNOWN_TRACK
        place = {track: at for at, track in enumerate(found["track_id"])}
        if not all(track in place for track in slots["track_id"]):
            return NOT_A_CANDIDATE
        user_id, at_ms = str(slots["user_id"][0]), int(slots["at"].dt.epoch("ms")[0])
        fresh = found["fresh_score"].to_numpy().astype(np.float32)
        return LoggedPage(
            request_id=str(slots["request_id"][0]),
            user_id=user_id,
            at_ms=at_ms,
            candidates=Candidates(
                rows=rows,
                scores=found["score"].to_numpy().astype(np.float32),
                sources=(FRESH_SOURCE,),
                source_scores=fresh[:, None],
                source_ranks=np.full((rows.size, 1), np.nan, dtype=np.float32),
            ),
            trial=found["on_trial"].to_numpy(),
            features=_features(found),
            slots=np.array([place[track] for track in slots["track_id"]], dtype=np.int64),
            is_fresh=slots["is_fresh"].to_numpy(),
            propensities=slots["propensity"].to_numpy().astype(np.float64),
            rewards=slots["reward"].to_numpy(),
            before=self.shown.listener(user_id, at_ms).shown_rows,
        )


def _names(candidates: pl.LazyFrame) -> pl.DataFrame:
    """Return the names of each page's features: request_id, feature_names."""
    first = candidates.filter(pl.col("position") == 0)
    return first.select("request_id", "feature_names").collect()


def _by_page(frame: pl.DataFrame) -> dict[tuple[object, ...], pl.DataFrame]:
    return frame.partition_by("request_id", as_dict=True, maintain_order=True)


def _with_fresh(candidates: pl.DataFrame) -> pl.DataFrame:
    """Add what the fresh source said of each candidate; only trial tracks come from it."""
    numbered = candidates.with_row_index("at_row")
    scored = (
        numbered.filter(pl.col("source_scores").is_not_null())
        .select("at_row", "sources", "source_scores")
        .explode("sources", "source_scores")
        .filter(pl.col("sources") == FRESH_SOURCE)
        .select("at_row", fresh_score="source_scores")
    )
    return numbered.join(scored, on="at_row", how="left", maintain_order="left").with_columns(
        pl.col("fresh_score").cast(pl.Float32).fill_null(float("nan")),
        on_trial=pl.col("sources").list.contains(FRESH_SOURCE),
    )


def _features(frame: pl.DataFrame) -> FeatureMatrix:
    names = tuple(frame["feature_names"][0])
    values = frame["features"].explode().to_numpy().astype(np.float32)
    return FeatureMatrix(names, values.reshape(frame.height, len(names)))

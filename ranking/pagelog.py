"""The log of served pages: one row of the store a page, read back as warehouse tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import sqlalchemy as sa

from core.database import upsert, upsert_statement
from core.schema import requests
from core.tables import CANDIDATES, EXPOSURES, IMPRESSIONS, TIME
from ranking.catalogue import Catalogue
from ranking.model import Candidates, FeatureMatrix, Feed, FeedQuery, Page
from ranking.supply.trials import count_slots

MAX_SOURCES = 64  # a candidate's sources are logged as the bits of one integer


class Exposure(NamedTuple):
    """An experiment that a page is part of.

    Args:
        experiment: Its key.
        variation: Key of the variation that the listener got.
        differs: Whether control would have served another page; None where nobody compared.
    """

    experiment: str
    variation: str
    differs: bool | None = None


def page_row(
    page: Page,
    query: FeedQuery,
    request_id: str,
    catalogue: Catalogue,
    versions: Mapping[str, str],
    variant: str,
    exposures: Sequence[Exposure] = (),
    teams: Mapping[int, str] | None = None,
) -> dict[str, Any]:
    """Return a page as a row of `requests`: enough to explain, replay and train.

    Args:
        page: What was served.
        query: What was asked.
        request_id: The id the listener sends back with what they did.
        catalogue: Names the rows.
        versions: Kind of artifact → version that served it.
        variant: The feed configuration that served it, "" outside experiments.
        exposures: The experiments that the listener is in by their hash.
        teams: Catalogue row → the variation that placed it, where two share the page.
    """
    trace = page.trace
    return {
        "request_id": request_id,
        "user_id": query.listener.user_id,
        "at": query.now_ms,
        "surface": query.surface,
        "variant": variant,
        "degraded": trace.degraded,
        "seed": query.seed,
        "artifacts": dict(versions),
        "drops": trace.drops,
        "slots": _slots(page.feed, catalogue, teams or {}),
        "candidates": _packed(trace.candidates, trace.features, catalogue),
        "exposures": [one._asdict() for one in exposures] or None,
    }


def append_pages(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write pages to the store; one that stands there already is left as it is.

    The slots that trial tracks got are counted in the same transaction, each page once.

    Args:
        connection: Inside a write transaction.
        rows: From `page_row`.
    """
    fresh: list[Mapping[str, Any]] = []
    other: list[Mapping[str, Any]] = []
    for row in rows:
        (fresh if any(slot["is_fresh"] for slot in row["slots"]) else other).append(row)
    upsert(connection, requests, other)
    if not fresh:
        return
    statement: Any = upsert_statement(connection, requests)
    inserted = set(connection.execute(statement.returning(requests.c.request_id), fresh).scalars())
    slots = {row["request_id"]: row["slots"] for row in fresh}
    count_slots(connection, (slots[request_id] for request_id in sorted(inserted)))


def read_pages(rows: Sequence[Mapping[str, Any]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return logged pages as impressions and candidates, conforming to the warehouse's tables.

    Args:
        rows: Rows of `requests`, as `page_row` makes them.
    """
    slots = [_impressions(row) for row in rows if row["slots"]]
    found = [_candidates(row) for row in rows]
    return _table(IMPRESSIONS, slots), _table(CANDIDATES, found)


def read_exposures(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return the experiments that logged pages were part of, conforming to the warehouse's table.

    Args:
        rows: Rows of `requests`, as `page_row` makes them.
    """
    names = ("request_id", "user_id", "at")
    found = [
        {name: row[name] for name in names} | one for row in rows for one in row["exposures"] or ()
    ]
    stored = pl.Schema({**EXPOSURES.schema, "at": pl.Int64()})
    frame = pl.DataFrame(found, schema=stored)
    return EXPOSURES.conform(frame.with_columns(pl.col("at").cast(TIME)))


def _table(table: Any, frames: list[pl.DataFrame]) -> pl.DataFrame:
    empty = pl.DataFrame(schema=table.schema)
    joined = pl.concat([table.conform(frame) for frame in frames] or [empty])
    return joined if joined.height else empty


def _slots(feed: Feed, catalogue: Catalogue, teams: Mapping[int, str]) -> list[dict[str, Any]]:
    return [
        {
            "track_id": track_id,
            "position": position,
            "source": feed.sources[position],
            "reason": feed.reasons[position],
            "score": float(feed.scores[position]),
            "propensity": float(feed.propensities[position]),
            "is_fresh": bool(feed.is_fresh[position]),
            **({"team": teams.get(int(feed.rows[position]))} if teams else {}),
        }
        for position, track_id in enumerate(catalogue.tracks.take(feed.rows))
    ]


def _packed(candidates: Candidates, features: FeatureMatrix, catalogue: Catalogue) -> bytes:
    """Return candidates as one compressed Arrow stream; names stand once, in its metadata."""
    columns = {
        "track_id": pa.array(catalogue.tracks.take(candidates.rows), pa.string()),
        "score": pa.array(candidates.scores, pa.float32()),
        "sources": pa.array(_source_bits(candidates), pa.uint64()),
        "source_scores": _source_scores(candidates),
    }
    if features.names:
        flat = pa.array(np.ascontiguousarray(features.values).ravel(), pa.float32())
        columns["features"] = pa.FixedSizeListArray.from_arrays(flat, len(features.names))
    table = pa.table(columns).replace_schema_metadata(
        {"sources": json.dumps(candidates.sources), "features": json.dumps(features.names)}
    )
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def _source_bits(candidates: Candidates) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    if len(candidates.sources) > MAX_SOURCES:
        raise ValueError(f"{len(candidates.sources)} sources; at most {MAX_SOURCES} are logged")
    offered = ~np.isnan(candidates.source_ranks)
    bits = np.uint64(1) << np.arange(len(candidates.sources), dtype=np.uint64)
    return np.asarray(offered.astype(np.uint64) @ bits)


def _source_scores(candidates: Candidates) -> pa.ListArray:
    """Return each candidate's scores by the sources that offered it: what a draw weighs by."""
    offered = ~np.isnan(candidates.source_ranks)
    starts = np.concatenate([[0], np.cumsum(offered.sum(axis=1))])
    scores = pa.array(candidates.source_scores[offered], pa.float32())
    return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), scores)


def _impressions(row: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(row["slots"], infer_schema_length=None).with_columns(
        request_id=pl.lit(row["request_id"]),
        user_id=pl.lit(row["user_id"]),
        at=pl.lit(row["at"]).cast(TIME),
        surface=pl.lit(row["surface"]),
        variant=pl.lit(row["variant"]),
    )


def _candidates(row: Mapping[str, Any]) -> pl.DataFrame:
    table = pa.ipc.open_stream(row["candidates"]).read_all()
    named = {key.decode(): json.loads(text) for key, text in table.schema.metadata.items()}
    frame = pl.from_arrow(table.replace_schema_metadata(None))
    assert isinstance(frame, pl.DataFrame)
    positions = {slot["track_id"]: slot["position"] for slot in row["slots"]}
    names = pl.Series([named["features"]], dtype=pl.List(pl.String))
    return frame.with_columns(
        request_id=pl.lit(row["request_id"]),
        user_id=pl.lit(row["user_id"]),
        at=pl.lit(row["at"]).cast(TIME),
        position=pl.Series([positions.get(one) for one in frame["track_id"]], dtype=pl.Int32),
        sources=_source_names(frame["sources"], named["sources"]),
        feature_names=names.new_from_index(0, frame.height),
        features=_feature_lists(frame),
    )


def _source_names(bits: pl.Series, sources: list[str]) -> pl.Series:
    lists = {
        value: [name for at, name in enumerate(sources) if value >> at & 1]
        for value in bits.unique().to_list()
    }
    return pl.Series([lists[value] for value in bits.to_list()], dtype=pl.List(pl.String))


def _feature_lists(frame: pl.DataFrame) -> pl.Series:
    if "features" in frame.columns:
        return frame["features"].arr.to_list()
    return pl.Series([[]], dtype=pl.List(pl.Float32)).new_from_index(0, frame.height)

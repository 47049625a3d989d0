"""Ids derived from what a row says, so that the same row is the same row when it comes again."""

from __future__ import annotations

import duckdb
import polars as pl

SEPARATOR = "\x1f"  # cannot stand in an id, so that no two rows run together
DIGITS = 20  # 80 bits: among 10^9 rows a collision has a chance of 10^-6


def derived_ids(frame: pl.DataFrame, parts: tuple[str, ...], prefix: str) -> pl.Series:
    """Return one id a row: the prefix and 20 hexadecimal digits of an MD5.

    Args:
        frame: The rows.
        parts: The columns that make a row itself; times count in milliseconds.
        prefix: What kind of id it is ("i-", "r-").
    """
    texts = [
        (pl.col(name).dt.epoch("ms") if frame.schema[name].is_temporal() else pl.col(name))
        .cast(pl.String)
        .fill_null("")
        for name in parts
    ]
    joined = frame.select(text=pl.concat_str(texts, separator=SEPARATOR)).to_arrow()
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")  # bars are the command line's
        connection.register("joined", joined)
        query = f"SELECT '{prefix}' || substr(md5(text), 1, {DIGITS}) AS id FROM joined"  # noqa: S608
        hashed = pl.from_arrow(connection.sql(query).to_arrow_table())
    assert isinstance(hashed, pl.DataFrame)
    return hashed["id"].cast(pl.String)

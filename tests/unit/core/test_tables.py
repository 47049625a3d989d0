from __future__ import annotations

import polars as pl
import pytest
import sqlalchemy as sa

from core.schema import metadata
from core.tables import EVENTS, TRACKS, WAREHOUSE_TABLES, Table


@pytest.mark.parametrize("table", WAREHOUSE_TABLES.values(), ids=lambda table: table.name)
def test_a_table_is_well_formed(table: Table) -> None:
    names = table.schema.names()
    assert len(set(names)) == len(names) == len(table.columns)
    assert set(table.key) <= set(names)
    assert table.day == "" or table.schema[table.day] == pl.Datetime("ms", "UTC")
    assert all(column.meaning.endswith(".") for column in table.columns)


@pytest.mark.parametrize("table", [EVENTS, TRACKS], ids=lambda table: table.name)
def test_store_and_warehouse_use_the_same_words(table: Table) -> None:
    """What moves between them keeps its names; each may hold what only it needs."""
    stored = {column.name for column in metadata.tables[table.name].columns}
    assert set(table.schema.names()) <= stored


def test_conform_orders_casts_and_fills() -> None:
    frame = pl.DataFrame({"track_id": ["t"], "user_id": ["u"], "position": [3], "extra": [1]})
    found = EVENTS.conform(frame)
    assert found.schema == EVENTS.schema
    assert found.row(0, named=True)["position"] == 3
    assert found.row(0, named=True)["device"] is None


def test_conform_refuses_what_cannot_be_cast() -> None:
    frame = pl.DataFrame({"user_id": ["u"], "track_id": ["t"], "position": ["first"]})
    with pytest.raises(pl.exceptions.InvalidOperationError):
        EVENTS.conform(frame)


def test_times_of_the_store_are_milliseconds() -> None:
    for table in metadata.tables.values():
        for column in table.columns:
            if column.name == "at" or column.name.endswith("_at"):
                assert isinstance(column.type, sa.BigInteger), f"{table.name}.{column.name}"

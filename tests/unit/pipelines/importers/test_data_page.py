"""The page on data tells of every table, column and importer, and of nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from core.tables import TIME, WAREHOUSE_TABLES, Table
from pipelines.importers import audio, events, impressions, lastfm_hetrec, tracks, yambda

PAGE = (Path(__file__).parents[4] / "docs" / "data.md").read_text()
TYPES = {
    "text": pl.String,
    "int32": pl.Int32,
    "int64": pl.Int64,
    "float32": pl.Float32,
    "bool": pl.Boolean,
    "time, ms, UTC": TIME,
    "list of text": pl.List(pl.String),
    "list of float32": pl.List(pl.Float32),
}


def section(title: str) -> str:
    """The last section of a title: tables stand at the end."""
    parts = re.split(rf"^### {re.escape(title)}$", PAGE, flags=re.MULTILINE)
    assert len(parts) > 1, f"docs/data.md has no section {title}"
    return re.split(r"^##", parts[-1], flags=re.MULTILINE)[0]


@pytest.mark.parametrize("table", WAREHOUSE_TABLES.values(), ids=lambda table: table.name)
def test_every_column_stands_in_its_tables_section(table: Table) -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", section(table.name), re.MULTILINE)
    assert {name: TYPES[dtype] for name, dtype, _ in rows} == dict(table.schema.items())
    assert [name for name, _, _ in rows] == table.schema.names()
    if table.name not in ("candidates", "exposures"):  # no file is imported as these
        required = tuple(name for name, _, meaning in rows if meaning.endswith("Required."))
        assert required == table.required


@pytest.mark.parametrize("table", WAREHOUSE_TABLES.values(), ids=lambda table: table.name)
def test_keys_and_days_are_told(table: Table) -> None:
    told = section(table.name)
    assert f"Key: {', '.join(f'`{name}`' for name in table.key)}." in told
    assert ("Day: `at`." in told) == bool(table.day)


@pytest.mark.parametrize("module", [audio, events, impressions, lastfm_hetrec, tracks, yambda])
def test_every_importer_has_its_section_and_command(module: object) -> None:
    name = getattr(module, "NAME")  # noqa: B009 - modules share it by custom
    assert f"### `{name}`" in PAGE
    assert f"segue import {name} " in PAGE

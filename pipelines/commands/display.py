"""Reports as tables for people, or as one JSON document for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

MAX_ROWS = 60
MAX_FIGURES = 8  # of one row, on one line
WIDE_CHARS = 120  # from here on a table has room for whole intervals


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
    sys.stdout.flush()


def print_report(console: Console, title: str, document: Mapping[str, Any]) -> None:
    """Print a report: its figures as one table, each list inside it as another."""
    figures = {name: value for name, value in document.items() if not _is_table(value)}
    if figures:
        table = Table(title=escape(title), show_header=False, title_justify="left")
        for name, value in _flat(figures):
            table.add_row(escape(name), escape(_moment(value) if name == "at" else _text(value)))
        console.print(table)
    for name, value in document.items():
        if _is_table(value):
            console.print(_rows_table(name, value, narrow=console.width < WIDE_CHARS))


def _is_table(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(isinstance(row, Mapping) for row in value)
    )


def _rows_table(name: str, rows: Sequence[Mapping[str, Any]], *, narrow: bool) -> Table:
    """Return a table with one row a mapping; mappings that all rows share become columns.

    On a narrow terminal an interval is shown by its longer half.
    """
    flat = [dict(_flat(_gathered(row, rows))) for row in rows[:MAX_ROWS]]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    caption = f"and {len(rows) - MAX_ROWS} more" if len(rows) > MAX_ROWS else None
    table = Table(title=escape(_words(name)), title_justify="left", caption=caption)
    shown = _brief if narrow else _text
    for place, column in enumerate(columns):
        figures = all(isinstance(row.get(column, 0), int | float | list) for row in flat)
        # Rows keep their name whole on a narrow terminal; the figures are folded instead.
        table.add_column(
            escape(column),
            justify="right" if figures else "left",
            no_wrap=place == 0,
            overflow="fold",
        )
    for row in flat:
        table.add_row(*(escape(shown(row.get(column, ""))) for column in columns))
    return table


def figures_in_line(values: Mapping[str, Any]) -> str:
    """Return the first figures as one line; the whole of them stands in the JSON document."""
    flat = _flat(values)
    more = [f"and {len(flat) - MAX_FIGURES} more"] if len(flat) > MAX_FIGURES else []
    return ", ".join([*(f"{key} {_text(part)}" for key, part in flat[:MAX_FIGURES]), *more])


def _gathered(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the row with its mappings on one line where too many columns would stay empty."""
    return {
        name: figures_in_line(value)
        if isinstance(value, Mapping) and _differ(name, rows)
        else value
        for name, value in row.items()
    }


def _differ(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    found = [set(row[name]) for row in rows if isinstance(row.get(name), Mapping)]
    return len(set.union(*found)) > MAX_FIGURES and len(set.intersection(*found)) == 0


def _flat(values: Mapping[str, Any], path: str = "") -> list[tuple[str, Any]]:
    """Return nested values as (name, value); a figure with its interval stays one value."""
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        full = f"{path} {_words(name)}".strip()
        if _is_interval(value) or not isinstance(value, Mapping):
            found.append((full, value))
        else:
            found += _flat(value, "" if name == "metrics" else full)
    return found


def _is_interval(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"mean", "low", "high"}


def _text(value: Any) -> str:
    if _is_interval(value):
        return _interval(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_text(part) for part in value) or "-"
    return "-" if value is None else str(value)


def _interval(value: Mapping[str, Any]) -> str:
    if any(value[part] is None for part in ("mean", "low", "high")):  # nothing to measure
        return "-" if value["mean"] is None else f"{value['mean']:.3f}"
    return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def _brief(value: Any) -> str:
    if not _is_interval(value) or None in value.values():
        return _text(value)
    half = max(value["high"] - value["mean"], value["mean"] - value["low"])
    return f"{value['mean']:.3f} ±{half:.3f}"


def _moment(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _words(name: str) -> str:
    return str(name).replace("_", " ")

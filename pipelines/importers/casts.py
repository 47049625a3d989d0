"""Casts from whatever type a file has to the type a column wants; null where that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import polars as pl

from core.tables import TIME

TimeUnit = Literal["s", "ms", "iso"]

TRUE_WORDS = ("true", "t", "yes", "y", "1", "1.0")
FALSE_WORDS = ("false", "f", "no", "n", "0", "0.0")
LIST_SEPARATOR = ";"
ISO_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
)
LARGEST_EXACT = 2**53  # beyond it a float no longer holds every whole number

Cast = Callable[[pl.Expr, pl.DataType, TimeUnit | None], pl.Expr]


def present(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return a column with what says "no value" (an empty text, NaN) as null."""
    value = pl.col(name)
    if dtype == pl.String:
        return pl.when(value != "").then(value)
    if dtype.is_float():
        return value.fill_nan(None)
    return value


def cast(value: pl.Expr, dtype: pl.DataType, target: pl.DataType, unit: TimeUnit | None) -> pl.Expr:
    """Return the expression that casts a column; null where a value does not fit.

    Whole numbers are kept in 64 bits, so that a range can be judged before they are stored.

    Args:
        value: The column.
        dtype: Its type in the file.
        target: The type wanted: text, whole number, number, truth, time or list of texts.
        unit: How its times are written; None goes by the type.
    """
    return _CASTS[_kind(target)](value, dtype, unit)


def cast_date(value: pl.Expr, dtype: pl.DataType, unit: TimeUnit | None) -> pl.Expr:
    """Return the expression that casts a column of dates, which may be written 1975 or 19750301.

    Read as milliseconds or seconds since 1970 such numbers would lie in that year's first days.
    """
    if dtype.is_nested() or dtype.is_temporal():
        return _to_time(value, dtype, unit)
    digits = _to_text(value, dtype, unit).str.strip_chars()
    month_day = pl.when(digits.str.len_chars() == 4).then(pl.lit("0101")).otherwise(pl.lit(""))
    is_date = digits.str.contains(r"^[12]\d{3}(\d{4})?$")
    compact = (digits + month_day).str.strptime(pl.Datetime("ms"), "%Y%m%d", strict=False)
    written = pl.when(is_date).then(compact.dt.replace_time_zone("UTC"))
    return pl.coalesce(written, _to_time(value, dtype, unit))


def kind_name(target: pl.DataType) -> str:
    """Return what a type is called in a reason."""
    return _NAMES[_kind(target)]


def _kind(target: pl.DataType) -> str:
    if target.is_integer():
        return "whole"
    if target.is_float():
        return "number"
    if target == pl.Boolean:
        return "truth"
    if target == TIME:
        return "time"
    return "list" if isinstance(target, pl.List) else "text"


def _to_text(value: pl.Expr, dtype: pl.DataType, _unit: TimeUnit | None) -> pl.Expr:
    if dtype == pl.String:
        return value
    if dtype.is_float():  # an id that went through a float keeps its digits: 7, never 7.0
        whole = _whole(value).cast(pl.String)
        return pl.coalesce(whole, value.cast(pl.String, strict=False))
    if dtype.is_nested():
        return _nothing(value, pl.String)
    return value.cast(pl.String, strict=False)


def _to_whole(value: pl.Expr, dtype: pl.DataType, _unit: TimeUnit | None) -> pl.Expr:
    if dtype.is_integer() or dtype == pl.Boolean:
        return value.cast(pl.Int64, strict=False)
    if dtype.is_float():
        return _whole(value)
    if dtype == pl.String:
        text = value.str.strip_chars()
        number = text.cast(pl.Float64, strict=False)
        return pl.coalesce(text.cast(pl.Int64, strict=False), _whole(number))
    return _nothing(value, pl.Int64)


def _to_number(value: pl.Expr, dtype: pl.DataType, _unit: TimeUnit | None) -> pl.Expr:
    if dtype == pl.String:
        value = value.str.strip_chars()
    elif not (dtype.is_numeric() or dtype == pl.Boolean):
        return _nothing(value, pl.Float64)
    number = value.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _to_truth(value: pl.Expr, dtype: pl.DataType, _unit: TimeUnit | None) -> pl.Expr:
    if dtype == pl.Boolean:
        return value
    if dtype.is_numeric():
        return pl.when(value == 1).then(True).when(value == 0).then(False)
    if dtype == pl.String:
        word = value.str.strip_chars().str.to_lowercase()
        is_true, is_false = word.is_in(TRUE_WORDS), word.is_in(FALSE_WORDS)
        return pl.when(is_true).then(True).when(is_false).then(False)
    return _nothing(value, pl.Boolean)


def _to_time(value: pl.Expr, dtype: pl.DataType, unit: TimeUnit | None) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        aware = value if dtype.time_zone else value.dt.replace_time_zone("UTC")
        return aware.dt.convert_time_zone("UTC").dt.cast_time_unit("ms")
    if dtype == pl.Date:
        return value.cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
    if dtype == pl.String:
        numeric = _from_epoch(value.str.strip_chars().cast(pl.Float64, strict=False), unit)
        if unit in ("s", "ms"):
            return numeric
        return pl.coalesce(_from_iso(value), numeric) if unit is None else _from_iso(value)
    if dtype.is_numeric() and unit != "iso":
        return _from_epoch(value, unit)
    return _nothing(value, TIME)


def _to_list(value: pl.Expr, dtype: pl.DataType, _unit: TimeUnit | None) -> pl.Expr:
    if isinstance(dtype, pl.List | pl.Array):
        texts = value.cast(pl.List(pl.String), strict=False)
    elif dtype.is_nested():
        return _nothing(value, pl.List(pl.String))
    else:
        texts = _to_text(value, dtype, None).str.split(LIST_SEPARATOR)
    stripped = texts.list.eval(pl.element().str.strip_chars())
    return stripped.list.eval(pl.element().filter(pl.element() != ""))


_CASTS: dict[str, Cast] = {
    "text": _to_text,
    "whole": _to_whole,
    "number": _to_number,
    "truth": _to_truth,
    "time": _to_time,
    "list": _to_list,
}
_NAMES = {
    "text": "text",
    "whole": "a whole number",
    "number": "a number",
    "truth": "true or false",
    "time": "a time",
    "list": "a list",
}


def _whole(value: pl.Expr) -> pl.Expr:
    is_whole = (value == value.floor()) & (value.abs() <= LARGEST_EXACT)
    return pl.when(is_whole).then(value.cast(pl.Int64, strict=False))


def _from_epoch(value: pl.Expr, unit: TimeUnit | None) -> pl.Expr:
    epoch_ms = (value * 1000).round() if unit == "s" else value
    return epoch_ms.cast(pl.Int64, strict=False).cast(TIME)


def _from_iso(value: pl.Expr) -> pl.Expr:
    """Read ISO 8601; a time without its zone is UTC."""
    text = value.str.strip_chars().str.replace(r"^(\d{4}-\d\d-\d\d) ", "${1}T")
    text = text.str.replace(r"[zZ]$", "+00:00")
    parsed = []
    for pattern in ISO_FORMATS:
        zone = "UTC" if pattern.endswith("z") else None
        moment = text.str.strptime(pl.Datetime("ms", zone), pattern, strict=False)
        parsed.append(moment if zone else moment.dt.replace_time_zone("UTC"))
    return pl.coalesce(parsed)


def _nothing(value: pl.Expr, dtype: pl.DataType | type[pl.DataType]) -> pl.Expr:
    return pl.when(value.is_null() & value.is_not_null()).then(pl.lit(None, dtype))

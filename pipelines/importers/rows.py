"""From a file's rows to ours: foreign names mapped, values cast, rules kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from core.errors import ConfigError, DataError
from core.events import Checked, check_rows
from core.tables import Column
from pipelines.importers.casts import TimeUnit, cast, cast_date, kind_name, present
from pipelines.importers.chunks import LINE, Chunk

DATES = ("released_at",)
"""Columns that may be written as a year or a day."""
LENGTHS = ("track_ms", "duration_ms")
"""Columns in which foreign files write 0 for a length that they do not know."""
_UNFIT = "__unfit_"


@dataclass(frozen=True, slots=True)
class RowPlan:
    """How the rows of a file become ours.

    Args:
        columns: What a row of ours may have.
        rules: Reason → expression that is true where a typed row breaks it.
        foreign: Our name → the file's, where they differ.
        time_unit: How times are written; None goes by each column's type.
        defaults: Our name → what holds where a row says nothing.

    Raises:
        ConfigError: If `foreign` names a column that is not ours.
    """

    columns: tuple[Column, ...]
    rules: Mapping[str, pl.Expr]
    foreign: Mapping[str, str] = field(default_factory=dict)
    time_unit: TimeUnit | None = None
    defaults: Mapping[str, str | bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a mapping that names what is not ours."""
        ours = [column.name for column in self.columns]
        if unknown := sorted(set(self.foreign) - set(ours)):
            raise ConfigError(
                f"--columns names {', '.join(unknown)}, which this import does not know; "
                f"it knows {', '.join(ours)}"
            )

    @property
    def wanted(self) -> frozenset[str]:
        """The file's columns that matter."""
        return frozenset(self.foreign.get(column.name, column.name) for column in self.columns)

    def names(self, chunk: Chunk) -> dict[str, str]:
        """Return our name → the file's, for the columns that the file has.

        Raises:
            DataError: If a mapped or a required column is not there.
        """
        found = set(chunk.columns)
        absent = sorted(theirs for theirs in self.foreign.values() if theirs not in found)
        if absent and chunk.columns:
            raise DataError(_absent_text(chunk, absent, "maps from"))
        pairs = {c.name: self.foreign.get(c.name, c.name) for c in self.columns}
        required = [c.name for c in self.columns if c.required and pairs[c.name] not in found]
        if required and chunk.columns:
            raise DataError(_absent_text(chunk, required, "lacks"))
        return {ours: theirs for ours, theirs in pairs.items() if theirs in found}

    def adopt(self, chunk: Chunk) -> Checked:
        """Return the chunk's rows in our columns and types, and those that do not fit.

        Raises:
            DataError: If a mapped or a required column is not there.
        """
        names = self.names(chunk)
        typed = [pl.col(LINE)]
        unfit: dict[str, pl.Expr] = {}
        for column in self.columns:
            target = _type(column)
            if column.name not in names:
                typed.append(pl.lit(None, _wide(target)).alias(column.name))
                continue
            dtype = chunk.rows.schema[names[column.name]]
            told = present(names[column.name], dtype)
            value = self._cast(column.name, told, dtype, target)
            typed.append(value.alias(column.name))
            typed.append((told.is_not_null() & value.is_null()).alias(_UNFIT + column.name))
            reason = f"{column.name} is not {kind_name(target)}"
            unfit[reason] = pl.col(_UNFIT + column.name)
        filled = [pl.col(name).fill_null(value) for name, value in self.defaults.items()]
        lengths = [c.name for c in self.columns if c.name in LENGTHS]
        known = [pl.when(pl.col(name) != 0).then(pl.col(name)).alias(name) for name in lengths]
        rows = chunk.rows.select(typed).with_columns(*filled, *known)
        good, rejected = check_rows(rows, {**unfit, **self.rules})
        return Checked(
            good.select(LINE, *(column.name for column in self.columns)),
            rejected.select(LINE, "reason"),
        )

    def _cast(self, name: str, told: pl.Expr, dtype: pl.DataType, target: pl.DataType) -> pl.Expr:
        if name in DATES:
            return cast_date(told, dtype, self.time_unit)
        return cast(told, dtype, target, self.time_unit)


def _type(column: Column) -> pl.DataType:
    return column.dtype if isinstance(column.dtype, pl.DataType) else column.dtype()


def _wide(target: pl.DataType) -> pl.DataType:
    """Return the type that a value has until the rules have judged it."""
    if target.is_integer():
        return pl.Int64()
    return pl.Float64() if target.is_float() else target


def _absent_text(chunk: Chunk, absent: Sequence[str], verb: str) -> str:
    return (
        f"{chunk.path} {verb} {', '.join(absent)}; it has the columns {', '.join(chunk.columns)}. "
        f"Name theirs with --columns ours=theirs, as in --columns {absent[0]}=their_name"
    )

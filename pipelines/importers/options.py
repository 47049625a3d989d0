"""What a caller may say of a file of rows."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from pipelines.importers.casts import TimeUnit


class FileOptions(BaseModel):
    """How a foreign file is to be read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: Mapping[str, str] = Field(default_factory=dict)
    """Our column → the file's, where they differ."""
    time_unit: TimeUnit | None = None
    """How times are written: `s` or `ms` since 1970, `iso` text; None goes by each column's type:
    times as they are, numbers as milliseconds, text as ISO 8601."""

"""What experiments may be judged by: the names alone, for whoever measures nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path

from core.errors import ExperimentError

READY = (
    "listening_hours", "finish_rate", "skip_rate", "likes", "return_next_day", "days_active",
    "generated_share_heard", "creator_reach", "creator_concentration",
)  # fmt: skip
"""Metrics that come with the package."""


def metric_names(path: Path | None = None) -> tuple[str, ...]:
    """Return the names of the metrics there are.

    Args:
        path: The team's metric file, which takes the place of those that come with the package.

    Raises:
        ExperimentError: If the file cannot be read or declares none.
    """
    if path is None:
        return READY
    try:
        declared = tomllib.loads(path.read_text(encoding="utf-8")).get("metrics")
    except (OSError, ValueError) as error:
        raise ExperimentError(
            f"the metric file {path} cannot be read: {error}; mend it, or name another in "
            "[experiments] metrics"
        ) from error
    if not isinstance(declared, dict) or not declared:
        raise ExperimentError(f"the metric file {path} declares none; write [metrics.NAME] tables")
    return tuple(declared)

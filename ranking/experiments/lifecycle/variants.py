"""The feed of a variation: the feed as the settings have it, with what differs put over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from core.errors import ExperimentError
from ranking.assembly import FeedConfig
from ranking.experiments.definitions.spec import VariationSpec


def feed_of(base: FeedConfig, variation: VariationSpec) -> FeedConfig:
    """Return the feed that a variation serves.

    Args:
        base: The feed as the settings have it.
        variation: What differs; tables are put together key by key, anything else is replaced.

    Raises:
        ExperimentError: Naming every setting that does not exist or cannot be so.
    """
    if not variation.feed:
        return base
    try:
        return FeedConfig.model_validate(merged(base.model_dump(), variation.feed))
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc'])) or 'feed'}: {fault['msg']}"
            for fault in error.errors()
        ]
        raise ExperimentError(
            f"variation {variation.key!r} is no feed: {'; '.join(faults)}; docs/settings.md lists "
            "what [feed] takes"
        ) from error


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested values with others put over them.

    >>> merged({"page": {"size": 20, "spread": 1}}, {"page": {"size": 30}})
    {'page': {'size': 30, 'spread': 1}}
    """
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        result[key] = merged(below, value) if both else value  # type: ignore[arg-type]
    return result

"""Forced variations, for testers: named by the caller, or in the query of an address.

Source: GrowthBook SDK specification 0.8.0 (getQueryStringOverride).
"""

from __future__ import annotations

import re

from ranking.experiments.assigning.context import Context

WHOLE_NUMBER = re.compile(r"\s*([+-]?[0-9]+)")


def query_override(key: str, url: str, n_variations: int) -> int | None:
    """Return the variation that an address forces.

    Args:
        key: The experiment.
        url: The address.
        n_variations: How many there are; numbers beyond force nothing.

    >>> query_override("my-test", "http://example.com?my-test=1#top", 2)
    1
    """
    query = url.split("?")[1] if "?" in url else ""
    for pair in query.split("#")[0].split("&"):
        name, _, value = pair.partition("=")
        if name == key:
            number = WHOLE_NUMBER.match(value)
            variation = int(number[1]) if number else -1
            return variation if 0 <= variation < n_variations else None
    return None


def forced_variation(key: str, n_variations: int, context: Context) -> int | None:
    """Return the variation that an address or the caller forces, None where neither does.

    A number beyond the variations that the caller names takes the listener out.
    """
    if context.url:
        override = query_override(key, context.url, n_variations)
        if override is not None:
            return override
    return context.forced.get(key)

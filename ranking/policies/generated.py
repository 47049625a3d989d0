"""Caps how much of a page is generated."""

from __future__ import annotations


def generated_cap(size: int, share: float) -> int:
    """Return how many slots of a page may hold generated tracks.

    Args:
        size: Slots of the page.
        share: Largest share, in [0, 1]; fresh slots count.
    """
    return int(share * size + 1e-9)  # 0.3 * 10 is a hair below 3

"""Cut [0, 1) into one range a variation, and find the range that a place falls into.

Source: GrowthBook SDK specification 0.8.0 (getEqualWeights, getBucketRange, chooseVariation,
inNamespace). Sums are taken from the left, as JavaScript takes them, so that ends agree to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence

from ranking.experiments.bucketing.hashing import hash_bucket

Range = tuple[float, float]
"""From the first number on, up to the second and without it."""

LEAST_TOTAL, LARGEST_TOTAL = 0.99, 1.01  # of weights; beyond, the specification makes them equal


def equal_weights(n_variations: int) -> list[float]:
    """Return the same weight for each variation."""
    return [1 / n_variations] * n_variations if n_variations > 0 else []


def bucket_ranges(
    n_variations: int, coverage: float = 1.0, weights: Sequence[float] | None = None
) -> list[Range]:
    """Return each variation's range.

    A variation starts where the weights before it end, whatever the coverage: raising the
    coverage only moves ends to the right, and nobody changes sides.

    Args:
        n_variations: How many.
        coverage: Share of all listeners; clipped to [0, 1].
        weights: Shares of the variations; equal where they are missing, of another number, or
            add up to less than 0.99 or more than 1.01.
    """
    share = min(max(coverage, 0.0), 1.0)
    chosen = equal_weights(n_variations) if weights is None else list(weights)
    if len(chosen) != n_variations or not LEAST_TOTAL <= _total(chosen) <= LARGEST_TOTAL:
        chosen = equal_weights(n_variations)
    ranges: list[Range] = []
    start = 0.0
    for weight in chosen:
        ranges.append((start, start + share * weight))
        start += weight
    return ranges


def in_range(place: float, span: Range) -> bool:
    """Return whether a place lies in a range."""
    return span[0] <= place < span[1]


def choose_variation(place: float, ranges: Sequence[Range]) -> int:
    """Return the first variation whose range holds a place, -1 for none."""
    for variation, (start, end) in enumerate(ranges):
        if start <= place < end:
            return variation
    return -1


def in_namespace(text: str, namespace: tuple[str, float, float]) -> bool:
    """Return whether an id lies in a namespace: layers as they were before filters.

    Args:
        text: The id.
        namespace: Name, start and end.
    """
    place = hash_bucket(f"__{namespace[0]}", text, 1)
    return place is not None and in_range(place, namespace[1:])


def _total(weights: Sequence[float]) -> float:
    total = 0.0
    for weight in weights:  # not sum(): it compensates from Python 3.12 on, and JavaScript does not
        total += weight
    return total

"""How the features a ranker was grown on were spread, and how far others have moved from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from core.errors import ArtifactError
from ranking.model import Floats

PROFILE_FILE = "feature_profile.json"
BINS = 10
SMALLEST_SHARE = 1e-4
"""An empty bin counts as this: the logarithm of nothing would make any gap infinite."""

Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """How one feature was spread.

    Args:
        edges: (k,) increasing inner borders of k + 1 bins; a value on a border lies above it.
        shares: (k + 2,) share of the rows in each bin, and last of those without a value.
    """

    edges: NDArray[np.float64]
    shares: Shares


@dataclass(frozen=True, slots=True, eq=False)
class FeatureProfile:
    """How each feature was spread over the rows a ranker was grown on.

    Args:
        rows: How many.
        features: Feature → its histogram.
    """

    rows: int
    features: Mapping[str, Histogram]

    def save(self, folder: Path) -> None:
        """Write the profile into a ranker's folder."""
        told = {
            name: {"edges": one.edges.tolist(), "shares": one.shares.tolist()}
            for name, one in self.features.items()
        }
        document = {"rows": self.rows, "features": told}
        (folder / PROFILE_FILE).write_bytes(orjson.dumps(document))

    @classmethod
    def load(cls, folder: Path) -> FeatureProfile:
        """Read the profile back.

        Raises:
            ArtifactError: If it is missing or broken.
        """
        path = folder / PROFILE_FILE
        try:
            document = orjson.loads(path.read_bytes())
            features = {
                name: Histogram(np.asarray(one["edges"], float), np.asarray(one["shares"], float))
                for name, one in document["features"].items()
            }
            return cls(int(document["rows"]), features)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError(
                f"{path} cannot be read ({error}); rankers trained with this version have one"
            ) from error

    def drift(self, names: Sequence[str], values: Floats) -> dict[str, float]:
        """Return feature → population stability index of other rows, for those that both have.

        Below 0.1 little has changed, above 0.25 much has.

        Source:
            Siddiqi, "Credit Risk Scorecards", 2006: the sum of (p - q) ln(p / q) over bins; the
            share of missing values is a bin of its own.
        """
        return {
            name: stability_index(one.shares, spread(values[:, column], one.edges))
            for column, name in enumerate(names)
            if (one := self.features.get(name)) is not None
        }


def profile_of(names: Sequence[str], values: Floats) -> FeatureProfile:
    """Return the profile of rows, cut at deciles; equal deciles make fewer bins.

    Args:
        names: (f,) features.
        values: (n, f), n ≥ 0; NaN where a value is not known.
    """
    features = {}
    for column, name in enumerate(names):
        own = values[:, column]
        known = own[~np.isnan(own)]
        inner = np.linspace(0, 1, BINS + 1)[1:-1]
        # A border between two values that stand next to each other, so that a feature of few
        # values has a bin for each.
        edges = np.unique(np.quantile(known, inner, method="higher")) if known.size else inner[:0]
        features[name] = Histogram(edges.astype(float), spread(own, edges.astype(float)))
    return FeatureProfile(len(values), features)


def spread(values: Floats, edges: NDArray[np.float64]) -> Shares:
    """Return (k + 2,) the share of values in each bin, and last of those that are missing."""
    missing = np.isnan(values)
    placed = np.searchsorted(edges, values[~missing].astype(np.float64), side="right")
    counts = np.append(np.bincount(placed, minlength=edges.size + 1), missing.sum())
    return np.asarray(counts / max(values.size, 1), dtype=np.float64)


def stability_index(before: Shares, after: Shares) -> float:
    """Return how far apart two spreads over the same bins are; 0 where they are equal."""
    p, q = (np.maximum(shares, SMALLEST_SHARE) for shares in (before, after))
    return float(np.sum((q - p) * np.log(q / p)))

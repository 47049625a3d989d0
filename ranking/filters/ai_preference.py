"""Keeps out generated tracks that the listener does not want."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.catalogue import Catalogue, Origin
from ranking.model import AiPreference, Candidates, FeedQuery, Mask


def wanted(origins: NDArray[np.int8], labelled: Mask, preference: AiPreference) -> Mask:
    """Return which tracks a preference lets through; a stricter one lets through a subset.

    Args:
        origins: (n,) `Origin`.
        labelled: (n,) whether provenance is stated.
        preference: `all` takes everything, `labelled` what states its provenance, `none` of that
            what was not generated.
    """
    if preference is AiPreference.ALL:
        return np.ones(origins.shape, dtype=np.bool_)
    stated = labelled | (origins == Origin.HUMAN)
    if preference is AiPreference.LABELLED:
        return np.asarray(stated)
    return np.asarray(stated & (origins != Origin.GENERATED))


@dataclass(frozen=True, slots=True, eq=False)
class AiPreferenceFilter:
    """Allows what the listener's AI preference lets through."""

    catalogue: Catalogue
    name: str = "ai_preference"

    def allows(self, query: FeedQuery, candidates: Candidates) -> Mask:
        """Return (n,) true where the preference lets the track through."""
        rows, known = candidates.rows, self.catalogue
        return wanted(known.origins[rows], known.labelled[rows], query.listener.preferences.ai)

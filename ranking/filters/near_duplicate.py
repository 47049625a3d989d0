"""Keeps out tracks that sound the same as a better candidate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ranking.model import Candidates, FeedQuery, Floats, Mask


class NearDuplicateConfig(BaseModel):
    """When two tracks are taken for one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(default=0.995, gt=0, le=1.01)
    """Cosine of audio vectors from which the worse candidate is dropped; above 1 drops nothing."""
    window: int = Field(default=1000, ge=0, le=5000)
    """Candidates compared, best first; all pairs are looked at, so time grows with its square."""


@dataclass(frozen=True, slots=True, eq=False)
class NearDuplicateFilter:
    """Allows one of several candidates that sound the same: the one that stands first.

    Args:
        vectors: (n_tracks, dim) unit audio vectors; a row of zeros resembles nothing.
        config: Threshold and reach.
    """

    vectors: Floats
    config: NearDuplicateConfig
    name: str = "near_duplicate"

    def allows(self, query: FeedQuery, candidates: Candidates) -> Mask:  # noqa: ARG002
        """Return (n,) false where a kept candidate further up sounds the same."""
        allowed = np.ones(len(candidates), dtype=np.bool_)
        own = self.vectors[candidates.rows[: self.config.window]]
        alike = np.triu(own @ own.T >= self.config.threshold, k=1)
        # Row by row, best first: a track dropped for a better one drops nothing itself.
        for better in np.flatnonzero(alike.any(axis=1)):
            if allowed[better]:
                allowed[: len(own)][alike[better]] = False
        return allowed

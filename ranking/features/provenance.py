"""Who or what made a candidate, and how long it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.catalogue import Origin
from ranking.features.batch import Offered, Requests
from ranking.model import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Provenance:
    """Whether a track was generated or assisted, and its length.

    Args:
        origins: (n_tracks,) `Origin`.
        duration_ms: (n_tracks,); NaN where not known.
    """

    origins: NDArray[np.int8]
    duration_ms: Floats

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("is_generated", "is_assisted", "duration_s")

    def describe(self, requests: Requests, offered: Offered) -> Floats:  # noqa: ARG002
        """Return (n, 3)."""
        origins = self.origins[offered.rows]
        return np.column_stack(
            [
                origins == Origin.GENERATED,
                origins == Origin.ASSISTED,
                self.duration_ms[offered.rows] / 1000,
            ]
        ).astype(np.float32)

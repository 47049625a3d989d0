"""The vectors of a set of recordings by one encoder, in the shape that all are judged in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.audio_evaluation.baselines import standardised

EncoderName = Literal["segue", "mfcc", "random"]


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """What one encoder makes of every recording.

    Attributes:
        encoder: Its name.
        values: (n, dim) unit rows, or statistics that are yet to be standardised.
        is_raw: Whether they are the latter.
    """

    encoder: EncoderName
    values: NDArray[np.floating]
    is_raw: bool = False

    def gallery(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the unit vectors of the recordings that are searched."""
        chosen = self.values[rows]
        return standardised(chosen) if self.is_raw else np.asarray(chosen, dtype=np.float32)

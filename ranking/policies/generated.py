"""Caps how much of a page, and of what a listener was shown lately, is generated."""

from __future__ import annotations

import numpy as np

from ranking.model import Mask

ROUNDING = 1e-9  # 0.3 * 10 is a hair below 3


def generated_cap(size: int, share: float) -> int:
    """Return how many slots of a page may hold generated tracks.

    Args:
        size: Slots of the page.
        share: Largest share, in [0, 1]; fresh slots count.
    """
    return int(share * size + ROUNDING)


def listener_cap(size: int, lately: Mask, share: float) -> int:
    """Return how many slots of a page its listener may still be given for generated tracks.

    Args:
        size: Slots of the page.
        lately: (m,) of the slots the listener was shown lately, which were generated.
        share: Largest share of those slots and the page's together, in [0, 1].
    """
    allowed = generated_cap(size + lately.size, share)
    return max(0, allowed - int(np.count_nonzero(lately)))

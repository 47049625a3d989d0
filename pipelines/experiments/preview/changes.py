"""How two feeds' pages for the same requests differ: pure functions of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranking.evaluation.intervals import Estimate, bootstrap_mean
from ranking.metrics.agreement import rank_biased_overlap
from ranking.model import Rows


class Changes(NamedTuple):
    """How one feed's pages differ from another's.

    Args:
        differing: Share of the pages that differ in any slot.
        replaced: Share of a page's tracks that the other page does not show.
        agreement: Rank-biased overlap, 1 where the pages are the same.
        each: (n,) agreement, page by page.
    """

    differing: Estimate
    replaced: Estimate
    agreement: Estimate
    each: NDArray[np.float64]


def changes(control: Sequence[Rows], treated: Sequence[Rows], rng: np.random.Generator) -> Changes:
    """Compare two feeds page by page.

    Args:
        control: n pages: rows, from the top; one a listener.
        treated: Those of the other feed for the same requests.
        rng: Draws the resamples of listeners behind the intervals.

    Raises:
        ValueError: If one feed has other pages than the other.
    """
    pairs = list(zip(control, treated, strict=True))
    differs = np.array([not np.array_equal(*pair) for pair in pairs], dtype=np.float64)
    replaced = np.array([np.setdiff1d(b, a).size / max(b.size, 1) for a, b in pairs])
    each = np.array([rank_biased_overlap(a, b, max(a.size, b.size, 1)) for a, b in pairs])
    return Changes(
        differing=bootstrap_mean(differs, rng),
        replaced=bootstrap_mean(replaced, rng),
        agreement=bootstrap_mean(each, rng),
        each=each,
    )

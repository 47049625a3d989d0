"""Labels: the words that tell a segment from the others."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ranking.model import Rows

WORDS = 5
PRIOR = 2.0  # tracks of the average kind that every segment starts with
SEPARATOR = " · "
LABEL_WORDS = 2


def telling_words(
    tags: sp.csr_matrix,
    names: tuple[str, ...],
    segments: Rows,
    weights: NDArray[np.floating],
) -> tuple[tuple[str, ...], ...]:
    """Return the tags that are common in each segment and rare elsewhere, the most telling first.

    A tag counts by the share of the segment that has it, times the logarithm of how much greater
    that share is than in the catalogue.

    Args:
        tags: (n, n_tags) positive where a track has a tag.
        names: (n_tags,) the tags.
        segments: (n,) from 0, or negative.
        weights: (n,) what each track counts: those that are heard most speak for their segment.

    Returns:
        (k,) at most `WORDS` tags each.
    """
    count = int(segments.max(initial=-1)) + 1
    known = np.flatnonzero(segments >= 0)
    if not names or not known.size:
        return ((),) * count
    own = sp.csr_matrix(
        (weights[known].astype(np.float64), (segments[known], known)), shape=(count, len(segments))
    )
    has = tags.copy()
    has.data = np.ones_like(has.data)
    mass = np.asarray(own.sum(axis=1)).ravel()
    everywhere = (own @ has).sum(axis=0).A1 / max(mass.sum(), 1e-9)
    share = ((own @ has).toarray() + PRIOR * everywhere) / (mass + PRIOR)[:, None]
    lift = share * np.log(np.maximum(share, 1e-12) / np.maximum(everywhere, 1e-12))
    found = []
    for row in range(count):
        order = np.argsort(-lift[row], kind="stable")[:WORDS]
        found.append(tuple(names[tag] for tag in order if lift[row, tag] > 0))
    return tuple(found)


def label_of(segment_id: str, words: tuple[str, ...]) -> str:
    """Return what people call a segment: its most telling words, or its name without any."""
    return SEPARATOR.join(words[:LABEL_WORDS]) or segment_id

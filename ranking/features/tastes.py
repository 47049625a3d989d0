"""The listeners' factors as of each request: fold-in, many at a time."""

from __future__ import annotations

import numpy as np

from embeddings.collaborative.confidence import confidence_of
from embeddings.collaborative.factors import AlsFactors
from ranking.features.batch import Requests
from ranking.model import Floats


def tastes(requests: Requests, factors: AlsFactors) -> Floats:
    """Return (r, dim) what `folded_in` gives for each listener, zeros where nothing is liked.

    The systems are solved by one call, once for all families that ask; a test holds them to
    `AlsFactors.fold_in`.

    Args:
        requests: Whose tracks stand in the catalogue rows of the factors.
        factors: Track factors.
    """
    known = requests.worked_out.get(id(factors))
    if known is None:
        known = requests.worked_out[id(factors)] = _solved(requests, factors)
    return known


def _solved(requests: Requests, factors: AlsFactors) -> Floats:
    found = np.zeros((len(requests), factors.dim), dtype=np.float32)
    liked = np.flatnonzero(requests.weights > 0)
    bounds = np.searchsorted(liked, requests.starts)
    counts = np.diff(bounds)
    known = np.flatnonzero(counts)
    if not known.size:
        return found
    rows = requests.rows[liked]
    confidence = confidence_of(requests.weights[liked], factors.confidence).astype(np.float32)
    one = np.float32(1.0)
    systems = np.empty((known.size, factors.dim, factors.dim))
    wanted = np.empty((known.size, factors.dim, 1))
    for at, request in enumerate(known):
        part = slice(bounds[request], bounds[request + 1])
        own, trust = factors.tracks[rows[part]], confidence[part]
        # Products in float32, sums with the ridge and the solution in float64: half the time,
        # and a hundred tracks' rounding is far below what a preference means.
        systems[at] = (own.T * (trust - one)) @ own
        wanted[at, :, 0] = trust @ own
    systems += factors.gram
    diagonal = np.arange(factors.dim)
    systems[:, diagonal, diagonal] += factors.ridge.of_user(counts[known])[:, None]
    try:
        found[known] = np.linalg.solve(systems, wanted)[:, :, 0]
    except np.linalg.LinAlgError:  # a system without a ridge may be singular
        for request in known:
            part = slice(bounds[request], bounds[request + 1])
            found[request] = factors.fold_in(rows[part], confidence[part])
    return found

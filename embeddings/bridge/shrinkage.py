"""The shrinkage: how many listeners it takes until plays say more of a track than its sound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

from embeddings.bridge.model import learned_share
from embeddings.bridge.settling import GivenUsers
from embeddings.collaborative.factors import AlsFactors

Wide = NDArray[np.float64]
Rows = NDArray[np.int64]
THINNED_TO = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
ALL = 0  # the level at which nobody was left out
STARTS = (3.0, 30.0, 300.0)  # listeners; the loss is smooth but need not have one valley
LIMITS = ((np.log(0.1), np.log(1e7)), (np.log(0.3), np.log(4.0)))  # of half_listeners, steepness


@dataclass(frozen=True, slots=True, eq=False)
class Thinned:
    """Well-known tracks as they would look had fewer listeners met them.

    With trust t in the bridge a track's factor misses what it became by `missed + t * moved`.

    Attributes:
        levels: (m,) of `THINNED_TO`, or `ALL`.
        listeners: (m,) who were left.
        missed: (m, k) learned from those, less what was learned from everyone.
        moved: (m, k) what the bridge adds.
        full: (m, k) what was learned from everyone.
    """

    levels: Rows
    listeners: Rows
    missed: Wide
    moved: Wide
    full: Wide


@dataclass(frozen=True, slots=True, eq=False)
class Shrinkage:
    """The fitted weight, and the curve it was fitted to.

    Attributes:
        half_listeners: See `Bridge.learned_share`.
        steepness: Likewise.
        levels: (c,) what tracks were thinned to.
        best: (c,) the learned share that would be best there.
        fitted: (c,) the learned share there is.
        errors: (c, 3) squared error of plays alone, of sound alone where nobody's silence is a
            "no", and of the fitted share, each over that of a factor of zeros.
    """

    half_listeners: float
    steepness: float
    levels: Rows
    best: Wide
    fitted: Wide
    errors: Wide


def thin(
    factors: AlsFactors,
    confidence: sparse.csr_matrix,
    rows: Rows,
    expected: Wide,
    rng: np.random.Generator,
) -> Thinned:
    """Learn well-known tracks again from some of their listeners.

    Listeners keep their factors: among some thousand, one track's plays move those little.

    Args:
        factors: Learned from everyone.
        confidence: (n_users, n_tracks), what they were learned from.
        rows: (t,) tracks.
        expected: (t, k) their bridged factors, by maps that never saw them.
        rng: Draws who is left.
    """
    plays, system = sparse.csc_matrix(confidence), GivenUsers(factors)
    levels, listeners, missed, moved, full = [], [], [], [], []
    for row, guess in zip(rows, expected, strict=True):
        span = slice(plays.indptr[row], plays.indptr[row + 1])
        order = rng.permutation(span.stop - span.start)
        who, sure = plays.indices[span][order], plays.data[span][order]
        whole, added = system.solve(who, sure, guess)
        found = [(ALL, len(who), np.zeros_like(whole), added)]
        for count in (n for n in THINNED_TO if n < len(who)):
            part, added = system.solve(who[:count], sure[:count], guess)
            found.append((count, count, part - whole, added))
        for level, left, miss, add in found:
            levels.append(level)
            listeners.append(left)
            missed.append(miss)
            moved.append(add)
            full.append(whole)
    return Thinned(*(np.array(column) for column in (levels, listeners, missed, moved, full)))


def fit_shrinkage(thinned: Thinned, metric: Wide) -> Shrinkage:
    """Choose the share that brings thinned tracks nearest to what they became.

    Every level counts the same, however many tracks reach it. At `ALL` nothing was left out, so
    that whatever the bridge adds is an error: this is what pulls the share to 1.

    Args:
        thinned: Tracks at several numbers of listeners.
        metric: (k, k), see `Examples`.
    """
    levels, place, sizes = np.unique(thinned.levels, return_inverse=True, return_counts=True)
    weight = 1.0 / sizes[place]
    miss, move = thinned.missed @ metric, thinned.moved @ metric
    parts = [np.einsum("ij,ij->i", *pair) for pair in ((miss, miss), (miss, move), (move, move))]

    def errors(parameters: NDArray[np.floating]) -> Wide:
        half, steepness = np.exp(parameters)
        trust = 1.0 - learned_share(thinned.listeners, half, steepness)
        return np.asarray(parts[0] + 2 * trust * parts[1] + trust**2 * parts[2])

    fits = [
        optimize.minimize(
            lambda p: float(weight @ errors(p)),
            (np.log(start), 0.0),
            method="Nelder-Mead",
            bounds=LIMITS,
        )
        for start in STARTS
    ]
    best = min(fits, key=lambda fit: float(fit.fun)).x
    half, steepness = (float(value) for value in np.exp(best))

    def mean(values: Wide) -> Wide:
        return np.asarray(np.bincount(place, weights=values) / sizes)

    nothing = mean(np.sum((thinned.full @ metric) ** 2, axis=1))
    trusted = mean(parts[0] + 2 * parts[1] + parts[2])
    table = np.column_stack([mean(parts[0]), trusted, mean(errors(best))]) / nothing[:, None]
    ideal = 1.0 + mean(parts[1]) / np.maximum(mean(parts[2]), 1e-30)
    fitted = mean(learned_share(thinned.listeners, half, steepness))
    return Shrinkage(half, steepness, levels, np.clip(ideal, 0.0, 1.0), fitted, table)

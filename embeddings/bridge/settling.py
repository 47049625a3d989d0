"""Settling: from the factor of what a track sounds like to the factor of who plays it.

Plain ALS takes every listener who did not play a track for a "no". Of a track that few have met,
that is wrong: most had no occasion. So a listener without a play counts as a "no" with probability
s, and otherwise as what the bridge expects of them, their score for the bridged factor b:

    y = argmin  Σ_played c (1 - x·y)² + Σ_others [s (x·y)² + (1 - s)(x·y - x·b)²]
                + λ [s |y|² + (1 - s)|y - b|²]

Its normal equations are those of ALS, A = XᵀX + Σ_played (c - 1) x xᵀ + λI, with a second
right-hand side, so that y = y_learned + (1 - s) A⁻¹ (XᵀX - Σ_played x xᵀ + λI) b. Without plays s
is 0 and y is b; with many s goes to 1 and y is what ALS learned. Plays count in full from the
first.

Source: Hu, Koren and Volinsky 2008 (equation 5) for the learned part; a preference other than 0 for
what was not observed as in Devooght, Kourtellis and Mantrach, "Dynamic Matrix Factorization with
Priors on Unknown Values", 2015.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from embeddings.bridge.model import Bridge
from embeddings.collaborative.factors import AlsFactors, gram_matrix

Wide = NDArray[np.float64]
NEGLIGIBLE = 1e-3  # share of sound below which a factor is left as it was learned


def settled(
    factors: AlsFactors,
    confidence: sparse.csr_matrix,
    vectors: NDArray[np.float32],
    listeners: NDArray[np.floating],
    bridge: Bridge,
) -> AlsFactors:
    """Return factors in which every track with audio has a place, played or not.

    Args:
        factors: Plain ALS factors; those of listeners stay as they are.
        confidence: (n_users, n_tracks), what they were learned from.
        vectors: (n_tracks, dim) unit rows; a track whose row is zero keeps its learned factor.
        listeners: (n_tracks,) who met each track, whether or not they liked it.
        bridge: Fitted to them.
    """
    if not bridge.speaks:
        return factors
    expected = bridge.expect(vectors, listeners)
    trust = np.where(np.any(vectors != 0, axis=1), 1.0 - bridge.learned_share(listeners), 0.0)
    tracks = np.array(factors.tracks, dtype=np.float32)
    plays = sparse.csc_matrix(confidence)
    silent = np.diff(plays.indptr) == 0
    tracks[silent] += (trust[silent, None] * expected[silent]).astype(np.float32)
    system = GivenUsers(factors)
    for row in np.flatnonzero(~silent & (trust > NEGLIGIBLE)):
        span = slice(plays.indptr[row], plays.indptr[row + 1])
        solved = system.solve(plays.indices[span], plays.data[span], expected[row])
        tracks[row] += (trust[row] * solved[1]).astype(np.float32)
    return replace(factors, tracks=tracks)


class GivenUsers:
    """The systems of tracks among listeners whose factors are given.

    Args:
        factors: Their factors and the ridge, of a track by how many play it.
    """

    def __init__(self, factors: AlsFactors) -> None:
        self.users = factors.users.astype(np.float64)
        self.gram = gram_matrix(factors.users)
        self.ridge = factors.ridge

    def solve(
        self, who: NDArray[np.integer], sure: NDArray[np.floating], expected: NDArray[np.floating]
    ) -> tuple[Wide, Wide]:
        """Solve for one track.

        Args:
            who: (p,) rows of its listeners.
            sure: (p,) their confidences.
            expected: (k,) its bridged factor.

        Returns:
            (k,) what its plays alone say, and (k,) what is added where the silence of the others
            is taken for the bridge's word.
        """
        own, c = self.users[who], np.asarray(sure, dtype=np.float64)
        ridged = self.gram + self.ridge.of_track(len(who)) * np.eye(own.shape[1])
        system = ridged + (own.T * (c - 1.0)) @ own
        unmet = ridged - own.T @ own
        sides = np.column_stack([own.T @ c, unmet @ expected])
        found = linalg.solve(system, sides, assume_a="pos", check_finite=False)
        return found[:, 0], found[:, 1]

"""A baseline that is hard to beat: EASE and four ALS fits, standardised and added up, untrained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.ids import Ids
from core.randomness import derive_seed
from embeddings.collaborative.als import fit_als
from embeddings.collaborative.autoencoder import closed_form_inverse
from embeddings.collaborative.confidence import ConfidenceConfig, confidence
from embeddings.collaborative.factors import AlsConfig, AlsFactors
from pipelines.fitting import PreferenceMatrix
from ranking.features.prominence import standard
from ranking.model import NO_ROWS, Floats, Rows

EASE_RIDGE = 100.0
EASE_LISTENERS = 3  # fewer, and a track takes no part
EASE_TRACKS = 20_000  # the most played; more would take more memory than a baseline is worth


def _plain_als(dim: int, ridge: float, alpha: float) -> AlsConfig:
    scheme = ConfidenceConfig(scheme="log", alpha=alpha)
    return AlsConfig(dim=dim, iterations=10, regularization=ridge, confidence=scheme)


FITS = (
    _plain_als(32, 10.0, 1.0),
    _plain_als(64, 10.0, 1.0),
    _plain_als(64, 30.0, 2.0),
    _plain_als(128, 30.0, 2.0),
)
"""With one ridge for all, as most toolkits fit it."""


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceBlend:
    """EASE on who played what, and the four fits.

    Args:
        users: Listeners ↔ rows.
        played: (n_users, n_tracks) CSR of ones.
        kept: (k,) the tracks that EASE knows.
        inverse: (k, k) of their regularised Gram matrix.
        fits: The factorisations.
    """

    users: Ids
    played: sparse.csr_matrix
    kept: Rows
    inverse: Floats
    fits: tuple[AlsFactors, ...]

    def ease(self, user_id: str) -> Floats:
        """Return (n_tracks,) what EASE foretells; zeros for a listener it does not know."""
        scores = np.zeros(self.played.shape[1], dtype=np.float32)
        heard = np.isin(self.kept, self._heard(user_id))
        # xB with B = I - P / diag(P); a track's own play is not looked at, for it is masked.
        scores[self.kept] = -(self.inverse[heard].sum(axis=0) / np.diag(self.inverse))
        return scores

    def total(self, user_id: str) -> Floats:
        """Return (n_tracks,) the plain sum of the five, each in standard deviations."""
        parts = [np.nan_to_num(standard(self.ease(user_id)))]
        row = self.users.row(user_id)
        if row >= 0:
            parts += [np.nan_to_num(standard(fit.tracks @ fit.users[row])) for fit in self.fits]
        return np.asarray(np.sum(parts, axis=0), dtype=np.float32)

    def _heard(self, user_id: str) -> NDArray[np.integer]:
        row = self.users.row(user_id)
        if row < 0:
            return NO_ROWS
        start, stop = self.played.indptr[row], self.played.indptr[row + 1]
        return np.asarray(self.played.indices[start:stop])


def fit_reference(known: PreferenceMatrix, track_ids: tuple[str, ...], seed: int) -> ReferenceBlend:
    """Fit the five.

    Args:
        known: Who wants what.
        track_ids: (n_tracks,) ids of its columns.
        seed: Decides the start of the fits.
    """
    played = sparse.csr_matrix(known.weights, dtype=np.float32, copy=True)
    played.data = np.ones_like(played.data)
    listeners = np.bincount(played.indices, minlength=played.shape[1])
    kept = np.flatnonzero(listeners >= EASE_LISTENERS)
    kept = np.sort(kept[np.argsort(-listeners[kept], kind="stable")[:EASE_TRACKS]])
    return ReferenceBlend(
        users=Ids(known.user_ids),
        played=played,
        kept=kept,
        inverse=closed_form_inverse(sparse.csr_matrix(played[:, kept]), EASE_RIDGE),
        fits=tuple(
            fit_als(
                confidence(known.weights, config.confidence),
                known.user_ids,
                track_ids,
                config,
                derive_seed(seed, "reference", at),
            )
            for at, config in enumerate(FITS)
            if known.weights.nnz
        ),
    )

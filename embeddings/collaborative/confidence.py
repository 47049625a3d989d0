"""From how often a track was played to how sure we are that it is liked."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import sparse

from core.errors import DataError

Scheme = Literal["linear", "log", "power", "binary", "relative"]


class ConfidenceConfig(BaseModel):
    """How play counts become confidences."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scheme: Scheme = "log"
    """`linear` 1 + a·n; `log` 1 + a·ln(1 + n/e); `power` 1 + a·n^e; `binary` 1 + a; `relative`
    1 + a·(ln(1 + n) / m)^e, m the listener's own mean of ln(1 + n)."""
    alpha: float = Field(default=10.0, gt=0, le=10_000)
    """a: how much one play weighs against the never-played tracks, whose confidence is 1; 1 / a is
    the unobserved weight that others call alpha0."""
    epsilon: float = Field(default=1.0, gt=0, le=1_000_000)
    """e: for `log` the count at which growth bends, for `power` and `relative` the exponent."""


def confidence_of(counts: NDArray[np.floating], config: ConfidenceConfig) -> NDArray[np.float32]:
    """Turn one listener's play counts into confidences; the same rule trains and folds in.

    `relative` asks how a track stands among the listener's own: what is a lot of one who plays
    everything twice is little of one who plays everything a thousand times.

    Args:
        counts: (k,) positive tallies of one listener, possibly weighted.
        config: The scheme and its parameters.

    Returns:
        (k,) float32, each above 1.

    Source:
        Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", 2008,
        section 4 (linear and log); `power` and `binary` are the usual variants, `relative` is ours.
    """
    return _confidences(np.asarray(counts, np.float64), np.array([0, len(counts)]), config)


def _confidences(
    n: NDArray[np.float64], starts: NDArray[np.integer], config: ConfidenceConfig
) -> NDArray[np.float32]:
    """Turn the counts of listeners one after another, the first of each at `starts`."""
    if config.scheme == "linear":
        gain = n
    elif config.scheme == "log":
        gain = np.log1p(n / config.epsilon)
    elif config.scheme == "power":
        gain = np.power(n, config.epsilon)
    elif config.scheme == "relative":
        gain = np.power(relative(n, starts), config.epsilon)
    else:
        gain = np.ones_like(n)
    return (1.0 + config.alpha * gain).astype(np.float32)


def relative(n: NDArray[np.float64], starts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return ln(1 + n) of each count over its mean among the counts of the same listener.

    Args:
        n: (nnz,) positive counts, listener by listener.
        starts: (n_users + 1,) where each listener's counts begin.
    """
    gain = np.log1p(n)
    sizes = np.diff(starts)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    means = np.bincount(owner, gain, minlength=len(sizes)) / np.maximum(sizes, 1)
    return np.asarray(gain / np.maximum(means[owner], np.finfo(np.float64).tiny))


def confidence(plays: sparse.csr_matrix, config: ConfidenceConfig) -> sparse.csr_matrix:
    """Turn a matrix of play counts into one of confidences.

    Args:
        plays: (n_users, n_tracks) tallies, not negative; stored zeros are dropped.
        config: The scheme and its parameters.

    Returns:
        (n_users, n_tracks) float32 CSR with sorted rows.

    Raises:
        DataError: If a tally is negative or not finite.
    """
    counts = sparse.csr_matrix(plays, copy=True)
    counts.sum_duplicates()
    counts.eliminate_zeros()
    broken = ~np.isfinite(counts.data) | (counts.data < 0)
    if broken.any():
        at = int(np.flatnonzero(broken)[0])
        user = int(np.searchsorted(counts.indptr, at, side="right")) - 1
        raise DataError(
            f"user row {user} has a tally of {counts.data[at]}; tallies must be finite and >= 0"
        )
    data = _confidences(counts.data.astype(np.float64), counts.indptr, config)
    return sparse.csr_matrix((data, counts.indices, counts.indptr), shape=counts.shape)

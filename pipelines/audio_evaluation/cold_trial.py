"""One cold start: tracks whose every play is hidden, and who finds their listeners again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from core.randomness import derive_seed, generator
from embeddings.collaborative.factors import AlsFactors
from pipelines.fitting import FactorsConfig, PreferenceMatrix, collaborate, factorize
from ranking.catalogue import Catalogue
from ranking.model import Floats, Mask, Rows

DEPTH = 50  # tracks recommended to a listener
BLOCK_LISTENERS = 256  # of a dense block of scores: 200 MB at 100,000 tracks
MODELS = (
    "bridge",
    "settled",
    "audio_profile",
    "tag_profile",
    "tag_popularity",
    "random",
    "ceiling_of_others",
    "ceiling",
)
Side: TypeAlias = NDArray[np.floating] | sp.csr_matrix


@dataclass(frozen=True, slots=True, eq=False)
class Listening:
    """Who met, wants and chose what, in catalogue rows.

    Attributes:
        known: Who wants what.
        met: (n_users, n_tracks) bool csr: any tally.
        chosen: (n_users, n_tracks) bool csr: what a recommendation is to find.
    """

    known: PreferenceMatrix
    met: sp.csr_matrix
    chosen: sp.csr_matrix

    def without(self, hidden: Mask, listeners: Mask) -> Listening:
        """Return the listening as if some listeners had never met some tracks.

        Args:
            hidden: (n_tracks,) which tracks.
            listeners: (n_users,) which listeners.
        """
        weights = _without(self.known.weights, hidden, listeners)
        known = PreferenceMatrix(self.known.user_ids, weights)
        return replace(self, known=known, met=_without(self.met, hidden, listeners))


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What one seed hides, and who is asked.

    Attributes:
        catalogue: The tracks.
        listening: All of it.
        hidden: (n_tracks,) the tracks whose every play is hidden.
        asked: (a,) listeners who chose one of them, or more.
        seed: Decides everything random.
    """

    catalogue: Catalogue
    listening: Listening
    hidden: Mask
    asked: Rows
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Affinity:
    """Scores as inner products: `left @ right.T` is (n_users, n_tracks)."""

    left: Side
    right: Side

    def of(self, users: Rows) -> Floats:
        """Return (len(users), n_tracks) scores."""
        scores = self.left[users] @ self.right.T
        dense = scores if isinstance(scores, np.ndarray) else scores.toarray()
        return np.asarray(dense, dtype=np.float32)


def draw_trial(
    catalogue: Catalogue,
    heard: Mask,
    listening: Listening,
    hidden_share: float,
    listeners: int,
    seed: int,
) -> Trial:
    """Draw what is hidden among the tracks that have audio and were chosen, and who is asked.

    Args:
        catalogue: The tracks.
        heard: (n_tracks,) which of them have audio.
        listening: Who met, wants and chose what.
        hidden_share: Of the tracks that may be hidden.
        listeners: Asked at most.
        seed: Decides both.
    """
    chosen = np.asarray(listening.chosen.sum(axis=0)).ravel() > 0
    eligible = np.flatnonzero(heard & catalogue.servable & chosen)
    rng = generator(seed, "cold-start")
    count = round(hidden_share * eligible.size)
    hidden = np.zeros(len(catalogue), dtype=np.bool_)
    hidden[rng.choice(eligible, count, replace=False)] = True
    wanting = np.flatnonzero(np.asarray(listening.chosen[:, hidden].sum(axis=1)).ravel() > 0)
    asked = np.sort(rng.permutation(wanting)[:listeners]).astype(np.int64)
    return Trial(catalogue, listening, hidden, asked, seed)


def run_trial(
    trial: Trial, vectors: Floats, config: FactorsConfig
) -> Mapping[str, NDArray[np.float64]]:
    """Let every model recommend, and return what it found.

    Args:
        trial: What is hidden.
        vectors: (n_tracks, dim) unit rows; zero rows where a track has no audio.
        config: How factors and bridge are fitted, to what is not hidden.

    Returns:
        Model → (a, 2): of the hidden tracks that each listener chose, the share that stands in a
        list of `DEPTH` of all tracks they have not met, and in one of the hidden tracks alone.
    """
    everyone = np.ones(len(trial.listening.known.user_ids), dtype=np.bool_)
    seen = trial.listening.without(trial.hidden, everyone)
    found = {
        name: _found(trial, seen, affinity, trial.asked)
        for name, affinity in _rivals(trial, vectors, seen, config).items()
    }
    found["random"] = _by_chance(trial, seen)
    found["ceiling_of_others"] = _told_by_others(trial, seen, config)
    return {name: found[name] for name in MODELS}


def _rivals(
    trial: Trial, vectors: Floats, seen: Listening, config: FactorsConfig
) -> dict[str, Affinity]:
    tags = trial.catalogue.tags
    seed = derive_seed(trial.seed, "factors")
    met = np.asarray(seen.met.sum(axis=0), dtype=np.float32).ravel()
    fitted = collaborate(seen.known, trial.catalogue, vectors, met, config, seed)
    fresh = np.where(trial.hidden[:, None], fitted.bridge.predict(vectors), fitted.plain.tracks)
    damped = seen.known.weights.copy()
    damped.data = np.log1p(damped.data)
    popular = tags @ (tags.T @ met)
    return {
        "bridge": Affinity(fitted.plain.users, fresh),
        "settled": _of(fitted.factors),
        "audio_profile": Affinity(damped @ vectors, vectors),
        "tag_profile": Affinity((damped @ tags).tocsr(), tags),
        "tag_popularity": Affinity(np.ones((damped.shape[0], 1)), popular[:, None]),
        "ceiling": _of(factorize(trial.listening.known, trial.catalogue, config.als, seed)),
    }


def _of(factors: AlsFactors) -> Affinity:
    return Affinity(factors.users, factors.tracks)


def _told_by_others(trial: Trial, seen: Listening, config: FactorsConfig) -> NDArray[np.float64]:
    """Judge ALS that knows the hidden tracks from the other half of the listeners."""
    half = generator(trial.seed, "halves").random(len(seen.known.user_ids)) < 0.5
    found = np.empty((trial.asked.size, 2))
    for side in (half, ~half):
        told = trial.listening.without(trial.hidden, side)
        seed = derive_seed(trial.seed, "factors")
        factors = factorize(told.known, trial.catalogue, config.als, seed)
        judged = side[trial.asked]
        found[judged] = _found(trial, seen, _of(factors), trial.asked[judged])
    return found


def _found(trial: Trial, seen: Listening, affinity: Affinity, users: Rows) -> NDArray[np.float64]:
    # Ties are broken by a shuffle: the order of a catalogue often follows its popularity.
    shuffle = generator(trial.seed, "ties").permutation(len(trial.catalogue))
    found = np.empty((users.size, 2))
    for start in range(0, users.size, BLOCK_LISTENERS):
        some = users[start : start + BLOCK_LISTENERS]
        scores = affinity.of(some)
        wanted = _wanted(trial, some)
        for at, allowed in enumerate(_galleries(trial, seen, some)):
            ranked = np.argsort(
                -np.where(allowed, scores, -np.inf)[:, shuffle], axis=1, kind="stable"
            )
            top = shuffle[ranked[:, :DEPTH]]
            hits = np.take_along_axis(wanted, top, axis=1).sum(axis=1)
            found[start : start + some.size, at] = hits / wanted.sum(axis=1)
    return found


def _by_chance(trial: Trial, seen: Listening) -> NDArray[np.float64]:
    """Return what a random order finds on average, without drawing one."""
    parts = []
    for start in range(0, trial.asked.size, BLOCK_LISTENERS):
        some = trial.asked[start : start + BLOCK_LISTENERS]
        sizes = [allowed.sum(axis=1) for allowed in _galleries(trial, seen, some)]
        parts.append(np.minimum(1.0, DEPTH / np.column_stack(sizes)))
    return np.concatenate(parts)


def _galleries(trial: Trial, seen: Listening, users: Rows) -> tuple[Mask, Mask]:
    """Return (len(users), n_tracks) what may be recommended: anything not met; hidden tracks."""
    fresh = trial.catalogue.servable & ~seen.met[users].toarray()
    return fresh, np.broadcast_to(trial.hidden, fresh.shape)


def _wanted(trial: Trial, users: Rows) -> Mask:
    return np.asarray(trial.listening.chosen[users].toarray() & trial.hidden)


def _without(matrix: sp.csr_matrix, hidden: Mask, listeners: Mask) -> sp.csr_matrix:
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    kept = ~(hidden[matrix.indices] & listeners[rows])
    at = (rows[kept], matrix.indices[kept])
    return sp.csr_matrix((matrix.data[kept], at), shape=matrix.shape, dtype=matrix.dtype)

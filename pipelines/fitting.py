"""From a history to what a feed reads: factors, neighbours and statistics in catalogue rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from core.events import DAY_MS
from core.randomness import derive_seed
from embeddings.bridge.configuration import BridgeConfig
from embeddings.bridge.fitting import fit_bridge
from embeddings.bridge.model import Bridge, no_bridge
from embeddings.bridge.settling import settled
from embeddings.collaborative.als import fit_als
from embeddings.collaborative.autoencoder import AutoencoderConfig, fit_autoencoder
from embeddings.collaborative.confidence import ConfidenceConfig, confidence
from embeddings.collaborative.factors import AlsConfig, AlsFactors
from embeddings.collaborative.neighbours import ItemNeighbours, NeighboursConfig, fit_neighbours
from embeddings.index import VectorIndex
from pipelines.history import History
from pipelines.ranker_training.shown_rates import shown_rates
from ranking.catalogue import Catalogue
from ranking.learned import Learned, TrackStatistics
from ranking.listeners.preference import weigh
from ranking.loading import no_factors
from ranking.model import Floats, Rows


class StatisticsConfig(BaseModel):
    """How play counts become statistics."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    half_life_days: float = Field(default=7.0, gt=0)
    """Age at which a play counts half towards `recent`."""
    prior_plays: float = Field(default=20.0, ge=0)
    """Plays at the catalogue's mean rate that every track starts with."""


class FactorsConfig(BaseModel):
    """What is learned from listening, and what of it sound can stand in for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    als: AlsConfig = AlsConfig(
        dim=32, regularization=10.0, confidence=ConfidenceConfig(scheme="log", alpha=1.0)
    )
    """ALS, safe for dense listening of few tracks; sparse listening of many gains much by a ridge
    that grows and relative confidences, see docs/candidates.md."""
    bridge: BridgeConfig = BridgeConfig()
    """Factors from audio, where plays are few or none."""
    neighbours: NeighboursConfig = NeighboursConfig(weighting="tfidf", limit=200)
    """Co-listened tracks."""
    autoencoder: AutoencoderConfig = AutoencoderConfig()
    """Tracks foretold from each other."""
    statistics: StatisticsConfig = StatisticsConfig()
    """Popularity and rates."""


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Audio vectors and their index, in catalogue rows.

    Args:
        vectors: (n_tracks, dim); zero rows where a track has none.
        index: Over the same rows.
    """

    vectors: Floats
    index: VectorIndex


@dataclass(frozen=True, slots=True, eq=False)
class PreferenceMatrix:
    """How much each listener wants each track.

    Args:
        user_ids: (n_users,).
        weights: (n_users, n_tracks) csr, positive.
    """

    user_ids: tuple[str, ...]
    weights: sp.csr_matrix


@dataclass(frozen=True, slots=True, eq=False)
class Collaborative:
    """What listeners have in common, before and after sound had its say.

    Args:
        plain: ALS factors in catalogue rows; zeros where nobody played anything.
        factors: The same where plays are many; towards what the bridge expects where they are few,
            and exactly that where there are none. Zeros without plays and audio.
        bridge: What gives tracks that come later their factors.
    """

    plain: AlsFactors
    factors: AlsFactors
    bridge: Bridge


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Everything that was learned from a history.

    Args:
        learned: What a feed reads.
        collaborative: Where its factors come from.
    """

    learned: Learned
    collaborative: Collaborative


def fit_learned(
    history: History,
    catalogue: Catalogue,
    audio: Audio,
    config: FactorsConfig,
    seed: int,
    *,
    now_ms: int,
    told: Callable[[int, int], None] | None = None,
) -> Learned:
    """Learn from a history everything that a feed reads besides the ranker; see `fit_history`."""
    return fit_history(history, catalogue, audio, config, seed, now_ms=now_ms, told=told).learned


def fit_history(
    history: History,
    catalogue: Catalogue,
    audio: Audio,
    config: FactorsConfig,
    seed: int,
    *,
    now_ms: int,
    told: Callable[[int, int], None] | None = None,
) -> Fit:
    """Learn from a history everything that a feed reads besides the ranker, and the bridge.

    Args:
        history: Nothing later than `now_ms`.
        catalogue: The tracks; every result is in its rows.
        audio: Vectors and index in its rows.
        config: Sizes and weights.
        seed: Decides the factors' start and every draw of the bridge.
        now_ms: The moment statistics are taken at.
        told: Called with (iterations done, in all).
    """
    tallies = history.tallies()
    known = preferences(tallies, catalogue)
    statistics = track_statistics(history, tallies, catalogue, config.statistics, now_ms)
    met = _met(tallies, catalogue)
    collaborative = collaborate(known, catalogue, audio.vectors, met, config, seed, told)
    learned = Learned(
        vectors=audio.vectors,
        index=audio.index,
        factors=collaborative.factors,
        neighbours=neighbours(known, catalogue, config.neighbours),
        autoencoder=fit_autoencoder(
            known.weights, catalogue.tags, catalogue.tracks.values, config.autoencoder
        ),
        statistics=statistics,
        shown=shown_rates(history.impressions, history.events, catalogue).compacted(now_ms),
    )
    return Fit(learned, collaborative)


def collaborate(
    known: PreferenceMatrix,
    catalogue: Catalogue,
    vectors: Floats,
    met: Floats,
    config: FactorsConfig,
    seed: int,
    told: Callable[[int, int], None] | None = None,
) -> Collaborative:
    """Factorise preferences, and give tracks with few or no plays factors by their sound.

    Args:
        known: Who wants what.
        catalogue: The tracks.
        vectors: (n_tracks, dim) unit rows; zero rows where a track has no audio.
        met: (n_tracks,) listeners who met each track, whether or not they want it.
        config: Sizes and weights.
        seed: Decides the factors' start and every draw of the bridge.
        told: Called with (iterations done, in all).
    """
    plain = factorize(known, catalogue, config.als, seed, told)
    if not (config.bridge.enabled and known.weights.nnz and np.any(vectors)):
        return Collaborative(plain, plain, no_bridge(vectors.shape[1], plain.dim))
    weights = confidence(known.weights, config.als.confidence)
    bridge = fit_bridge(plain, weights, vectors, met, config.bridge, derive_seed(seed, "bridge"))
    return Collaborative(plain, settled(plain, weights, vectors, met, bridge), bridge)


def factorize(
    known: PreferenceMatrix,
    catalogue: Catalogue,
    config: AlsConfig,
    seed: int,
    told: Callable[[int, int], None] | None = None,
) -> AlsFactors:
    """Return ALS factors in catalogue rows; zeros where nobody played anything."""
    track_ids = catalogue.tracks.values
    if known.weights.nnz == 0:
        return no_factors(track_ids)
    weights = confidence(known.weights, config.confidence)
    return fit_als(
        weights, known.user_ids, track_ids, config, derive_seed(seed, "als"), progress=told
    )


def neighbours(
    known: PreferenceMatrix, catalogue: Catalogue, config: NeighboursConfig
) -> ItemNeighbours:
    """Return co-listened tracks in catalogue rows, from damped preferences.

    The logarithm keeps one listener's thousandth play from deciding what belongs together.
    """
    damped = known.weights.copy()
    damped.data = np.log1p(damped.data)
    return fit_neighbours(damped, catalogue.tracks.values, config)


def preferences(tallies: pl.DataFrame, catalogue: Catalogue) -> PreferenceMatrix:
    """Return the preference matrices of tallies; pairs of unknown tracks are left out."""
    rows = catalogue.tracks.rows(tallies["track_id"].to_list())
    kept = tallies.with_columns(row=pl.Series(rows)).filter(pl.col("row") >= 0)
    user_ids = tuple(kept["user_id"].unique().sort().to_list())
    users = (
        pl.DataFrame({"user_id": user_ids}, schema={"user_id": pl.String})
        .with_row_index("user")
        .cast({"user": pl.Int64})
    )
    kept = kept.join(users, on="user_id", how="left", maintain_order="left")
    shape = (len(user_ids), len(catalogue))
    at = (kept["user"].to_numpy(), kept["row"].to_numpy())
    plays = kept["plays"].to_numpy().astype(np.float32)
    weights = weigh(
        plays,
        kept["finishes"].to_numpy().astype(np.float32),
        kept["skips"].to_numpy().astype(np.float32),
        opinions(kept),
    )
    positive = weights > 0
    wanted = (weights[positive], (at[0][positive], at[1][positive]))
    return PreferenceMatrix(
        user_ids=user_ids,
        weights=sp.csr_matrix(wanted, shape=shape, dtype=np.float32),
    )


def opinions(tallies: pl.DataFrame) -> NDArray[np.int8]:
    """Return (n,) 1 liked or saved, -1 disliked or hidden, 0 neither."""
    against = pl.col("disliked") | pl.col("hidden")
    verdict = pl.when(against).then(-1).when(pl.col("liked") | pl.col("saved")).then(1).otherwise(0)
    return tallies.select(verdict.cast(pl.Int8).alias("opinion"))["opinion"].to_numpy()


def _met(tallies: pl.DataFrame, catalogue: Catalogue) -> Floats:
    """Return (n_tracks,) distinct listeners with any tally: a dislike is evidence too."""
    return _summed(catalogue.tracks.rows(tallies["track_id"].to_list()), len(catalogue))(
        np.ones(tallies.height)
    )


def track_statistics(
    history: History,
    tallies: pl.DataFrame,
    catalogue: Catalogue,
    config: StatisticsConfig,
    now_ms: int,
) -> TrackStatistics:
    """Return how tracks fared up to a moment.

    Rates are shrunk towards the catalogue's mean: with few plays a rate says little.

    Args:
        history: Nothing later than `now_ms`.
        tallies: Its tallies.
        catalogue: The tracks.
        config: Decay and shrinkage.
        now_ms: The moment.
    """
    rows = catalogue.tracks.rows(tallies["track_id"].to_list())
    total = _summed(rows, len(catalogue))
    plays = total(tallies["plays"].to_numpy())
    heard = total((tallies["plays"] > 0).to_numpy())
    prior = config.prior_plays
    return TrackStatistics(
        plays=plays,
        listeners=heard,
        recent=_recent_plays(history, catalogue, config, now_ms),
        finish_rate=_shrunk(total(tallies["finishes"].to_numpy()), plays, prior),
        skip_rate=_shrunk(total(tallies["skips"].to_numpy()), plays, prior),
        like_rate=_shrunk(total((tallies["liked"] | tallies["saved"]).to_numpy()), heard, prior),
        as_of_ms=now_ms,
    )


def _recent_plays(
    history: History, catalogue: Catalogue, config: StatisticsConfig, now_ms: int
) -> Floats:
    """Return decayed plays; plays without times count whole, since nothing tells them apart."""
    played = history.events.filter(pl.col("action") == "play")
    age_days = (now_ms - played["at"].dt.epoch("ms").to_numpy()) / DAY_MS
    weights = np.power(0.5, np.maximum(age_days, 0.0) / config.half_life_days)
    timed = _summed(catalogue.tracks.rows(played["track_id"].to_list()), len(catalogue))(weights)
    rows = catalogue.tracks.rows(history.plays["track_id"].to_list())
    # Listeners, not plays: without times a single devoted listener would look like a trend.
    timeless = _summed(rows, len(catalogue))((history.plays["plays"] > 0).to_numpy())
    return np.asarray(timed + timeless, dtype=np.float32)


def _summed(rows: Rows, n_tracks: int) -> Callable[[np.ndarray], Floats]:
    known = rows >= 0

    def total(values: NDArray[Any]) -> Floats:
        counted = np.bincount(rows[known], weights=values[known], minlength=n_tracks)
        return counted.astype(np.float32)

    return total


def _shrunk(events: Floats, trials: Floats, prior: float) -> Floats:
    all_trials = float(trials.sum())
    mean = float(events.sum()) / all_trials if all_trials else 0.0
    share = (events + prior * mean) / np.maximum(trials + prior, 1e-9)
    return np.asarray(share, dtype=np.float32)

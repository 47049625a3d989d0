"""Fitting the bridge: strength, form and shrinkage, each chosen on tracks it was not fitted to."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.randomness import derive_seed, generator
from embeddings.bridge.configuration import BridgeConfig
from embeddings.bridge.examples import Examples, Rows, Wide, examples_of
from embeddings.bridge.layers import Layers, no_layers
from embeddings.bridge.model import Bridge, no_bridge
from embeddings.bridge.ridge import STRENGTHS, Linear, fit_ridge, held_out_ridges
from embeddings.bridge.shrinkage import ALL, Shrinkage, fit_shrinkage, thin
from embeddings.collaborative.factors import AlsFactors

MAX_STRETCH = 3.0  # a guess that explains less than a ninth is mostly noise: spread no further
WINS = 2.0  # standard errors by which the network must beat the ridge


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A fitted map and what maps like it predict of tracks they never saw.

    Attributes:
        linear: The ridge regression.
        layers: What a network adds; empty where the ridge is as good.
        rows: (h,) the examples that `held` predicts.
        held: (h, k).
        figures: What was measured, by name.
    """

    linear: Linear
    layers: Layers
    rows: Rows
    held: Wide
    figures: dict[str, float]


def fit_bridge(
    factors: AlsFactors,
    confidence: sparse.csr_matrix,
    vectors: NDArray[np.float32],
    listeners: NDArray[np.floating],
    config: BridgeConfig,
    seed: int,
) -> Bridge:
    """Learn the map from audio vectors to factors, and how it gives way to plays.

    Args:
        factors: Plain ALS factors.
        confidence: (n_users, n_tracks), what they were learned from.
        vectors: (n_tracks, dim) unit rows; zero rows where a track has no audio.
        listeners: (n_tracks,) who met each track.
        config: How.
        seed: Decides folds, thinning and the network's start.

    Returns:
        The bridge; one that does not speak where too few tracks have both audio and plays.
    """
    heard = np.any(vectors != 0, axis=1) & np.any(factors.tracks != 0, axis=1)
    rows = np.flatnonzero(heard & (listeners > 0))
    if len(rows) < config.min_tracks or not len(factors.users):
        return no_bridge(vectors.shape[1], factors.dim)
    examples = examples_of(
        vectors[rows],
        factors.tracks[rows],
        factors.users,
        listeners[rows] / (listeners[rows] + config.evidence_listeners),
        config.folds,
        generator(seed, "folds"),
    )
    form = _best_form(examples, config, seed)
    well = listeners[rows[form.rows]] >= config.thinned_listeners
    drawn = generator(seed, "thin").permutation(np.flatnonzero(well))[: config.thinned_tracks]
    figures = {"tracks": float(len(rows)), **form.figures}
    if drawn.size:
        tracks, held = rows[form.rows[drawn]], form.held[drawn]
        thinned = thin(factors, confidence, tracks, held, generator(seed, "thinned"))
        figures |= curve(fit_shrinkage(thinned, examples.metric))
    return _assembled(form, examples, listeners[rows], figures, config)


def _assembled(
    form: Form,
    examples: Examples,
    listeners: NDArray[np.floating],
    figures: dict[str, float],
    config: BridgeConfig,
) -> Bridge:
    guess = form.linear.predict(examples.vectors) + form.layers.predict(examples.vectors)
    level = examples.weights @ guess / examples.weights.sum()
    stretch = _stretch(examples, guess)
    return Bridge(
        weights=form.linear.weights.astype(np.float32),
        bias=form.linear.bias.astype(np.float32),
        hidden=form.layers.hidden.astype(np.float32),
        hidden_bias=form.layers.hidden_bias.astype(np.float32),
        out=form.layers.out.astype(np.float32),
        level=level.astype(np.float32),
        lift=(config.optimism * _lift(examples, guess, listeners)).astype(np.float32),
        stretch=1.0 + config.optimism * (stretch - 1.0),
        lift_listeners=config.evidence_listeners,
        half_listeners=figures.get("half_listeners", config.evidence_listeners),
        steepness=figures.get("steepness", 1.0),
        figures={**figures, "stretch": stretch},
    )


def _best_form(examples: Examples, config: BridgeConfig, seed: int) -> Form:
    found = held_out_ridges(examples, STRENGTHS)
    best = int(np.argmin([examples.errors(predicted).sum() for predicted in found]))
    linear = fit_ridge(examples, STRENGTHS[best])
    form = Form(
        linear=linear,
        layers=no_layers(*linear.weights.shape),
        rows=np.arange(len(examples)),
        held=found[best],
        figures={
            "strength": STRENGTHS[best],
            "explained": _explained(examples, found[best]),
        },
    )
    if len(examples) < config.network_tracks:
        return form
    return _with_network(form, examples, config, seed)


def _with_network(form: Form, examples: Examples, config: BridgeConfig, seed: int) -> Form:
    """Return the form with a network added, where that wins on held-out tracks."""
    from embeddings.bridge.network import held_out_layers, train_layers  # loads torch

    start = derive_seed(seed, "network")
    order = generator(seed, "sample").permutation(len(examples))
    rows = np.sort(order[: config.sample_tracks])
    sample = examples.take(rows)
    held, steps = held_out_layers(sample, form.figures["strength"], config, start)
    gained = sample.errors(form.held[rows]) - sample.errors(held)
    score = float(gained.mean() / max(gained.std() / np.sqrt(gained.size), 1e-30))
    figures = {"network_explained": _explained(sample, held), "network_z": score}
    if score < WINS:
        return replace(form, figures=form.figures | figures)
    left = sample.factors - form.linear.predict(sample.vectors)
    *_, layers = train_layers(sample, left, config, steps, start)
    return replace(form, layers=layers, rows=rows, held=held, figures=form.figures | figures)


def _lift(examples: Examples, guess: Wide, listeners: NDArray[np.floating]) -> Wide:
    """Return (k,) by how much the track behind the average listen stands above its guess."""
    shares = listeners / listeners.sum()
    return np.asarray(shares @ (examples.factors - guess))


def _stretch(examples: Examples, guess: Wide) -> float:
    """Return how many times as far apart learned factors stand as guessed ones."""
    spreads = []
    for factors in (examples.factors, guess):
        mean = examples.weights @ factors / examples.weights.sum()
        apart = (factors - mean) @ examples.metric
        spreads.append(float(examples.weights @ np.einsum("ij,ij->i", apart, apart)))
    return float(np.clip(np.sqrt(spreads[0] / max(spreads[1], 1e-30)), 1.0, MAX_STRETCH))


def _explained(examples: Examples, predicted: Wide) -> float:
    """Return the share of the factors' variance that held-out predictions explain."""
    level = examples.weights @ examples.factors / examples.weights.sum()
    flat = examples.errors(np.broadcast_to(level, examples.factors.shape)).sum()
    return float(1.0 - examples.errors(predicted).sum() / max(flat, 1e-30))


def curve(shrinkage: Shrinkage) -> dict[str, float]:
    """Return a shrinkage as named figures, `all` where nobody was left out."""
    figures = {
        "half_listeners": shrinkage.half_listeners,
        "steepness": shrinkage.steepness,
    }
    for at, level in enumerate(shrinkage.levels):
        name = "all" if level == ALL else str(level)
        figures[f"share@{name}"] = float(shrinkage.fitted[at])
        figures[f"best_share@{name}"] = float(shrinkage.best[at])
        names = ("plays_error", "sound_error", "error")
        for kind, value in zip(names, shrinkage.errors[at], strict=True):
            figures[f"{kind}@{name}"] = float(value)
    return figures

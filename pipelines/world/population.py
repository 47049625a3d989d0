"""Population: the listeners of the built-in world, their tastes and their habits."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.randomness import generator
from pipelines.music.attributes import TrackAttributes
from pipelines.music.style import sample_attributes
from pipelines.world.traits import INSTRUMENTS, STYLE_NAMES, Traits, style_affinity, traits_of

CENTRES = 3
ASPECTS = ("style", "tempo", "energy", "brightness", "mode", "instruments")
ASPECT_CONCENTRATION = (6.0, 2.0, 3.0, 2.0, 1.5, 2.5)
"""Dirichlet weights of what listeners care about: style most, but never style alone."""

TEMPO_WIDTH = 0.28  # octaves: a taste for 120 bpm has faded to 0.6 at 99 and at 146
LEVEL_WIDTH = 0.16  # energy and brightness, near their spread within a style
SHARPNESS = 12.0  # of the soft maximum over centres; at 12 the best one decides nearly alone
MATCH_MEAN, MATCH_SPREAD = 0.42, 0.17
"""Mean and standard deviation of the match of any listener with any track, measured over 2,000
listeners and 2,000 tracks; constants, so that a new track leaves every other match as it was."""

AI_PREFERENCES = ("all", "labelled", "none")
P_AI_PREFERENCE = (0.88, 0.07, 0.05)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """u listeners; a taste is a mixture of up to `CENTRES` ideal tracks.

    Args:
        mixture: (u, c) weights of the centres, rows sum to 1, 0 where a centre is not used.
        styles: (u, c, s) liking of each style, 0 to 1.
        tempo: (u, c) ideal log2 bpm.
        energy: (u, c) ideal energy.
        brightness: (u, c) ideal brightness.
        minor: (u, c) liking of minor keys, 0 to 1; of major keys it is the rest.
        instruments: (u, i) liking of each instrument, 0 to 1.
        importance: (u, a) what each of `ASPECTS` counts, rows sum to 1.
        breadth: (u,) factor on how far from the ideal is still liked.
        novelty: (u,) appetite for the new, 0 to 1.
        activity: (u,) mean sessions a day.
        patience: (u,) probability of looking at the next slot, below 1.
        peak_hour: (u,) hour of day, UTC, around which sessions begin.
        ai_preference: (u,) index into `AI_PREFERENCES`.
    """

    mixture: Floats
    styles: Floats
    tempo: Floats
    energy: Floats
    brightness: Floats
    minor: Floats
    instruments: Floats
    importance: Floats
    breadth: Floats
    novelty: Floats
    activity: Floats
    patience: Floats
    peak_hour: Floats
    ai_preference: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.novelty.size)

    def take(self, rows: NDArray[np.int64]) -> Population:
        """Return the listeners of some rows, in that order."""
        return Population(*(getattr(self, field.name)[rows] for field in fields(self)))

    def to_frame(self) -> pl.DataFrame:
        """Return one row a listener; matrices become fixed-size lists, flattened by row."""
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        return pl.DataFrame(
            {
                name: values.reshape(len(self), -1) if values.ndim > 1 else values
                for name, values in columns.items()
            }
        )

    @classmethod
    def from_frame(cls, frame: pl.DataFrame) -> Population:
        """Return the listeners that `to_frame` wrote."""
        columns = {f.name: frame[f.name].to_numpy() for f in fields(cls)}
        columns["styles"] = columns["styles"].reshape(frame.height, CENTRES, len(STYLE_NAMES))
        return cls(**columns)


def draw_population(listeners: int, sessions_a_day: float, seed: int) -> Population:
    """Draw listeners.

    Args:
        listeners: How many, u.
        sessions_a_day: Median of the activity; its distribution is log-normal, heavy to the right.
        seed: Decides everything.

    Returns:
        The population; the same for the same arguments.
    """
    rng = generator(seed, "population")
    ideals = _draw_ideals(listeners, rng)
    shape = (listeners, CENTRES)
    used = np.arange(CENTRES) < rng.choice([1, 2, 3], listeners, p=[0.35, 0.45, 0.2])[:, None]
    mixture = np.where(used, rng.dirichlet([4.0, 2.5, 2.0], listeners), 0.0)
    return Population(
        mixture=_f32(mixture / mixture.sum(axis=1, keepdims=True)),
        styles=_style_liking(ideals.style.reshape(shape), rng),
        tempo=ideals.tempo.reshape(shape),
        energy=ideals.energy.reshape(shape),
        brightness=ideals.brightness.reshape(shape),
        minor=_f32(np.where(ideals.minor.reshape(shape), 1.0, 0.0) * 0.7 + 0.3 * rng.random(shape)),
        instruments=_instrument_liking(ideals, shape, rng),
        importance=_f32(rng.dirichlet(ASPECT_CONCENTRATION, listeners)),
        breadth=_f32(np.exp(rng.normal(0.0, 0.25, listeners))),
        novelty=_f32(rng.beta(2.0, 2.0, listeners)),
        activity=_f32(np.minimum(4.0, np.exp(rng.normal(np.log(sessions_a_day), 0.8, listeners)))),
        patience=_f32(0.72 + 0.24 * rng.beta(3.0, 2.0, listeners)),
        peak_hour=_f32(
            rng.choice([8.0, 13.0, 20.0], listeners, p=[0.25, 0.2, 0.55])
            + rng.normal(0, 1.5, listeners)
        ),
        ai_preference=rng.choice(len(AI_PREFERENCES), listeners, p=P_AI_PREFERENCE),
    )


def match(population: Population, traits: Traits) -> Floats:
    """Return (u, n) how well each track fits each listener's taste, in standard deviations.

    Each centre judges by a weighted mean of one liking an aspect; the soft maximum over the
    centres decides, so that a lover of metal and of waltzes is not sold a metal waltz.
    """
    exponents = [
        SHARPNESS * _centre_match(population, traits, centre)
        + np.log(np.maximum(population.mixture[:, centre, None], 1e-9))
        for centre in range(CENTRES)
    ]
    highest = np.maximum.reduce(exponents)
    total = sum(np.exp(exponent - highest) for exponent in exponents)
    best = (highest + np.log(total)) / SHARPNESS
    return _f32((best - MATCH_MEAN) / MATCH_SPREAD)


def _centre_match(population: Population, traits: Traits, centre: int) -> Floats:
    """Return (u, n) the weighted mean of likings, 0 to 1, as one centre sees it."""
    breadth = population.breadth[:, None]
    minor = population.minor[:, centre, None]
    instruments = population.instruments
    likings = (
        population.styles[:, centre][:, traits.style],
        _nearness(population.tempo[:, centre], traits.tempo, TEMPO_WIDTH * breadth),
        _nearness(population.energy[:, centre], traits.energy, LEVEL_WIDTH * breadth),
        _nearness(population.brightness[:, centre], traits.brightness, LEVEL_WIDTH * breadth),
        np.where(traits.minor[None, :], minor, 1.0 - minor),
        0.6 * instruments[:, traits.lead] + 0.4 * instruments[:, traits.pad],
    )
    weights = population.importance.T[:, :, None]
    return _f32(sum(weight * liking for weight, liking in zip(weights, likings, strict=True)))


def _nearness(ideal: Floats, value: Floats, width: Floats) -> Floats:
    return _f32(np.exp(-0.5 * ((value[None, :] - ideal[:, None]) / width) ** 2))


def _draw_ideals(listeners: int, rng: np.random.Generator) -> Traits:
    """Draw one ideal track a centre, (u × c) flattened; further centres are often neighbours."""
    fashion = rng.dirichlet(np.full(len(STYLE_NAMES), 3.0))
    affinity = style_affinity().astype(np.float64) ** 2
    ideals: list[TrackAttributes] = []
    for _ in range(listeners):
        home = int(rng.choice(len(STYLE_NAMES), p=fashion))
        near = 0.6 * affinity[home] / affinity[home].sum() + 0.4 * fashion
        others = rng.choice(len(STYLE_NAMES), CENTRES - 1, p=near / near.sum())
        ideals += [sample_attributes(STYLE_NAMES[style], rng) for style in (home, *others)]
    return traits_of(ideals)


def _style_liking(home: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Return (u, c, s): 1 for the centre's own style, less for others the farther they are."""
    affinity = style_affinity()[home]
    return _f32(np.where(affinity >= 1.0, 1.0, affinity * rng.uniform(0.2, 1.0, affinity.shape)))


def _instrument_liking(ideals: Traits, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    liking = rng.beta(1.5, 3.0, (shape[0], len(INSTRUMENTS)))
    listeners = np.arange(shape[0])[:, None]
    liking[listeners, ideals.lead.reshape(shape)] = 1.0
    liking[listeners, ideals.pad.reshape(shape)] = 0.9
    return _f32(liking)


def _f32(values: object) -> Floats:
    return np.asarray(values, dtype=np.float32)

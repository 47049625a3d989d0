"""The figures of every query by every encoder, fold by fold and seed by seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError, DataError
from core.randomness import derive_seed, generator
from pipelines.audio_evaluation.configuration import AudioEvaluationConfig
from pipelines.audio_evaluation.folds import label_folds
from pipelines.audio_evaluation.labels import queries_of
from pipelines.audio_evaluation.probe import probe
from pipelines.audio_evaluation.retrieval import Retrieved, chance, retrieve
from pipelines.audio_evaluation.spaces import Space

FIGURES = (
    "map",
    "recall@10",
    "probe_accuracy",
    "map_at_catalogue_size",
    "map_whole_catalogue",
    "recall@10_whole_catalogue",
)
CHANCE = "chance"

Rows = NDArray[np.int64]
Figures = NDArray[np.float64]
Learn = Callable[[Rows, int, str], Space]
"""From the rows that may be trained on, a seed and a name to tell people, to our space."""
Draw = Callable[[int], Space]
"""From a seed to the space of untrained weights."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What was measured of each query, averaged over the seeds.

    Attributes:
        codes: (q,) the label of each query.
        figures: Encoder, or `CHANCE`, to (q, len(FIGURES)); NaN where a figure was not measured.
    """

    codes: Rows
    figures: Mapping[str, Figures]


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """One gallery and what is searched for in it.

    Attributes:
        codes: (n,) labels of all recordings.
        held: (m,) rows of those that no encoder was trained on.
        queries: (q,) places among the held.
        has_others: Whether there are recordings beside the held to search through too.
        seed: Decides what is random about it.
    """

    codes: Rows
    held: Rows
    queries: Rows
    has_others: bool
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Rivals:
    """The encoders that are judged.

    Attributes:
        learn: Makes ours.
        statistics: MFCC statistics.
        draw: Makes the untrained one.
    """

    learn: Learn
    statistics: Space
    draw: Draw


def judge_folds(codes: Rows, rivals: Rivals, config: AudioEvaluationConfig) -> Outcomes:
    """Judge encoders on folds of the recordings, ours trained on the other folds each time.

    Args:
        codes: (n,) labels of the recordings, `UNLABELLED` where there is none.
        rivals: The encoders.
        config: How recordings are cut.

    Raises:
        DataError: If there are too few labels to judge by.
        ConfigError: If there are fewer labels than folds.
    """
    is_query = queries_in_folds(codes, config)
    runs = []
    for seed in _seeds(config):
        fold_of = label_folds(codes, config.folds, generator(seed, "folds"))
        untrained = rivals.draw(seed)
        figures = _unmeasured(len(codes))
        for fold in range(config.folds):
            own = derive_seed(seed, "fold", fold)
            search = _search(codes, is_query, np.flatnonzero(fold_of == fold), own)
            if not search.queries.size:  # nothing to measure an encoder by
                continue
            rest = np.flatnonzero(fold_of != fold)
            name = f"training (seed {seed}, fold {fold + 1} of {config.folds})"
            learned = rivals.learn(rest, own, name)
            _fill(figures, search, (learned, rivals.statistics, untrained))
        runs.append(figures)
    return _outcomes(codes, is_query, runs)


def judge_whole(codes: Rows, rivals: Rivals, config: AudioEvaluationConfig) -> Outcomes:
    """Judge encoders on recordings that none was trained on, all in one gallery.

    Raises:
        DataError: If there are too few labels to judge by.
    """
    is_query = queries_in(codes, config)
    everything = np.arange(len(codes))
    nothing = np.empty(0, dtype=np.int64)
    runs = []
    for seed in _seeds(config):
        figures = _unmeasured(len(codes))
        ours = rivals.learn(nothing, seed, "")
        spaces = (ours, rivals.statistics, rivals.draw(seed))
        _fill(figures, _search(codes, is_query, everything, seed), spaces)
        runs.append(figures)
    return _outcomes(codes, is_query, runs)


def _seeds(config: AudioEvaluationConfig) -> range:
    return range(config.first_seed, config.first_seed + config.seeds)


def queries_in_folds(codes: Rows, config: AudioEvaluationConfig) -> NDArray[np.bool_]:
    """Return (n,) which tracks are searched with, where recordings are cut into folds.

    Raises:
        DataError: If there are too few labels to judge by.
        ConfigError: If there are fewer labels than folds.
    """
    is_query = queries_in(codes, config)
    n_labels = np.unique(codes[is_query]).size
    if n_labels < config.folds:
        raise ConfigError(
            f"{config.folds} folds need as many labels of {config.min_label_tracks} tracks, and "
            f"{config.label} has {n_labels}; give --folds {n_labels}, or another --label"
        )
    return is_query


def queries_in(codes: Rows, config: AudioEvaluationConfig) -> NDArray[np.bool_]:
    """Return (n,) which tracks are searched with.

    Raises:
        DataError: If there are too few labels to judge by.
    """
    is_query = queries_of(codes, config.min_label_tracks)
    if np.unique(codes[is_query]).size < 2:
        raise DataError(
            f"fewer than two values of {config.label} have {config.min_label_tracks} readable "
            "recordings each, so nothing can be told apart; name another --label"
        )
    return is_query


def _search(codes: Rows, is_query: NDArray[np.bool_], held: Rows, seed: int) -> Search:
    places = np.flatnonzero(is_query[held])
    return Search(codes, held, places, has_others=held.size < codes.size, seed=seed)


def _unmeasured(n_tracks: int) -> dict[str, Figures]:
    names = ("segue", "mfcc", "random", CHANCE)
    return {name: np.full((n_tracks, len(FIGURES)), np.nan) for name in names}


def _fill(figures: Mapping[str, Figures], search: Search, spaces: Iterable[Space]) -> None:
    rows = search.held[search.queries]
    for space in spaces:
        figures[space.encoder][rows] = _measured(space, search)
    figures[CHANCE][rows] = _by_chance(search)


def _measured(space: Space, search: Search) -> Figures:
    """Return (q, len(FIGURES)) of one encoder."""
    rows = search.held[search.queries]
    own = search.codes[rows]
    vectors, codes = space.gallery(search.held), search.codes[search.held]
    strangers = search.codes.size - np.bincount(search.codes[search.codes >= 0])[own]
    ties = generator(search.seed, "ties")
    held = retrieve(vectors, codes, search.queries, ties, strangers)
    told = probe(space.values[rows], own, derive_seed(search.seed, "probe"))
    if not search.has_others:
        return _columns(held, told, None)
    everything = np.arange(search.codes.size)
    ties = generator(search.seed, "ties among all")
    return _columns(held, told, retrieve(space.gallery(everything), search.codes, rows, ties))


def _by_chance(search: Search) -> Figures:
    held = chance(search.codes[search.held], search.queries)
    unknown = np.full(search.queries.size, np.nan)
    if not search.has_others:
        return _columns(held, unknown, None)
    return _columns(held, unknown, chance(search.codes, search.held[search.queries]))


def _columns(held: Retrieved, told: Figures, whole: Retrieved | None) -> Figures:
    """Return (q, len(FIGURES)), in the order of `FIGURES`."""
    unknown = np.full(told.size, np.nan)
    scaled = unknown if whole is None else held.scaled_precision
    among_all = (unknown, unknown) if whole is None else (whole.average_precision, whole.recall)
    return np.column_stack([held.average_precision, held.recall, told, scaled, *among_all])


def _outcomes(
    codes: Rows, is_query: NDArray[np.bool_], runs: Iterable[Mapping[str, Figures]]
) -> Outcomes:
    """Average over seeds: two cuttings of one track are not two tracks."""
    merged = list(runs)
    figures = {
        name: _mean_of_known(np.stack([run[name][is_query] for run in merged]))
        for name in merged[0]
    }
    return Outcomes(codes[is_query], figures)


def _mean_of_known(stacked: Figures) -> Figures:
    known = ~np.isnan(stacked)
    totals = np.where(known, stacked, 0.0).sum(axis=0)
    counts = known.sum(axis=0)
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)

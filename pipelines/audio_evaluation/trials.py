"""The figures of every query by every encoder, fold by fold and seed by seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError, DataError
from core.randomness import derive_seed, generator
from embeddings.audio.configuration import EncoderConfig
from pipelines.audio_evaluation.configuration import AudioEvaluationConfig
from pipelines.audio_evaluation.folds import label_folds
from pipelines.audio_evaluation.labels import queries_of
from pipelines.audio_evaluation.probe import probe
from pipelines.audio_evaluation.retrieval import chance, retrieve
from pipelines.audio_evaluation.spaces import (
    Material,
    Space,
    random_space,
    trained_space,
)
from pipelines.job import Progress

FIGURES = (
    "map",
    "recall@10",
    "probe_accuracy",
    "map_whole_catalogue",
    "recall@10_whole_catalogue",
)
CHANCE = "chance"

Rows = NDArray[np.int64]
Figures = NDArray[np.float64]


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


def judge_folds(
    material: Material, encoder: EncoderConfig, config: AudioEvaluationConfig, progress: Progress
) -> Outcomes:
    """Judge encoders on folds of the recordings, ours trained on the other folds each time.

    Args:
        material: The recordings.
        encoder: What is trained.
        config: How they are cut.
        progress: Shows how far it is.

    Raises:
        DataError: If there are too few labels to judge by.
        ConfigError: If there are fewer labels than folds.
    """
    codes, is_query = _queries(material, config)
    n_labels = np.unique(codes[is_query]).size
    if n_labels < config.folds:
        raise ConfigError(
            f"{config.folds} folds need as many labels of {config.min_label_tracks} tracks, and "
            f"{config.label} has {n_labels}; give --folds {n_labels}, or another --label"
        )
    runs = []
    for seed in range(config.first_seed, config.first_seed + config.seeds):
        fold_of = label_folds(codes, config.folds, generator(seed, "folds"))
        untrained = random_space(material, encoder, seed)
        figures = _unmeasured(len(codes))
        for fold in range(config.folds):
            own = derive_seed(seed, "fold", fold)
            search = _search(codes, is_query, np.flatnonzero(fold_of == fold), own)
            if not search.queries.size:  # nothing to measure an encoder by
                continue
            rest = np.flatnonzero(fold_of != fold)
            name = f"training (seed {seed}, fold {fold + 1} of {config.folds})"
            learned = trained_space(material, rest, encoder, own, progress, name)
            _fill(figures, search, (learned, material.statistics, untrained))
        runs.append(figures)
    return _outcomes(codes, is_query, runs)


def judge_whole(
    material: Material, ours: Space, encoder: EncoderConfig, config: AudioEvaluationConfig
) -> Outcomes:
    """Judge a trained encoder on recordings it was not trained on, all in one gallery.

    Raises:
        DataError: If there are too few labels to judge by.
    """
    codes, is_query = _queries(material, config)
    everything = np.arange(len(codes))
    runs = []
    for seed in range(config.first_seed, config.first_seed + config.seeds):
        figures = _unmeasured(len(codes))
        spaces = (ours, material.statistics, random_space(material, encoder, seed))
        _fill(figures, _search(codes, is_query, everything, seed), spaces)
        runs.append(figures)
    return _outcomes(codes, is_query, runs)


def _queries(material: Material, config: AudioEvaluationConfig) -> tuple[Rows, NDArray[np.bool_]]:
    codes = material.recordings.codes()
    is_query = queries_of(codes, config.min_label_tracks)
    if np.unique(codes[is_query]).size < 2:
        raise DataError(
            f"fewer than two values of {config.label} have {config.min_label_tracks} readable "
            "recordings each, so nothing can be told apart; name another --label"
        )
    return codes, is_query


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
    columns = np.full((search.queries.size, len(FIGURES)), np.nan)
    vectors, codes = space.gallery(search.held), search.codes[search.held]
    found = retrieve(vectors, codes, search.queries, generator(search.seed, "ties"))
    columns[:, 0], columns[:, 1] = found.average_precision, found.recall
    rows = search.held[search.queries]
    columns[:, 2] = probe(space.values[rows], search.codes[rows], derive_seed(search.seed, "probe"))
    if search.has_others:
        everything = np.arange(search.codes.size)
        ties = generator(search.seed, "ties among all")
        found = retrieve(space.gallery(everything), search.codes, rows, ties)
        columns[:, 3], columns[:, 4] = found.average_precision, found.recall
    return columns


def _by_chance(search: Search) -> Figures:
    columns = np.full((search.queries.size, len(FIGURES)), np.nan)
    expected = chance(search.codes[search.held], search.queries)
    columns[:, 0], columns[:, 1] = expected.average_precision, expected.recall
    if search.has_others:
        expected = chance(search.codes, search.held[search.queries])
        columns[:, 3], columns[:, 4] = expected.average_precision, expected.recall
    return columns


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

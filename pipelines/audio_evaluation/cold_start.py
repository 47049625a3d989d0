"""Cold start: whether tracks without a single play reach the listeners who would choose them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from core.errors import DataError
from core.ids import Ids
from core.randomness import generator
from core.workspace import Workspace
from embeddings.audio.backbone import backbone_path
from embeddings.audio.configuration import AudioConfig
from pipelines.audio_evaluation.cold_trial import MODELS, Listening, Trial, draw_trial, run_trial
from pipelines.audio_evaluation.ears import Ear, FinishedEar, LearningEar, learning_ear
from pipelines.audio_evaluation.intervals import ratio_bootstrap
from pipelines.catalogue import LiveCatalogue, open_catalogue
from pipelines.fitting import FactorsConfig, preferences
from pipelines.history import PAIR, History, load_history
from pipelines.job import Progress, Report
from pipelines.splits import graded
from ranking.catalogue import Catalogue
from ranking.evaluation.intervals import Estimate, bootstrap_mean

MIN_HIDDEN = 5  # tracks; fewer say more of themselves than of cold starts


class ColdStartConfig(BaseModel):
    """What is hidden, and how often."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hidden_share: float = Field(default=0.2, gt=0, lt=1)
    """Share of the tracks whose plays are all hidden."""
    listeners: int = Field(default=2000, ge=10, le=1_000_000)
    """Listeners asked in each seed, at most."""
    seeds: int = Field(default=3, ge=1, le=100)
    """How many times tracks are drawn, everything is fitted and judged."""
    first_seed: int = Field(default=1, ge=0)
    """Seeds are this one and those that follow."""
    relearn: bool = False
    """Whether an encoder is trained for each seed, without the hidden tracks; it always is where it
    learns tags or listening."""


class ColdStartResult(BaseModel):
    """One model's recall of the hidden tracks that listeners chose."""

    model_config = ConfigDict(frozen=True)

    model: str
    recall: Estimate = Field(serialization_alias="recall@50")
    """In a list of everything the listener has not met."""
    recall_among_hidden: Estimate = Field(serialization_alias="recall@50_among_hidden")
    """In a list of hidden tracks alone; says little where there are not many times 50."""


class ColdStartReport(Report):
    """Every model's figures, and the bridge's beside chance and ceiling."""

    encoder: Literal["newest", "trained without the hidden tracks"]
    """Whose vectors they are."""
    seeds: int
    tracks: int
    hidden: int
    """Tracks hidden in each seed."""
    listeners: int
    """Who chose a hidden track and was asked, in each seed, on average."""
    ratio_to_random: Estimate
    """The bridge's recall in a list of everything over that of a random order."""
    ratio_to_ceiling: Estimate
    """The same over that of ALS that has seen the plays, those it is judged on too."""
    ratio_to_random_among_hidden: Estimate
    ratio_to_ceiling_among_hidden: Estimate
    results: tuple[ColdStartResult, ...]


def evaluate_cold_start(
    workspace: Workspace,
    audio: AudioConfig,
    factors: FactorsConfig,
    config: ColdStartConfig,
    progress: Progress,
) -> ColdStartReport:
    """Hide every play of some tracks and recommend those tracks; several times over.

    The vectors are those of the newest encoder where it learns from sound alone: it has heard all
    tracks. An encoder that learns tags or listening is trained anew without the hidden tracks,
    or what it is judged by would have taught it.

    Args:
        workspace: Whose catalogue, vectors and listening.
        audio: What the encoder learns from, and a foreign one does not.
        factors: How factors and bridge are fitted.
        config: What is hidden.
        progress: Shows how far it is.

    Raises:
        DataError: If there is no audio or no listening to judge by.
    """
    history, opened = load_history(workspace.warehouse), open_catalogue(workspace)
    listening = listening_of(history, opened)
    ear: Ear = FinishedEar(opened.audio.vectors)
    if backbone_path(audio.backbone) is None and (config.relearn or _is_taught(audio)):
        ear = learning_ear(workspace, opened.catalogue, audio, factors, config.first_seed, progress)
    return cold_start(opened.catalogue, ear, listening, factors, config, progress)


def cold_start(
    catalogue: Catalogue,
    ear: Ear,
    listening: Listening,
    factors: FactorsConfig,
    config: ColdStartConfig,
    progress: Progress,
) -> ColdStartReport:
    """Judge cold starts of a catalogue; see `evaluate_cold_start`.

    Args:
        catalogue: The tracks.
        ear: Makes vectors of whatever is known of a track before it is played.
        listening: Who met, wants and chose what.
        factors: How factors and bridge are fitted.
        config: What is hidden.
        progress: Shows how far it is.
    """
    trials: list[Trial] = []
    found: list[NDArray[np.float64]] = []
    seeds = range(config.first_seed, config.first_seed + config.seeds)
    for seed in progress.track(seeds, "cold starts", config.seeds):
        trial = draw_trial(
            catalogue, ear.heard, listening, config.hidden_share, config.listeners, seed
        )
        if int(trial.hidden.sum()) < MIN_HIDDEN:
            raise DataError(
                f"{int(trial.hidden.sum())} tracks with audio and listeners could be hidden and "
                f"{MIN_HIDDEN} are needed; import more listening, and train `embed`"
            )
        outcome = run_trial(trial, ear.vectors(trial.hidden, seed), factors)
        trials.append(trial)
        found.append(np.stack([outcome[name] for name in MODELS]))
    return _report(trials, found, config, relearned=isinstance(ear, LearningEar))


def listening_of(history: History, opened: LiveCatalogue) -> Listening:
    """Return who met, wants and chose what.

    Chosen is what was finished, liked, saved or shared, and not turned down; where only counts of
    plays are known, what was played.
    """
    tallies, catalogue = history.tallies(), opened.catalogue
    known = preferences(tallies, catalogue)
    users = Ids(known.user_ids)
    played = history.plays.filter(pl.col("plays") > 0).select(PAIR)
    chosen = pl.concat([graded(history.events).select(PAIR), played]).unique()
    return Listening(known, _pairs(tallies, users, catalogue), _pairs(chosen, users, catalogue))


def _is_taught(audio: AudioConfig) -> bool:
    objectives = audio.encoder.objectives
    return bool(objectives.tags or objectives.alignment)


def _pairs(frame: pl.DataFrame, users: Ids, catalogue: Catalogue) -> sp.csr_matrix:
    at = users.rows(frame["user_id"].to_list()), catalogue.tracks.rows(frame["track_id"].to_list())
    there = (at[0] >= 0) & (at[1] >= 0)
    pairs = (np.ones(int(there.sum()), dtype=np.bool_), (at[0][there], at[1][there]))
    return sp.csr_matrix(pairs, shape=(len(users), len(catalogue)), dtype=np.bool_)


def _report(
    trials: Sequence[Trial],
    found: Sequence[NDArray[np.float64]],
    config: ColdStartConfig,
    *,
    relearned: bool,
) -> ColdStartReport:
    rng = generator(config.first_seed, "bootstrap")
    values = _by_listener(trials, found)
    ours, chance, ceiling = (values[MODELS.index(name)] for name in ("bridge", "random", "ceiling"))
    return ColdStartReport(
        encoder="trained without the hidden tracks" if relearned else "newest",
        seeds=config.seeds,
        tracks=len(trials[0].catalogue),
        hidden=int(trials[0].hidden.sum()),
        listeners=round(float(np.mean([trial.asked.size for trial in trials]))),
        ratio_to_random=ratio_bootstrap(ours[:, 0], chance[:, 0], rng),
        ratio_to_ceiling=ratio_bootstrap(ours[:, 0], ceiling[:, 0], rng),
        ratio_to_random_among_hidden=ratio_bootstrap(ours[:, 1], chance[:, 1], rng),
        ratio_to_ceiling_among_hidden=ratio_bootstrap(ours[:, 1], ceiling[:, 1], rng),
        results=tuple(
            ColdStartResult(
                model=name,
                recall=bootstrap_mean(values[at, :, 0], rng),
                recall_among_hidden=bootstrap_mean(values[at, :, 1], rng),
            )
            for at, name in enumerate(MODELS)
        ),
    )


def _by_listener(
    trials: Sequence[Trial], found: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return (models, n_users, 2): each listener's mean over the seeds they were asked in.

    The listener is what is resampled, and two seeds of one listener are not two listeners.
    """
    asked, place = np.unique(np.concatenate([trial.asked for trial in trials]), return_inverse=True)
    values = np.concatenate(found, axis=1)
    totals = np.zeros((asked.size, len(values), 2))
    np.add.at(totals, place, values.swapaxes(0, 1))
    return np.asarray((totals / np.bincount(place)[:, None, None]).swapaxes(0, 1))

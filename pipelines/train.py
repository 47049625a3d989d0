"""From imported data to artifacts: embed, factors, index, ranker, in that order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from core.artifacts import Manifest
from core.errors import ConfigError, DataError
from core.randomness import derive_seed
from core.workspace import Workspace
from embeddings.audio.configuration import AudioConfig
from embeddings.encoder.log import Epoch
from embeddings.fingerprints.duplicates import DuplicateConfig
from embeddings.index import IndexConfig
from embeddings.vectors import TrackVectors
from pipelines.catalogue import LiveCatalogue, open_catalogue
from pipelines.duplicates import fingerprint_catalogue
from pipelines.embed_catalogue import embed_catalogue
from pipelines.embed_fresh import save_index
from pipelines.fitting import FactorsConfig, fit_history
from pipelines.history import History, input_fingerprints, load_history, newest_event
from pipelines.importers.report import NearDuplicate
from pipelines.job import MadeArtifact, Progress, Report
from pipelines.ranker_training.train_ranker import (
    RankerTrainingConfig,
    TrainedRanker,
    fit_ranker,
    training_set,
)
from pipelines.ranker_training.training_set import TrainingSet
from pipelines.traffic import TrafficConfig
from ranking.assembly import FeedConfig
from ranking.features.shown_file import save_shown
from ranking.learned import Learned
from ranking.rankers.profile import profile_of

Stage = Literal["embed", "factors", "index", "ranker"]
STAGES: tuple[Stage, ...] = get_args(Stage)


class TrainConfig(BaseModel):
    """How everything that is learned is learned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: IndexConfig = IndexConfig()
    """Neighbours in audio space."""
    factors: FactorsConfig = FactorsConfig()
    """What is learned from listening."""
    ranker: RankerTrainingConfig = RankerTrainingConfig()
    """What is learned from outcomes."""
    traffic: TrafficConfig = TrafficConfig()
    """Which listeners are machines, and are learned from by nothing."""


class TrainReport(Report):
    """What was trained, and what was passed over."""

    artifacts: tuple[MadeArtifact, ...]
    unreadable: tuple[tuple[str, str], ...]
    """Tracks whose audio could not be read, with the reason."""
    skipped: dict[str, str]
    """Stages that had nothing to learn from, with the reason."""
    near_duplicates: tuple[NearDuplicate, ...]
    """Copies found among recordings that were compared with none before."""
    encoder_epochs: tuple[Epoch, ...]
    """How the encoder's training went; which epoch was kept stands with the encoder."""


@dataclass
class _Run:
    """One training: what it was asked and what it has made so far."""

    workspace: Workspace
    audio: AudioConfig
    config: TrainConfig
    feed: FeedConfig
    seed: int
    now_ms: int
    progress: Progress
    made: list[Manifest]
    unreadable: list[tuple[str, str]]
    skipped: dict[str, str]
    epochs: tuple[Epoch, ...] = ()
    copies: tuple[NearDuplicate, ...] = ()


def train(
    workspace: Workspace,
    audio: AudioConfig,
    config: TrainConfig,
    feed: FeedConfig,
    *,
    only: Iterable[str] = STAGES,
    seed: int,
    now_ms: int,
    progress: Progress,
    duplicates: DuplicateConfig | None = None,
) -> TrainReport:
    """Learn from everything that was imported; nothing becomes live by it.

    Args:
        workspace: Where data is read and artifacts are written.
        audio: What turns recordings into vectors.
        config: How everything else is learned.
        feed: The feed the ranker is trained for.
        only: Which stages; they always run in the order of `STAGES`.
        seed: Decides every random choice.
        now_ms: Stamped on the artifacts.
        progress: Told of every step longer than a moment.
        duplicates: When two recordings are taken for one.

    Raises:
        ConfigError: If a stage is not known.
        DataError: If no stage had anything to learn from.
    """
    wanted = set(only)
    if unknown := sorted(wanted - set(STAGES)):
        raise ConfigError(f"{', '.join(unknown)} is no stage; stages are {', '.join(STAGES)}")
    run = _Run(workspace, audio, config, feed, seed, now_ms, progress, [], [], {})
    if "embed" in wanted:
        # Before anything reads the catalogue: of each cluster of copies one track is shown.
        found = fingerprint_catalogue(workspace, progress, now_ms=now_ms, config=duplicates)
        run.copies = found.near_duplicates
        _embed(run)
    opened = open_catalogue(workspace, config.index)
    history = load_history(workspace.warehouse, config.traffic)
    if "factors" in wanted:
        _factors(run, opened, history)
    if "index" in wanted:
        _index(run)
    if "ranker" in wanted:
        _ranker(run, opened, history)
    if not run.made:
        reasons = "; ".join(f"{stage}: {reason}" for stage, reason in run.skipped.items())
        raise DataError(f"nothing could be trained ({reasons})")
    return _report(run)


def ranker_seed(seed: int) -> int:
    """Return the seed of the ranker's stage of a training with a seed."""
    return derive_seed(seed, "ranker")


def _embed(run: _Run) -> None:
    found = embed_catalogue(
        run.workspace,
        run.audio,
        run.config.factors,
        run.seed,
        now_ms=run.now_ms,
        progress=run.progress,
    )
    if isinstance(found, str):
        run.skipped["embed"] = found
        return
    run.unreadable.extend(found.failures)
    run.epochs = found.log.epochs
    run.made += [found.encoder, found.vectors]


def _factors(run: _Run, opened: LiveCatalogue, history: History) -> None:
    if not history.tallies().height:
        run.skipped["factors"] = "there is no listening; import events first"
        return
    fit = fit_history(
        history,
        opened.catalogue,
        opened.audio,
        run.config.factors,
        derive_seed(run.seed, "factors"),
        now_ms=history.last_ms + 1,
        told=run.progress.counter("factorising plays"),
    )
    learned, bridge = fit.learned, fit.collaborative.bridge
    track_ids = opened.catalogue.tracks.values
    inputs = input_fingerprints(run.workspace.warehouse)
    writers: dict[str, tuple[Callable[[Path], None], Mapping[str, float]]] = {
        "factors": (learned.factors.save, {}),
        "neighbours": (learned.neighbours.save, {}),
        "statistics": (lambda folder: _save_statistics(learned, folder, track_ids), {}),
        "autoencoder": (learned.autoencoder.save, {}),
    }
    if bridge.speaks:
        writers["bridge"] = (bridge.save, bridge.figures)
    for kind, (write, metrics) in writers.items():
        run.made.append(
            run.workspace.artifacts.create(
                kind,
                write,
                now_ms=run.now_ms,
                config=run.config.factors.model_dump(),
                inputs={**inputs, **opened.made_from},
                metrics=metrics,
            )
        )


def _save_statistics(learned: Learned, folder: Path, track_ids: Sequence[str]) -> None:
    learned.statistics.save(folder, track_ids)
    save_shown(learned.shown, folder, track_ids)


def _index(run: _Run) -> None:
    newest = run.workspace.artifacts.latest("vectors")
    if newest is None:
        run.skipped["index"] = "there are no vectors; import audio and train `embed` first"
        return
    vectors = TrackVectors.load(run.workspace.artifacts.folder("vectors", newest.version))
    run.made.append(
        save_index(run.workspace, vectors, newest.version, run.config.index, run.now_ms)
    )


def _ranker(run: _Run, opened: LiveCatalogue, history: History) -> None:
    try:
        data = training_set(
            history,
            opened.catalogue,
            opened.audio,
            factors=run.config.factors,
            training=run.config.ranker,
            feed=run.feed,
            seed=ranker_seed(run.seed),
            preferences=opened.preferences,
            progress=run.progress,
        )
        ranker, metrics = fit_ranker(data, run.config.ranker, derive_seed(run.seed, "ranker"))
    except DataError as error:  # too little to learn from: the feed fuses its sources instead
        run.skipped["ranker"] = str(error)
        return
    config = run.config.ranker.model_dump() | {"feed": json.loads(run.feed.model_dump_json())}
    run.made.append(
        run.workspace.artifacts.create(
            "ranker",
            lambda folder: _save_ranker(ranker, data, folder),
            now_ms=run.now_ms,
            config=config,
            inputs={**input_fingerprints(run.workspace.warehouse), **newest_event(history)},
            metrics=metrics,
            feature_names=ranker.feature_names,
        )
    )


def _save_ranker(ranker: TrainedRanker, data: TrainingSet, folder: Path) -> None:
    ranker.save(folder)
    profile_of(data.data.names, data.data.values).save(folder)


def _report(run: _Run) -> TrainReport:
    return TrainReport(
        artifacts=tuple(MadeArtifact.of(each) for each in run.made),
        near_duplicates=run.copies,
        encoder_epochs=run.epochs,
        unreadable=tuple(run.unreadable),
        skipped=run.skipped,
    )

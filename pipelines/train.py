"""From imported data to artifacts: embed, factors, index, ranker, in that order."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from core.artifacts import Manifest
from core.errors import ConfigError, DataError
from core.randomness import derive_seed
from core.tables import TRACKS
from core.workspace import Workspace
from embeddings.audio.configuration import EncoderConfig
from embeddings.index import IndexConfig, build_index
from embeddings.vectors import TrackVectors
from pipelines.catalogue import LiveCatalogue, open_catalogue
from pipelines.embed_tracks import Embedded, embed_tracks
from pipelines.fitting import FactorsConfig, fit_learned
from pipelines.history import History, input_fingerprints, load_history
from pipelines.job import Progress, Report
from pipelines.train_ranker import RankerTrainingConfig, learn_ranker
from ranking.assembly import FeedConfig

Stage = Literal["embed", "factors", "index", "ranker"]
STAGES: tuple[Stage, ...] = get_args(Stage)


class TrainConfig(BaseModel):
    """How everything that is learned is learned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: EncoderConfig = EncoderConfig()
    """The audio encoder."""
    index: IndexConfig = IndexConfig()
    """Neighbours in audio space."""
    factors: FactorsConfig = FactorsConfig()
    """What is learned from listening."""
    ranker: RankerTrainingConfig = RankerTrainingConfig()
    """What is learned from outcomes."""


class TrainedArtifact(Report):
    """One artifact that a training made."""

    kind: str
    version: str
    metrics: dict[str, float]


class TrainReport(Report):
    """What was trained, and what was passed over."""

    artifacts: tuple[TrainedArtifact, ...]
    unreadable: tuple[tuple[str, str], ...]
    """Tracks whose audio could not be read, with the reason."""
    skipped: dict[str, str]
    """Stages that had nothing to learn from, with the reason."""


@dataclass
class _Run:
    """One training: what it was asked and what it has made so far."""

    workspace: Workspace
    config: TrainConfig
    feed: FeedConfig
    seed: int
    now_ms: int
    progress: Progress
    made: list[Manifest]
    unreadable: list[tuple[str, str]]
    skipped: dict[str, str]


def train(
    workspace: Workspace,
    config: TrainConfig,
    feed: FeedConfig,
    *,
    only: Iterable[str] = STAGES,
    seed: int,
    now_ms: int,
    progress: Progress,
) -> TrainReport:
    """Learn from everything that was imported; nothing becomes live by it.

    Args:
        workspace: Where data is read and artifacts are written.
        config: How.
        feed: The feed the ranker is trained for.
        only: Which stages; they always run in the order of `STAGES`.
        seed: Decides every random choice.
        now_ms: Stamped on the artifacts.
        progress: Told of every step longer than a moment.

    Raises:
        ConfigError: If a stage is not known.
        DataError: If no stage had anything to learn from.
    """
    wanted = set(only)
    if unknown := sorted(wanted - set(STAGES)):
        raise ConfigError(f"{', '.join(unknown)} is no stage; stages are {', '.join(STAGES)}")
    run = _Run(workspace, config, feed, seed, now_ms, progress, [], [], {})
    if "embed" in wanted:
        _embed(run)
    opened = open_catalogue(workspace, config.index)
    history = load_history(workspace.warehouse)
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


def _embed(run: _Run) -> None:
    found = embed_tracks(run.workspace, run.config.encoder, run.seed, run.progress)
    if isinstance(found, str):
        run.skipped["embed"] = found
        return
    run.unreadable.extend(found.failures)
    encoder = run.workspace.artifacts.create(
        "encoder",
        found.encoder.save,
        now_ms=run.now_ms,
        config=run.config.encoder.model_dump(),
        inputs={"tracks": run.workspace.warehouse.fingerprint(TRACKS)},
    )
    run.made.append(encoder)
    run.made.append(_vectors(run, found, encoder))


def _vectors(run: _Run, found: Embedded, encoder: Manifest) -> Manifest:
    return run.workspace.artifacts.create(
        "vectors",
        found.vectors.save,
        now_ms=run.now_ms,
        config={},
        inputs={"encoder": encoder.version},
        metrics={"tracks": float(len(found.vectors)), "unreadable": float(len(found.failures))},
    )


def _factors(run: _Run, opened: LiveCatalogue, history: History) -> None:
    if not history.tallies().height:
        run.skipped["factors"] = "there is no listening; import events first"
        return
    learned = fit_learned(
        history,
        opened.catalogue,
        opened.audio,
        run.config.factors,
        derive_seed(run.seed, "factors"),
        now_ms=history.last_ms + 1,
        told=run.progress.counter("factorising plays"),
    )
    inputs = input_fingerprints(run.workspace.warehouse)
    config = run.config.factors.model_dump()
    track_ids = opened.catalogue.tracks.values
    writers = {
        "factors": learned.factors.save,
        "neighbours": learned.neighbours.save,
        "statistics": lambda folder: learned.statistics.save(folder, track_ids),
    }
    for kind, write in writers.items():
        run.made.append(
            run.workspace.artifacts.create(
                kind, write, now_ms=run.now_ms, config=config, inputs=inputs
            )
        )


def _index(run: _Run) -> None:
    newest = run.workspace.artifacts.latest("vectors")
    if newest is None:
        run.skipped["index"] = "there are no vectors; import audio and train `embed` first"
        return
    vectors = TrackVectors.load(run.workspace.artifacts.folder("vectors", newest.version))
    index = build_index(vectors.values, run.config.index)
    run.made.append(
        run.workspace.artifacts.create(
            "index",
            index.save,
            now_ms=run.now_ms,
            config=run.config.index.model_dump(),
            inputs={"vectors": newest.version},
        )
    )


def _ranker(run: _Run, opened: LiveCatalogue, history: History) -> None:
    try:
        ranker, data = learn_ranker(
            history,
            opened.catalogue,
            opened.audio,
            factors=run.config.factors,
            training=run.config.ranker,
            feed=run.feed,
            seed=derive_seed(run.seed, "ranker"),
            preferences=opened.preferences,
            progress=run.progress,
        )
    except DataError as error:  # too little to learn from: the feed fuses its sources instead
        run.skipped["ranker"] = str(error)
        return
    config = run.config.ranker.model_dump() | {"feed": json.loads(run.feed.model_dump_json())}
    run.made.append(
        run.workspace.artifacts.create(
            "ranker",
            ranker.save,
            now_ms=run.now_ms,
            config=config,
            inputs=input_fingerprints(run.workspace.warehouse),
            metrics={
                "requests": float(data.groups.size),
                "rows": float(data.labels.size),
                "trees": float(ranker.booster.num_trees()),
            },
            feature_names=ranker.feature_names,
        )
    )


def _report(run: _Run) -> TrainReport:
    return TrainReport(
        artifacts=tuple(
            TrainedArtifact(kind=m.kind, version=m.version, metrics=m.metrics) for m in run.made
        ),
        unreadable=tuple(run.unreadable),
        skipped=run.skipped,
    )

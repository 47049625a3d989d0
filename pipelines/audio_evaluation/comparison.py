"""Retrieval and probe: our encoder beside MFCC statistics and untrained weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.randomness import generator
from core.workspace import Workspace
from embeddings.audio.backbone import backbone_path, open_backbone
from embeddings.audio.configuration import AudioConfig, EncoderConfig
from pipelines.audio_evaluation.baselines import require_baselines
from pipelines.audio_evaluation.configuration import AudioEvaluationConfig
from pipelines.audio_evaluation.labels import LabelledRecordings, catalogue_recordings
from pipelines.audio_evaluation.material import (
    Material,
    finished_space,
    live_encoder,
    random_space,
    read_material,
    trained_space,
)
from pipelines.audio_evaluation.outside import outside_recordings
from pipelines.audio_evaluation.report import RetrievalReport, retrieval_report
from pipelines.audio_evaluation.spaces import Space
from pipelines.audio_evaluation.trials import (
    Outcomes,
    Rivals,
    judge_folds,
    judge_whole,
    queries_in,
    queries_in_folds,
)
from pipelines.fitting import FactorsConfig
from pipelines.job import Progress
from pipelines.lessons import lessons_of
from pipelines.recordings import recordings as catalogue_tracks


@dataclass(frozen=True, slots=True)
class Outside:
    """Recordings that are no part of the catalogue.

    Attributes:
        folder: Where they lie.
        metadata: The file with their labels.
    """

    folder: Path
    metadata: Path


def recordings_of(
    workspace: Workspace, label: str, outside: Outside | None, progress: Progress
) -> LabelledRecordings:
    """Return the recordings outside the catalogue, or where None is given, those in it."""
    if outside is None:
        return catalogue_recordings(workspace, label)
    return outside_recordings(outside.folder, outside.metadata, label, progress)


def compare_on_catalogue(
    workspace: Workspace,
    recordings: LabelledRecordings,
    audio: AudioConfig,
    factors: FactorsConfig,
    config: AudioEvaluationConfig,
    progress: Progress,
) -> RetrievalReport:
    """Train on all folds but one, judge on that one; every fold in its turn.

    Args:
        workspace: Whose tags and listening are learned from, where the objectives ask for it.
        recordings: Of its catalogue.
        audio: What is trained, or what stands in its place and is never trained.
        factors: How plays are factorised, where the encoder learns from them.
        config: How recordings are cut, and how often.
        progress: Shows how far it is.
    """
    require_baselines()
    queries_in_folds(recordings.codes(), config)  # refused before anything is decoded
    path = backbone_path(audio.backbone)
    foreign = None if path is None else open_backbone(path, audio.input)
    material = read_material(recordings, audio.encoder, progress)
    if foreign is not None:
        outcomes = judge_folds(
            material.recordings.codes(),
            _unchanging(material, finished_space(material, foreign, progress), audio.encoder),
            config,
        )
        return _summary(outcomes, material, config, config.folds)
    known = lessons_of(
        workspace,
        catalogue_tracks(workspace),
        material.recordings.track_ids,
        audio.encoder.objectives,
        factors,
        config.first_seed,
    )

    def learn(rows: NDArray[np.int64], seed: int, name: str) -> Space:
        return trained_space(material, rows, known, audio.encoder, seed, progress.counter(name))

    rivals = Rivals(learn, material.statistics, _drawn(material, audio.encoder))
    outcomes = judge_folds(material.recordings.codes(), rivals, config)
    return _summary(outcomes, material, config, config.folds)


def compare_outside(
    workspace: Workspace,
    recordings: LabelledRecordings,
    encoder: EncoderConfig,
    config: AudioEvaluationConfig,
    progress: Progress,
) -> RetrievalReport:
    """Judge the live encoder as it is.

    Args:
        workspace: Whose encoder.
        recordings: None of which it was trained on.
        encoder: Sizes of the untrained one.
        config: What is searched for.
        progress: Shows how far it is.

    Raises:
        ArtifactError: If there is no encoder.
    """
    require_baselines()
    queries_in(recordings.codes(), config)
    live = live_encoder(workspace)
    material = read_material(recordings, encoder, progress)
    rivals = _unchanging(material, finished_space(material, live, progress), encoder)
    outcomes = judge_whole(material.recordings.codes(), rivals, config)
    return _summary(outcomes, material, config, 0)


def _unchanging(material: Material, ours: Space, encoder: EncoderConfig) -> Rivals:
    """Return rivals of which ours stays as it is, whatever it may be trained on."""
    return Rivals(lambda _rows, _seed, _name: ours, material.statistics, _drawn(material, encoder))


def _drawn(material: Material, encoder: EncoderConfig) -> Callable[[int], Space]:
    return lambda seed: random_space(material, encoder, seed)


def _summary(
    outcomes: Outcomes, material: Material, config: AudioEvaluationConfig, folds: int
) -> RetrievalReport:
    return retrieval_report(
        outcomes,
        label=config.label,
        folds=folds,
        seeds=config.seeds,
        recordings=len(material.recordings),
        unreadable=material.failures,
        rng=generator(config.first_seed, "bootstrap"),
    )

"""Retrieval and probe: our encoder beside MFCC statistics and untrained weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.randomness import generator
from core.workspace import Workspace
from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.embedder import AudioEmbedder
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
from pipelines.job import Progress


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
    recordings: LabelledRecordings,
    encoder: EncoderConfig,
    backbone: AudioEmbedder | None,
    config: AudioEvaluationConfig,
    progress: Progress,
) -> RetrievalReport:
    """Train on all folds but one, judge on that one; every fold in its turn.

    Args:
        recordings: Of the catalogue.
        encoder: What is trained.
        backbone: What stands in its place and is never trained, if anything.
        config: How recordings are cut, and how often.
        progress: Shows how far it is.
    """
    require_baselines()
    queries_in_folds(recordings.codes(), config)  # refused before anything is decoded
    material = read_material(recordings, encoder, progress)
    finished = None if backbone is None else finished_space(material, backbone, progress)

    def learn(rows: NDArray[np.int64], seed: int, name: str) -> Space:
        return finished or trained_space(material, rows, encoder, seed, progress, name)

    rivals = Rivals(learn, material.statistics, lambda seed: random_space(material, encoder, seed))
    outcomes = judge_folds(material.recordings.codes(), rivals, config)
    return _summary(outcomes, material, config, config.folds)


def compare_outside(
    workspace: Workspace,
    recordings: LabelledRecordings,
    encoder: EncoderConfig,
    backbone: AudioEmbedder | None,
    config: AudioEvaluationConfig,
    progress: Progress,
) -> RetrievalReport:
    """Judge the live encoder, or what stands in its place, as it is.

    Args:
        workspace: Whose encoder.
        recordings: None of which it was trained on.
        encoder: Sizes of the untrained one.
        backbone: What stands in the place of the live encoder, if anything.
        config: What is searched for.
        progress: Shows how far it is.

    Raises:
        ArtifactError: If there is no encoder.
    """
    require_baselines()
    queries_in(recordings.codes(), config)
    ours = backbone or live_encoder(workspace)
    material = read_material(recordings, encoder, progress)
    finished = finished_space(material, ours, progress)
    rivals = Rivals(
        lambda _rows, _seed, _name: finished,
        material.statistics,
        lambda seed: random_space(material, encoder, seed),
    )
    outcomes = judge_whole(material.recordings.codes(), rivals, config)
    return _summary(outcomes, material, config, 0)


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

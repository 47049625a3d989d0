"""`segue evaluate audio`: every part that was asked for, in one report."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from core.errors import ConfigError
from core.randomness import generator
from core.workspace import Workspace
from embeddings.audio.configuration import EncoderConfig
from pipelines.audio_evaluation.baselines import require_baselines
from pipelines.audio_evaluation.configuration import AudioEvaluationConfig
from pipelines.audio_evaluation.labels import catalogue_recordings
from pipelines.audio_evaluation.outside import outside_recordings
from pipelines.audio_evaluation.report import (
    AudioEvaluationReport,
    RetrievalReport,
    retrieval_report,
)
from pipelines.audio_evaluation.spaces import Material, embedded, live_encoder, read_material
from pipelines.audio_evaluation.trials import Outcomes, judge_folds, judge_whole
from pipelines.job import Progress

Part = Literal["retrieval", "cold-start", "duplicates"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True, slots=True)
class Outside:
    """Recordings that are no part of the catalogue.

    Attributes:
        folder: Where they lie.
        metadata: The file with their labels.
    """

    folder: Path
    metadata: Path


def evaluate_audio(
    workspace: Workspace,
    config: AudioEvaluationConfig,
    encoder: EncoderConfig,
    *,
    outside: Outside | None,
    only: Collection[str],
    progress: Progress,
) -> AudioEvaluationReport:
    """Judge the encoder, the bridge and the search for duplicates.

    Args:
        workspace: Whose catalogue, or whose live encoder.
        config: What belongs together, and how often everything is judged.
        encoder: What is trained on the folds of the catalogue.
        outside: Recordings to judge the live encoder on, instead of training any.
        only: Which of `PARTS`; empty is all.
        progress: Shows how far it is.

    Raises:
        ConfigError: If a part or the label is not known, or a library is absent.
        DataError: If there is nothing to judge.
        ArtifactError: If there is no encoder to judge on recordings outside the catalogue.
    """
    if unknown := sorted(set(only) - set(PARTS)):
        raise ConfigError(f"--only {', '.join(unknown)}: parts are {', '.join(PARTS)}")
    wanted = set(only or PARTS)
    if "retrieval" in wanted:
        require_baselines()
    retrieval = None
    if "retrieval" in wanted and outside is None:
        retrieval = _on_catalogue(workspace, config, encoder, progress)
    elif "retrieval" in wanted and outside is not None:
        retrieval = _on_outside(workspace, outside, config, progress)
    return AudioEvaluationReport(retrieval=retrieval, cold_start=None, duplicates=None)


def _on_catalogue(
    workspace: Workspace, config: AudioEvaluationConfig, encoder: EncoderConfig, progress: Progress
) -> RetrievalReport:
    recordings = catalogue_recordings(workspace, config.label)
    material = read_material(recordings, encoder, progress)
    outcomes = judge_folds(material, encoder, config, progress)
    return _summary(outcomes, material, config, config.folds)


def _on_outside(
    workspace: Workspace, outside: Outside, config: AudioEvaluationConfig, progress: Progress
) -> RetrievalReport:
    live = live_encoder(workspace)
    recordings = outside_recordings(outside.folder, outside.metadata, config.label, progress)
    material = read_material(recordings, live.config, progress)
    outcomes = judge_whole(material, embedded(material, live), live.config, config)
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

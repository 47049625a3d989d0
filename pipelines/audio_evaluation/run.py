"""`segue evaluate audio`: every part that was asked for, in one report."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from core.errors import ConfigError, DataError
from core.workspace import Workspace
from embeddings.audio.configuration import AudioConfig
from embeddings.fingerprints.duplicates import DuplicateConfig
from embeddings.vectors import TrackVectors
from pipelines.audio_evaluation.cold_start import (
    ColdStartConfig,
    ColdStartReport,
    evaluate_cold_start,
)
from pipelines.audio_evaluation.comparison import (
    Outside,
    compare_on_catalogue,
    compare_outside,
    recordings_of,
)
from pipelines.audio_evaluation.configuration import AudioEvaluationConfig
from pipelines.audio_evaluation.duplicates import DuplicatesReport, evaluate_duplicates
from pipelines.audio_evaluation.remixes import known_remixes
from pipelines.audio_evaluation.report import AudioEvaluationReport, RetrievalReport
from pipelines.fitting import FactorsConfig
from pipelines.history import load_history
from pipelines.job import Progress, Report

Part = Literal["retrieval", "cold-start", "duplicates"]
PARTS: tuple[Part, ...] = get_args(Part)
Found = TypeVar("Found", bound=Report)


@dataclass(frozen=True, slots=True)
class AudioJudgement:
    """What an evaluation of audio is made with.

    Attributes:
        config: What belongs together, and how often encoders are judged.
        audio: What is trained on the folds of the catalogue, or stands in its place.
        factors: How factors and bridge are fitted.
        cold_start: What of the listening is hidden.
        duplicates: When two recordings are taken for one.
        outside: Recordings to judge the live encoder on, instead of training any.
    """

    config: AudioEvaluationConfig
    audio: AudioConfig
    factors: FactorsConfig
    cold_start: ColdStartConfig
    duplicates: DuplicateConfig
    outside: Outside | None = None


def evaluate_audio(
    workspace: Workspace, asked: AudioJudgement, only: Collection[str], progress: Progress
) -> AudioEvaluationReport:
    """Judge the encoder, the bridge and the search for duplicates.

    A part that there is too little to judge by is passed over with its reason, unless it was
    asked for by its name.

    Args:
        workspace: Whose catalogue, or whose live encoder.
        asked: What is judged, and how.
        only: Which of `PARTS`; empty is all.
        progress: Shows how far it is.

    Raises:
        ConfigError: If a part or the label is not known, or a library is absent.
        DataError: If there is too little to judge by.
        ArtifactError: If there is no encoder to judge on recordings outside the catalogue.
    """
    if unknown := sorted(set(only) - set(PARTS)):
        raise ConfigError(f"--only {', '.join(unknown)}: parts are {', '.join(PARTS)}")
    wanted = set(only or PARTS)
    skipped: dict[str, str] = {}

    def judged(part: Part, judge: Callable[[], Found]) -> Found | None:
        if part not in wanted:
            return None
        try:
            return judge()
        except DataError as error:
            if part in only:
                raise
            skipped[part] = str(error)
            return None

    # What fails at once comes before what takes minutes.
    cold_start = judged("cold-start", lambda: _cold_start(workspace, asked, progress))
    retrieval = None
    if "retrieval" in wanted:
        retrieval = _retrieval(workspace, asked, progress)
    duplicates = judged("duplicates", lambda: _duplicates(workspace, asked, progress))
    return AudioEvaluationReport(
        retrieval=retrieval, cold_start=cold_start, duplicates=duplicates, skipped=skipped
    )


def _cold_start(workspace: Workspace, asked: AudioJudgement, progress: Progress) -> ColdStartReport:
    if asked.outside is not None:
        raise DataError("nobody has played recordings outside the catalogue; leave out --from")
    if not load_history(workspace.warehouse).tallies().height:
        raise DataError("there is no listening; import events first")
    return evaluate_cold_start(workspace, asked.audio, asked.factors, asked.cold_start, progress)


def _duplicates(
    workspace: Workspace, asked: AudioJudgement, progress: Progress
) -> DuplicatesReport:
    recordings = recordings_of(workspace, asked.config.label, asked.outside, progress)
    newest = workspace.artifacts.latest("vectors") if asked.outside is None else None
    vectors = None
    if newest is not None:
        vectors = TrackVectors.load(workspace.artifacts.folder("vectors", newest.version))
    return evaluate_duplicates(
        recordings.paths,
        recordings.track_ids,
        vectors,
        asked.config.first_seed,
        progress,
        sampled=asked.config.copies,
        config=asked.duplicates,
        remixes=known_remixes(workspace) if asked.outside is None else (),
    )


def _retrieval(workspace: Workspace, asked: AudioJudgement, progress: Progress) -> RetrievalReport:
    config = asked.config
    recordings = recordings_of(workspace, config.label, asked.outside, progress)
    if asked.outside is None:
        return compare_on_catalogue(
            workspace, recordings, asked.audio, asked.factors, config, progress
        )
    return compare_outside(workspace, recordings, asked.audio.encoder, config, progress)

"""The judge: what the gate knows of catalogue, briefs and earnings, and its word on one draft."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from core.errors import AudioDecodeError
from core.randomness import generator
from core.schema import tracks
from core.workspace import Workspace
from embeddings.audio.waveform import SILENCE_PEAK
from embeddings.measures.recording import measure_sound
from embeddings.measures.sound import read_sound
from embeddings.vectors import TrackVectors
from pipelines.supply.gate.appeal import Appeal, AppealModel, Earned, fallback, fit_appeal
from pipelines.supply.gate.briefing import Briefing, read_briefing, target_lufs
from pipelines.supply.gate.checklist import failed_checks
from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.gate.drafts import Draft
from pipelines.supply.gate.earnings import earned_so_far
from pipelines.supply.gate.evidence import Evidence
from pipelines.supply.gate.likeness import Likeness, likeness, reference_vector
from pipelines.supply.gate.rendition import make_rendition, rendition_path
from ranking.supply.verdicts import UNREADABLE, Reason, Verdict

if TYPE_CHECKING:
    from embeddings.audio.embedder import AudioEmbedder

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Ear:
    """The encoder of the newest vectors, and what it heard so far.

    Attributes:
        embedder: The encoder.
        known: The vectors of the catalogue.
        others: (n, dim) some of them, drawn at random.
    """

    embedder: AudioEmbedder
    known: TrackVectors
    others: Vector


class Judge:
    """Judges drafts; what it knows is of the moment when it was made.

    Args:
        workspace: Whose catalogue, briefs and artifacts.
        config: What is asked of a recording.
        seed: Decides which tracks drafts are compared with.
    """

    def __init__(self, workspace: Workspace, config: GateConfig, seed: int) -> None:
        self._workspace = workspace
        self._config = config
        self._ear = _ear(workspace, config, seed)
        self._earned = earned_so_far(workspace, config.appeal)
        self._model = self._fitted()
        self._briefing = cache(partial(read_briefing, workspace))

    def verdict(self, draft: Draft, copies: tuple[str, ...], now_ms: int) -> Verdict:
        """Judge a draft and, where it passes, make its rendition.

        Args:
            draft: Which.
            copies: Tracks that hold its recording and stay.
            now_ms: Stamped on the verdict.
        """
        started = time.perf_counter()
        try:
            reasons, measurements = self._judged(draft, copies)
        except AudioDecodeError as error:
            reasons = (Reason(code=UNREADABLE, text=f"its recording {error.reason}"),)
            measurements = {}
        return Verdict(
            track_id=draft.track_id,
            brief_id=draft.brief_id,
            generator=draft.generator,
            passed=not reasons,
            reasons=reasons,
            measurements=measurements | {"judged_s": round(time.perf_counter() - started, 3)},
            judged_at_ms=now_ms,
        )

    def _judged(
        self, draft: Draft, copies: tuple[str, ...]
    ) -> tuple[tuple[Reason, ...], dict[str, object]]:
        path = self._workspace.audio / draft.original
        sound = read_sound(path)
        if float(np.abs(sound.samples).max(initial=0.0)) < SILENCE_PEAK:
            raise AudioDecodeError(path, "is silent")
        briefing = self._briefing(draft.brief_id)
        reference = self._reference(briefing)
        vector = self._vector(path)
        near = self._likeness(vector, reference)
        measures = measure_sound(sound)
        appeal = self._appeal(vector, draft.tags, reference)
        evidence = Evidence(
            measures, draft.language, briefing.brief, copies, near, appeal, self._earned.rate
        )
        reasons = failed_checks(evidence, self._config)
        measurements = evidence.measurements()
        if not reasons:
            settings = self._config.rendition
            served = self._workspace.audio / rendition_path(draft.track_id, settings)
            made = make_rendition(sound, served, target_lufs(briefing, settings), settings)
            measurements |= {"rendition": made.measurements()}
        return reasons, measurements

    def _reference(self, briefing: Briefing) -> Vector | None:
        """Return the unit vector that a brief aims at, where it can be had."""
        if self._ear is None or briefing.brief is None:
            return None
        names = briefing.brief.references
        return reference_vector(briefing.reference, names, self._ear.known)

    def _vector(self, path: Path) -> Vector | None:
        if self._ear is None:
            return None
        from embeddings.audio.inference import embed_files

        found, failures = embed_files([path], ["draft"], self._ear.embedder, threads=1)
        if failures:
            raise AudioDecodeError(path, failures[0][1])
        return np.asarray(found.values[0])

    def _likeness(self, vector: Vector | None, reference: Vector | None) -> Likeness | None:
        if self._ear is None or vector is None or reference is None:
            return None
        return likeness(vector, reference, self._ear.others)

    def _appeal(
        self, vector: Vector | None, tags: tuple[str, ...], reference: Vector | None
    ) -> Appeal:
        if self._model is not None and vector is not None:
            return self._model.predict(vector[None], [tags])[0]
        if self._ear is not None and reference is not None:
            near = self._near(self._ear.known, reference)
            if np.isfinite(near.rate):
                return fallback(near.rate, "segment")
        return fallback(self._earned.rate, "catalogue")

    def _near(self, known: TrackVectors, reference: Vector) -> Earned:
        """Return what the tracks nearest to a reference earned."""
        heard = self._earned.taken(np.isin(self._earned.track_ids, known.track_ids))
        cosines = known.aligned(heard.track_ids) @ reference
        return heard.taken(np.argsort(-cosines, kind="stable")[: self._config.appeal.neighbours])

    def _fitted(self) -> AppealModel | None:
        if self._ear is None or not self._earned.track_ids:
            return None
        heard = self._earned.taken(np.isin(self._earned.track_ids, self._ear.known.track_ids))
        query = sa.select(tracks.c.track_id, tracks.c.tags)
        with self._workspace.database.read() as connection:
            told = {row.track_id: tuple(row.tags or ()) for row in connection.execute(query)}
        tags = [told.get(track_id, ()) for track_id in heard.track_ids]
        vectors = self._ear.known.aligned(heard.track_ids)
        return fit_appeal(heard, vectors, tags, self._config.appeal)


def _ear(workspace: Workspace, config: GateConfig, seed: int) -> Ear | None:
    """Open the encoder that made the newest vectors; None where nothing was embedded yet."""
    newest = workspace.artifacts.latest("vectors")
    encoder = None if newest is None else newest.inputs.get("encoder")
    if newest is None or encoder is None:
        return None
    from embeddings.audio.opening import open_encoder

    known = TrackVectors.load(workspace.artifacts.folder("vectors", newest.version))
    embedder = open_encoder(workspace.artifacts.folder("encoder", encoder))
    size = min(config.brief.compared_tracks, len(known))
    drawn = generator(seed, "gate", "others").choice(len(known), size, replace=False)
    return Ear(embedder, known, np.asarray(known.values[np.sort(drawn)]))

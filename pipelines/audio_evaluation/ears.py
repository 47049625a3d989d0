"""What turns recordings into vectors in a cold start: a finished encoder, or one trained for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.errors import DataError
from core.randomness import derive_seed
from core.workspace import Workspace
from embeddings.audio.configuration import AudioConfig, EncoderConfig
from embeddings.audio.crops import TrackCrops, read_track_crops
from embeddings.vectors import TrackVectors
from pipelines.audio_evaluation.material import trained_vectors
from pipelines.fitting import FactorsConfig
from pipelines.job import Progress
from pipelines.lessons import Lessons, lessons_of
from pipelines.recordings import recordings
from ranking.catalogue import Catalogue
from ranking.model import Floats, Mask

MIN_TRACKS = 2  # an encoder learns what tells tracks apart


class Ear(Protocol):
    """Hears tracks, and knows nothing of who plays the hidden ones."""

    @property
    def heard(self) -> Mask:
        """(n_tracks,) which tracks have audio that can be read."""

    def vectors(self, hidden: Mask, seed: int) -> Floats:
        """Return (n_tracks, dim) unit rows of all tracks; zero rows where there is no audio.

        Args:
            hidden: (n_tracks,) which tracks nobody is to have played.
            seed: Decides whatever is random.
        """


@dataclass(frozen=True, slots=True, eq=False)
class FinishedEar:
    """Vectors of an encoder that learned from sound alone, that of hidden tracks included.

    Attributes:
        values: (n_tracks, dim) unit rows; zero rows where a track has no audio.
    """

    values: Floats

    @property
    def heard(self) -> Mask:
        """(n_tracks,) which tracks have a vector."""
        return np.asarray(np.any(self.values != 0, axis=1))

    def vectors(self, hidden: Mask, seed: int) -> Floats:  # noqa: ARG002 - it has learned already
        """Return the vectors, whatever is hidden."""
        return self.values


@dataclass(frozen=True, slots=True, eq=False)
class LearningEar:
    """An encoder trained anew for each cold start, on the tracks that are not hidden.

    It knows nothing of a hidden track: neither its sound nor its tags, and factors are fitted to
    listening from which its plays are gone.

    Attributes:
        catalogue: The tracks.
        crops: Of those that can be read.
        lessons: What the same tracks teach besides.
        config: The encoder.
        progress: Shows how far a training is.
    """

    catalogue: Catalogue
    crops: TrackCrops
    lessons: Lessons
    config: EncoderConfig
    progress: Progress

    @property
    def heard(self) -> Mask:
        """(n_tracks,) which tracks can be read."""
        found = np.zeros(len(self.catalogue), dtype=np.bool_)
        found[self.catalogue.tracks.rows(self.crops.track_ids)] = True
        return found

    def vectors(self, hidden: Mask, seed: int) -> Floats:
        """Train on what is not hidden and embed everything.

        Raises:
            DataError: If fewer than two recordings are left to train on.
        """
        at = self.catalogue.tracks.rows(self.crops.track_ids)
        rows = np.flatnonzero(~hidden[at]).astype(np.int64)
        if rows.size < MIN_TRACKS:
            raise DataError(
                f"{rows.size} recordings are not hidden and an encoder needs {MIN_TRACKS}; "
                "import more audio, or hide a smaller share"
            )
        told = self.progress.counter(f"training (seed {seed})")
        own = derive_seed(seed, "cold-start encoder")
        unheard = self.catalogue.tracks.take(np.flatnonzero(hidden))
        found = trained_vectors(self.crops, rows, self.lessons, unheard, self.config, own, told)
        return TrackVectors(self.crops.track_ids, found).aligned(self.catalogue.tracks.values)


def learning_ear(
    workspace: Workspace,
    catalogue: Catalogue,
    audio: AudioConfig,
    factors: FactorsConfig,
    seed: int,
    progress: Progress,
) -> LearningEar:
    """Read what encoders are trained on.

    Args:
        workspace: Whose recordings and listening.
        catalogue: Its tracks.
        audio: The encoder.
        factors: How plays are factorised, where the encoder learns from them.
        seed: Decides the factors' start.
        progress: Shows how far it is.
    """
    found = recordings(workspace)
    crops = read_track_crops(
        [each.path for each in found],
        [each.track_id for each in found],
        audio.encoder,
        progress=progress.counter("reading audio"),
    )
    objectives = audio.encoder.objectives
    known = lessons_of(workspace, found, crops.track_ids, objectives, factors, seed)
    return LearningEar(catalogue, crops, known, audio.encoder, progress)

"""Every recording of the catalogue as a vector, with an encoder trained on that catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from core.database import tracks
from core.randomness import derive_seed
from core.workspace import Workspace
from embeddings.audio.configuration import EncoderConfig
from embeddings.vectors import TrackVectors
from pipelines.job import Progress

if TYPE_CHECKING:
    from embeddings.audio.encoder import AudioEncoder

MIN_TRACKS = 8  # contrast needs others to tell a track from


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """An encoder, the vectors it gave, and the recordings that could not be read."""

    encoder: AudioEncoder
    vectors: TrackVectors
    failures: list[tuple[str, str]]


def embed_tracks(
    workspace: Workspace, config: EncoderConfig, seed: int, progress: Progress
) -> Embedded | str:
    """Train an encoder on the catalogue's recordings and embed them.

    Returns:
        What was made; or, where there is too little audio to train on, the reason as text.
    """
    # torch takes seconds to load, and most commands that read this module's settings never train.
    from embeddings.audio.crops import read_track_crops
    from embeddings.audio.inference import embed_crops
    from embeddings.audio.training import train_encoder

    with workspace.database.read() as connection:
        query = sa.select(tracks.c.track_id, tracks.c.audio_path)
        heard = query.where(tracks.c.audio_path.is_not(None)).order_by(tracks.c.track_id)
        found = connection.execute(heard).all()
    if len(found) < MIN_TRACKS:
        return f"{len(found)} tracks have audio and {MIN_TRACKS} are needed; import audio first"
    crops = read_track_crops(
        [workspace.audio / row.audio_path for row in found],
        [row.track_id for row in found],
        config,
        progress=progress.counter("reading audio"),
    )
    encoder = train_encoder(
        crops.values, config, derive_seed(seed, "encoder"), progress.counter("training the encoder")
    )
    return Embedded(encoder, embed_crops(crops, encoder), list(crops.failures))

"""An audio encoder learned from the catalogue's own recordings, and from what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.randomness import derive_seed, generator
from core.workspace import Workspace
from embeddings.audio.configuration import EncoderConfig
from pipelines.fitting import FactorsConfig
from pipelines.job import Progress
from pipelines.lessons import lessons_of
from pipelines.recordings import Recording

if TYPE_CHECKING:
    from embeddings.audio.crops import TrackCrops
    from embeddings.encoder.network import AudioEncoder


def learn_encoder(
    workspace: Workspace,
    found: Sequence[Recording],
    config: EncoderConfig,
    factors: FactorsConfig,
    seed: int,
    progress: Progress,
) -> tuple[AudioEncoder, TrackCrops]:
    """Train an encoder on the catalogue's recordings, or on a sample of many.

    The state after each epoch lies in the workspace until `forget_training`.

    Args:
        workspace: Whose listening is learned from, where the configuration asks for it.
        found: The recordings.
        config: Sizes and objectives.
        factors: How plays are factorised for the alignment.
        seed: Decides every random choice.
        progress: Told how far it is.

    Returns:
        The encoder, and the crops it was trained on.

    Raises:
        DataError: If fewer than two recordings can be read.
    """
    # torch takes seconds to load, and most commands that read this module's settings never train.
    from embeddings.audio.crops import read_track_crops
    from embeddings.encoder.training import train_encoder

    size = min(config.train_tracks, len(found))
    drawn = generator(seed, "training tracks").permutation(len(found))[:size]
    chosen = [found[row] for row in sorted(drawn.tolist())]
    crops = read_track_crops(
        [each.path for each in chosen],
        [each.track_id for each in chosen],
        config,
        progress=progress.counter("reading audio"),
    )
    known = lessons_of(workspace, chosen, crops.track_ids, config.objectives, factors, seed)
    encoder = train_encoder(
        crops,
        config,
        derive_seed(seed, "encoder"),
        progress.counter("training the encoder"),
        supervision=known.of(np.arange(len(crops.track_ids))),
        checkpoint=_checkpoint(workspace),
    )
    return encoder, crops


def forget_training(workspace: Workspace) -> None:
    """Remove the state of a training that has become an artifact."""
    _checkpoint(workspace).unlink(missing_ok=True)


def _checkpoint(workspace: Workspace) -> Path:
    return workspace.root / "training" / "encoder.pt"

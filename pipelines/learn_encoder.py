"""An audio encoder learned from the catalogue's own recordings, and from what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.randomness import derive_seed, generator
from core.workspace import Workspace
from embeddings.audio.configuration import EncoderConfig
from pipelines.fitting import FactorsConfig, factorize, preferences
from pipelines.history import load_history
from pipelines.job import Progress
from pipelines.recordings import Recording
from ranking.loading import load_catalogue

if TYPE_CHECKING:
    from embeddings.audio.crops import TrackCrops
    from embeddings.encoder.network import AudioEncoder
    from embeddings.encoder.objectives import Supervision


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
    encoder = train_encoder(
        crops,
        config,
        derive_seed(seed, "encoder"),
        progress.counter("training the encoder"),
        supervision=supervision(workspace, chosen, crops.track_ids, config, factors, seed),
        checkpoint=_checkpoint(workspace),
    )
    return encoder, crops


def forget_training(workspace: Workspace) -> None:
    """Remove the state of a training that has become an artifact."""
    _checkpoint(workspace).unlink(missing_ok=True)


def supervision(
    workspace: Workspace,
    chosen: Sequence[Recording],
    track_ids: Sequence[str],
    config: EncoderConfig,
    factors: FactorsConfig,
    seed: int,
) -> Supervision:
    """Return what is known of tracks besides their sound, as far as the objectives ask for it.

    Args:
        workspace: Whose listening.
        chosen: Recordings, `track_ids` among them.
        track_ids: (n,) the tracks that are trained on.
        config: Which objectives are on.
        factors: How plays are factorised.
        seed: Decides the factors' start.
    """
    from embeddings.encoder.objectives import Supervision

    wanted = config.objectives
    known = Supervision()
    if wanted.tags:
        tags = {each.track_id: each.tags for each in chosen}
        known = Supervision(tags=_indicators([tags[track_id] for track_id in track_ids]))
    if wanted.alignment:
        known = Supervision(known.tags, _played(workspace, track_ids, factors, seed))
    return known


def _checkpoint(workspace: Workspace) -> Path:
    return workspace.root / "training" / "encoder.pt"


def _indicators(tags: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    """Return (n_tracks, n_tags) 0 or 1, tags in alphabetical order."""
    column = {tag: number for number, tag in enumerate(sorted({t for own in tags for t in own}))}
    found = np.zeros((len(tags), len(column)), dtype=np.float32)
    for row, own in enumerate(tags):
        found[row, [column[tag] for tag in own]] = 1.0
    return found


def _played(
    workspace: Workspace, track_ids: Sequence[str], config: FactorsConfig, seed: int
) -> NDArray[np.float32]:
    """Return (n, k) factors of tracks from plays alone, zero rows where there are none."""
    tallies = load_history(workspace.warehouse).tallies()
    with workspace.database.read() as connection:
        catalogue = load_catalogue(connection)
    weights = preferences(tallies, catalogue)
    found = factorize(weights, catalogue, config.als, derive_seed(seed, "alignment"))
    return np.array(found.aligned(track_ids))

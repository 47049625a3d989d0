"""Scene: everything about the world that stays the same while its listeners listen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.world.catalogue import Catalogue
from pipelines.world.config import BehaviourConfig
from pipelines.world.population import AI_PREFERENCES, Population, match
from pipelines.world.releases import Releases
from pipelines.world.traits import Traits, traits_of
from ranking.filters.ai_preference import wanted
from ranking.model import AiPreference

NEVER_MS = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """u listeners before n tracks.

    Args:
        population: The listeners.
        lasting: (u, n) appeal of each track by taste and quality.
        allowed: (u, n) false for tracks that the listener's AI preference shuts out.
        creator_rows: (n,) who made each track.
        track_ms: (n,) lengths.
        on_air_from_ms: (n,) from when a track can be sought out or stand in the charts;
            `NEVER_MS` for one on trial.
    """

    population: Population
    lasting: NDArray[np.float32]
    allowed: NDArray[np.bool_]
    creator_rows: NDArray[np.int64]
    track_ms: NDArray[np.int64]
    on_air_from_ms: NDArray[np.int64]

    @property
    def tracks(self) -> int:
        """How many tracks there are."""
        return int(self.track_ms.size)


def set_scene(
    catalogue: Catalogue, releases: Releases, population: Population, config: BehaviourConfig
) -> Scene:
    """Return the scene of a world's own history."""
    lengths = [round(track.duration_s * 1000) for track in catalogue.attributes]
    traits = traits_of(catalogue.attributes)
    return Scene(
        population=population,
        lasting=lasting_appeal(population, traits, releases.quality, config),
        allowed=allowed_tracks(population, releases.origins, releases.labelled),
        creator_rows=catalogue.creator_rows,
        track_ms=np.array(lengths, dtype=np.int64),
        on_air_from_ms=np.where(releases.trial, NEVER_MS, releases.released_at_ms),
    )


def lasting_appeal(
    population: Population, traits: Traits, quality: NDArray[np.float32], config: BehaviourConfig
) -> NDArray[np.float32]:
    """Return (u, n) appeal by taste match and quality, before novelty, fatigue and mood."""
    taste = config.taste_weight * match(population, traits)
    return np.asarray(taste + config.quality_weight * quality[None, :], dtype=np.float32)


def allowed_tracks(
    population: Population, origins: NDArray[np.int8], labelled: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return (u, n) which tracks listeners want at all, by their AI preference.

    Args:
        population: The listeners.
        origins: (n,) `Origin`.
        labelled: (n,) which tracks say what made them.
    """
    by_preference = [wanted(origins, labelled, AiPreference(name)) for name in AI_PREFERENCES]
    return np.asarray(np.stack(by_preference)[population.ai_preference])

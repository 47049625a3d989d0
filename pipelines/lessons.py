"""What tracks can teach an encoder besides their sound: their tags, and who listens to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from core.randomness import derive_seed
from core.workspace import Workspace
from embeddings.audio.configuration import ObjectivesConfig
from embeddings.collaborative.factors import AlsConfig
from pipelines.fitting import FactorsConfig, PreferenceMatrix, factorize, preferences
from pipelines.history import load_history
from pipelines.recordings import Recording
from ranking.catalogue import Catalogue
from ranking.loading import load_catalogue

if TYPE_CHECKING:
    from embeddings.encoder.objectives import Supervision


@dataclass(frozen=True, slots=True, eq=False)
class Plays:
    """Listening to which factors are fitted, anew for everything that is to stay unknown.

    Attributes:
        known: Who wants what.
        catalogue: The tracks, in whose rows it is.
        config: How it is factorised.
        seed: Decides the factors' start.
    """

    known: PreferenceMatrix
    catalogue: Catalogue
    config: AlsConfig
    seed: int

    def factors(self, track_ids: Sequence[str], unheard: Sequence[str] = ()) -> NDArray[np.float32]:
        """Return (n, k) factors of tracks from plays alone; zero rows where there are none.

        Args:
            track_ids: (n,) which tracks.
            unheard: Tracks whose every play stays unknown. It is taken away before the fit: a play
                shapes its listener's factor, and by it those of all other tracks they played.
        """
        kept = np.ones(len(self.catalogue), dtype=np.float32)
        kept[self.catalogue.tracks.known_rows(unheard)] = 0
        weights = sp.csr_matrix(self.known.weights @ sp.diags_array(kept))
        weights.eliminate_zeros()
        known = PreferenceMatrix(self.known.user_ids, weights)
        found = factorize(known, self.catalogue, self.config, derive_seed(self.seed, "alignment"))
        return np.array(found.aligned(track_ids))


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """What tracks can teach, as far as the objectives ask for it.

    Attributes:
        track_ids: (n,) the tracks.
        tags: (n, n_tags) 0 or 1; (0, 0) where none are learned.
        plays: Who listens to what; None where that is not learned.
    """

    track_ids: tuple[str, ...]
    tags: NDArray[np.float32]
    plays: Plays | None

    def of(self, rows: NDArray[np.int64], unheard: Sequence[str] = ()) -> Supervision:
        """Return what some of the tracks teach.

        Args:
            rows: (k,) which of them are trained on.
            unheard: Tracks of whose plays nothing is to be known, nor of what follows from them.
        """
        from embeddings.encoder.objectives import Supervision

        tags = self.tags[rows] if self.tags.size else self.tags
        if self.plays is None:
            return Supervision(tags=tags)
        taught = [self.track_ids[row] for row in rows]
        return Supervision(tags, self.plays.factors(taught, unheard))


def lessons_of(
    workspace: Workspace,
    chosen: Sequence[Recording],
    track_ids: Sequence[str],
    objectives: ObjectivesConfig,
    factors: FactorsConfig,
    seed: int,
) -> Lessons:
    """Return what tracks can teach.

    Args:
        workspace: Whose listening.
        chosen: Recordings, `track_ids` among them.
        track_ids: (n,) the tracks.
        objectives: Which are on.
        factors: How plays are factorised.
        seed: Decides the factors' start.
    """
    tags = np.zeros((0, 0), dtype=np.float32)
    if objectives.tags:
        named = {each.track_id: each.tags for each in chosen}
        tags = _indicators([named[track_id] for track_id in track_ids])
    plays = _plays(workspace, factors.als, seed) if objectives.alignment else None
    return Lessons(tuple(track_ids), tags, plays)


def _indicators(tags: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    """Return (n_tracks, n_tags) 0 or 1, tags in alphabetical order."""
    column = {tag: number for number, tag in enumerate(sorted({t for own in tags for t in own}))}
    found = np.zeros((len(tags), len(column)), dtype=np.float32)
    for row, own in enumerate(tags):
        found[row, [column[tag] for tag in own]] = 1.0
    return found


def _plays(workspace: Workspace, config: AlsConfig, seed: int) -> Plays:
    tallies = load_history(workspace.warehouse).tallies()
    with workspace.database.read() as connection:
        catalogue = load_catalogue(connection)
    return Plays(preferences(tallies, catalogue), catalogue, config, seed)

"""Finding the rankers that are named, and what each of them has seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from core.artifacts import ArtifactStore, Manifest
from core.errors import ArtifactError
from core.warehouse import Warehouse
from pipelines.comparing.recipes import Recipe, recipe_of
from pipelines.history import NEWEST_EVENT, input_fingerprints
from ranking.assembly import FeedConfig
from ranking.loading import load_ranker
from ranking.protocols import Ranker
from ranking.rankers.fusion import FusionRanker

FUSION, LIVE, LATEST = "fusion", "live", "latest"
Saw: TypeAlias = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """One side of a comparison.

    Args:
        name: As it was asked for.
        manifest: Its artifact; None where sources are fused.
        recipe: What it is made by.
    """

    name: str
    manifest: Manifest | None
    recipe: Recipe

    @property
    def version(self) -> str:
        """Its version, or `fusion`."""
        return FUSION if self.manifest is None else self.manifest.version

    def ranker(self, artifacts: ArtifactStore) -> Ranker:
        """Read it as it is."""
        if self.manifest is None:
            return FusionRanker()
        return load_ranker(artifacts, {"ranker": self.manifest.version})


def saw(manifest: Manifest | None, cut_ms: int, warehouse: Warehouse) -> Saw:
    """Return whether a ranker was trained on anything since a moment; None has seen nothing."""
    if manifest is None:
        return "no"
    newest = manifest.inputs.get(NEWEST_EVENT)
    if newest is not None:
        return "yes" if datetime.fromisoformat(newest).timestamp() * 1000 >= cut_ms else "no"
    # Trained before the moment was kept: from the same tables it has seen all there is.
    now = input_fingerprints(warehouse)
    same = all(manifest.inputs.get(table) == print_ for table, print_ in now.items())
    return "yes" if same else "unknown"


def find_contender(artifacts: ArtifactStore, name: str, feed: FeedConfig) -> Contender:
    """Return the ranker of a name.

    Args:
        artifacts: Where.
        name: `live`, `latest`, `fusion` or a version.
        feed: The feed of a fusion.

    Raises:
        ArtifactError: If there is none.
    """
    if name == FUSION:
        return Contender(name, None, Recipe(None, feed))
    manifest = artifacts.manifest("ranker", _version(artifacts, name))
    return Contender(name, manifest, recipe_of(manifest))


def _version(artifacts: ArtifactStore, name: str) -> str:
    if name == LIVE:
        live = artifacts.live()
        if live is None or "ranker" not in live.versions:
            raise ArtifactError(
                "no ranker is live; name a version, `latest`, or `fusion` for a feed without one"
            )
        return live.versions["ranker"]
    if name == LATEST:
        latest = artifacts.latest("ranker")
        if latest is None:
            raise ArtifactError("there is no ranker yet; run `segue train` first")
        return latest.version
    return name

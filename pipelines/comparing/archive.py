"""Comparisons of recipes that were made already, so that nothing is learned twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from core.artifacts import code_revision
from core.ids import new_id
from core.workspace import Workspace
from pipelines.comparing.recipes import Recipe
from pipelines.comparing.report import Duel
from pipelines.evaluation.material import Material
from pipelines.fitting import FactorsConfig
from pipelines.history import input_fingerprints
from ranking.catalogue import Catalogue

FOLDER = "comparisons"


class Kept(BaseModel):
    """One comparison as it is kept; `a` is the recipe whose key comes first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    a: str
    b: str
    duel: Duel


def comparison_key(
    workspace: Workspace, material: Material, recipes: Mapping[str, Recipe], factors: FactorsConfig
) -> str:
    """Return a digest of everything a comparison depends on but how often it was repeated."""
    config = material.config.model_dump(mode="json", exclude={"seeds", "off_policy"})
    told = {
        "recipes": sorted(recipe.key for recipe in recipes.values()),
        "tables": input_fingerprints(workspace.warehouse),
        "tracks": _tracks(material.opened.catalogue),
        "artifacts": dict(material.opened.made_from),
        "protocol": material.protocol,
        "evaluate": config,
        "factors": factors.model_dump(mode="json"),
        "code": code_revision(),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:24]


def recall(root: Path, key: str, recipes: Mapping[str, Recipe], splits: int) -> Duel | None:
    """Return a comparison on at least so many splits, its sides as asked; None where there is none.

    A file that cannot be read counts as none: the comparison is then made again.
    """
    try:
        kept = Kept.model_validate_json((root / FOLDER / f"{key}.json").read_bytes())
    except (OSError, ValidationError):
        return None
    if kept.duel.splits < splits:
        return None
    return kept.duel if kept.a == recipes["a"].key else kept.duel.flipped()


def keep(root: Path, key: str, recipes: Mapping[str, Recipe], duel: Duel) -> None:
    """Keep a comparison; it appears whole or not at all."""
    a, b = recipes["a"].key, recipes["b"].key
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    staged = folder / f".{new_id()}"
    staged.write_text(Kept(a=a, b=b, duel=duel).model_dump_json(indent=1), encoding="utf-8")
    staged.replace(folder / f"{key}.json")


def _tracks(catalogue: Catalogue) -> str:
    """Return a digest of which tracks there are and which may be shown."""
    digest = hashlib.sha256("\n".join(catalogue.tracks.values).encode())
    digest.update(catalogue.servable.tobytes())
    return digest.hexdigest()[:16]

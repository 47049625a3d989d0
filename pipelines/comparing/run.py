"""`segue compare`: two rankers, two questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import SegueError
from core.workspace import Workspace
from pipelines.comparing.archive import comparison_key, keep, recall
from pipelines.comparing.contenders import Contender, Saw, find_contender, saw
from pipelines.comparing.duel import A, B
from pipelines.comparing.questions import as_they_are, recipe_against_recipe
from pipelines.comparing.recipes import Recipe, differences
from pipelines.comparing.report import ComparisonReport, Duel, SettingDifference, Side
from pipelines.evaluation.configuration import EvaluateConfig, Protocol
from pipelines.evaluation.material import Material, read_material
from pipelines.fitting import FactorsConfig
from pipelines.history import NEWEST_EVENT, moment_text
from pipelines.job import Progress
from ranking.assembly import FeedConfig

REUSED = "read from an earlier comparison of the same recipes on the same data"


def compare(
    workspace: Workspace,
    a: str,
    b: str,
    *,
    config: EvaluateConfig,
    factors: FactorsConfig,
    feed: FeedConfig,
    progress: Progress,
    protocol: Protocol | None = None,
) -> ComparisonReport:
    """Compare two rankers as they are, and their recipes learned anew.

    Args:
        workspace: Whose.
        a: `live`, `latest`, `fusion` or a version.
        b: Likewise.
        config: What is held out, and on how many splits recipes are learned.
        factors: How everything besides the rankers is learned, for both.
        feed: The feed whose candidates both judge as they are.
        progress: Told of every step.
        protocol: What is held out; None is `temporal` where listening has times.

    Raises:
        ArtifactError: If there is no such ranker.
        ConfigError: If the history has no times and the protocol needs them.
        DataError: If nobody is left to judge.
    """
    sides = {
        side: find_contender(workspace.artifacts, name, feed) for side, name in ((A, a), (B, b))
    }
    recipes = {side: one.recipe for side, one in sides.items()}
    material = read_material(workspace, config, protocol)
    cut_ms = material.split(config.first_seed).now_ms
    timed = material.protocol == "temporal"
    told = {side: _side(one, workspace, cut_ms if timed else None) for side, one in sides.items()}
    caution = _caution(told)
    try:
        as_is = as_they_are(material, workspace.artifacts, sides, factors, feed, progress)
    except SegueError as error:  # the recipes may still be compared
        as_is, caution = None, str(error)
    recipe_duel, note = _recipes(workspace, material, recipes, factors, progress)
    return ComparisonReport(
        a=told[A],
        b=told[B],
        protocol=material.protocol,
        judged_since=moment_text(cut_ms) if timed else None,
        caution=caution,
        as_they_are=as_is,
        differences=tuple(
            SettingDifference(setting=name, a=_words(ours), b=_words(theirs))
            for name, ours, theirs in differences(recipes[A], recipes[B])
        ),
        recipes=recipe_duel,
        recipes_note=note,
    )


def compared_recipes(
    workspace: Workspace,
    material: Material,
    recipes: Mapping[str, Recipe],
    factors: FactorsConfig,
    progress: Progress,
) -> tuple[Duel, bool]:
    """Return recipe against recipe, and whether it was read from an earlier comparison.

    Raises:
        DataError: If there is too little to learn from, or nobody to judge.
    """
    key = comparison_key(workspace, material, recipes, factors)
    known = recall(workspace.root, key, recipes, material.config.seeds)
    if known is not None:
        return known, True
    duel = recipe_against_recipe(material, recipes, factors, progress)
    keep(workspace.root, key, recipes, duel)
    return duel, False


def _recipes(
    workspace: Workspace,
    material: Material,
    recipes: Mapping[str, Recipe],
    factors: FactorsConfig,
    progress: Progress,
) -> tuple[Duel | None, str | None]:
    try:
        duel, reused = compared_recipes(workspace, material, recipes, factors, progress)
    except SegueError as error:
        return None, str(error)
    return duel, REUSED if reused else None


def _side(contender: Contender, workspace: Workspace, cut_ms: int | None) -> Side:
    """Describe a contender; without times a trained one has seen every pair that is judged."""
    manifest = contender.manifest
    seen: Saw = "no" if manifest is None else "yes"
    if cut_ms is not None:
        seen = saw(manifest, cut_ms, workspace.warehouse)
    return Side(
        name=contender.name,
        version=contender.version,
        created=None if manifest is None else moment_text(manifest.created_at),
        newest_event=None if manifest is None else manifest.inputs.get(NEWEST_EVENT),
        saw_the_judged_part=seen,
        features=0 if manifest is None else len(manifest.feature_names),
    )


def _caution(told: Mapping[str, Side]) -> str | None:
    seen = [side for side, one in told.items() if one.saw_the_judged_part != "no"]
    if not seen:
        return None
    whose = " and ".join(seen)
    certain = all(told[side].saw_the_judged_part == "yes" for side in seen)
    return (
        f"{whose} {'saw' if certain else 'may have seen'} the judged days in training, so as they "
        "are the figures flatter; recipe against recipe is fair"
    )


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(part) for part in value) or "-"
    return "-" if value is None else str(value)

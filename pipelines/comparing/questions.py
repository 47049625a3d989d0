"""The two questions asked of a pair of rankers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from core.artifacts import ArtifactStore
from core.randomness import derive_seed
from pipelines.comparing.contenders import Contender
from pipelines.comparing.duel import A, B, Ledger, duel_lists, judged_segments
from pipelines.comparing.recipes import Recipe, limited
from pipelines.comparing.report import Duel
from pipelines.evaluation.audience import audience_of
from pipelines.evaluation.material import Material
from pipelines.fitting import FactorsConfig, fit_learned
from pipelines.job import Progress
from pipelines.ranker_training.train_ranker import fit_ranker, training_set
from pipelines.splits import Split
from ranking.assembly import FeedConfig, assemble
from ranking.catalogue import Catalogue
from ranking.engine import Engine
from ranking.learned import Learned
from ranking.protocols import Ranker
from ranking.rankers.fusion import FusionRanker


def as_they_are(
    material: Material,
    artifacts: ArtifactStore,
    sides: Mapping[str, Contender],
    factors: FactorsConfig,
    feed: FeedConfig,
    progress: Progress,
) -> Duel:
    """Let both artifacts judge the same candidates of the same listeners.

    Candidates come from what was learned before the judged part, by the feed of the settings, so
    that only the rankers differ. An artifact that was trained on the judged part is not stopped.

    Raises:
        ArtifactError: If a ranker needs a feature that is not built.
        ConfigError: If the feed weighs an outcome that a ranker does not predict.
    """
    seed = material.config.first_seed
    split = material.split(seed)
    catalogue, learned = _known(material, split, factors, seed)
    finder = assemble(catalogue, learned, FusionRanker(), feed)
    engines = {
        side: _with(finder, one.ranker(artifacts), feed, catalogue, learned)
        for side, one in sides.items()
    }
    ledger = Ledger()
    _judge(ledger, material, split, catalogue, learned, engines, progress)
    return ledger.duel(derive_seed(seed, "as they are"))


def recipe_against_recipe(
    material: Material,
    recipes: Mapping[str, Recipe],
    factors: FactorsConfig,
    progress: Progress,
) -> Duel:
    """Learn both recipes anew on each split and judge them there; neither has seen what is judged.

    Raises:
        DataError: If there is too little to learn from, or nobody to judge.
    """
    ledger = Ledger()
    config = material.config
    for seed in progress.track(config.each_seed, "splits", config.seeds):
        split = material.split(seed)
        catalogue, learned = _known(material, split, factors, seed)
        # One recipe is learned once, so that the same on both sides is exactly the same.
        made: dict[str, Engine] = {}
        for recipe in recipes.values():
            if recipe.key not in made:
                ranker = _learned_ranker(
                    recipe, material, split, catalogue, factors, seed, progress
                )
                alike = [one for one in recipes.values() if one.key in made]
                made[recipe.key] = _engine(recipe, ranker, catalogue, learned, made, alike)
        engines = {side: made[recipe.key] for side, recipe in recipes.items()}
        _judge(ledger, material, split, catalogue, learned, engines, progress)
    return ledger.duel(derive_seed(config.first_seed, "recipes"))


def _known(
    material: Material, split: Split, factors: FactorsConfig, seed: int
) -> tuple[Catalogue, Learned]:
    catalogue = material.catalogue(split)
    learned = fit_learned(
        split.history,
        catalogue,
        material.opened.audio,
        factors,
        derive_seed(seed, "serving"),
        now_ms=split.now_ms,
    )
    return catalogue, learned


def _learned_ranker(
    recipe: Recipe,
    material: Material,
    split: Split,
    catalogue: Catalogue,
    factors: FactorsConfig,
    seed: int,
    progress: Progress,
) -> Ranker:
    if recipe.training is None:
        return FusionRanker()
    ranker_seed = derive_seed(seed, "ranker")  # as `segue evaluate` learns it
    data = training_set(
        split.history,
        catalogue,
        material.opened.audio,
        factors=factors,
        training=recipe.training,
        feed=recipe.feed,
        seed=ranker_seed,
        preferences=material.opened.preferences,
        progress=progress,
    )
    ranker, _ = fit_ranker(limited(data, recipe.columns), recipe.training, ranker_seed)
    return ranker


def _engine(
    recipe: Recipe,
    ranker: Ranker,
    catalogue: Catalogue,
    learned: Learned,
    made: Mapping[str, Engine],
    others: list[Recipe],
) -> Engine:
    """Return the recipe's feed; with a feed that stands already its parts are shared."""
    for other in others:
        if other.feed == recipe.feed:
            return _with(made[other.key], ranker, recipe.feed, catalogue, learned)
    return assemble(catalogue, learned, ranker, recipe.feed)


def _with(
    finder: Engine, ranker: Ranker, feed: FeedConfig, catalogue: Catalogue, learned: Learned
) -> Engine:
    """Return a feed that finds and describes as another does, its ranker weighed by the feed."""
    return replace(finder, ranker=assemble(catalogue, learned, ranker, feed).ranker)


def _judge(
    ledger: Ledger,
    material: Material,
    split: Split,
    catalogue: Catalogue,
    learned: Learned,
    engines: Mapping[str, Engine],
    progress: Progress,
) -> None:
    audience = audience_of(split, catalogue, learned, material.opened.preferences)
    lists = duel_lists({side: engines[side] for side in (A, B)}, audience, progress)
    ledger.add(lists, audience, judged_segments(split, catalogue, learned, audience))

"""One split with everything that was learned from what it leaves."""

from __future__ import annotations

from dataclasses import dataclass

from core.ids import Ids
from core.randomness import derive_seed
from pipelines.evaluation.baselines import Baselines
from pipelines.evaluation.material import Material
from pipelines.fitting import FactorsConfig, fit_history, preferences
from pipelines.job import Progress
from pipelines.ranker_training.ranker_data import bringing_back
from pipelines.ranker_training.train_ranker import RankerTrainingConfig, learn_ranker
from pipelines.reference_blend import fit_reference
from pipelines.splits import Split
from ranking.assembly import FeedConfig, assemble
from ranking.catalogue import Catalogue
from ranking.engine import Engine
from ranking.learned import Learned
from ranking.rankers.fusion import FusionRanker


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """Everything the models of one seed need.

    Args:
        split: What may be known, and what is to be found.
        catalogue: The tracks, with the tags that may be known.
        learned: From what the split leaves.
        baselines: Plain models of the same listening.
        engine: The two-stage feed.
        fused: The same candidates, fused by rank.
        feed: What both are made of.
    """

    split: Split
    catalogue: Catalogue
    learned: Learned
    baselines: Baselines
    engine: Engine
    fused: Engine
    feed: FeedConfig


def open_contest(
    material: Material,
    factors: FactorsConfig,
    training: RankerTrainingConfig,
    feed: FeedConfig,
    seed: int,
    progress: Progress,
) -> Contest:
    """Cut the history and learn everything anew from what may be known.

    Raises:
        DataError: If that is too little.
    """
    split = material.split(seed)
    if split.repeats:
        training, feed = training.model_copy(update={"repeats": True}), bringing_back(feed)
    catalogue, audio = material.catalogue(split), material.opened.audio
    fit_seed = derive_seed(seed, "serving")
    ranker, _ = learn_ranker(
        split.history,
        catalogue,
        audio,
        factors=factors,
        training=training,
        feed=feed,
        seed=derive_seed(seed, "ranker"),
        preferences=material.opened.preferences,
        progress=progress,
    )
    fit = fit_history(split.history, catalogue, audio, factors, fit_seed, now_ms=split.now_ms)
    known = preferences(split.history.tallies(), catalogue)
    return Contest(
        split=split,
        catalogue=catalogue,
        learned=fit.learned,
        baselines=Baselines(
            learned=fit.learned,
            plain=fit.collaborative.plain,
            reference=fit_reference(known, catalogue.tracks.values, fit_seed),
            users=Ids(fit.learned.factors.user_ids),
        ),
        engine=assemble(catalogue, fit.learned, ranker, feed),
        fused=assemble(catalogue, fit.learned, FusionRanker(), feed),
        feed=feed,
    )

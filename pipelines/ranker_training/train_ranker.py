"""The ranker's training: candidates of the past, labelled by what came later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from core.errors import DataError
from core.randomness import derive_seed
from core.telemetry import logger
from pipelines.fitting import Audio, FactorsConfig, fit_learned
from pipelines.history import History
from pipelines.job import Progress
from pipelines.listener_tags import retagged
from pipelines.ranker_training.ranker_data import (
    LabelledRequest,
    bringing_back,
    joined,
    labelled_candidates,
)
from pipelines.ranker_training.stacking import StackingConfig, stacking_examples
from pipelines.ranker_training.train_heads import head_examples
from pipelines.ranker_training.training_set import Kind, TrainingSet
from pipelines.splits import Split, days_back, folds, temporal
from ranking.assembly import FeedConfig, assemble
from ranking.catalogue import Catalogue
from ranking.model import Preferences
from ranking.rankers.blend import BlendRanker
from ranking.rankers.blending import fit_blend
from ranking.rankers.fusion import FusionRanker
from ranking.rankers.head_training import HeadsConfig, OutcomeData, train_heads
from ranking.rankers.heads import HeadsRanker
from ranking.rankers.lightgbm import LightGbmRanker
from ranking.rankers.training import RankerConfig, Watch, train_ranker, unwatched

TrainedRanker: TypeAlias = LightGbmRanker | HeadsRanker | BlendRanker
MIN_REQUESTS: dict[Kind, int] = {"lambdarank": 30, "blend": 10}
"""Fewer teach trees the habits of a few listeners; a blend has three weights and needs few."""


class RankerTrainingConfig(BaseModel):
    """Which requests the ranker learns from, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    objective: Literal["lambdarank", "heads"] = "lambdarank"
    """`lambdarank` orders candidates by how much they were wanted; `heads` predicts outcomes of
    slots that were shown, whose weights a feed may change without training."""
    heads: HeadsConfig = HeadsConfig()
    """The outcomes that `heads` predicts."""
    rates_refresh_hours: float = Field(default=24.0, ge=0, le=24 * 365)
    """How often a service is trained anew: in training, rates of what was shown are as stale."""
    trees: RankerConfig = RankerConfig()
    """How the trees are grown."""
    window_days: int = Field(default=2, ge=1, le=365)
    """With times: a request is labelled by what its listener chose in so many days after it; days
    on which nobody listened are not counted."""
    windows: int = Field(default=3, ge=1, le=100)
    """With times: how many such windows, one after another, up to the newest event. Factors and
    counts are learned anew before each."""
    repeats: bool = False
    """With times: whether tracks that were heard before count as chosen, for a feed whose surfaces
    bring them back; otherwise only finding new tracks is learned."""
    timeless: Literal["blend", "trees"] = "blend"
    """Without times: scorers added up by learned weights, or trees as with times."""
    stacking: StackingConfig = StackingConfig()
    """What the blend is learned from."""
    folds: int = Field(default=4, ge=2, le=50)
    """Without times, for trees: pairs are held out in so many folds, each learned from the rest."""
    requests: int = Field(default=6000, ge=10)
    """Requests learned from, at most."""
    negatives: int = Field(default=50, ge=1)
    """Candidates of a request that were not chosen, at most."""


def learn_ranker(
    history: History,
    catalogue: Catalogue,
    audio: Audio,
    *,
    factors: FactorsConfig,
    training: RankerTrainingConfig,
    feed: FeedConfig,
    seed: int,
    preferences: Mapping[str, Preferences],
    progress: Progress,
) -> tuple[TrainedRanker, dict[str, float]]:
    """Train a ranker on a history, never on what its factors and counts have seen.

    Args:
        history: Nothing later than the moment it will serve from.
        catalogue: The tracks.
        audio: Vectors and index in its rows.
        factors: How factors, neighbours and statistics are learned.
        training: Which requests are learned from, and how.
        feed: The feed whose candidates are ranked.
        seed: Decides every draw.
        preferences: Listener → what they asked for.
        progress: Told of each split.

    Returns:
        The ranker, and how many requests and rows it was trained on, and trees it has.

    Raises:
        DataError: If the history holds too little.
    """
    data = training_set(
        history,
        catalogue,
        audio,
        factors=factors,
        training=training,
        feed=feed,
        seed=seed,
        preferences=preferences,
        progress=progress,
    )
    return fit_ranker(data, training, seed)


def training_set(
    history: History,
    catalogue: Catalogue,
    audio: Audio,
    *,
    factors: FactorsConfig,
    training: RankerTrainingConfig,
    feed: FeedConfig,
    seed: int,
    preferences: Mapping[str, Preferences],
    progress: Progress,
) -> TrainingSet:
    """Return what a ranker is fitted to; arguments as those of `learn_ranker`.

    Raises:
        DataError: If no page was logged and `heads` are wanted.
    """
    if not history.has_times and training.timeless == "blend":
        return stacking_examples(
            history,
            catalogue,
            audio,
            factors=factors,
            stacking=training.stacking,
            feed=feed,
            seed=seed,
            preferences=preferences,
            progress=progress,
        )
    splits = list(_splits(history, training, seed))
    if training.objective == "heads":
        return head_examples(
            history,
            catalogue,
            audio,
            splits,
            training.heads.heads,
            factors=factors,
            refresh_ms=round(training.rates_refresh_hours * 3_600_000),
            seed=seed,
            progress=progress,
            threads=training.trees.threads,
        )
    names: tuple[str, ...] = ()
    requests: list[LabelledRequest] = []
    for at, split in enumerate(progress.track(splits, "labelling candidates", len(splits))):
        tagged = retagged(catalogue, history.user_tags, split.history.user_tags)
        learned = fit_learned(
            split.history, tagged, audio, factors, derive_seed(seed, "split", at),
            now_ms=split.now_ms,
        )  # fmt: skip
        engine = assemble(tagged, learned, FusionRanker(), bringing_back(feed))
        names = engine.features.names
        requests.extend(
            labelled_candidates(
                engine,
                split,
                tagged,
                listeners=training.requests // len(splits),
                negatives=training.negatives,
                seed=derive_seed(seed, "labels", at),
                preferences=preferences,
            )
        )
    return joined("lambdarank", names, requests, catalogue)


def fit_ranker(
    data: TrainingSet, training: RankerTrainingConfig, seed: int, watch: Watch = unwatched
) -> tuple[TrainedRanker, dict[str, float]]:
    """Fit the ranker that a training set is for.

    Args:
        data: What it learns from.
        training: How.
        seed: Decides every draw.
        watch: Told how the trees fare.

    Returns:
        The ranker, and how many requests and rows it was trained on, and trees it has.

    Raises:
        DataError: If there is too little.
    """
    examples = data.data
    if isinstance(examples, OutcomeData):
        return _heads(examples, training, seed, watch)
    n_requests = examples.groups.size
    if n_requests < MIN_REQUESTS[data.kind]:
        raise DataError(
            f"{n_requests} requests with a positive outcome are too few to train a ranker "
            f"({MIN_REQUESTS[data.kind]} are needed); import more listening, and serve without "
            "one until then"
        )
    figures = {"requests": float(n_requests), "rows": float(examples.labels.size)}
    if data.kind == "blend":
        blend = fit_blend(examples, training.stacking.blend)
        return blend, figures | {f"weight_{name}": each for name, each in blend.weights.items()}
    ranker = train_ranker(examples, training.trees, derive_seed(seed, "trees"), watch)
    return ranker, figures | {"trees": float(ranker.booster.num_trees())}


def _heads(
    examples: OutcomeData, training: RankerTrainingConfig, seed: int, watch: Watch
) -> tuple[HeadsRanker, dict[str, float]]:
    trees_seed = derive_seed(seed, "trees")
    ranker, left_out = train_heads(examples, training.heads, training.trees, trees_seed, watch)
    for name, reason in left_out.items():
        logger().warning("head_left_out", head=name, reason=reason)
    trees = {f"trees_{head.name}": float(head.booster.num_trees()) for head in ranker.heads}
    return ranker, {"rows": float(examples.at_ms.size), **trees}


def _splits(history: History, training: RankerTrainingConfig, seed: int) -> Iterator[Split]:
    """Yield the splits, oldest first, so that the last requests can stop the growing of trees."""
    if not history.has_times:
        yield from folds(history, training.folds, seed, now_ms=history.last_ms + 1)
        return
    ends = [history.last_ms + 1]
    for _ in range(training.windows):
        ends.append(days_back(history, training.window_days, ends[-1]))
    for cut_ms, end_ms in zip(ends[:0:-1], ends[-2::-1], strict=True):
        split = temporal(history, cut_ms, end_ms, repeats=training.repeats)
        if split.history.events.height or split.history.plays.height:
            yield split

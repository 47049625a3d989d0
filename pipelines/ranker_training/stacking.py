"""The blend's training where listening has no times: on pairs that its scorers have not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field

from core.randomness import derive_seed
from pipelines.fitting import Audio, FactorsConfig, fit_learned
from pipelines.history import History
from pipelines.job import Progress
from pipelines.listener_tags import retagged
from pipelines.ranker_training.ranker_data import joined, labelled_candidates
from pipelines.ranker_training.training_set import TrainingSet
from pipelines.splits import leave_out
from ranking.assembly import FeedConfig, assemble
from ranking.catalogue import Catalogue
from ranking.features.families import FeedFeatures
from ranking.features.prominence import Prominence
from ranking.model import Preferences
from ranking.rankers.blending import BlendConfig
from ranking.rankers.fusion import FusionRanker


class StackingConfig(BaseModel):
    """What the blend is learned from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    blend: BlendConfig = BlendConfig()
    """The columns that are added up."""
    held_share: float = Field(default=0.2, gt=0, lt=1)
    """Share of each listener's tracks that the scorers do not see and the blend learns to find."""
    requests: int = Field(default=6000, ge=10)
    """Listeners learned from, at most."""


def stacking_examples(
    history: History,
    catalogue: Catalogue,
    audio: Audio,
    *,
    factors: FactorsConfig,
    stacking: StackingConfig,
    feed: FeedConfig,
    seed: int,
    preferences: Mapping[str, Preferences],
    progress: Progress,
) -> TrainingSet:
    """Fit scorers to a part of the history, and let them look for the rest of it.

    The scorers that are served are fitted to all of it; the weights learned here stay, because
    what a scorer is worth beside the others changes little with a fifth more listening.

    Args:
        history: Nothing later than the moment it will serve from.
        catalogue: The tracks.
        audio: Vectors and index in its rows.
        factors: How the scorers are learned.
        stacking: What the blend is learned from.
        feed: The feed whose candidates are ranked.
        seed: Decides which tracks are held out, and the fits.
        preferences: Listener → what they asked for.
        progress: Told of the step.

    Source:
        Wolpert, "Stacked Generalization", 1992.
    """
    split = leave_out(history, stacking.held_share, derive_seed(seed, "stack"), history.last_ms + 1)
    tagged = retagged(catalogue, history.user_tags, split.history.user_tags)
    learned = fit_learned(
        split.history, tagged, audio, factors, derive_seed(seed, "split"), now_ms=split.now_ms
    )
    standing = Prominence(learned.factors, learned.autoencoder, learned.statistics.listeners)
    engine = replace(
        assemble(tagged, learned, FusionRanker(), feed), features=FeedFeatures((standing,))
    )
    requests = labelled_candidates(
        engine,
        split,
        tagged,
        listeners=stacking.requests,
        negatives=len(tagged),
        seed=derive_seed(seed, "labels"),
        preferences=preferences,
    )
    told = progress.track(requests, "labelling candidates", None)
    return joined("blend", standing.names, told, tagged)

"""Everything the jobs read of `segue.toml` and of `SEGUE_…` variables, as one checked value."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from core.settings import StoreSection
from embeddings.audio.configuration import AudioConfig
from embeddings.fingerprints.duplicates import DuplicateConfig
from pipelines.evaluation.configuration import EvaluateConfig
from pipelines.experiments.configuration import AnalysisConfig
from pipelines.promotion_guard import PromoteConfig
from pipelines.supply.configuration import SupplyConfig
from pipelines.tracking.configuration import TrackingConfig
from pipelines.train import TrainConfig
from pipelines.tuning.configuration import TuneConfig
from pipelines.world.config import PlayConfig, WorldConfig
from ranking.assembly import FeedConfig


class WorldSection(BaseModel):
    """The built-in world (`[world.create]` and `[world.play]`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    create: WorldConfig = WorldConfig()
    """What `segue world create` makes."""
    play: PlayConfig = PlayConfig()
    """How `segue world play` goes on."""


class EmbeddingsSection(BaseModel):
    """From sound to vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    audio: AudioConfig = AudioConfig()
    """What turns recordings into vectors."""
    duplicates: DuplicateConfig = DuplicateConfig()
    """When two recordings are taken for one."""


class PipelineSettings(BaseModel):
    """Every section the jobs declare; `[service]` is the service's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    store: StoreSection = StoreSection()
    """Where the operational store is."""
    feed: FeedConfig = FeedConfig()
    """What a feed is made of."""
    embeddings: EmbeddingsSection = EmbeddingsSection()
    """From sound to vectors."""
    train: TrainConfig = TrainConfig()
    """How everything else that is learned is learned."""
    tune: TuneConfig = TuneConfig()
    """How better settings of the ranker are searched."""
    tracking: TrackingConfig = TrackingConfig()
    """Who is told of runs."""
    evaluate: EvaluateConfig = EvaluateConfig()
    """What is held out to judge by, and how often."""
    promote: PromoteConfig = PromoteConfig()
    """When a ranker may go live."""
    world: WorldSection = WorldSection()
    """The built-in world."""
    supply: SupplyConfig = SupplyConfig()
    """The supply loop."""
    experiments: AnalysisConfig = AnalysisConfig()
    """What all experiments share, and how they are analysed."""

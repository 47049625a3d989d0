"""What the service reads of `segue.toml`: its own section, the feed's and the store's."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from core.settings import StoreSection
from ranking.assembly import FeedConfig
from ranking.experiments.configuration import ExperimentsConfig
from ranking.supply.budget import BudgetConfig
from ranking.supply.desk import DeskConfig


class ServiceSection(BaseModel):
    """How the service runs (`[service]`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    poll_s: float = Field(default=1.0, ge=0.02, le=60)
    """How often it looks for a promotion or a changed track."""
    catalogue_reload_s: float = Field(default=5.0, ge=0, le=3600)
    """Least time between two reloads of the whole catalogue; statuses never wait for it."""
    request_threads: int = Field(default=4, ge=1, le=14)
    """Requests worked on at once in one process: making a page is computing, and more threads
    than cores only wait for each other. The store's pool has 15 connections."""
    page_batch_ms: int = Field(default=100, ge=1, le=10_000)
    """Longest time a served page waits before it is logged with those after it."""
    page_queue: int = Field(default=1_000, ge=1, le=100_000)
    """Pages that may wait for the log; one more is dropped and counted (80 kB a page)."""
    drain_s: float = Field(default=10.0, ge=0, le=300)
    """How long a stopping service waits for requests in flight and for its page log."""
    log_json: bool = False
    """Logs as one JSON document a line, for machines."""


class SupplySection(BaseModel):
    """What people see and decide of the supply loop; the rest of `[supply]` is the jobs' own."""

    # Not "forbid": the jobs declare the whole section and refuse what nobody knows.
    model_config = ConfigDict(frozen=True, extra="ignore")

    desk: DeskConfig = DeskConfig()
    """What a brief may say."""
    budget: BudgetConfig = BudgetConfig()
    """What may be ordered on a day."""


class ExperimentsSection(ExperimentsConfig):
    """What all experiments share; the rest of `[experiments]` is the jobs' own."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Settings(BaseModel):
    """Every section the service declares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: ServiceSection = Field(default_factory=ServiceSection)
    feed: FeedConfig = Field(default_factory=FeedConfig)
    store: StoreSection = Field(default_factory=StoreSection)
    supply: SupplySection = Field(default_factory=SupplySection)
    experiments: ExperimentsSection = Field(default_factory=ExperimentsSection)

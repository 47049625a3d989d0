"""Settings of the supply loop (`[supply]`)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from pipelines.supply.demand.configuration import GapsConfig
from pipelines.supply.drafting.configuration import DraftingConfig
from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.generators.folder import FolderConfig
from pipelines.supply.generators.mureka import MurekaConfig
from pipelines.supply.generators.synth import SynthConfig
from pipelines.supply.ledger.configuration import LedgerConfig
from pipelines.supply.ordering.orders import OrderConfig
from pipelines.supply.trials.configuration import TrialsConfig
from ranking.supply.budget import BudgetConfig
from ranking.supply.desk import DeskConfig


class SupplyConfig(BaseModel):
    """The supply loop."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gaps: GapsConfig = GapsConfig()
    """What counts as short, and how it is found."""
    drafting: DraftingConfig = DraftingConfig()
    """What briefs ask for."""
    desk: DeskConfig = DeskConfig()
    """What a brief may say."""
    budget: BudgetConfig = BudgetConfig()
    """What may be ordered on a day."""
    orders: OrderConfig = OrderConfig()
    """Who is asked, and how often."""
    synth: SynthConfig = SynthConfig()
    """The built-in composer."""
    mureka: MurekaConfig = MurekaConfig()
    """The Mureka API."""
    folder: FolderConfig = FolderConfig()
    """The inbox."""
    gate: GateConfig = GateConfig()
    """What a recording must be to be tried."""
    trials: TrialsConfig = TrialsConfig()
    """How long it is tried, and when that is decided."""
    ledger: LedgerConfig = LedgerConfig()
    """What is counted, what it earns, and how displacement is judged."""

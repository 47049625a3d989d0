"""What every step of ordering and fetching shares: store, generators, settings and clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from core.ids import new_id
from core.workspace import Workspace
from pipelines.supply.configuration import SupplyConfig
from pipelines.supply.generators.protocol import MusicGenerator

Step = Literal[
    "planned",
    "claimed for sending",
    "sent",
    "acceptance written",
    "claimed for asking",
    "asked",
    "audio written",
    "audio placed",
    "rows written",
    "delivery stored",
]
"""Moments after which a worker may be killed; `rows written` is before their commit."""
STEPS: tuple[Step, ...] = get_args(Step)


def _pass_by(_step: Step) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """One worker of the supply loop; any number may work on one store.

    Args:
        workspace: Store and audio.
        config: The settings.
        roster: The generators by name.
        clock: Returns UTC milliseconds.
        at: Called when a step is done; tests kill the process there.
        worker: Whose claims are whose; new for each process and run.
    """

    workspace: Workspace
    config: SupplyConfig
    roster: Mapping[str, MusicGenerator]
    clock: Callable[[], int]
    at: Callable[[Step], None] = _pass_by
    worker: str = field(default_factory=new_id)

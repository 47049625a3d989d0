"""The roster: the generators that the settings and the environment make available."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from core.errors import ConfigError
from pipelines.supply.configuration import SupplyConfig
from pipelines.supply.generators import folder, mureka, synth
from pipelines.supply.generators.protocol import MusicGenerator
from ranking.supply.switches import GENERATORS


def open_roster(config: SupplyConfig, environ: Mapping[str, str]) -> dict[str, MusicGenerator]:
    """Return the generators by name; those that lack a key or a folder are left out.

    Args:
        config: The settings.
        environ: Where keys are.

    Raises:
        ConfigError: If the settings ask for one that is unknown or left out.
    """
    roster: dict[str, MusicGenerator] = {synth.NAME: synth.Synth(config.synth)}
    if (remote := mureka.open_mureka(config.mureka, environ)) is not None:
        roster[mureka.NAME] = remote
    if config.folder.inbox:
        roster[folder.NAME] = folder.Folder(Path(config.folder.inbox), config.folder)
    needs = {
        mureka.NAME: f"the variable {mureka.KEY_VARIABLE}",
        folder.NAME: "[supply.folder] inbox",
    }
    for name in config.orders.generators:
        if name not in GENERATORS:
            raise ConfigError(f"generator {name!r} is unknown; choose of {', '.join(GENERATORS)}")
        if name not in roster:
            raise ConfigError(f"[supply.orders] generators asks for {name}: set {needs[name]}")
    return roster

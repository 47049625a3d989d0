"""Loudness: is there enough signal to raise?"""

from __future__ import annotations

from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.gate.evidence import Evidence
from ranking.supply.verdicts import Reason


def check_loudness(evidence: Evidence, config: GateConfig) -> Reason | None:
    """Fail what is so quiet that its rendition would be noise; the rest is brought to the target.

    A peaky recording that stays quieter than the target passes: its verdict says by how much.
    """
    found, limit = evidence.measures.lufs, config.sound.quietest_lufs
    if found >= limit:
        return None
    text = f"its loudness is {found:.1f} LUFS, at least {limit:g} LUFS are wanted"
    return Reason(code="too_quiet", text=text)

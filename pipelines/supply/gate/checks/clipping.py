"""Clipping: was it recorded or mixed too loud?"""

from __future__ import annotations

from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.gate.evidence import Evidence
from ranking.supply.verdicts import Reason


def check_clipping(evidence: Evidence, config: GateConfig) -> Reason | None:
    """Fail what is cut off at full scale too often."""
    found, limit = evidence.measures.clipped_share, config.sound.clipped_share
    if found <= limit:
        return None
    text = f"{found:.2%} of its samples are cut off at full scale, at most {limit:.2%} may be"
    return Reason(code="clipped", text=text)

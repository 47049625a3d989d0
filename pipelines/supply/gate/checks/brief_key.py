"""Key: does it fit the key that was asked for?"""

from __future__ import annotations

from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.gate.evidence import Evidence
from ranking.supply.verdicts import Reason


def check_brief_key(evidence: Evidence, config: GateConfig) -> Reason | None:
    """Fail what fits another key clearly better, where one was asked for."""
    asked = evidence.brief.key if evidence.brief else None
    if asked is None:
        return None
    found, limit = evidence.measures.key, config.brief.key_shortfall
    short = found.shortfall(asked)
    if short <= limit:
        return None
    text = f"its key is {found.name}, {asked} fits worse by {short:.2f}, at most {limit:g} may be"
    return Reason(code="key", text=text)

"""Length: is it as long as was asked for?"""

from __future__ import annotations

from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.gate.evidence import Evidence
from ranking.supply.verdicts import Reason


def check_length(evidence: Evidence, config: GateConfig) -> Reason | None:
    """Fail what is shorter or longer than the brief says, or the settings where it has none."""
    found_s, limits = evidence.measures.duration_s, config.sound
    shortest_s, longest_s = (
        evidence.brief.seconds if evidence.brief else (limits.shortest_s, limits.longest_s)
    )
    if found_s < shortest_s - limits.length_slack_s:
        return Reason(
            code="too_short", text=f"it lasts {found_s:.1f} s, at least {shortest_s:g} s are wanted"
        )
    if found_s > longest_s + limits.length_slack_s:
        return Reason(
            code="too_long", text=f"it lasts {found_s:.1f} s, at most {longest_s:g} s are wanted"
        )
    return None

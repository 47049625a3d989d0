"""Silence: does it begin, go on and end?"""

from __future__ import annotations

from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.gate.evidence import Evidence
from ranking.supply.verdicts import Reason


def check_silence(evidence: Evidence, config: GateConfig) -> Reason | None:
    """Fail what keeps listeners waiting at the beginning, inside or at the end."""
    found, limits = evidence.measures.silence, config.sound
    for place, value_s, limit_s in (
        ("before the first sound", found.leading_s, limits.leading_s),
        ("between two sounds", found.longest_s, limits.pause_s),
        ("after the last sound", found.trailing_s, limits.trailing_s),
    ):
        if value_s > limit_s:
            text = f"{value_s:.1f} s {place} are silent, at most {limit_s:g} s may be"
            return Reason(code="silence", text=text)
    if found.share > limits.silent_share:
        text = f"{found.share:.0%} of it is silent, at most {limits.silent_share:.0%} may be"
        return Reason(code="silence", text=text)
    return None

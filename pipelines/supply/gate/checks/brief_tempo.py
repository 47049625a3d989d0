"""Tempo: can it be heard at the tempo that was asked for?"""

from __future__ import annotations

from embeddings.measures.tempo import agrees
from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.gate.evidence import Evidence
from ranking.supply.verdicts import Reason


def check_brief_tempo(evidence: Evidence, config: GateConfig) -> Reason | None:
    """Fail what has neither the asked tempo nor a beat that fits it, where one was asked for."""
    asked = evidence.brief.tempo_bpm if evidence.brief else None
    found, limits = evidence.measures.tempo, config.brief
    if asked is None or agrees(found, asked, limits.tempo_tolerance, limits.tempo_evidence):
        return None
    text = (
        f"its tempo is {found.bpm:.0f} bpm and nothing speaks for {asked:g} bpm "
        f"± {limits.tempo_tolerance:.0%}, which was asked for"
    )
    return Reason(code="tempo", text=text)

"""Language: is it sung in the language that was asked for?"""

from __future__ import annotations

from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.gate.evidence import Evidence
from ranking.supply.verdicts import Reason


def check_brief_language(evidence: Evidence, config: GateConfig) -> Reason | None:  # noqa: ARG001
    """Fail what its maker says is in another language; words are not listened to."""
    asked = evidence.brief.language if evidence.brief else None
    if asked is None or evidence.language is None or evidence.language == asked:
        return None
    return Reason(code="language", text=f"its language is {evidence.language}, {asked} is wanted")

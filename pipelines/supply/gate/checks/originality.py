"""Originality: is it a track that is there already?"""

from __future__ import annotations

from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.gate.evidence import Evidence
from ranking.supply.verdicts import Reason


def check_originality(evidence: Evidence, config: GateConfig) -> Reason | None:  # noqa: ARG001
    """Fail what holds the recording of a track of the catalogue, or of a sibling before it."""
    if not evidence.copies:
        return None
    first, n_more = evidence.copies[0], len(evidence.copies) - 1
    more = f" and {n_more} more" if n_more else ""
    return Reason(code="copy", text=f"it holds the same recording as track {first}{more}, 0 may")

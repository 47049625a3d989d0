"""Sound: is it what the brief asks for, as far as the encoder hears?"""

from __future__ import annotations

from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.gate.evidence import Evidence
from ranking.supply.verdicts import Reason


def check_brief_sound(evidence: Evidence, config: GateConfig) -> Reason | None:
    """Fail what is no nearer to the brief's reference than tracks at random are."""
    found, limit = evidence.likeness, config.brief.nearer_than
    if found is None or found.nearer_than >= limit:
        return None
    text = (
        f"it is nearer to the brief's reference than {found.nearer_than:.0%} of the catalogue "
        f"(cosine {found.cosine:.2f}), {limit:.0%} are wanted"
    )
    return Reason(code="off_brief", text=text)

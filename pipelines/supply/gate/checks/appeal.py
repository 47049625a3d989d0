"""Appeal: is anybody likely to hear it to its end?"""

from __future__ import annotations

from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.gate.evidence import Evidence
from ranking.supply.verdicts import Reason


def check_appeal(evidence: Evidence, config: GateConfig) -> Reason | None:
    """Fail what would disappoint even at the upper end of its interval."""
    limit = config.appeal.floor * evidence.usual_rate
    found = evidence.appeal
    if not found.high < limit:  # NaN: nothing was ever shown
        return None
    text = (
        f"its predicted finish rate is {found.mean:.3f} [{found.low:.3f}, {found.high:.3f}], "
        f"the upper end must reach {limit:.3f}"
    )
    return Reason(code="appeal", text=text)

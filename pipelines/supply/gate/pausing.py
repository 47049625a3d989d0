"""Pausing: when a generator's tracks pass so rarely that no more should be ordered.

Every verdict is a bet against "at least `floor` of its tracks pass". A bet begun at any of the
latest verdicts grows while tracks fail and shrinks while they pass; the sum over all beginnings is
the evidence that the rate has fallen, whenever it fell. If the rate keeps the floor, the sum grows
by one a verdict at most, so that it passes `run_length` after that many verdicts on average, or
later: that is the rate of false alarms, whatever the order of the verdicts.

Source: Shiryaev-Roberts e-detectors, J. Shin, A. Ramdas and A. Rinaldo, E-detectors: a
nonparametric framework for sequential change detection (2023); the bet is the mixture of H. Robbins
(1970) over all rates below the floor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa
from scipy import special

from core.database import upsert
from core.schema import supply_switches
from pipelines.supply.gate.configuration import PauseConfig
from ranking.supply.verdicts import latest_passes

SETTER = "gate"


def evidence_of_failing(passes: Sequence[bool], floor: float) -> float:
    """Return the evidence that the latest tracks pass less often than the floor.

    Args:
        passes: Whether each track passed, oldest first.
        floor: The rate in (0, 1) that is to be kept.

    Returns:
        0 without a verdict; about the number of verdicts while the floor is just kept.
    """
    hits = np.cumsum(np.asarray(passes, dtype=np.float64)[::-1])
    misses = np.arange(1, len(hits) + 1) - hits
    # Likelihood averaged over rates from 0 to the floor, against the likelihood at the floor.
    average = special.betaln(hits + 1, misses + 1) - np.log(floor)
    average += np.log(special.betainc(hits + 1, misses + 1, floor) + 1e-300)
    bets = average - hits * np.log(floor) - misses * np.log1p(-floor)
    return float(np.exp(np.minimum(bets, 700.0)).sum())


def pause_failing(
    connection: sa.Connection, generator: str, config: PauseConfig, now_ms: int
) -> str | None:
    """Pause a generator whose tracks fail, unless it stands still already.

    Only a person resumes it; from then on its verdicts count anew.

    Args:
        connection: Inside a write transaction.
        generator: Which.
        config: When.
        now_ms: Stamped on the switch.

    Returns:
        The reason, where it was paused now.
    """
    query = sa.select(supply_switches).where(supply_switches.c.name == generator)
    switch = connection.execute(query).first()
    if switch is not None and switch.stopped:
        return None
    since_ms = -1 if switch is None else switch.set_at
    passes = latest_passes(connection, generator, since_ms, config.latest)
    evidence = evidence_of_failing(passes, config.floor)
    if evidence < config.run_length:
        return None
    reason = (
        f"{passes.count(False)} of its latest {len(passes)} tracks did not pass the gate, which "
        f"would be luck once in {evidence:,.0f} verdicts if {config.floor:.0%} of them passed"
    )
    row = {
        "name": generator,
        "stopped": True,
        "reason": reason,
        "set_by": SETTER,
        "set_at": now_ms,
    }
    upsert(connection, supply_switches, [row], ["stopped", "reason", "set_by", "set_at"])
    return reason

"""All checks of the gate, in the order in which a verdict names what failed."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.supply.gate.checks.appeal import check_appeal
from pipelines.supply.gate.checks.brief_key import check_brief_key
from pipelines.supply.gate.checks.brief_language import check_brief_language
from pipelines.supply.gate.checks.brief_sound import check_brief_sound
from pipelines.supply.gate.checks.brief_tempo import check_brief_tempo
from pipelines.supply.gate.checks.clipping import check_clipping
from pipelines.supply.gate.checks.length import check_length
from pipelines.supply.gate.checks.loudness import check_loudness
from pipelines.supply.gate.checks.originality import check_originality
from pipelines.supply.gate.checks.silence import check_silence
from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.gate.evidence import Evidence
from ranking.supply.verdicts import Reason

CHECKS: tuple[Callable[[Evidence, GateConfig], Reason | None], ...] = (
    check_length,
    check_silence,
    check_clipping,
    check_loudness,
    check_originality,
    check_brief_sound,
    check_brief_tempo,
    check_brief_key,
    check_brief_language,
    check_appeal,
)


def failed_checks(evidence: Evidence, config: GateConfig) -> tuple[Reason, ...]:
    """Return why a track does not pass; nothing where it does."""
    answers = (check(evidence, config) for check in CHECKS)
    return tuple(answer for answer in answers if answer is not None)

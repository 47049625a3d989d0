"""From the evidence of pages to the answers of every estimator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.off_policy.evidence import PageEvidence
from pipelines.off_policy.report import OffPolicyRow, row_of
from ranking.evaluation.offpolicy.decisions import (
    direct,
    dr,
    ips,
    logged_value,
    sndr,
    snips,
)
from ranking.evaluation.offpolicy.estimates import OffPolicyEstimate
from ranking.evaluation.offpolicy.pages import (
    Behaviour,
    WeighedPages,
    cascade_dr,
    logged_page_value,
    page_direct,
    page_ips,
    page_snips,
    weigh_pages,
)
from ranking.evaluation.offpolicy.weighing import weigh
from ranking.model import Rows

Values = NDArray[np.float64]
REWARD_SPAN = 1.0  # a slot earns 0 or 1


def judge_fresh_slots(
    pages: Sequence[PageEvidence], clip: float
) -> tuple[OffPolicyEstimate, tuple[OffPolicyRow, ...]] | None:
    """Return what fresh slots earned and would earn, or None where the log has none to weigh.

    Args:
        pages: The evidence.
        clip: Largest weight of the clipped estimators.
    """
    users = _numbers(pages)
    rows = [(user, draw) for user, page in zip(users, pages, strict=True) for draw in page.draws]
    if not any(draw.logged > 0 for _, draw in rows):
        return None
    columns = np.array([draw for _, draw in rows], dtype=np.float64)
    rewards, target, logged, unsupported, d, q = columns.T
    whose = np.array([user for user, _ in rows], dtype=np.int64)
    log = weigh(rewards, target, logged, whose, unsupported)
    earned = logged_value(log)
    found = (
        ips(log), ips(log, clip), snips(log),
        direct(log, d), dr(log, d, q), dr(log, d, q, clip), sndr(log, d, q),
    )  # fmt: skip
    return earned, tuple(row_of(one, earned, REWARD_SPAN) for one in found)


def judge_pages(
    pages: Sequence[PageEvidence], clip: float
) -> tuple[OffPolicyEstimate, tuple[OffPolicyRow, ...]]:
    """Return what whole pages earned and would earn.

    Args:
        pages: The evidence, at least one page.
        clip: Largest weight of the clipped estimators.
    """
    users = _numbers(pages)
    together, apart = pages_in_order(pages, users), pages_slot_by_slot(pages, users)
    d, q = _matrix(pages, "expected"), _matrix(pages, "taken")
    earned = logged_page_value(together)
    found = (
        page_ips(together, Behaviour.PAGE),
        page_ips(together, Behaviour.CASCADE),
        page_ips(together, Behaviour.CASCADE, clip),
        page_snips(together, Behaviour.CASCADE),
        page_ips(apart, Behaviour.INDEPENDENT),
        page_snips(apart, Behaviour.INDEPENDENT),
        page_direct(together, d[:, 0]),
        cascade_dr(together, d, q),
        cascade_dr(together, d, q, clip),
    )
    span = REWARD_SPAN * together.mean_slots
    return earned, tuple(row_of(one, earned, span) for one in found)


def pages_in_order(pages: Sequence[PageEvidence], users: Rows) -> WeighedPages:
    """Return pages slot after slot, the draws' chance where they begin to matter.

    Args:
        pages: The evidence, at least one page.
        users: (n,) a number for each page's listener.
    """
    rewards, above = _matrix(pages, "rewards"), _matrix(pages, "above_supported")
    target, logged = _matrix(pages, "target") * _matrix(pages, "matches"), _matrix(pages, "logged")
    before = np.column_stack([np.ones(len(pages)), above[:, :-1]])
    kept = np.divide(above, before, out=np.zeros_like(above), where=before > 0)
    return weigh_pages(rewards, target, logged, users, 1.0 - np.nan_to_num(kept, nan=1.0))


def pages_slot_by_slot(pages: Sequence[PageEvidence], users: Rows) -> WeighedPages:
    """Return pages whose slots each carry the draws' chance, for listeners who see each alone.

    Args:
        pages: The evidence, at least one page.
        users: (n,) a number for each page's listener.
    """
    target, logged = (_matrix(pages, name).cumprod(axis=1) for name in ("target", "logged"))
    lacking = 1.0 - np.nan_to_num(_matrix(pages, "supported"), nan=1.0)
    matches = _matrix(pages, "matches")
    return weigh_pages(_matrix(pages, "rewards"), target * matches, logged, users, lacking)


def _matrix(pages: Sequence[PageEvidence], name: str) -> Values:
    """Return (n, K) one field of every page, NaN beyond a page's end."""
    found = np.full((len(pages), max(page.rewards.size for page in pages)), np.nan)
    for row, page in enumerate(pages):
        values = getattr(page, name)
        found[row, : values.size] = values
    return found


def _numbers(pages: Sequence[PageEvidence]) -> Rows:
    names = np.array([page.user_id for page in pages])
    return np.asarray(np.unique(names, return_inverse=True)[1], dtype=np.int64).reshape(-1)

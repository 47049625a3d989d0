"""Which artifacts become live, and what changed when they did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.artifacts import ArtifactStore, Live
from core.errors import ArtifactError
from pipelines.job import Report
from pipelines.promotion_guard import FORCED, Guard, GuardVerdict, refusal


class PromotionReport(Report):
    """The live set after a promotion or a rollback."""

    promotion_id: int
    at: int
    """UTC, milliseconds."""
    reason: str
    versions: dict[str, str]
    """Kind → live version."""
    changed: dict[str, str]
    """Kind → "before → after" for the kinds whose version moved."""
    guard: GuardVerdict | None = None
    """What was made of a new ranker; null where nothing was asked."""


class ArtifactRow(Report):
    """One artifact as it is listed."""

    kind: str
    version: str
    created_at: int
    """UTC, milliseconds."""
    live: bool
    code_revision: str
    metrics: dict[str, float]
    notes: tuple[dict[str, Any], ...] = ()
    """What was said of it since, such as why it was promoted by force."""


class ArtifactsReport(Report):
    """Every artifact of a data folder, oldest first."""

    promotion_id: int | None
    """The live set, or None where nothing was promoted."""
    artifacts: tuple[ArtifactRow, ...]


def promote(
    artifacts: ArtifactStore,
    wanted: Sequence[str],
    *,
    now_ms: int,
    reason: str,
    guard: Guard | None = None,
    force: bool = False,
) -> PromotionReport:
    """Make artifacts live, all at once.

    Args:
        artifacts: The artifacts of a data folder.
        wanted: `KIND` for its newest or `KIND=VERSION`; empty is the newest of every kind.
        now_ms: The moment.
        reason: Why.
        guard: Compares a new ranker with the live one; None lets any pass.
        force: Whether a ranker that the guard refuses goes live all the same. The reason is then
            kept beside its manifest.

    Raises:
        ArtifactError: If there is nothing to promote, or an artifact is missing or changed.
        PromotionRefusedError: If the guard refuses the ranker.
    """
    versions = _chosen(artifacts, wanted) if wanted else _newest(artifacts)
    before = artifacts.live()
    verdict = None if guard is None else guard.judge(versions)
    if verdict is not None and verdict.refused:
        if not force:
            raise refusal(verdict, versions["ranker"])
        reason = f"{FORCED}: {reason} ({verdict.verdict})"
    after = artifacts.promote(versions, now_ms=now_ms, reason=reason)
    if verdict is not None and verdict.refused:
        told = verdict.document() | {"about": FORCED, "reason": reason, "at": now_ms}
        artifacts.note("ranker", versions["ranker"], told)
    return _report(before, after, verdict)


def roll_back(artifacts: ArtifactStore, *, now_ms: int, reason: str) -> PromotionReport:
    """Make the set before the live one live again.

    Raises:
        ArtifactError: If there is nothing to go back to.
    """
    before = artifacts.live()
    return _report(before, artifacts.rollback(now_ms=now_ms, reason=reason))


def list_artifacts(artifacts: ArtifactStore, kind: str | None = None) -> ArtifactsReport:
    """Return every artifact, or those of one kind, and which are live."""
    live = artifacts.live()
    versions = live.versions if live else {}
    rows = tuple(
        ArtifactRow(
            kind=manifest.kind,
            version=manifest.version,
            created_at=manifest.created_at,
            live=versions.get(manifest.kind) == manifest.version,
            code_revision=manifest.code_revision,
            metrics=manifest.metrics,
            notes=artifacts.notes(manifest.kind, manifest.version),
        )
        for manifest in artifacts.list(kind)
    )
    return ArtifactsReport(promotion_id=live.promotion_id if live else None, artifacts=rows)


def _newest(artifacts: ArtifactStore) -> dict[str, str]:
    newest = {manifest.kind: manifest.version for manifest in artifacts.list()}
    if not newest:
        raise ArtifactError(
            f"there are no artifacts under {artifacts.root} to promote; run `segue train` first"
        )
    return newest


def _chosen(artifacts: ArtifactStore, wanted: Sequence[str]) -> dict[str, str]:
    chosen = {}
    for word in wanted:
        kind, _, version = word.partition("=")
        if not version:
            latest = artifacts.latest(kind)
            if latest is None:
                kinds = sorted({manifest.kind for manifest in artifacts.list()})
                raise ArtifactError(
                    f"there is no artifact of kind {kind!r}; "
                    f"kinds are {', '.join(kinds) or 'none yet: run `segue train`'}"
                )
            version = latest.version
        chosen[kind] = version
    return chosen


def _report(before: Live | None, after: Live, guard: GuardVerdict | None = None) -> PromotionReport:
    old: Mapping[str, str] = before.versions if before else {}
    changed = {
        kind: f"{old.get(kind, 'none')} → {after.versions.get(kind, 'none')}"
        for kind in sorted({*old, *after.versions})
        if old.get(kind) != after.versions.get(kind)
    }
    return PromotionReport(
        promotion_id=after.promotion_id,
        at=after.at,
        reason=after.reason,
        versions=dict(sorted(after.versions.items())),
        changed=changed,
        guard=guard,
    )

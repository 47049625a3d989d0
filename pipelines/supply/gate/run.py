"""The gate's run: each waiting track gets a verdict, kept at once with what follows from it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from core.errors import AudioDecodeError
from core.schema import tracks, verdicts
from core.workspace import Workspace
from embeddings.fingerprints.duplicates import DuplicateConfig
from embeddings.fingerprints.fingerprint import Fingerprint, fingerprint_file
from embeddings.measures.sound import read_sound
from pipelines.duplicates import known_copies, store_fingerprints
from pipelines.job import Progress, Report
from pipelines.supply.gate.briefing import read_briefing, target_lufs
from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.gate.drafts import Draft, unserved_drafts, waiting_drafts
from pipelines.supply.gate.judge import Judge
from pipelines.supply.gate.pausing import pause_failing
from pipelines.supply.gate.rendition import make_rendition, rendition_path, serve_rendition
from ranking.supply.verdicts import Verdict, record_verdict

_LOOKUP_IDS = 10_000  # ids bound in one statement; SQLite binds at most 32,766


class Pause(Report):
    """A generator that was paused."""

    generator: str
    """Which."""
    reason: str
    """Why."""


class GateReport(Report):
    """What the gate did."""

    judged: int
    """Tracks that got a verdict."""
    passed: int
    """Of these, how many go on trial."""
    rejected: int
    """And how many do not."""
    reasons: dict[str, int]
    """How often each check failed."""
    served: int
    """Renditions made for tracks that a person let pass."""
    paused: tuple[Pause, ...]
    """Generators that were paused now."""
    seconds: float
    """How long it took."""


def run_gate(
    workspace: Workspace,
    config: GateConfig,
    *,
    seed: int,
    now_ms: int,
    progress: Progress,
    again: bool = False,
    duplicates: DuplicateConfig | None = None,
) -> GateReport:
    """Judge every track that waits for it; one that was judged is not judged again.

    Each verdict is kept in a transaction of its own, with the track's status, its rendition and
    the pause that it may cause. A run that is killed is taken up where it ended.

    Args:
        workspace: Whose tracks.
        config: What is asked of a recording.
        seed: Decides which tracks drafts are compared with.
        now_ms: Stamped on verdicts.
        progress: Shows how far it is.
        again: Also judge anew what was judged, but by a person or in a trial.
        duplicates: When two recordings are taken for one.

    Raises:
        ArtifactError: If the encoder of the newest vectors cannot be opened.
    """
    started = time.perf_counter()
    with workspace.database.read() as connection:
        waiting = waiting_drafts(connection, again=again)
        let = unserved_drafts(connection)
    served = sum(_serve(workspace, draft, config, now_ms) for draft in let)
    judge = Judge(workspace, config, seed) if waiting else None
    passed, reasons, pauses = 0, Counter[str](), []
    judged = _judged(workspace, judge, waiting, config, duplicates, now_ms, progress)
    for draft, verdict, found in progress.track(judged, "judging", len(waiting)):
        paused = _keep(workspace, draft, verdict, found, config, now_ms)
        passed += verdict.passed
        reasons.update(reason.code for reason in verdict.reasons)
        pauses += [paused] if paused else []
    return GateReport(
        judged=len(waiting),
        passed=passed,
        rejected=len(waiting) - passed,
        reasons=dict(sorted(reasons.items())),
        served=served,
        paused=tuple(pauses),
        seconds=round(time.perf_counter() - started, 3),
    )


def serve_overruled(
    workspace: Workspace, config: GateConfig, track_id: str, *, now_ms: int
) -> bool:
    """Make the rendition of a track that a person let pass; return whether one was missing."""
    with workspace.database.read() as connection:
        let = [each for each in unserved_drafts(connection) if each.track_id == track_id]
    return any(_serve(workspace, draft, config, now_ms) for draft in let)


def _judged(
    workspace: Workspace,
    judge: Judge | None,
    waiting: Sequence[Draft],
    config: GateConfig,
    duplicates: DuplicateConfig | None,
    now_ms: int,
    progress: Progress,
) -> Iterator[tuple[Draft, Verdict, Fingerprint | None]]:
    """Yield drafts with their verdicts, copies being sought for a batch at a time."""
    for start in range(0, len(waiting) if judge else 0, config.batch):
        batch = waiting[start : start + config.batch]
        found = _fingerprints(workspace, batch)
        paths = {each.track_id: workspace.audio / each.original for each in batch}
        readable = {track_id: paths[track_id] for track_id in found}
        matches = known_copies(workspace, readable, progress, duplicates)
        named = {match.known_id for each in matches.values() for match in each}
        staying = _staying(workspace, named - set(readable))
        for draft in batch:
            others = {match.known_id for match in matches.get(draft.track_id, ())}
            assert judge is not None
            verdict = judge.verdict(draft, tuple(sorted(others & staying)), now_ms)
            if verdict.passed:
                staying.add(draft.track_id)  # of siblings the first that passes stays
            yield draft, verdict, found.get(draft.track_id)


def _fingerprints(workspace: Workspace, batch: Sequence[Draft]) -> dict[str, Fingerprint]:
    """Return the fingerprints of the drafts that can be read."""
    found = {}
    for draft in batch:
        try:
            found[draft.track_id] = fingerprint_file(workspace.audio / draft.original)
        except AudioDecodeError:
            continue  # the judge says what is wrong with it
    return found


def _staying(workspace: Workspace, track_ids: set[str]) -> set[str]:
    """Return which tracks a draft may be a copy of: those that the gate did not turn away.

    A track that waits for its own verdict was delivered later: it will be the copy.
    """
    stands = sa.func.coalesce(verdicts.c.overruled_passed, verdicts.c.passed)
    joined = tracks.outerjoin(verdicts, verdicts.c.track_id == tracks.c.track_id)
    query = sa.select(tracks.c.track_id).select_from(joined).where(tracks.c.status != "pending")
    query = query.where(sa.or_(stands.is_(None), stands))
    wanted = sorted(track_ids)
    found: set[str] = set()
    with workspace.database.read() as connection:
        for start in range(0, len(wanted), _LOOKUP_IDS):
            block = tracks.c.track_id.in_(wanted[start : start + _LOOKUP_IDS])
            found.update(connection.execute(query.where(block)).scalars())
    return found


def _keep(
    workspace: Workspace,
    draft: Draft,
    verdict: Verdict,
    found: Fingerprint | None,
    config: GateConfig,
    now_ms: int,
) -> Pause | None:
    """Keep a verdict and everything that follows from it, at once or not at all."""
    with workspace.database.write() as connection:
        record_verdict(connection, verdict, now_ms)
        if verdict.passed:
            served = rendition_path(draft.track_id, config.rendition)
            serve_rendition(connection, draft.track_id, draft.original, served, now_ms)
            if found is not None:
                store_fingerprints(connection, {draft.track_id: found})
        reason = pause_failing(connection, verdict.generator, config.pause, now_ms)
    return Pause(generator=verdict.generator, reason=reason) if reason else None


def _serve(workspace: Workspace, draft: Draft, config: GateConfig, now_ms: int) -> bool:
    """Make the rendition of a track that a person let pass."""
    served = rendition_path(draft.track_id, config.rendition)
    target = target_lufs(read_briefing(workspace, draft.brief_id), config.rendition)
    try:
        sound = read_sound(workspace.audio / draft.original)
        make_rendition(sound, workspace.audio / served, target, config.rendition)
    except AudioDecodeError:
        return False  # gone since it was judged; the track plays nothing until it comes back
    with workspace.database.write() as connection:
        serve_rendition(connection, draft.track_id, draft.original, served, now_ms)
    return True

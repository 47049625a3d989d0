"""A whole turn of the supply loop: compact, settle, search, draft, order, judge, embed, go live."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.artifacts import ArtifactStore, Manifest
from core.workspace import Workspace
from embeddings.fingerprints.duplicates import DuplicateConfig
from pipelines.compact import CompactReport, compact
from pipelines.embed_fresh import embed_fresh
from pipelines.job import Progress, Report
from pipelines.promotion import promote
from pipelines.supply.configuration import SupplyConfig
from pipelines.supply.drafting.draft import DraftReport, draft_briefs
from pipelines.supply.find_gaps import find_gaps
from pipelines.supply.gate.run import GateReport, run_gate
from pipelines.supply.ordering.roster import open_roster
from pipelines.supply.ordering.turn import TurnReport, take_turn
from pipelines.supply.ordering.workshop import Workshop
from pipelines.supply.trials.settle import SettleReport, settle_trials
from pipelines.train import TrainConfig
from ranking.supply.audience import KIND as AUDIENCE
from ranking.supply.gap import Gap

LENGTHENED = ("vectors", "bridge")
"""Inputs that change when new tracks join vectors, index and factors that stay what they are."""


class SupplyTurn(Report):
    """What one turn did."""

    compacted: CompactReport
    """What was heard and shown since the last turn."""
    trials: SettleReport
    gaps: tuple[Gap, ...]
    briefs: DraftReport
    orders: TurnReport
    gate: GateReport
    embedded: int
    """Tracks that got vectors."""
    live: dict[str, str]
    """Kind → version that went live with them."""


def run_turn(
    workspace: Workspace,
    supply: SupplyConfig,
    train: TrainConfig,
    environ: Mapping[str, str],
    *,
    duplicates: DuplicateConfig,
    seed: int,
    clock: Callable[[], int],
    progress: Progress,
) -> SupplyTurn:
    """Go once round the loop; each part is kept before the next begins, so a kill loses nothing.

    Args:
        workspace: The data folder.
        supply: How the loop goes.
        train: How factors and the index are made.
        environ: Where generators' keys are.
        duplicates: When two recordings are taken for one.
        seed: Decides every random choice.
        clock: Returns UTC milliseconds.
        progress: Shows how far it is.
    """
    compacted = compact(workspace, clock(), progress)
    settled = settle_trials(workspace, supply.trials, now_ms=clock(), progress=progress)
    found = find_gaps(
        workspace,
        supply.gaps,
        train.factors.als,
        train.traffic,
        seed=seed,
        now_ms=clock(),
        progress=progress,
    )
    drafted = draft_briefs(
        workspace, supply.drafting, supply.desk, now_ms=clock(), progress=progress
    )
    ordered = take_turn(Workshop(workspace, supply, open_roster(supply, environ), clock))
    judged = run_gate(
        workspace,
        supply.gate,
        seed=seed,
        now_ms=clock(),
        progress=progress,
        duplicates=duplicates,
    )
    embedded, live = _go_live(workspace, train, duplicates, clock(), progress)
    return SupplyTurn(
        compacted=compacted,
        trials=settled,
        gaps=found.gaps,
        briefs=drafted,
        orders=ordered,
        gate=judged,
        embedded=embedded,
        live=live,
    )


def _go_live(
    workspace: Workspace,
    train: TrainConfig,
    duplicates: DuplicateConfig,
    now_ms: int,
    progress: Progress,
) -> tuple[int, dict[str, str]]:
    """Give what passed vectors and make them live, with whom it is for; also after a kill here."""
    artifacts = workspace.artifacts
    newest, fresh = artifacts.latest("vectors"), 0
    if newest is not None and "encoder" in newest.inputs:
        made = embed_fresh(
            workspace, train.index, now_ms=now_ms, progress=progress, duplicates=duplicates
        )
        fresh = made.fresh
    live = artifacts.live()
    longer = offspring(artifacts, live.versions) if live is not None else {}
    audience = artifacts.latest(AUDIENCE)
    if audience is not None:
        longer[AUDIENCE] = audience.version
    if live is not None and longer:
        wanted = [f"{kind}={version}" for kind, version in (live.versions | longer).items()]
        promote(artifacts, wanted, now_ms=now_ms, reason="tracks on trial, and whom they are for")
    return fresh, longer


def offspring(artifacts: ArtifactStore, live: Mapping[str, str]) -> dict[str, str]:
    """Return the newest vectors, index and factors that only lengthen the live ones.

    Where one of them was trained anew and not promoted, nothing is returned: whether a training
    goes live is for people to say, and its tracks on trial go live with it.

    Args:
        artifacts: The artifacts.
        live: Kind → live version.
    """
    found: dict[str, str] = {}
    for kind in ("vectors", "index", "factors"):
        newest = artifacts.latest(kind)
        if newest is None or kind not in live or newest.version == live[kind]:
            continue
        before = artifacts.manifest(kind, live[kind])
        if _origin(newest) != _origin(before) or newest.config != before.config:
            return {}
        found[kind] = newest.version
    if "index" in found:  # it answers for the vectors it was built from, and for no others
        built_from = artifacts.manifest("index", found["index"]).inputs.get("vectors")
        if built_from != found.get("vectors", live.get("vectors")):
            return {}
    return found


def _origin(made: Manifest) -> dict[str, str]:
    """Return what an artifact was learned from, without what lengthening it changes."""
    return {name: told for name, told in made.inputs.items() if name not in LENGTHENED}

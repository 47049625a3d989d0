"""A whole turn of the supply loop: compact, settle, search, draft, order, judge, embed, go live."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
from ranking.supply.gap import Gap


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
    embedded, live = 0, dict[str, str]()
    if judged.passed:
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
    """Give what passed vectors, and make them live where anything is."""
    made = embed_fresh(
        workspace,
        train.index,
        now_ms=now_ms,
        progress=progress,
        duplicates=duplicates,
    )
    live = workspace.artifacts.live()
    if live is None or not made.artifacts:
        return made.fresh, {}
    fresh = {each.kind: each.version for each in made.artifacts}
    wanted = [f"{kind}={version}" for kind, version in (live.versions | fresh).items()]
    promote(workspace.artifacts, wanted, now_ms=now_ms, reason="tracks on trial")
    return made.fresh, fresh
